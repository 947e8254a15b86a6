/**
 * Which offerings may stand in for bins that a plan gives up.
 *
 * In: the bins, all offerings by price. Out: those that cost less than the bins together and spend
 * no more of counts and limits, so that no stock has to be looked up. It does not know what fits.
 */
import type { Pattern } from './kernel-memory.ts';
import { anyNumber, type ReducedProblem } from './reduce.ts';

/** Offerings that one bin instead of `gone` may have, cheapest first. Work: up to O * limits. */
export function substitutes(
  p: ReducedProblem,
  gone: readonly Pattern[],
  byPrice: ArrayLike<number>,
): number[] {
  const sum = (values: ArrayLike<number>): number =>
    gone.reduce((total, { offering }) => total + (values[offering] as number), 0);
  const budget = sum(p.price) - 1e-10;
  const weights = p.limitWeight.map((weight) => sum(weight));
  const found: number[] = [];
  for (let q = 0; q < byPrice.length; q++) {
    const k = byPrice[q] as number;
    if ((p.price[k] as number) >= budget) break;
    if (p.count[k] !== anyNumber && !gone.some(({ offering }) => offering === k)) continue;
    if (p.limitWeight.every((weight, l) => (weight[k] as number) <= (weights[l] as number)))
      found.push(k);
  }
  return found;
}
