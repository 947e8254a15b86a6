/**
 * The worth of bins at given duals, by definition: what bounds and searches are held against.
 *
 * In: a reduced problem, an offering, values per class. Out: the most that any content is worth, by
 * trying every content; the Lagrangian bound at given multipliers, term by term.
 */
import type { ReducedProblem } from '../../workers/reduce.ts';

/** The most that a content of offering k is worth by the bound's arrays. Exponential in classes. */
export function bestContent(p: ReducedProblem, k: number, y: Float64Array): number {
  const extend = (i: number, free: readonly number[]): number => {
    if (i === p.n) return 0;
    let best = 0;
    for (let copies = 0; copies <= p.boundMany[k * p.n + i]!; copies++) {
      const rest = free.map((left, r) => left - copies * p.source.boundRequest[i * p.R + r]!);
      if (rest.some((left) => left < 0)) break;
      best = Math.max(best, copies * y[i]! + extend(i + 1, rest));
    }
    return best;
  };
  return extend(0, Array.from(p.boundCapacity.subarray(k * p.R, k * p.R + p.R)));
}

/** The Lagrangian bound of offering k at row k of `lambda`. */
export function lagrangianWorth(
  p: ReducedProblem,
  k: number,
  y: Float64Array,
  lambda: Float64Array,
): number {
  let total = 0;
  for (let r = 0; r < p.R; r++) total += lambda[k * p.R + r]! * p.boundCapacity[k * p.R + r]!;
  for (let i = 0; i < p.n; i++) {
    let gain = y[i]!;
    for (let r = 0; r < p.R; r++)
      gain -= lambda[k * p.R + r]! * p.source.boundRequest[i * p.R + r]!;
    total += p.boundMany[k * p.n + i]! * Math.max(0, gain);
  }
  return total;
}
