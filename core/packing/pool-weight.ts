/**
 * NodePool weight: a pod goes to the pools of the highest weight that can hold it.
 *
 * In: rows that are already limited by all other rules, what fits nowhere in a row included, and
 * families. Out: rows of lower-weight pools closed to families that a higher one serves. Pools of
 * equal weight compete on price. A family that a rule spreads over domains is served domain by
 * domain: what the first pool cannot reach, the next one may. Where all that serves a family at one
 * weight is limited, it may run out, so the next weight stays open as well unless it is subject to the
 * same limits, and its offerings carry a steering cost that makes them the second choice.
 *
 * Source: Karpenter tries pools by weight and moves on when a pool cannot take the pod.
 */

import type { NewCandidate, PlacementRow } from './placement-row.ts';
import type { Family } from './pod-families.ts';
import type { PoolTemplate } from './pool-templates.ts';
import type { SharedLimit } from './shared-limits.ts';

/** How many times its price an offering is held to cost more for each weight it stands back. */
export const overflowPriceFactor = 4;

export interface WeightInput {
  readonly rows: readonly PlacementRow[];
  readonly templates: readonly PoolTemplate[];
  readonly families: readonly Family[];
  /** Topology keys that a family's domains are told apart by. */
  readonly keysOf: (family: Family) => readonly string[];
  /** Limits by which a row may run out; undefined if it never does. */
  readonly limitsOf: LimitsOfRow;
}

type LimitsOfRow = (row: PlacementRow) => ReadonlySet<SharedLimit> | undefined;

/**
 * Closes rows by weight.
 *
 * @returns [template] how many weights it stands back for some family; 0 for a first choice.
 */
export function applyPoolWeight(input: WeightInput): Uint8Array {
  const { rows, templates, families, keysOf, limitsOf } = input;
  const setBack = new Uint8Array(templates.length);
  if (new Set(templates.map(({ weight }) => weight)).size <= 1) {
    return setBack;
  }
  for (const family of families) {
    const keys = keysOf(family);
    const byDomain = new Map<string, PlacementRow[]>();
    for (const row of rows) {
      if (row.template !== undefined && row.limits[family.index]! > 0) {
        const domain = JSON.stringify(keys.map((key) => row.domains.get(key) ?? null));
        const known = byDomain.get(domain);
        if (known === undefined) {
          byDomain.set(domain, [row]);
        } else {
          known.push(row);
        }
      }
    }
    for (const domainRows of byDomain.values()) {
      closeByWeight(domainRows, family.index, setBack, limitsOf);
    }
  }
  return setBack;
}

/** Keeps the rows of the highest weight, and lower ones as long as all before may run out first. */
function closeByWeight(
  rows: readonly PlacementRow[],
  family: number,
  setBack: Uint8Array,
  limitsOf: LimitsOfRow,
): void {
  const weightOf = (row: PlacementRow): number => row.template?.weight ?? 0;
  const weights = [...new Set(rows.map(weightOf))].sort((a, b) => b - a);
  let steps = 0;
  const before: PlacementRow[] = [];
  for (const weight of weights) {
    const tier = rows.filter((row) => weightOf(row) === weight);
    const isServed = (row: PlacementRow): boolean =>
      before.some((other) => outlasts(limitsOf(other), limitsOf(row)));
    const [closed, open] = [tier.filter(isServed), tier.filter((row) => !isServed(row))];
    for (const row of closed) {
      row.limits[family] = 0;
      row.boundLimits[family] = 0;
    }
    for (const row of open) {
      const template = row.template!.index;
      setBack[template] = Math.max(setBack[template]!, steps);
    }
    steps++;
    before.push(...open);
  }
}

/** Whether what is limited by `own` lasts as long as what is limited by `other`. */
function outlasts(
  own: ReadonlySet<SharedLimit> | undefined,
  other: ReadonlySet<SharedLimit> | undefined,
): boolean {
  return own === undefined || (other !== undefined && own.isSubsetOf(other));
}

/** Limits of rows all of whose candidates are limited. O(candidates x limits). */
export function scarceRows(
  candidates: readonly NewCandidate[],
  limits: readonly SharedLimit[],
): LimitsOfRow {
  const byRow = new Map<PlacementRow, Set<SharedLimit> | undefined>();
  for (const candidate of candidates) {
    const own = limits.filter(({ amountOf }) => amountOf(candidate) !== undefined);
    const known = byRow.get(candidate.row);
    const isScarce = own.length > 0 && (known !== undefined || !byRow.has(candidate.row));
    byRow.set(candidate.row, isScarce ? new Set([...(known ?? []), ...own]) : undefined);
  }
  return (row) => byRow.get(row);
}
