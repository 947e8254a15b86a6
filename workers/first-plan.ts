/**
 * The first plan: which pods can be served at all, and something to beat.
 *
 * In: a problem. Out: the best of a few legal plans made in milliseconds: most pods served (more
 * important families first), then least cost. Where limits bind, plans that spend the limits
 * sparingly are tried beside those that spend money sparingly. What is left unserved here stays so.
 */
import { type FirstFitPlan, firstFit } from '../core/packing/first-fit.ts';
import { karpenterStyleFirstFit } from '../core/packing/karpenter-first-fit.ts';
import type { PackingProblem } from '../core/packing/problem.ts';
import { verifyUnprovenPlan } from '../core/packing/verify-solution.ts';

/** A share of a limit in nano-USD: large beside prices, so that limits decide and prices break ties. */
const limitShareNano = 1e13;

/** The problem with prices that say how much of some limits a bin uses up. */
function pricedByLimits(p: PackingProblem, limits: readonly number[]): PackingProblem {
  const priceNano = p.priceNano.map((price, o) => {
    let share = 0;
    for (const l of limits) {
      const { weight, max } = p.limits[l] as PackingProblem['limits'][number];
      share += (weight[o] as number) / Math.max(1, max);
    }
    return Math.round(share * limitShareNano + price);
  });
  return { ...p, priceNano, steerNano: new Float64Array(p.offeringCount) };
}

function withTrueCost(p: PackingProblem, plan: FirstFitPlan): FirstFitPlan {
  const costNano = plan.bins.reduce(
    (s, b) => s + (p.priceNano[b.offering] as number) * b.copies,
    0,
  );
  return { ...plan, costNano };
}

/** Steering included: what the search compares. */
function weightOf(p: PackingProblem, plan: FirstFitPlan): number {
  return plan.bins.reduce(
    (s, b) =>
      s + ((p.priceNano[b.offering] as number) + (p.steerNano[b.offering] as number)) * b.copies,
    0,
  );
}

/** True if `a` serves more than `b`, family by family in order of importance, or as much for less. */
function isBetter(
  p: PackingProblem,
  order: readonly number[],
  a: FirstFitPlan,
  b: FirstFitPlan,
): boolean {
  let priority = Infinity;
  let balance = 0;
  for (const f of order) {
    if ((p.priority[f] as number) < priority) {
      if (balance !== 0) break;
      priority = p.priority[f] as number;
    }
    balance += (b.unserved[f] as number) - (a.unserved[f] as number);
  }
  return balance === 0 ? weightOf(p, a) < weightOf(p, b) : balance > 0;
}

/**
 * The best legal plan of a few; first-fit's own is always among them. `onFirst` is told of that one
 * at once if it serves every pod: then it is a plan to fall back on while the others are tried.
 */
export function firstPlan(
  p: PackingProblem,
  onFirst: (plan: FirstFitPlan) => void = () => undefined,
): FirstFitPlan {
  const order = Array.from({ length: p.familyCount }, (_, f) => f).sort(
    (a, b) => (p.priority[b] as number) - (p.priority[a] as number) || a - b,
  );
  let best = firstFit(p);
  if (best.unserved.every((pods) => pods === 0)) onFirst(best);
  const offer = (plan: FirstFitPlan): void => {
    if (isBetter(p, order, plan, best) && verifyUnprovenPlan(p, plan).ok) best = plan;
  };
  offer(karpenterStyleFirstFit(p));
  if (p.limits.length > 0 && best.unserved.some((pods) => pods > 0)) {
    const all = p.limits.map((_, l) => l);
    for (const limits of [all, ...all.map((l) => [l])]) {
      offer(withTrueCost(p, firstFit(pricedByLimits(p, limits))));
    }
  }
  return best;
}
