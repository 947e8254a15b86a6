/**
 * NodePool weight: a pod goes to the pools of the highest weight that can hold it.
 *
 * In: rows that are already limited by all other rules, what fits nowhere in a row included, and
 * families. Out: rows of lower-weight pools closed to families that a higher one serves. Pools of
 * equal weight compete on price. A family that a rule spreads over domains is served domain by
 * domain: what the first pool cannot reach, the next one may. Where every pool that serves a family
 * at one weight has limits, it may run out, so the next weight stays open as well, and its offerings
 * carry a steering cost that makes them the second choice.
 *
 * Source: Karpenter tries pools by weight and moves on when a pool cannot take the pod.
 */

import type { PlacementRow } from './placement-row.ts';
import type { Family } from './pod-families.ts';
import type { PoolTemplate } from './pool-templates.ts';

/** How many times its price an offering is held to cost more for each weight it stands back. */
export const overflowPriceFactor = 4;

/**
 * Closes rows by weight. `keysOf` names the topology keys that a family's domains are told apart by.
 *
 * @returns [template] how many weights it stands back for some family; 0 for a first choice.
 */
export function applyPoolWeight(
  rows: readonly PlacementRow[],
  templates: readonly PoolTemplate[],
  families: readonly Family[],
  keysOf: (family: Family) => readonly string[],
): Uint8Array {
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
      closeByWeight(domainRows, family.index, setBack);
    }
  }
  return setBack;
}

/** Keeps the rows of the highest weight, and the next ones as long as all before may run out. */
function closeByWeight(rows: readonly PlacementRow[], family: number, setBack: Uint8Array): void {
  const weightOf = (row: PlacementRow): number => row.template?.weight ?? 0;
  const weights = [...new Set(rows.map(weightOf))].sort((a, b) => b - a);
  let steps = 0;
  let isServed = false;
  for (const weight of weights) {
    const tier = rows.filter((row) => weightOf(row) === weight);
    for (const row of tier) {
      if (isServed) {
        row.limits[family] = 0;
        row.boundLimits[family] = 0;
      } else {
        const template = row.template!.index;
        setBack[template] = Math.max(setBack[template]!, steps);
      }
    }
    steps++;
    isServed ||= tier.some(
      ({ template }) => Object.keys(template?.pool.spec.limits ?? {}).length === 0,
    );
  }
}
