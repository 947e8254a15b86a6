/**
 * Whether a NodePool launches nodes, and which offerings of an instance type it admits.
 *
 * In: a NodePool and a type under its node class. Out: the type's offerings that satisfy the pool's
 * requirements and template labels. Labels that the cloud decides must satisfy a requirement as they
 * are; a label that only the pool can give a node stands against no type. It knows no pods, and reads
 * neither minValues nor limits, which are rules over choices and not over types.
 *
 * Rules: Karpenter's. A pool that is being deleted, is static (`replicas`) or says it is not Ready
 * launches nothing for pods.
 */
import {
  labelCapacityReservationId,
  labelCapacityReservationType,
  labelCapacityType,
  labelNodeClass,
  labelNodePool,
  labelRegion,
  labelStowageNodeClass,
  nodeClassLabel,
  normalizedLabelKey,
} from '../api/labels.ts';
import type { NodePool } from '../api/nodepool.ts';
import type { InstanceType, Offering } from '../state/instance-type.ts';
import { offeringLabelKeys, offeringLabels } from './offering-labels.ts';
import {
  admitsLabels,
  admitsValue,
  isUnsatisfiable,
  type Requirement,
  type Requirements,
  requirementsOf,
} from './requirements.ts';
import { isCloudLabel } from './well-known-labels.ts';

/** A NodePool's requirements and template labels, one requirement for each key. */
export function poolRequirements(pool: NodePool): Requirements {
  const { metadata, spec } = pool.spec.template;
  const labels = Object.entries(metadata?.labels ?? {}).map(([key, value]) => ({
    key,
    operator: 'In' as const,
    values: [value],
  }));
  return requirementsOf([...spec.requirements, ...labels], normalizedLabelKey);
}

/** Why a pool launches nothing, or undefined if it does. */
export function whyIdle(pool: NodePool): string | undefined {
  if (pool.metadata.deletionTimestamp !== undefined) {
    return 'is being deleted';
  }
  if (pool.spec.replicas !== undefined) {
    return 'is static (spec.replicas)';
  }
  const ready = pool.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'False' ? 'is not Ready' : undefined;
}

const capacityLabelKeys: readonly string[] = [
  labelCapacityType,
  labelCapacityReservationId,
  labelCapacityReservationType,
];

/** Whether the pool admits no capacity but reserved one, of which there is only so much. */
export function isReservedOnly(pool: NodePool): boolean {
  const ofCapacity = new Map(
    [...poolRequirements(pool)].filter(([key]) => capacityLabelKeys.includes(key)),
  );
  return ['on-demand', 'spot'].every(
    (capacityType) => !admitsLabels(ofCapacity, { [labelCapacityType]: capacityType }),
  );
}

/**
 * Offerings of the type that the pool admits, available or not; none if the type itself is refused.
 * `zoneIds` maps zone names to zone ids. O(requirements x offerings).
 */
export function admittedOfferings(
  pool: NodePool,
  requirements: Requirements,
  type: InstanceType,
  zoneIds: ReadonlyMap<string, string>,
): readonly Offering[] {
  const ofOffering = new Map<string, Requirement>();
  for (const [key, requirement] of requirements) {
    // The region is in the labels of the type as well, also where the zone's name does not tell.
    if (offeringLabelKeys.has(key) && key !== labelRegion) {
      ofOffering.set(key, requirement);
    } else if (!admitsType(pool, requirement, type)) {
      return [];
    }
  }
  return type.offerings.filter((offering) =>
    admitsLabels(ofOffering, offeringLabels(offering, zoneIds)),
  );
}

function admitsType(pool: NodePool, requirement: Requirement, type: InstanceType): boolean {
  const { key } = requirement;
  if (key === labelNodePool) return admitsValue(requirement, pool.metadata.name);
  if (key === labelNodeClass || key === labelStowageNodeClass) {
    const { group, name } = pool.spec.template.spec.nodeClassRef;
    return admitsValue(requirement, key === nodeClassLabel(group) ? name : undefined);
  }
  if (isCloudLabel(key)) return admitsValue(requirement, type.labels[key]);
  return !isUnsatisfiable(requirement);
}
