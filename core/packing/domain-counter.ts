/**
 * Counts pods over domains while they are placed one after another, and says where the next may go.
 *
 * In: a problem, then placements. Out: how many pods of a class may be placed right now without
 * breaking a rule over domains. Placing only what is allowed at each moment keeps the final counts
 * legal: the smallest count of a group never falls, so what was within the skew stays within it.
 */
import { maxInt32, type PackingProblem } from './problem.ts';

interface Place {
  readonly group: number;
  readonly domain: number;
}

/** Running counts of every group of a problem. */
export class DomainCounter {
  readonly #problem: PackingProblem;
  /** [class] where it is counted; undefined if nowhere. */
  readonly #placesOf: readonly (readonly Place[] | undefined)[];
  /** [group][domain] */
  readonly #counts: readonly Float64Array[];
  /** [group] what skew is measured from. */
  readonly #floor: Float64Array;

  constructor(problem: PackingProblem) {
    this.#problem = problem;
    const placesOf = Array.from<Place[] | undefined>({ length: problem.classCount });
    problem.domainGroups.forEach((group, groupIndex) => {
      group.domains.forEach((domain, domainIndex) => {
        for (const c of domain.classes) {
          (placesOf[c] ??= []).push({ group: groupIndex, domain: domainIndex });
        }
      });
    });
    this.#placesOf = placesOf;
    this.#counts = problem.domainGroups.map((group) =>
      Float64Array.from(group.domains, (domain) => domain.existing),
    );
    this.#floor = Float64Array.from(problem.domainGroups, (_, group) => this.#measureFloor(group));
  }

  /** Whether any rule over domains counts pods of class `c`. */
  isCounted(c: number): boolean {
    return this.#placesOf[c] !== undefined;
  }

  /** Pods of class `c` that may be placed now; Infinity if no group counts them. */
  allowance(c: number): number {
    let allowed = Infinity;
    for (const { group, domain } of this.#placesOf[c] ?? []) {
      const { maxSkew, domains } = this.#problem.domainGroups[group]!;
      const { max } = domains[domain]!;
      const count = this.#counts[group]![domain]!;
      if (max !== maxInt32) allowed = Math.min(allowed, max - count);
      if (maxSkew !== maxInt32) allowed = Math.min(allowed, this.#floor[group]! + maxSkew - count);
    }
    return Math.max(0, allowed);
  }

  /** How far the class's domains are above the least one, over all groups with a skew rule. */
  excess(c: number): number {
    let excess = 0;
    for (const { group, domain } of this.#placesOf[c] ?? []) {
      if (this.#problem.domainGroups[group]!.maxSkew === maxInt32) continue;
      excess += this.#counts[group]![domain]! - this.#floor[group]!;
    }
    return excess;
  }

  /** Whether a skew rule makes the order of placements matter for class `c`. */
  isSkewed(c: number): boolean {
    return (this.#placesOf[c] ?? []).some(
      ({ group }) => this.#problem.domainGroups[group]!.maxSkew !== maxInt32,
    );
  }

  /** Records `pods` more pods of class `c`. */
  add(c: number, pods: number): void {
    for (const { group, domain } of this.#placesOf[c] ?? []) {
      this.#counts[group]![domain]! += pods;
      this.#floor[group] = this.#measureFloor(group);
    }
  }

  #measureFloor(group: number): number {
    if (this.#problem.domainGroups[group]!.floorIsZero) return 0;
    let least = Infinity;
    for (const count of this.#counts[group]!) least = Math.min(least, count);
    return least;
  }
}
