/**
 * Other offerings that could hold a planned bin, so that a dry capacity pool needs no new solve.
 *
 * In: a model, a plan's bins, one of them. Out: offerings of the same NodePool (and with the same
 * values for labels that it leaves open) whose rules and resources hold the bin's contents, cheapest
 * first. Zones and capacity types are kept where
 * a rule ties the contents to them, because classes of other domains are masked out there. It knows
 * no pods; what is launched in the end is the caller's choice.
 */
import type { NewNodeOffering, PackingModel } from './packing-model.ts';
import { type PackingProblem, unlimitedCount } from './problem.ts';
import type { Bin } from './solution.ts';

/**
 * Substitutes named per node. EC2 CreateFleet takes up to 300 overrides in one request, and Karpenter
 * sends at most 60 instance types; beyond that a pool is not dry but the region is.
 */
export const substitutesMax = 60;

/** Finds substitutes for bins of one plan; keeps the offerings sorted between calls. */
export class SubstituteFinder {
  readonly #model: PackingModel;
  readonly #usedLimits: readonly number[];
  readonly #usedCount: Float64Array;
  /** Template of some bin -> offerings by price (steering included), then index. */
  readonly #byTemplate = new Map<string, number[]>();
  /** Offerings of one template share their labels. */
  readonly #textOfLabels = new Map<NewNodeOffering['chosenLabels'], string>();

  /** O(offerings + those of the bins' templates, sorted + bins x limits). */
  constructor(model: PackingModel, bins: readonly Bin[]) {
    this.#model = model;
    const { problem } = model;
    this.#usedCount = new Float64Array(problem.offeringCount);
    for (const { offering, copies } of bins) this.#usedCount[offering]! += copies;
    this.#usedLimits = problem.limits.map(({ weight }) =>
      this.#usedCount.reduce((sum, copies, o) => sum + copies * weight[o]!, 0),
    );
    for (const { offering } of bins) {
      const own = model.offerings[offering];
      if (own?.kind === 'new') this.#byTemplate.set(this.#templateOf(own), []);
    }
    if (this.#byTemplate.size === 0) return;
    model.offerings.forEach((offering, o) => {
      if (offering.kind === 'new') this.#byTemplate.get(this.#templateOf(offering))?.push(o);
    });
    for (const offerings of this.#byTemplate.values()) {
      offerings.sort((a, b) => heldToCost(problem, a) - heldToCost(problem, b) || a - b);
    }
  }

  /**
   * Offerings that may stand in for the bin's own, cheapest first, at most {@link substitutesMax};
   * none for existing nodes. O(offerings of the template x (contents + resources)).
   */
  find(bin: Bin): readonly number[] {
    const own = this.#model.offerings[bin.offering];
    if (own === undefined || own.kind === 'existing') return [];
    const { problem } = this.#model;
    const load = loadOf(problem, bin);
    const found: number[] = [];
    for (const o of this.#byTemplate.get(this.#templateOf(own)) ?? []) {
      if (found.length === substitutesMax) break;
      if (o !== bin.offering && this.#isFree(bin.offering, o) && holds(problem, o, bin, load)) {
        found.push(o);
      }
    }
    return found;
  }

  /** Nodes of one NodePool that differ in nothing but type, zone and capacity type. */
  #templateOf({ nodePool, chosenLabels }: NewNodeOffering): string {
    let text = this.#textOfLabels.get(chosenLabels);
    if (text === undefined) {
      text = JSON.stringify(Object.entries(chosenLabels).sort(([a], [b]) => (a < b ? -1 : 1)));
      this.#textOfLabels.set(chosenLabels, text);
    }
    return `${nodePool} ${text}`;
  }

  /** Whether one more bin of `to`, with one less of `from`, keeps counts and limits. */
  #isFree(from: number, to: number): boolean {
    const { available, limits } = this.#model.problem;
    const most = available[to]!;
    if (most !== unlimitedCount && this.#usedCount[to]! >= most) return false;
    return limits.every(
      ({ weight, max }, l) => this.#usedLimits[l]! - weight[from]! + weight[to]! <= max,
    );
  }
}

function heldToCost(problem: PackingProblem, offering: number): number {
  return problem.priceNano[offering]! + problem.steerNano[offering]!;
}

function loadOf(problem: PackingProblem, bin: Bin): Float64Array {
  const resourceCount = problem.resourceNames.length;
  const load = new Float64Array(resourceCount);
  bin.classes.forEach((c, i) => {
    for (let r = 0; r < resourceCount; r++) {
      load[r]! += bin.counts[i]! * problem.request[c * resourceCount + r]!;
    }
  });
  return load;
}

/** Whether a bin of the offering could hold these contents by resources and per-bin rules. */
export function holdsContents(problem: PackingProblem, offering: number, bin: Bin): boolean {
  return holds(problem, offering, bin, loadOf(problem, bin));
}

function holds(problem: PackingProblem, offering: number, bin: Bin, load: Float64Array): boolean {
  const row = offering * load.length;
  for (let r = 0; r < load.length; r++) {
    if (load[r]! > problem.capacity[row + r]!) return false;
  }
  const maskRow = problem.maskOf[offering]! * problem.classCount;
  return bin.classes.every((c, i) => bin.counts[i]! <= problem.masks[maskRow + c]!);
}
