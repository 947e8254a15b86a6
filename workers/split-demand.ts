/**
 * Decides how many pods of each family go to each of its classes (domains), in integers.
 *
 * In: a wish per class (the LP's split), a split that is known to be legal. Out: a legal split near
 * the wish, or the known one where repair fails. Rules: DomainGroup in core/packing/problem.ts.
 */
import { type DomainGroup, type PackingProblem } from '../core/packing/problem.ts';

/** Repair moves per group: each brings one pod from a domain that is too full to one with room. */
const repairsMax = 20_000;

function countsOf(group: DomainGroup, split: Int32Array): number[] {
  return group.domains.map((d) => {
    let count = d.existing;
    for (const c of d.classes) count += split[c] as number;
    return count;
  });
}

/** True if the split obeys the group's rule. */
function isLegal(group: DomainGroup, split: Int32Array): boolean {
  const counts = countsOf(group, split);
  const floor = group.floorIsZero ? 0 : Math.min(...counts);
  return group.domains.every((d, z) => {
    const count = counts[z] as number;
    if (count === d.existing) return true;
    return count <= d.max && count - floor <= group.maxSkew;
  });
}

/** True if every group's rule holds. */
export function isLegalSplit(p: PackingProblem, split: Int32Array): boolean {
  return p.domainGroups.every((group) => isLegal(group, split));
}

/** Moves one pod of some family from one domain of the group to another; false if none can. */
function moveOne(
  p: PackingProblem,
  group: DomainGroup,
  split: Int32Array,
  wish: Float64Array,
): boolean {
  const counts = countsOf(group, split);
  const floor = group.floorIsZero ? 0 : Math.min(...counts);
  const over = (z: number): boolean => {
    const d = group.domains[z] as DomainGroup['domains'][number];
    const count = counts[z] as number;
    return count > d.existing && (count > d.max || count - floor > group.maxSkew);
  };
  const order = counts
    .map((_, z) => z)
    .sort((a, b) => (counts[a] as number) - (counts[b] as number) || a - b);
  for (const from of order.toReversed()) {
    if (!over(from)) continue;
    for (const to of order) {
      const target = group.domains[to] as DomainGroup['domains'][number];
      if (to === from || (counts[to] as number) + 1 > target.max) continue;
      if ((counts[to] as number) + 1 >= (counts[from] as number)) break;
      let best: { a: number; b: number; gain: number } | null = null;
      for (const a of (group.domains[from] as DomainGroup['domains'][number]).classes) {
        if ((split[a] as number) === 0) continue;
        for (const b of target.classes) {
          if (p.familyOf[a] !== p.familyOf[b]) continue;
          const gain =
            (split[a] as number) - (wish[a] as number) - (split[b] as number) + (wish[b] as number);
          if (best === null || gain > best.gain) best = { a, b, gain };
        }
      }
      if (best === null) continue;
      split[best.a] = (split[best.a] as number) - 1;
      split[best.b] = (split[best.b] as number) + 1;
      return true;
    }
  }
  return false;
}

/** Rounds the wish to integers family by family, then repairs group by group. */
export function splitDemand(p: PackingProblem, wish: Float64Array, known: Int32Array): Int32Array {
  const split = new Int32Array(p.classCount);
  const classesOf: number[][] = Array.from({ length: p.familyCount }, () => []);
  p.familyOf.forEach((f, c) => classesOf[f]?.push(c));
  classesOf.forEach((classes, f) => {
    let left = p.demand[f] as number;
    for (const c of classes) {
      const given =
        classes.length === 1 ? left : Math.min(left, Math.floor((wish[c] as number) + 1e-6));
      split[c] = given;
      left -= given;
    }
    while (left > 0) {
      let pick = classes[0] as number;
      for (const c of classes) {
        if (
          (wish[c] as number) - (split[c] as number) >
          (wish[pick] as number) - (split[pick] as number)
        )
          pick = c;
      }
      split[pick] = (split[pick] as number) + 1;
      left--;
    }
  });
  for (let round = 0; round < 4; round++) {
    for (const group of p.domainGroups) {
      for (let k = 0; k < repairsMax && !isLegal(group, split); k++)
        if (!moveOne(p, group, split, wish)) break;
    }
    if (isLegalSplit(p, split)) return split;
  }
  return known;
}
