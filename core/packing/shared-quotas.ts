/**
 * Rules between families on one node: quotas that several families share, and pairs that may not
 * meet.
 *
 * In: quotas and pairs from the rules. Out: at most {@link maxQuotaDimensions} quotas as resource
 * dimensions of 0 or 1 per pod (exact, and known to the bound); the rest as pairs. A quota that
 * becomes pairs lets only one of its families onto a node. That is stricter than the rule where the
 * quota is above 1, so large quotas are the last to become pairs.
 */
import type { PlacementRow } from './placement-row.ts';

/** Two families that may not share a node. */
export type FamilyPair = readonly [number, number];

/** Most pods of some families together on one node. */
export interface SharedQuota {
  readonly name: string;
  readonly families: readonly number[];
  readonly quota: number;
  /** How much of it residents of a row have used. */
  readonly used: (row: PlacementRow) => number;
}

/** Each dimension makes every step of the solver a little slower. */
export const maxQuotaDimensions = 12;

export interface NodeSharing {
  readonly quotas: readonly SharedQuota[];
  /** Without repeats, lower index first. */
  readonly pairs: readonly FamilyPair[];
}

/** Chooses which quotas become dimensions. */
export function nodeSharing(
  quotas: readonly SharedQuota[],
  pairs: readonly FamilyPair[],
): NodeSharing {
  const distinct = new Map<string, SharedQuota>();
  for (const quota of quotas) {
    distinct.set(quota.name, quota);
  }
  const ranked = [...distinct.values()].sort(
    (a, b) => b.quota - a.quota || b.families.length - a.families.length,
  );
  const all = [...pairs];
  for (const { families } of ranked.slice(maxQuotaDimensions)) {
    families.forEach((family, at) => {
      for (const other of families.slice(at + 1)) {
        all.push([family, other]);
      }
    });
  }
  const seen = new Map<string, FamilyPair>();
  for (const [a, b] of all) {
    const pair: FamilyPair = a < b ? [a, b] : [b, a];
    seen.set(pair.join(), pair);
  }
  return { quotas: ranked.slice(0, maxQuotaDimensions), pairs: [...seen.values()] };
}
