/**
 * The exact optimum of a small packing problem, by trying everything.
 *
 * In: a problem of at most about 7 pods and 4 offerings (more is slow, not wrong). Out: a cheapest
 * plan. It enumerates every content of every bin and every set of bins, checks the rules in its own
 * words, and shares no code with solver, first-fit or verifier.
 *
 * What is optimal when not all pods can be placed: families in order of priority (descending), then
 * index (ascending); a plan that serves more pods of the first family on which two plans differ is
 * better, whatever it costs; among plans that serve alike, the cheaper one.
 */
import {
  type PackingProblem,
  unlimitedCount,
  unlimitedPerBin,
} from '../../core/packing/problem.ts';
import type { Bin } from '../../core/packing/solution.ts';

export interface BruteForcePlan {
  readonly bins: readonly Bin[];
  readonly unserved: Int32Array;
  readonly costNano: number;
}

interface Pattern {
  readonly offering: number;
  /** [class] */
  readonly counts: readonly number[];
  /** [family] */
  readonly taken: readonly number[];
  readonly price: number;
}

/** The best plan by the order in the header. */
export function bruteForce(problem: PackingProblem): BruteForcePlan {
  const families = [...problem.demand.keys()].sort(
    (a, b) => problem.priority[b]! - problem.priority[a]! || a - b,
  );
  const patterns = listPatterns(problem, problem.demand);
  for (const served of descendingVectors(problem.demand, families)) {
    const best = searchCheapest(problem, served, patterns);
    if (best === undefined) continue;
    const unserved = problem.demand.map((pods, family) => pods - served[family]!);
    return { bins: toBins(best), unserved, costNano: sumPrices(best) };
  }
  throw new Error('the empty plan is always feasible');
}

/** The least cost of a plan that places exactly `served` [family]; undefined if there is none. */
export function bruteForceCost(
  problem: PackingProblem,
  served: ArrayLike<number>,
): number | undefined {
  const demand = Int32Array.from(served);
  const best = searchCheapest(problem, demand, listPatterns(problem, demand));
  return best === undefined ? undefined : sumPrices(best);
}

/** Whether a plan obeys every rule and costs what it says, in the words of this module. */
export function isLegalPlan(problem: PackingProblem, plan: BruteForcePlan): boolean {
  const patterns = plan.bins.flatMap((bin) => {
    const counts = Array.from<number>({ length: problem.classCount }).fill(0);
    bin.classes.forEach((c, at) => (counts[c]! += bin.counts[at]!));
    const pattern = toPattern(problem, bin.offering, counts);
    return Array.from<Pattern>({ length: bin.copies }).fill(pattern);
  });
  const placed = problem.demand.map((pods, family) => pods - plan.unserved[family]!);
  return (
    patterns.every(
      ({ offering, counts }) =>
        counts.some((pods) => pods > 0) && isLegalContent(problem, offering, counts, placed),
    ) &&
    placed.every((pods, f) => pods === patterns.reduce((sum, { taken }) => sum + taken[f]!, 0)) &&
    plan.unserved.every((pods) => pods >= 0) &&
    patterns.every((_, at) => obeysCounts(problem, patterns.slice(0, at + 1))) &&
    obeysDomains(problem, patterns) &&
    sumPrices(patterns) === plan.costNano
  );
}

/** All vectors from `demand` down to zero, the most important family changing last. */
function* descendingVectors(
  demand: Int32Array,
  families: readonly number[],
): Generator<Int32Array> {
  const current = demand.slice();
  while (true) {
    yield current.slice();
    let at = families.length - 1;
    while (at >= 0 && current[families[at]!] === 0) {
      current[families[at]!] = demand[families[at]!]!;
      at--;
    }
    if (at < 0) return;
    current[families[at]!]!--;
  }
}

function listPatterns(problem: PackingProblem, demand: Int32Array): readonly Pattern[] {
  const patterns: Pattern[] = [];
  for (let offering = 0; offering < problem.offeringCount; offering++) {
    const counts = Array.from<number>({ length: problem.classCount }).fill(0);
    const extend = (c: number): void => {
      if (c === problem.classCount) {
        if (counts.some((count) => count > 0)) patterns.push(toPattern(problem, offering, counts));
        return;
      }
      for (let pods = 0; pods <= demand[problem.familyOf[c]!]!; pods++) {
        counts[c] = pods;
        if (!isLegalContent(problem, offering, counts, demand)) break;
        extend(c + 1);
      }
      counts[c] = 0;
    };
    extend(0);
  }
  return patterns.filter((pattern) => !patterns.some((other) => isBetter(problem, other, pattern)));
}

function toPattern(problem: PackingProblem, offering: number, counts: readonly number[]): Pattern {
  const taken = Array.from<number>({ length: problem.familyCount }).fill(0);
  counts.forEach((pods, c) => {
    taken[problem.familyOf[c]!]! += pods;
  });
  return { offering, counts: [...counts], taken, price: problem.priceNano[offering]! };
}

/** Same content in an unlimited offering that costs and weighs no more. */
function isBetter(problem: PackingProblem, a: Pattern, b: Pattern): boolean {
  if (a.offering === b.offering || problem.available[a.offering] !== unlimitedCount) return false;
  if (!a.counts.every((pods, c) => pods === b.counts[c])) return false;
  if (problem.limits.some(({ weight }) => weight[a.offering]! > weight[b.offering]!)) return false;
  const equal =
    a.price === b.price &&
    problem.available[b.offering] === unlimitedCount &&
    problem.limits.every(({ weight }) => weight[a.offering] === weight[b.offering]);
  return equal ? a.offering < b.offering : a.price <= b.price;
}

function isLegalContent(
  problem: PackingProblem,
  offering: number,
  counts: readonly number[],
  demand: Int32Array,
): boolean {
  const resources = problem.resourceNames.length;
  for (let r = 0; r < resources; r++) {
    let sum = 0;
    for (let c = 0; c < counts.length; c++) sum += counts[c]! * problem.request[c * resources + r]!;
    if (sum > problem.capacity[offering * resources + r]!) return false;
  }
  const taken = Array.from<number>({ length: problem.familyCount }).fill(0);
  for (let c = 0; c < counts.length; c++) {
    const most = problem.masks[problem.maskOf[offering]! * problem.classCount + c]!;
    if (most !== unlimitedPerBin && counts[c]! > most) return false;
    taken[problem.familyOf[c]!]! += counts[c]!;
  }
  if (taken.some((pods, family) => pods > demand[family]!)) return false;
  for (let i = 0; i < problem.conflicts.length; i += 2) {
    const [a, b] = [problem.conflicts[i]!, problem.conflicts[i + 1]!];
    if (a === b ? counts[a]! > 1 : counts[a]! > 0 && counts[b]! > 0) return false;
  }
  return true;
}

/** Every bin must hold a pod of the first family that is not yet placed; equal starts ascend. */
function searchCheapest(
  problem: PackingProblem,
  served: Int32Array,
  patterns: readonly Pattern[],
): readonly Pattern[] | undefined {
  const byFirst = Array.from({ length: problem.familyCount }, (_, family) =>
    patterns.filter((pattern) => pattern.taken.findIndex((pods) => pods > 0) === family),
  );
  const left = served.slice();
  const chosen: Pattern[] = [];
  let best: readonly Pattern[] | undefined;
  let bestCost = Infinity;
  const extend = (cost: number, lastFamily: number, lastIndex: number): void => {
    const family = left.findIndex((pods) => pods > 0);
    if (family < 0) {
      if (!obeysDomains(problem, chosen)) return;
      best = [...chosen];
      bestCost = cost;
      return;
    }
    const options = byFirst[family]!;
    for (let i = family === lastFamily ? lastIndex : 0; i < options.length; i++) {
      const pattern = options[i]!;
      if (cost + pattern.price >= bestCost) continue;
      if (pattern.taken.some((pods, f) => pods > left[f]!)) continue;
      chosen.push(pattern);
      if (obeysCounts(problem, chosen)) {
        pattern.taken.forEach((pods, f) => (left[f]! -= pods));
        extend(cost + pattern.price, family, i);
        pattern.taken.forEach((pods, f) => (left[f]! += pods));
      }
      chosen.pop();
    }
  };
  extend(0, -1, 0);
  return best;
}

function obeysCounts(problem: PackingProblem, chosen: readonly Pattern[]): boolean {
  const { offering } = chosen.at(-1)!;
  const available = problem.available[offering]!;
  if (available !== unlimitedCount) {
    if (chosen.filter((pattern) => pattern.offering === offering).length > available) return false;
  }
  return problem.limits.every(
    ({ weight, max }) => chosen.reduce((sum, pattern) => sum + weight[pattern.offering]!, 0) <= max,
  );
}

function obeysDomains(problem: PackingProblem, chosen: readonly Pattern[]): boolean {
  return problem.domainGroups.every((group) => {
    const placed = group.domains.map(({ classes }) =>
      chosen.reduce(
        (sum, { counts }) => sum + [...classes].reduce((pods, c) => pods + counts[c]!, 0),
        0,
      ),
    );
    const total = group.domains.map(({ existing }, at) => existing + placed[at]!);
    const floor = group.floorIsZero ? 0 : Math.min(...total);
    return group.domains.every(
      ({ max }, at) =>
        placed[at] === 0 || (total[at]! <= max && total[at]! - floor <= group.maxSkew),
    );
  });
}

function sumPrices(patterns: readonly Pattern[]): number {
  return patterns.reduce((sum, { price }) => sum + price, 0);
}

function toBins(patterns: readonly Pattern[]): readonly Bin[] {
  return patterns.map(({ offering, counts }) => {
    const classes = Int32Array.from(counts.keys().filter((c) => counts[c]! > 0));
    return { offering, classes, counts: classes.map((c) => counts[c]!), copies: 1 };
  });
}
