/**
 * What nodes would cost at the proven least, and with first-fit: each as the plan that made it says.
 *
 * In: NodeClaims as they first appear, the figures of the last plan. Out: two factors per claim on
 * what it costs. A plan is compared as a whole, its nodes go one by one: each carries its share of the
 * difference for as long as it lives, so that cost, bound and first-fit stay comparable while a
 * cluster grows and shrinks. Nodes of no plan known here have none. O(1) per claim.
 */
import type { PlanFigures } from './plan-state.ts';

export interface PlanShare {
  /** Bound of its plan / cost of its plan. */
  readonly bound: number | undefined;
  /** Cost of first-fit for the same pods / cost of its plan. */
  readonly firstFit: number | undefined;
}

/** Creation times are whole seconds. */
const roundingMs = 1_000;

/** The share of a claim that is seen for the first time; undefined if the plan is not its own. */
export function planShare(
  createdMs: number,
  figures: PlanFigures | undefined,
): PlanShare | undefined {
  if (figures === undefined || createdMs + roundingMs < figures.timeMs) return undefined;
  const { costNanoUsdPerHour: cost, batchCostNanoUsdPerHour: batch } = figures;
  if (!(batch > 0)) return undefined;
  const factor = (total: number | undefined): number | undefined =>
    total === undefined ? undefined : Math.max(0, (batch + total - cost) / batch);
  return {
    bound: factor(figures.lowerBoundNanoUsdPerHour),
    firstFit: factor(figures.firstFitNanoUsdPerHour),
  };
}
