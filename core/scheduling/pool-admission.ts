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
  labelCapacityType,
  labelNodeClass,
  labelNodePool,
  labelStowageNodeClass,
  labelZone,
  labelZoneId,
  nodeClassLabel,
  normalizedLabelKey,
} from '../api/labels.ts';
import type { NodePool } from '../api/nodepool.ts';
import type { InstanceType, Offering } from '../state/instance-type.ts';
import {
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
  const offeringRules: Requirement[] = [];
  for (const [key, requirement] of requirements) {
    if (key === labelZone || key === labelZoneId || key === labelCapacityType) {
      offeringRules.push(requirement);
    } else if (!admitsType(pool, requirement, type)) {
      return [];
    }
  }
  return type.offerings.filter((offering) =>
    offeringRules.every((rule) => admitsValue(rule, offeringValue(rule.key, offering, zoneIds))),
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

function offeringValue(
  key: string,
  offering: Offering,
  zoneIds: ReadonlyMap<string, string>,
): string | undefined {
  if (key === labelZone) return offering.zone;
  return key === labelZoneId ? zoneIds.get(offering.zone) : offering.capacityType;
}
