/**
 * Places families one after another, splitting them over domains as the rules demand.
 *
 * In: a problem, an order of families, and something that puts pods of one class into bins. Out:
 * the pods that found no place. A family that may stand in several domains goes to the least
 * filled one first, a few pods at a time (sequential least-count, as a scheduler would do it pod by
 * pod). It does not know what bins are.
 */
import { DomainCounter } from './domain-counter.ts';
import type { PackingProblem } from './problem.ts';

/** Puts pods of one class into bins. */
export interface Placer {
  /**
   * Places up to `pods` pods of class `c` and returns how many found a place. `expected`: how
   * many of the class are likely to come in all, this call's included.
   */
  place(c: number, pods: number, expected: number): number;
}

/**
 * Places all families in `order`; between equally good domains the lower `rank` [class] wins.
 *
 * Returns [family] pods without a place. Time: O(families) calls of the placer where no skew rule
 * speaks, O(pods) where one does.
 */
export function placeFamilies(
  problem: PackingProblem,
  order: readonly number[],
  rank: Float64Array,
  placer: Placer,
): Int32Array {
  const classesOf: number[][] = Array.from({ length: problem.familyCount }, () => []);
  problem.familyOf.forEach((family, c) => classesOf[family]!.push(c));
  for (const classes of classesOf) classes.sort((a, b) => rank[a]! - rank[b]! || a - b);
  const domains = new DomainCounter(problem);
  const unserved = new Int32Array(problem.familyCount);
  for (const family of order) {
    unserved[family] = placeFamily(classesOf[family]!, problem.demand[family]!, domains, placer);
  }
  return unserved;
}

/** `classes` by ascending rank. Returns the pods that are left over. */
function placeFamily(
  classes: readonly number[],
  pods: number,
  domains: DomainCounter,
  placer: Placer,
): number {
  let open = classes;
  let left = pods;
  while (left > 0) {
    const c = pickLeastFilled(open, domains);
    if (c === undefined) break;
    const step = Math.min(left, domains.allowance(c), stepOf(c, open, domains));
    const expected = domains.isSkewed(c) ? Math.ceil(left / open.length) : left;
    const placed = placer.place(c, step, Math.max(step, expected));
    domains.add(c, placed);
    left -= placed;
    // Bins only fill: a class that found no place now finds none later.
    if (placed < step) open = open.filter((other) => other !== c);
  }
  return left;
}

function pickLeastFilled(open: readonly number[], domains: DomainCounter): number | undefined {
  let best: number | undefined;
  let least = Infinity;
  for (const c of open) {
    const excess = domains.excess(c);
    if (excess >= least || domains.allowance(c) === 0) continue;
    best = c;
    least = excess;
  }
  return best;
}

/** Up to the level of the next fuller class, so that classes fill evenly. */
function stepOf(c: number, open: readonly number[], domains: DomainCounter): number {
  if (!domains.isSkewed(c)) return Infinity;
  const own = domains.excess(c);
  let gap = Infinity;
  for (const other of open) {
    if (other !== c) gap = Math.min(gap, domains.excess(other) - own);
  }
  return Math.max(1, gap);
}
