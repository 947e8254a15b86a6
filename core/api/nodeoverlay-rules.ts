/**
 * Rules of a NodeOverlay that tie several fields together or that a schema cannot say.
 *
 * In: a NodeOverlay that its schema accepts. Out: the problems, none if Karpenter's own API and its
 * runtime validation would take it. Source: CEL rules and runtime checks of `karpenter.sh/v1alpha1`,
 * and labels that only one instance has, which no offering can be matched by. It does not look at
 * other overlays.
 */
import { checkEntries, type FieldProblem, memberPath } from './field-problem.ts';
import {
  isRestrictedLabel,
  labelCapacityReservationId,
  labelCapacityReservationInterruptible,
  labelCapacityReservationType,
  labelInstanceTenancy,
  labelNodePool,
  labelPlacementGroupId,
  labelPlacementGroupPartition,
  normalizedLabelKey,
} from './labels.ts';
import type { NodeOverlay, NodeOverlayRequirement } from './nodeoverlay.ts';
import { requirementValueProblems } from './nodepool-rules.ts';

/** Greatest amount in a price: USD per hour, or per cent. Sums of such prices stay exact integers. */
export const overlayAmountMax = 10_000;

/** Labels that Karpenter's EC2 provider bars from overlays. */
const barredLabels: ReadonlySet<string> = new Set([
  labelCapacityReservationId,
  labelCapacityReservationInterruptible,
  labelCapacityReservationType,
  labelInstanceTenancy,
  labelPlacementGroupId,
  labelPlacementGroupPartition,
]);

/** Resources that a node tells by itself; an overlay adds extended resources only. */
const ownResources: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage', 'pods']);

/** Problems of a NodeOverlay. */
export function nodeOverlayProblems({ spec }: NodeOverlay): FieldProblem[] {
  const { requirements, price, priceAdjustment, capacity = {} } = spec;
  const problems = checkEntries(requirements, 'spec.requirements', requirementProblems);
  if (price !== undefined && priceAdjustment !== undefined) {
    problems.push({ field: 'spec.priceAdjustment', message: 'expected none beside price' });
  }
  for (const [name, amount] of Object.entries({ price, priceAdjustment })) {
    if (Math.abs(Number.parseFloat(amount ?? '0')) > overlayAmountMax) {
      const message = `expected an amount of at most ${overlayAmountMax}, found "${amount}"`;
      problems.push({ field: `spec.${name}`, message });
    }
  }
  for (const resource of Object.keys(capacity)) {
    if (ownResources.has(resource)) {
      problems.push({
        field: memberPath('spec.capacity', resource),
        message: `expected an extended resource such as example.com/device, found ${resource}`,
      });
    }
  }
  return problems;
}

function requirementProblems(one: NodeOverlayRequirement, path: string): FieldProblem[] {
  const key = normalizedLabelKey(one.key);
  if (barredLabels.has(key) || (key !== labelNodePool && isRestrictedLabel(key))) {
    const message = `expected a label by which offerings can be told apart, found "${one.key}"`;
    return [{ field: `${path}.key`, message }];
  }
  if (one.operator === 'NotIn' && (one.values ?? []).length === 0) {
    const message = 'expected at least one value for NotIn, found none';
    return [{ field: `${path}.values`, message }];
  }
  return requirementValueProblems(one, key, path);
}
