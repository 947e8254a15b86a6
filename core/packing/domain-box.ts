/**
 * What a rule over domains leaves open, in numbers: how many pods each domain must and may take.
 *
 * In: a {@link DomainGroup} and how many pods of it are to be placed. Out: per-domain ranges, the
 * most pods that can be placed at all, and whether families with domains of their own can all be
 * placed together. Pure counting; it knows neither bins nor prices.
 *
 * Method. Guess the smallest count m that the domains will have (the floor). For a given floor the
 * rule is a box: domain z takes between max(0, m - existing) and min(max, m + maxSkew) - existing
 * new pods. Both ends only grow with m, so the floors that suit a total form an interval whose ends
 * are found by bisection. Legal counts are the union of these boxes, hence the answers are exact.
 */
import { type DomainGroup, maxInt32 } from './problem.ts';

/** Newly placed pods of one domain. */
export interface DomainRange {
  readonly min: number;
  readonly max: number;
}

/** A family as far as a group counts it: pods, and the domains (by index) that it may stand in. */
export interface DomainDemand {
  readonly pods: number;
  readonly domains: readonly number[];
}

/** More domains than this and {@link placeableTogether} gives up (it looks at subsets). */
export const maxDomainsForSubsets = 12;

/** Whether the floor is a choice: without a skew rule, or when it is 0 by rule, it is not. */
function hasFloor(group: DomainGroup): boolean {
  return group.maxSkew !== maxInt32 && !group.floorIsZero;
}

function lowest(group: DomainGroup, z: number, floor: number): number {
  return hasFloor(group) ? Math.max(0, floor - group.domains[z]!.existing) : 0;
}

function highest(group: DomainGroup, z: number, floor: number): number {
  const domain = group.domains[z]!;
  if (domain.classes.length === 0) {
    return 0;
  }
  const skewed = group.maxSkew === maxInt32 ? maxInt32 : floor + group.maxSkew;
  return Math.max(0, Math.min(domain.max, skewed) - domain.existing);
}

function sumOver(group: DomainGroup, amount: (z: number) => number): number {
  let sum = 0;
  for (let z = 0; z < group.domains.length; z++) {
    sum += amount(z);
  }
  return sum;
}

/** Whether every domain can reach the floor, and all together with at most `total` pods. */
function isReachable(group: DomainGroup, floor: number, total: number): boolean {
  for (let z = 0; z < group.domains.length; z++) {
    if (lowest(group, z, floor) > highest(group, z, floor)) {
      return false;
    }
  }
  return sumOver(group, (z) => lowest(group, z, floor)) <= total;
}

/** The first integer in [from, to] for which `holds` (false, then true); `to + 1` if none. */
function firstWhere(from: number, to: number, holds: (value: number) => boolean): number {
  let low = from;
  let high = to + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/** The greatest floor that `total` pods can reach. */
function greatestFloor(group: DomainGroup, total: number): number {
  if (!hasFloor(group)) {
    return 0;
  }
  const most = group.domains.reduce((max, { existing }) => Math.max(max, existing), 0) + total;
  return firstWhere(1, most, (floor) => !isReachable(group, floor, total)) - 1;
}

/** Most pods out of `total` that the rule lets stand, all of them in any open domain. */
export function placeable(group: DomainGroup, total: number): number {
  const floor = greatestFloor(group, total);
  return Math.min(
    total,
    sumOver(group, (z) => highest(group, z, floor)),
  );
}

/**
 * The tightest range of newly placed pods for each domain, given that `total` pods of the group are
 * placed; more than {@link placeable} counts as that many. O(domains^2 log total).
 */
export function domainBox(group: DomainGroup, total: number): readonly DomainRange[] {
  const last = greatestFloor(group, total);
  const placed = Math.min(
    total,
    sumOver(group, (z) => highest(group, z, last)),
  );
  const highSum = (floor: number): number => sumOver(group, (z) => highest(group, z, floor));
  const lowSum = (floor: number): number => sumOver(group, (z) => lowest(group, z, floor));
  const first = firstWhere(0, last, (floor) => highSum(floor) >= placed);
  return group.domains.map((_, z) => {
    // Least: one end rises with the floor, the other falls; the best is where they meet.
    const own = (floor: number): number => lowest(group, z, floor);
    const left = (floor: number): number => placed - highSum(floor) + highest(group, z, floor);
    const meet = firstWhere(first, last, (floor) => own(floor) >= left(floor));
    const min = bestAround(meet, first, last, (floor) => -Math.max(own(floor), left(floor)));
    const top = (floor: number): number => highest(group, z, floor);
    const rest = (floor: number): number => placed - lowSum(floor) + lowest(group, z, floor);
    const cross = firstWhere(first, last, (floor) => top(floor) >= rest(floor));
    const max = bestAround(cross, first, last, (floor) => Math.min(top(floor), rest(floor)));
    return { min: Math.max(0, -min), max };
  });
}

/** The better of the values at `at` and just before it, as far as they are in [first, last]. */
function bestAround(
  at: number,
  first: number,
  last: number,
  value: (floor: number) => number,
): number {
  const right = Math.min(at, last);
  return Math.max(value(right), value(Math.max(first, right - 1)), value(Math.max(first, at - 1)));
}

/**
 * Whether all pods of all families can stand at once under the group's rule, each family only in
 * its own domains. False also when there are more domains than {@link maxDomainsForSubsets}.
 *
 * Hall's condition over sets of domains, once for what domains may take at most, once for what
 * they need at least; in a bipartite transport both together suffice.
 */
export function placeableTogether(group: DomainGroup, families: readonly DomainDemand[]): boolean {
  const count = group.domains.length;
  if (count > maxDomainsForSubsets) {
    return false;
  }
  const byMask = new Map<number, number>();
  let total = 0;
  for (const family of families) {
    const mask = family.domains.reduce((bits, z) => bits | (1 << z), 0);
    byMask.set(mask, (byMask.get(mask) ?? 0) + family.pods);
    total += family.pods;
  }
  /** Pods of families that meet (or lie wholly within) each set of domains. */
  const sets = 1 << count;
  const within = new Float64Array(sets);
  for (const [mask, pods] of byMask) {
    for (let set = 0; set < sets; set++) {
      if ((mask & ~set) === 0) {
        within[set]! += pods;
      }
    }
  }
  const fits = (amount: (z: number) => number, holds: (set: number, sum: number) => boolean) => {
    for (let set = 0; set < sets; set++) {
      const sum = sumOver(group, (z) => ((set >> z) & 1) * amount(z));
      if (!holds(set, sum)) {
        return false;
      }
    }
    return true;
  };
  const last = greatestFloor(group, total);
  const floor = firstWhere(0, last, (f) =>
    fits(
      (z) => highest(group, z, f),
      (set, room) => within[set]! <= room,
    ),
  );
  return (
    floor <= last &&
    fits(
      (z) => lowest(group, z, floor),
      (set, need) => need <= total - within[sets - 1 - set]!,
    )
  );
}
