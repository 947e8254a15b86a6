/**
 * How many more bins of an offering may be opened, given its count and the limits.
 *
 * In: a problem, then bins as they are opened and given back. Out: what is left. It does not know
 * what the bins hold.
 */
import { type PackingProblem, unlimitedCount } from './problem.ts';

/** Counts and limits, spent as bins are opened. */
export class BinBudget {
  readonly #problem: PackingProblem;
  /** [offering] bins left; Infinity if uncounted. */
  readonly #left: Float64Array;
  /** [limit] weight left. */
  readonly #weightLeft: Float64Array;

  constructor(problem: PackingProblem) {
    this.#problem = problem;
    this.#left = Float64Array.from(problem.available, (count) =>
      count === unlimitedCount ? Infinity : count,
    );
    this.#weightLeft = Float64Array.from(problem.limits, (limit) => limit.max);
  }

  /** Bins of `offering` that may still be opened; Infinity if no rule speaks. O(limits). */
  room(offering: number): number {
    let bins = this.#left[offering]!;
    const { limits } = this.#problem;
    for (let l = 0; l < limits.length; l++) {
      const weight = limits[l]!.weight[offering]!;
      if (weight > 0) bins = Math.min(bins, Math.floor(this.#weightLeft[l]! / weight));
    }
    return bins;
  }

  /** Opens `copies` bins; negative gives them back. The caller has asked {@link room}. */
  take(offering: number, copies: number): void {
    this.#left[offering]! -= copies;
    const { limits } = this.#problem;
    for (let l = 0; l < limits.length; l++) {
      this.#weightLeft[l]! -= copies * limits[l]!.weight[offering]!;
    }
  }
}
