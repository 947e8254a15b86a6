/**
 * Random problems for the parts of the solver, and the problem that is left after a reduction.
 *
 * In: a seed and sizes, or a reduced problem. Out: PackingProblems, so that brute force can judge
 * what a part of the solver did.
 */
import type { PackingProblem } from '../../core/packing/problem.ts';
import { anyNumber, type ReducedProblem } from '../../workers/reduce.ts';
import { allFeatures, Dice, type Feature, randomProblem } from './random-problem.ts';

/** Most of everything in a problem made by {@link tinyProblem}. */
export interface Sizes {
  readonly families: number;
  readonly offerings: number;
  readonly pods: number;
}

const tinySizes: Sizes = { families: 4, offerings: 4, pods: 6 };

/** A random problem that brute force can solve; every feature is on in half of the seeds. */
export function tinyProblem(
  seed: number,
  without: readonly Feature[] = [],
  sizes: Sizes = tinySizes,
): PackingProblem {
  const dice = new Dice(seed);
  return randomProblem({
    seed,
    families: dice.between(1, sizes.families),
    offerings: dice.between(1, sizes.offerings),
    pods: dice.between(1, sizes.pods),
    features: allFeatures.filter((feature) => dice.chance(50) && !without.includes(feature)),
  });
}

/** The same problem with prices `factor` times as high: random ones are a few nano-USD only. */
export function withPrices(problem: PackingProblem, factor: number): PackingProblem {
  return {
    ...problem,
    priceNano: problem.priceNano.map((price) => price * factor),
    steerNano: problem.steerNano.map((price) => price * factor),
  };
}

/** What is left of a problem when only kept offerings with their clipped capacities may be opened. */
export function keptProblem(p: ReducedProblem): PackingProblem {
  const { source } = p;
  const kept = Array.from(p.original);
  return {
    ...source,
    offeringCount: p.O,
    capacity: p.capacity,
    boundCapacity: p.boundCapacity,
    priceNano: Float64Array.from(kept, (o) => source.priceNano[o]!),
    steerNano: Float64Array.from(kept, (o) => source.steerNano[o]!),
    available: p.count.map((count) => (count === anyNumber ? -1 : count)),
    maskOf: Int32Array.from(kept, (o) => source.maskOf[o]!),
    limits: source.limits.map((limit, l) => ({ ...limit, weight: p.limitWeight[l]! })),
  };
}

/** A problem whose money includes what only steers the search. */
export function steeringAsMoney(problem: PackingProblem): PackingProblem {
  return {
    ...problem,
    priceNano: problem.priceNano.map((price, o) => price + problem.steerNano[o]!),
    steerNano: new Float64Array(problem.offeringCount),
  };
}
