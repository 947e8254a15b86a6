/**
 * The request that launches a NodeClaim.
 *
 * In: a claim, its node class, the offerings to try, which attempt it is, its place in a group. Out: a
 * LaunchRequest. Its client token follows from the claim's UID (a group's from its leader's and its
 * members), the attempt and everything that is asked for, so that equal tokens always mean equal
 * requests: EC2 answers a token that comes with another request with IdempotentParameterMismatch. It
 * knows no subnets, images or user data.
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
  resourceEfa,
  stowageGroup,
  unregisteredTaint,
} from '../api/labels.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import type { CloudInstance, LaunchOffering, LaunchPlace, LaunchRequest } from '../cloud-port.ts';
import { requestedResources } from '../scheduling/quantity.ts';
import { isCloudLabel } from '../scheduling/well-known-labels.ts';

/** Tag with the claim's name. */
export const tagNodeClaim = 'karpenter.sh/nodeclaim';
/** Tag with the claim's UID: what has it was launched by us. */
export const tagNodeClaimUid = 'stowage.dev/nodeclaim-uid';
/** Tag of instances that were launched together: the token of their call. */
export const tagLaunch = 'stowage.dev/launch';
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
/** Of hashes, for the token: EC2 takes 64 characters, a UID has 36, a cloud appends some. */
const requestHashChars = 12;
const membersHashChars = 6;

/** Pure: the same question is the same request. */
export function launchRequest(question: LaunchQuestion): LaunchRequest {
  return {
    ...askedOf(question, 1),
    clientToken: launchToken(question, [question.claim.metadata.uid]),
    ...namesOf(question),
  };
}

/** The request for one of several, under the token of them all. Pure. */
export function memberRequest(
  question: LaunchQuestion,
  clientToken: string,
  { size, index }: LaunchPlace,
): LaunchRequest {
  const asked = askedOf(question, size);
  return { ...asked, clientToken, place: { size, index }, ...namesOf(question) };
}

/** @param memberUids of the claims that are launched together, the leader's first: it asks */
export function launchToken(question: LaunchQuestion, memberUids: readonly string[]): string {
  const { claim, attempt, hash } = question;
  const own = `${claim.metadata.uid}-${fingerprint(question, memberUids.length)}`;
  const members = hash(`${attempt} ${memberUids.join()}`).slice(0, membersHashChars);
  return memberUids.length === 1 ? own : `${own}-${members}`;
}

/** True if what was asked under the token is what the question would ask: of so many nodes. */
export function isAskedUnder(token: string, question: LaunchQuestion, size: number): boolean {
  const { uid } = question.claim.metadata;
  const asked = fingerprint(question, size);
  if (size === 1) return token === `${uid}-${asked}`;
  // The leader's UID, which is as long as any, and the members.
  return token.slice(uid.length, -membersHashChars) === `-${asked}-`;
}

/** Equal for claims that can be launched by one call, and for no others. */
export function launchKey(question: LaunchQuestion): string {
  return `${question.attempt} ${statement(question, 2)}`;
}

/** Interfaces with EFA are made with the instance or never. */
function isAskedForEfa({ spec }: NodeClaim): boolean {
  const requests = requestedResources(spec.resources?.requests ?? {});
  return (requests[resourceEfa] ?? 0) > 0;
}

function namesOf({ claim, nodeClass }: LaunchQuestion) {
  return {
    nodeClaimName: claim.metadata.name,
    nodePoolName: claim.metadata.labels?.[labelNodePool] ?? '',
    nodeClass,
  };
}

function askedOf(question: LaunchQuestion, size: number) {
  const { claim, offerings } = question;
  return {
    offerings,
    tags: size === 1 ? { ...commonTags(question), ...memberTags(claim) } : commonTags(question),
    labels: registrationLabels(claim.metadata.labels ?? {}),
    taints: registrationTaints(claim),
    ...(isAskedForEfa(claim) ? { hasEfa: true as const } : {}),
  };
}

/** What is asked, whoever it is for. */
function statement(question: LaunchQuestion, size: number): string {
  const { nodeClass, hash } = question;
  const asked = { ...askedOf(question, size), nodeClass: nodeClass.spec };
  return hash(canonical(size === 1 ? asked : { ...asked, size }));
}

function fingerprint(question: LaunchQuestion, size: number): string {
  return `${question.attempt}-${statement(question, size).slice(0, requestHashChars)}`;
}

/** True for an instance that was launched for this very claim. */
export function isInstanceOf(instance: CloudInstance, claim: Live<'NodeClaim'>): boolean {
  return instance.tags[tagNodeClaimUid] === claim.metadata.uid;
}

/** Group of the node class that the instance was launched from. */
export function nodeClassGroupOf({ tags }: CloudInstance): string {
  return tags[labelStowageNodeClass] === undefined ? karpenterAwsGroup : stowageGroup;
}

/** Tags that tell a claim's instance from others. */
export function memberTags({ metadata: { name, uid } }: Live<'NodeClaim'>): Record<string, string> {
  return { [tagNodeClaim]: name, [tagNodeClaimUid]: uid };
}

/**
 * Karpenter ends instances that have all of its tags and no NodeClaim that it manages; those of a
 * class of our group must not look like its own.
 */
function commonTags({ claim, nodeClass, clusterName }: LaunchQuestion): Record<string, string> {
  const { group, name } = claim.spec.nodeClassRef;
  return {
    ...nodeClass.spec.tags,
    [`kubernetes.io/cluster/${clusterName}`]: 'owned',
    [nodeClassLabel(group)]: name,
    [tagNodePool]: claim.metadata.labels?.[labelNodePool] ?? '',
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
