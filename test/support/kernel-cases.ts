/**
 * Reduced problems to run kernels on, and every build of the kernels.
 *
 * In: how many. Out: random problems over all features of the model that keep at least one
 * offering, and a few in the shape of a cloud catalogue.
 */
import { loadReference } from '../../solver-wasm/host/reference.ts';
import { type Kernels, type KernelVariant, loadKernels } from '../../workers/kernels.ts';
import { type ReducedProblem, reduce } from '../../workers/reduce.ts';
import { fleetProblem } from './fleet-problem.ts';
import { allFeatures, Dice, randomProblem } from './random-problem.ts';

export interface KernelCase {
  readonly seed: number;
  readonly p: ReducedProblem;
}

/** `count` random problems, seeds ascending. */
export function smallCases(count: number): KernelCase[] {
  const cases: KernelCase[] = [];
  for (let seed = 1; cases.length < count; seed++) {
    const dice = new Dice(seed);
    const problem = randomProblem({
      seed,
      families: dice.between(1, 12),
      offerings: dice.between(1, 9),
      pods: dice.between(1, 80),
      features: allFeatures.filter(() => dice.chance(50)),
    });
    const p = reduce(problem);
    if (p.O > 0) cases.push({ seed, p });
  }
  return cases;
}

/** Hundreds of offerings, dozens of classes: sizes at which sums round. */
export function fleetCases(): KernelCase[] {
  return [1, 2, 3].map((seed) => ({
    seed,
    p: reduce(
      fleetProblem({
        seed,
        families: 20 + seed * 13,
        pods: 2000,
        types: 60,
        zones: 3,
        existing: 20 * seed,
      }),
    ),
  }));
}

/** The four WASM builds. */
export const wasmVariants: readonly KernelVariant[] = [
  'plain',
  'simd',
  'plain.debug',
  'simd.debug',
];

/** A fresh instance of every build, and of the TypeScript reference. */
export async function loadEveryBuild(): Promise<Kernels[]> {
  return [...wasmVariants.map((variant) => loadKernels(variant)), await loadReference()];
}
