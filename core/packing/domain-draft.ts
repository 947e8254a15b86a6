/**
 * Rules over domains while they are being collected.
 *
 * In: what the rules under `rules/` find. Out: which families must be split by which topology keys,
 * which rows are closed to whom, and groups that `problem.ts` will count. Families and domain values
 * are still meant by themselves; classes are made of them later (`classes.ts`).
 */
import type { PlacementRow } from './placement-row.ts';
import { type DomainGroup, maxInt32 } from './problem.ts';

/** One domain of a group; `value` undefined stands for nodes without the label. */
export interface DraftDomain {
  readonly value: string | undefined;
  readonly existing: number;
  readonly max: number;
}

/** A group before classes exist. */
export interface GroupDraft {
  readonly name: string;
  /** The rule without whom it counts, for reasons. */
  readonly rule: string;
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly floorIsZero: boolean;
  readonly boundSafe: boolean;
  /** Families whose pods are counted. */
  readonly members: readonly number[];
  readonly domains: readonly DraftDomain[];
}

/** Collects what the rules over domains say. */
export class DomainDraft {
  readonly rows: readonly PlacementRow[];
  readonly groups: GroupDraft[] = [];
  readonly notes = new Set<string>();
  readonly #splitKeys: Set<string>[];
  /** [family] the rule that closed rows to it last, for reasons. */
  readonly #closedBy: (string | undefined)[];

  constructor(rows: readonly PlacementRow[], familyCount: number) {
    this.rows = rows;
    this.#splitKeys = Array.from({ length: familyCount }, () => new Set<string>());
    this.#closedBy = Array.from({ length: familyCount });
  }

  /** Keys by whose values the family falls into classes, sorted. */
  splitKeys(family: number): readonly string[] {
    return [...this.#splitKeys[family]!].sort();
  }

  split(family: number, topologyKey: string): void {
    this.#splitKeys[family]!.add(topologyKey);
  }

  /** The rule over domains that closed some row to the family, if any. */
  closedBy(family: number): string | undefined {
    return this.#closedBy[family];
  }

  /**
   * Closes rows to a family where `isClosed` says so of the key's value. For the plan only, if
   * `planOnly`: the rule is stricter than it would have to be.
   */
  close(
    family: number,
    topologyKey: string,
    isClosed: (value: string | undefined) => boolean,
    rule: string,
    planOnly = false,
  ): void {
    this.closeRows(family, (row) => isClosed(row.domains.get(topologyKey)), rule, planOnly);
  }

  /** The same for rows by whatever they are. */
  closeRows(
    family: number,
    isClosed: (row: PlacementRow) => boolean,
    rule: string,
    planOnly = false,
  ): void {
    for (const row of this.rows) {
      if (isClosed(row)) {
        if (row.limits[family]! > 0) {
          this.#closedBy[family] = rule;
        }
        this.#limit(row, family, 0, planOnly);
      }
    }
  }

  /** Rows where the family may stand, as the plan sees it. */
  openRows(family: number): PlacementRow[] {
    return this.rows.filter((row) => row.limits[family]! > 0);
  }

  /** At most `most` pods of the family in one bin that has the label: a bin is in one domain. */
  limitPerBin(family: number, topologyKey: string, most: number): void {
    for (const row of this.rows) {
      if (row.domains.has(topologyKey)) {
        this.#limit(row, family, most, false);
      }
    }
  }

  #limit(row: PlacementRow, family: number, most: number, planOnly: boolean): void {
    if (planOnly && row.boundLimits === row.limits) {
      row.boundLimits = row.limits.slice();
    }
    row.limits[family] = Math.min(row.limits[family]!, most);
    if (!planOnly) {
      row.boundLimits[family] = Math.min(row.boundLimits[family]!, most);
    }
  }

  /** Values of a key under which the family may stand, as the plan sees it. */
  openValues(family: number, topologyKey: string): Set<string | undefined> {
    const values = new Set<string | undefined>();
    for (const row of this.rows) {
      if (row.limits[family]! > 0) {
        values.add(row.domains.get(topologyKey));
      }
    }
    return values;
  }
}

/** A group as `domain-box.ts` wants it, with `open` telling which domains can take pods. */
export function countingGroup(
  draft: Omit<GroupDraft, 'members' | 'boundSafe' | 'rule'>,
  open: (value: string | undefined) => boolean,
): DomainGroup {
  return {
    name: draft.name,
    maxSkew: draft.maxSkew,
    floorIsZero: draft.floorIsZero,
    boundSafe: false,
    domains: draft.domains.map(({ value, existing, max }) => ({
      name: value ?? '',
      classes: Int32Array.from(open(value) ? [0] : []),
      existing,
      max,
    })),
  };
}

/** "No rule" for a domain. */
export const noDomainMax = maxInt32;
