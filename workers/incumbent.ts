/**
 * Plans in the search's own terms, and the best one found so far.
 *
 * In: groups of bins over kept offerings. Out: the cheapest complete plan; translation to and from
 * bins of the problem. Knows prices, not how plans are made.
 */
import { type Bin } from '../core/packing/solution.ts';
import { columnKey, costOf, type Group } from './columns.ts';
import type { Pattern } from './kernel-memory.ts';
import type { ReducedProblem } from './reduce.ts';

/** Bins of the problem as groups over kept offerings (a dominating offering holds the same pods). */
export function groupsOf(p: ReducedProblem, bins: readonly Bin[]): Group[] {
  return bins.map((bin) => ({
    pattern: {
      offering: p.keptFor[bin.offering] as number,
      classes: bin.classes,
      counts: bin.counts,
    },
    copies: bin.copies,
  }));
}

/** Groups as bins of the problem; equal bins are merged, order is deterministic. */
export function binsOf(p: ReducedProblem, groups: readonly Group[]): Bin[] {
  const merged = new Map<string, { pattern: Pattern; copies: number }>();
  for (const { pattern, copies } of groups) {
    const key = columnKey(pattern.offering, pattern.classes, pattern.counts);
    const other = merged.get(key);
    if (other === undefined) merged.set(key, { pattern, copies });
    else other.copies += copies;
  }
  return [...merged.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { pattern, copies }]) => ({
      offering: p.original[pattern.offering] as number,
      classes: pattern.classes,
      counts: pattern.counts,
      copies,
    }));
}

/** [class] pods that the groups hold. */
export function contentOf(p: ReducedProblem, groups: readonly Group[]): Int32Array {
  const content = new Int32Array(p.n);
  for (const { pattern, copies } of groups) {
    pattern.classes.forEach((c, e) => {
      content[c] = (content[c] as number) + (pattern.counts[e] as number) * copies;
    });
  }
  return content;
}

/** The best plan so far. */
export class Incumbent {
  cost = Infinity;
  groups: readonly Group[] = [];
  readonly #p: ReducedProblem;

  constructor(p: ReducedProblem) {
    this.#p = p;
  }

  /** Takes a plan if it is cheaper; the caller vouches that it covers the demand. */
  take(groups: readonly Group[]): boolean {
    const cost = costOf(groups, this.#p.price);
    if (cost >= this.cost - 1e-10) return false;
    this.cost = cost;
    this.groups = groups;
    return true;
  }
}
