/**
 * minValues: what a pool plans must leave a choice of at least so many values of a label.
 *
 * In: candidates of pools with minValues, their rows limited by all rules of pods. Out: the same
 * candidates with less room: a bin holds only what every member of a large enough set of types in
 * the same place can hold, so that a launch can name them all. The room is the component-wise
 * minimum over the set, the plan's limits likewise; the bound keeps the type's own. Candidates that
 * no set is found for are dropped, and families that the pool's types together cannot offer enough
 * values are excluded from it.
 *
 * Sets are chosen greedily: first types that are at least as large and admit at least as much, then
 * whichever shrink the room least.
 */
import { labelCapacityType, labelZone } from '../api/labels.ts';
import type { InstanceType } from '../state/instance-type.ts';
import type { NewCandidate, PlacementRow } from './placement-row.ts';
import type { Family } from './pod-families.ts';
import type { PoolTemplate } from './pool-templates.ts';
import { fitsInto } from './resource-axis.ts';

/** Applies minValues to the candidates of one template; returns those that are left. */
export function applyMinValues(
  template: PoolTemplate,
  candidates: readonly NewCandidate[],
  families: readonly Family[],
  requests: readonly Float64Array[],
  addRow: (like: PlacementRow, limits: Uint16Array) => PlacementRow,
): NewCandidate[] {
  if (template.minValues.length === 0) {
    return [...candidates];
  }
  const values = new LabelValues(template, candidates);
  excludeFamilies(values, candidates, families, requests);
  // A set shares every domain that a rule counts over, so that no rule sees which type it became.
  const places = Map.groupBy(candidates, ({ zone, capacityType, row }) =>
    JSON.stringify([zone, capacityType, ...[...row.domains].sort(([a], [b]) => (a < b ? -1 : 1))]),
  );
  const kept: NewCandidate[] = [];
  const rows = new SharedRows(addRow);
  for (const place of places.values()) {
    const sorted = place.toSorted(
      (a, b) => a.room.plan[0]! - b.room.plan[0]! || a.room.plan[1]! - b.room.plan[1]!,
    );
    // All sets are found before any room shrinks: a set is made of types as they are.
    const sets = sorted.map((_, at) => interchangeable(sorted, at, values, rows));
    const shrunk = sets.map((set) => (set === undefined ? undefined : smallestRoom(set)));
    sorted.forEach((candidate, at) => {
      const set = sets[at];
      if (set !== undefined) {
        const row = rows.common(set);
        kept.push({ ...candidate, row, room: { plan: shrunk[at]!, bound: candidate.room.bound } });
      }
    });
  }
  return kept;
}

/** Values that types have for the keys that matter. */
class LabelValues {
  readonly template: PoolTemplate;
  readonly #byType = new Map<InstanceType, readonly (readonly string[])[]>();

  constructor(template: PoolTemplate, candidates: readonly NewCandidate[]) {
    this.template = template;
    const byType = Map.groupBy(candidates, ({ type }) => type);
    for (const [type, own] of byType) {
      const valuesOf = (key: string): readonly string[] => {
        if (key === labelZone) {
          return [...new Set(own.map(({ zone }) => zone))];
        }
        if (key === labelCapacityType) {
          return [...new Set(own.map(({ capacityType }) => capacityType))];
        }
        const value = type.labels[key] ?? template.labels[key];
        return value === undefined ? [] : [value];
      };
      this.#byType.set(
        type,
        template.minValues.map(({ key }) => valuesOf(key)),
      );
    }
  }

  of(type: InstanceType): readonly (readonly string[])[] {
    return this.#byType.get(type) ?? [];
  }
}

/** Distinct values gathered so far, one set for each key with minValues. */
class Gathered {
  readonly #values: LabelValues;
  readonly #sets: readonly Set<string>[];

  constructor(values: LabelValues) {
    this.#values = values;
    this.#sets = values.template.minValues.map(() => new Set<string>());
  }

  /** Whether the type brings a value of a key that is still short of values. */
  isWanted(type: InstanceType): boolean {
    return this.#values
      .of(type)
      .some(
        (own, at) =>
          this.#sets[at]!.size < this.#values.template.minValues[at]!.count &&
          own.some((value) => !this.#sets[at]!.has(value)),
      );
  }

  add(type: InstanceType): void {
    this.#values.of(type).forEach((own, at) => {
      for (const value of own) {
        this.#sets[at]!.add(value);
      }
    });
  }

  get isEnough(): boolean {
    return this.#values.template.minValues.every(({ count }, at) => this.#sets[at]!.size >= count);
  }
}

/** Closes the pool to families for which all its types together have too few values. */
function excludeFamilies(
  values: LabelValues,
  candidates: readonly NewCandidate[],
  families: readonly Family[],
  requests: readonly Float64Array[],
): void {
  const rows = new Set(candidates.map(({ row }) => row));
  for (const { index } of families) {
    const gathered = new Gathered(values);
    for (const { row, room, type } of candidates) {
      if (
        row.boundLimits[index]! > 0 &&
        gathered.isWanted(type) &&
        fitsInto(requests[index]!, room.bound)
      ) {
        gathered.add(type);
        if (gathered.isEnough) {
          break;
        }
      }
    }
    if (!gathered.isEnough) {
      for (const row of rows) {
        row.limits[index] = 0;
        row.boundLimits[index] = 0;
      }
    }
  }
}

/** Shares of `wanted` that `offered` keeps, at most 1 each: of the scarcest resource, and in sum. */
function keptShares(wanted: Float64Array, offered: Float64Array): { least: number; sum: number } {
  let least = 1;
  let sum = 0;
  for (let r = 0; r < wanted.length; r++) {
    if (wanted[r]! > 0) {
      const share = Math.min(1, offered[r]! / wanted[r]!);
      least = Math.min(least, share);
      sum += share;
    }
  }
  return { least, sum };
}

/** A set of candidates of one place, `at` included, that has values enough; undefined if none. */
function interchangeable(
  sorted: readonly NewCandidate[],
  at: number,
  values: LabelValues,
  rows: SharedRows,
): readonly NewCandidate[] | undefined {
  const self = sorted[at]!;
  const gathered = new Gathered(values);
  const set = [self];
  gathered.add(self.type);
  const take = (candidate: NewCandidate): void => {
    set.push(candidate);
    gathered.add(candidate.type);
  };
  for (let other = at + 1; other < sorted.length && !gathered.isEnough; other++) {
    const candidate = sorted[other]!;
    if (
      gathered.isWanted(candidate.type) &&
      rows.covers(candidate.row, self.row) &&
      fitsInto(self.room.plan, candidate.room.plan)
    ) {
      take(candidate);
    }
  }
  if (gathered.isEnough) {
    return set;
  }
  const ranked = sorted
    .filter((candidate) => candidate !== self && gathered.isWanted(candidate.type))
    .map((candidate) => ({
      candidate,
      covers: rows.covers(candidate.row, self.row) ? 1 : 0,
      kept: keptShares(self.room.plan, candidate.room.plan),
    }))
    .sort((a, b) => b.covers - a.covers || b.kept.least - a.kept.least || b.kept.sum - a.kept.sum);
  for (const { candidate } of ranked) {
    if (gathered.isWanted(candidate.type)) {
      take(candidate);
    }
    if (gathered.isEnough) {
      return set;
    }
  }
  return undefined;
}

/** What every member of a set has room for. */
function smallestRoom(set: readonly NewCandidate[]): Float64Array {
  const room = set[0]!.room.plan.slice();
  for (const candidate of set) {
    candidate.room.plan.forEach((amount, r) => {
      room[r] = Math.min(room[r]!, amount);
    });
  }
  return room;
}

/** Rows that several rows have in common. */
class SharedRows {
  readonly #addRow: (like: PlacementRow, limits: Uint16Array) => PlacementRow;
  readonly #common = new Map<string, PlacementRow>();
  readonly #covers = new Map<PlacementRow, Map<PlacementRow, boolean>>();

  constructor(addRow: (like: PlacementRow, limits: Uint16Array) => PlacementRow) {
    this.#addRow = addRow;
  }

  /** Whether `row` admits at least what `other` admits. */
  covers(row: PlacementRow, other: PlacementRow): boolean {
    let byOther = this.#covers.get(row);
    if (byOther === undefined) {
      byOther = new Map();
      this.#covers.set(row, byOther);
    }
    let answer = byOther.get(other);
    if (answer === undefined) {
      answer = row === other || other.limits.every((limit, f) => limit <= row.limits[f]!);
      byOther.set(other, answer);
    }
    return answer;
  }

  /** The row of the first candidate with the limits that all of them share. */
  common(set: readonly NewCandidate[]): PlacementRow {
    const first = set[0]!.row;
    const others = [...new Set(set.map(({ row }) => row))].filter(
      (row) => !this.covers(row, first),
    );
    if (others.length === 0) {
      return first;
    }
    const text = [first, ...others].map(({ index }) => index).join();
    let row = this.#common.get(text);
    if (row === undefined) {
      const limits = first.limits.map((limit, f) =>
        others.reduce((least, other) => Math.min(least, other.limits[f]!), limit),
      );
      row = this.#addRow(first, limits);
      this.#common.set(text, row);
    }
    return row;
  }
}
