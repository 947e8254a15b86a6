/**
 * Whether a node has drifted from what it would be if it were launched now.
 *
 * In: a NodeClaim, its NodePool, its EC2NodeClass, its instance, what is offered. Out: a reason and a
 * sentence, or nothing. Reasons and their order are Karpenter's (`reference/karpenter.md` 4.4). What
 * is not known (a hash of another version, a list that the class has not found, an instance that has
 * not been asked for) is no drift. It replaces nothing.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import {
  annotationNodeClassHash,
  annotationNodeClassHashVersion,
  annotationNodePoolHash,
  annotationNodePoolHashVersion,
  labelCapacityType,
  labelInstanceType,
  labelZone,
  normalizedLabelKey,
} from '../api/labels.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import type { NodePool } from '../api/nodepool.ts';
import type { CloudInstance } from '../cloud-port.ts';
import { imageFor } from '../ec2/images.ts';
import { nodeClassHash, nodeClassHashVersion } from '../ec2/node-class-hash.ts';
import { nodePoolHash, nodePoolHashVersion } from '../nodepool-status/nodepool-hash.ts';
import { admitsValue, requirementsOf } from '../scheduling/requirements.ts';
import { isCloudLabel } from '../scheduling/well-known-labels.ts';
import type { InstanceType } from '../state/instance-type.ts';

export type DriftReason =
  | 'NodePoolDrifted'
  | 'RequirementsDrifted'
  | 'InstanceTypeNotFound'
  | 'NodeClassDrift'
  | 'AMIDrift'
  | 'SecurityGroupDrift'
  | 'SubnetDrift'
  | 'CapacityReservationDrift';

export interface Drift {
  readonly reason: DriftReason;
  readonly message: string;
}

/** Drift that the objects tell by themselves. O(requirements + size of the specs). */
export function declaredDrift(
  claim: NodeClaim,
  pool: NodePool | undefined,
  nodeClass: EC2NodeClass | undefined,
): Drift | undefined {
  const annotations = claim.metadata.annotations ?? {};
  if (
    pool !== undefined &&
    annotations[annotationNodePoolHashVersion] === nodePoolHashVersion &&
    annotations[annotationNodePoolHash] !== nodePoolHash(pool)
  ) {
    const message = `the template of NodePool ${pool.metadata.name} has changed`;
    return { reason: 'NodePoolDrifted', message };
  }
  const key = pool === undefined ? undefined : unmetRequirement(claim, pool);
  if (key !== undefined) {
    const value = claim.metadata.labels?.[key];
    const found = value === undefined ? 'is missing' : `is ${value}`;
    const message = `NodePool ${pool?.metadata.name} requires otherwise: label ${key} ${found}`;
    return { reason: 'RequirementsDrifted', message };
  }
  if (
    nodeClass !== undefined &&
    annotations[annotationNodeClassHashVersion] === nodeClassHashVersion &&
    annotations[annotationNodeClassHash] !== nodeClassHash(nodeClass)
  ) {
    const message = `the spec of EC2NodeClass ${nodeClass.metadata.name} has changed`;
    return { reason: 'NodeClassDrift', message };
  }
  return undefined;
}

/** A node is not looked at for its type before: what EC2 lists may be behind (Karpenter's figure). */
const typeGraceMs = 3_600_000;

/**
 * Drift from what the cloud offers at all: nobody could launch the node's type in its zone any more.
 * What is dry for the moment is still offered.
 *
 * @param types of the node class; none where they are not known
 */
export function typeDrift(
  { metadata }: NodeClaim,
  types: readonly InstanceType[],
  nowMs: number,
): Drift | undefined {
  const { [labelInstanceType]: name, [labelZone]: zone } = metadata.labels ?? {};
  const createdMs = Date.parse(metadata.creationTimestamp ?? '');
  const isYoung = Number.isNaN(createdMs) || nowMs - createdMs < typeGraceMs;
  if (isYoung || types.length === 0 || name === undefined) return undefined;
  const type = types.find((one) => one.name === name);
  if (type?.offerings.some((offering) => zone === undefined || offering.zone === zone) === true) {
    return undefined;
  }
  const where = type === undefined ? '' : ` in ${zone}`;
  return { reason: 'InstanceTypeNotFound', message: `${name} is not offered${where} any more` };
}

/** Drift of the instance from what the class finds now. O(lists of the status). */
export function instanceDrift(
  claim: NodeClaim,
  nodeClass: EC2NodeClass,
  instance: CloudInstance,
): Drift | undefined {
  const { status } = nodeClass;
  const image = imageFor(nodeClass, { labels: claim.metadata.labels ?? {} });
  if ((status?.amis ?? []).length > 0 && instance.imageId !== '' && image !== instance.imageId) {
    const now = image === undefined ? 'the class has none for its type' : `it is now ${image}`;
    return { reason: 'AMIDrift', message: `it runs ${instance.imageId}, ${now}` };
  }
  const groups = idsOf(status?.securityGroups);
  const { subnetId, securityGroupIds } = instance;
  if (groups.size > 0 && securityGroupIds !== undefined && !isSameSet(groups, securityGroupIds)) {
    const message = `its security groups are ${listed(securityGroupIds)}, those of the class ${listed(groups)}`;
    return { reason: 'SecurityGroupDrift', message };
  }
  const subnets = idsOf(status?.subnets);
  if (subnets.size > 0 && subnetId !== undefined && !subnets.has(subnetId)) {
    return {
      reason: 'SubnetDrift',
      message: `its subnet ${subnetId} is none of the class any more`,
    };
  }
  const { reservationId } = instance;
  if (
    claim.metadata.labels?.[labelCapacityType] === 'reserved' &&
    reservationId !== undefined &&
    !idsOf(status?.capacityReservations).has(reservationId)
  ) {
    const message = `its capacity reservation ${reservationId} is none of the class any more`;
    return { reason: 'CapacityReservationDrift', message };
  }
  return undefined;
}

/** The key of a requirement of the pool that the labels do not meet; what only EC2 knows may lack. */
function unmetRequirement(claim: NodeClaim, pool: NodePool): string | undefined {
  const labels = claim.metadata.labels ?? {};
  const requirements = requirementsOf(pool.spec.template.spec.requirements, normalizedLabelKey);
  for (const [key, requirement] of requirements) {
    const value = labels[key];
    if (value === undefined && isCloudLabel(key)) continue;
    if (!admitsValue(requirement, value)) return key;
  }
  return undefined;
}

function idsOf(list: readonly { readonly id: string }[] = []): ReadonlySet<string> {
  return new Set(list.map(({ id }) => id));
}

function isSameSet(a: ReadonlySet<string>, b: readonly string[]): boolean {
  return new Set(b).size === a.size && b.every((one) => a.has(one));
}

function listed(ids: Iterable<string>): string {
  return [...ids].sort().join(', ');
}
