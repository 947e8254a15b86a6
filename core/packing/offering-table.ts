/**
 * The offerings worth looking at, in ascending order of cost, laid out for fast scans.
 *
 * In: a problem and what a bin of each offering is reckoned to cost. Out: a table without offerings
 * that no pod may enter and without dominated ones: an offering is dropped if another of the same
 * mask costs no more, holds at least as much of everything that pods of that mask ask for, weighs
 * no more on any limit, and may be opened any number of times. Dropping them loses neither a
 * feasible nor a cheapest choice. Existing nodes are listed apart.
 */
import { type PackingProblem, unlimitedCount } from './problem.ts';

/** Offerings by ascending cost; all arrays are indexed by position in the table. */
export interface OfferingTable {
  readonly count: number;
  /** Offering index in the problem. */
  readonly offering: Int32Array;
  readonly cost: Float64Array;
  /** [position x resource]. */
  readonly capacity: Float64Array;
  /** Where the offering's row of `problem.masks` begins. */
  readonly maskRow: Int32Array;
}

/** Whether an offering is as good as open: counted, free, and weightless on every limit. */
function isExisting(problem: PackingProblem, offering: number): boolean {
  if (problem.available[offering] === unlimitedCount || problem.priceNano[offering] !== 0) {
    return false;
  }
  return problem.limits.every(({ weight }) => weight[offering] === 0);
}

/** Indices of the existing offerings, ascending. */
export function listExisting(problem: PackingProblem): readonly number[] {
  const existing: number[] = [];
  for (let o = 0; o < problem.offeringCount; o++) if (isExisting(problem, o)) existing.push(o);
  return existing;
}

/**
 * The table of the offerings that may be opened, costed by `costOf` [offering].
 *
 * Time: O(offerings x (log offerings + undominated ones of the same mask)).
 */
export function tabulateOfferings(problem: PackingProblem, costOf: Float64Array): OfferingTable {
  const asked = listAskedResources(problem);
  const byMask = new Map<number, number[]>();
  for (let o = 0; o < problem.offeringCount; o++) {
    const mask = problem.maskOf[o]!;
    if (asked[mask] === undefined || isExisting(problem, o)) continue;
    const members = byMask.get(mask);
    if (members === undefined) byMask.set(mask, [o]);
    else members.push(o);
  }
  const kept: number[] = [];
  for (const [mask, members] of byMask) {
    kept.push(...keepUndominated(problem, members, costOf, asked[mask]!));
  }
  kept.sort((a, b) => costOf[a]! - costOf[b]! || a - b);
  return layOut(problem, kept, costOf);
}

/** [mask] the resources that some pod which may enter asks for; undefined if none may enter. */
function listAskedResources(problem: PackingProblem): readonly (Int32Array | undefined)[] {
  const { classCount, maskCount } = problem;
  const resourceCount = problem.resourceNames.length;
  return Array.from({ length: maskCount }, (_, mask) => {
    const isAsked = new Uint8Array(resourceCount);
    let isOpen = false;
    for (let c = 0; c < classCount; c++) {
      if (problem.masks[mask * classCount + c] === 0) continue;
      if (problem.demand[problem.familyOf[c]!] === 0) continue;
      isOpen = true;
      for (let r = 0; r < resourceCount; r++) {
        if (problem.request[c * resourceCount + r]! > 0) isAsked[r] = 1;
      }
    }
    if (!isOpen) return undefined;
    return Int32Array.from(isAsked.keys().filter((r) => isAsked[r] === 1));
  });
}

/** `members` share a mask. Scans the kept ones from the dearest: the likeliest to dominate. */
function keepUndominated(
  problem: PackingProblem,
  members: number[],
  costOf: Float64Array,
  asked: Int32Array,
): readonly number[] {
  members.sort((a, b) => costOf[a]! - costOf[b]! || a - b);
  const kept: number[] = [];
  const dominating: number[] = [];
  for (const offering of members) {
    let isDominated = false;
    for (let i = dominating.length - 1; i >= 0 && !isDominated; i--) {
      isDominated = dominates(problem, dominating[i]!, offering, asked);
    }
    if (isDominated) continue;
    kept.push(offering);
    if (problem.available[offering] === unlimitedCount) dominating.push(offering);
  }
  return kept;
}

function dominates(
  problem: PackingProblem,
  better: number,
  worse: number,
  asked: Int32Array,
): boolean {
  const resourceCount = problem.resourceNames.length;
  for (let i = 0; i < asked.length; i++) {
    const r = asked[i]!;
    if (
      problem.capacity[better * resourceCount + r]! < problem.capacity[worse * resourceCount + r]!
    ) {
      return false;
    }
  }
  for (let l = 0; l < problem.limits.length; l++) {
    const { weight } = problem.limits[l]!;
    if (weight[better]! > weight[worse]!) return false;
  }
  return true;
}

function layOut(
  problem: PackingProblem,
  kept: readonly number[],
  costOf: Float64Array,
): OfferingTable {
  const resourceCount = problem.resourceNames.length;
  const capacity = new Float64Array(kept.length * resourceCount);
  kept.forEach((offering, at) => {
    const row = offering * resourceCount;
    capacity.set(problem.capacity.subarray(row, row + resourceCount), at * resourceCount);
  });
  return {
    count: kept.length,
    offering: Int32Array.from(kept),
    cost: Float64Array.from(kept, (offering) => costOf[offering]!),
    capacity,
    maskRow: Int32Array.from(kept, (offering) => problem.maskOf[offering]! * problem.classCount),
  };
}
