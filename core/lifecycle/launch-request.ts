/**
 * The request that launches a NodeClaim.
 *
 * In: a claim, its node class, the offerings to try, which attempt it is. Out: a LaunchRequest. Its
 * client token follows from the claim's UID, the attempt and everything that is asked for, so that
 * equal tokens always mean equal requests: EC2 answers a token that comes with another request with
 * IdempotentParameterMismatch. It knows no subnets, images or user data.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import type { Live } from '../api/kinds.ts';
import type { Taint } from '../api/kubernetes.ts';
import {
  karpenterAwsGroup,
  labelNodeClass,
  labelNodePool,
  labelStowageNodeClass,
  nodeClassLabel,
  stowageGroup,
  unregisteredTaint,
} from '../api/labels.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import type { CloudInstance, LaunchOffering, LaunchRequest } from '../cloud-port.ts';
import { isCloudLabel } from '../scheduling/well-known-labels.ts';

/** Tag with the claim's name. */
export const tagNodeClaim = 'karpenter.sh/nodeclaim';
/** Tag with the claim's UID: what has it was launched by us. */
export const tagNodeClaimUid = 'stowage.dev/nodeclaim-uid';
const tagNodePool = 'karpenter.sh/nodepool';

export interface LaunchQuestion {
  readonly claim: Live<'NodeClaim'>;
  readonly nodeClass: EC2NodeClass;
  readonly offerings: readonly LaunchOffering[];
  readonly attempt: number;
  readonly clusterName: string;
  /** A hash as lower-case hex. */
  readonly hash: (text: string) => string;
}

/** Labels that the cloud could only repeat: a kubelet has them from the start. */
const kubeletOwn: ReadonlySet<string> = new Set([
  labelNodePool,
  labelNodeClass,
  labelStowageNodeClass,
]);
/** Of the hash, for the token: EC2 takes 64 characters, a UID has 36. */
const tokenHashChars = 12;

/** Pure: the same question is the same request. */
export function launchRequest(question: LaunchQuestion): LaunchRequest {
  const { claim, nodeClass, offerings, attempt, hash } = question;
  const asked = {
    offerings,
    tags: tagsOf(question),
    labels: registrationLabels(claim.metadata.labels ?? {}),
    taints: registrationTaints(claim),
  };
  const fingerprint = hash(canonical({ ...asked, nodeClass: nodeClass.spec }));
  return {
    ...asked,
    clientToken: `${claim.metadata.uid}-${attempt}-${fingerprint.slice(0, tokenHashChars)}`,
    nodeClaimName: claim.metadata.name,
    nodePoolName: claim.metadata.labels?.[labelNodePool] ?? '',
    nodeClass,
  };
}

/** True for an instance that was launched for this very claim. */
export function isInstanceOf(instance: CloudInstance, claim: Live<'NodeClaim'>): boolean {
  return instance.tags[tagNodeClaimUid] === claim.metadata.uid;
}

/** Group of the node class that the instance was launched from. */
export function nodeClassGroupOf({ tags }: CloudInstance): string {
  return tags[labelStowageNodeClass] === undefined ? karpenterAwsGroup : stowageGroup;
}

/**
 * Karpenter ends instances that have all of its tags and no NodeClaim that it manages; those of a
 * class of our group must not look like its own.
 */
function tagsOf({ claim, nodeClass, clusterName }: LaunchQuestion): Record<string, string> {
  const { group, name } = claim.spec.nodeClassRef;
  return {
    ...nodeClass.spec.tags,
    [`kubernetes.io/cluster/${clusterName}`]: 'owned',
    [nodeClassLabel(group)]: name,
    [tagNodePool]: claim.metadata.labels?.[labelNodePool] ?? '',
    [tagNodeClaim]: claim.metadata.name,
    [tagNodeClaimUid]: claim.metadata.uid,
  };
}

/**
 * Labels that the kubelet may give itself and that hold whatever instance comes. The rest (of the
 * instance, or in domains that NodeRestriction guards) is set when the node has registered.
 */
function registrationLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(labels).filter(
    ([key]) => (!isCloudLabel(key) || kubeletOwn.has(key)) && !isKubeletForbidden(key),
  );
  return Object.fromEntries(kept);
}

/** NodeRestriction: of the domains of Kubernetes a kubelet may set those of two prefixes. */
function isKubeletForbidden(key: string): boolean {
  const slash = key.indexOf('/');
  const domain = slash < 0 ? '' : key.slice(0, slash);
  const isWithin = (suffix: string): boolean => domain === suffix || domain.endsWith(`.${suffix}`);
  if (!isWithin('kubernetes.io') && !isWithin('k8s.io')) return false;
  return !isWithin('node.kubernetes.io') && !isWithin('kubelet.kubernetes.io');
}

function registrationTaints({ spec }: NodeClaim): Taint[] {
  return [...(spec.taints ?? []), ...(spec.startupTaints ?? []), { ...unregisteredTaint }];
}

/** JSON with sorted keys: the order in which a server tells fields is nobody's promise. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
