/**
 * Rule: hard topology spread over the hostname. Since a new, empty node is always possible, the
 * smallest count is 0 and a node holds at most maxSkew of the pods that the rule counts (Karpenter).
 *
 * Per bin: maxSkew less the residents that are counted, which those that are being deleted are not
 * (kube-scheduler). Between families: those that carry the same
 * rule and are counted by it share a quota of maxSkew. A family that is counted but does not carry
 * the rule may join in any number in the eyes of kube-scheduler if it comes last; a plan that holds
 * in any order keeps carriers and such families on different nodes.
 */
import { labelHostname } from '../../api/labels.ts';
import type { PlacementRow, PlacementRule } from '../placement-row.ts';
import type { Family } from '../pod-families.ts';
import { unlimitedPerBin } from '../problem.ts';
import type { NumberedSpread } from '../rule-book.ts';
import type { FamilyPair, SharedQuota } from '../shared-quotas.ts';

export const hostnameSpreadRule: PlacementRule = {
  name: 'topology spread over the hostname',
  perBin: (row: PlacementRow, family: Family) => {
    let limit = unlimitedPerBin;
    for (const { rule, scope } of family.rules.spreads) {
      if (rule.topologyKey !== labelHostname) {
        continue;
      }
      const room = rule.maxSkew - (row.residents.stayingCounts.get(scope) ?? 0);
      if (family.scopes.has(scope)) {
        limit = Math.min(limit, Math.max(0, room));
      } else if (room < 0) {
        return 0;
      }
    }
    return limit;
  },
};

/** Quotas and pairs between families. */
export function hostnameSpreads(families: readonly Family[]): {
  readonly quotas: readonly SharedQuota[];
  readonly pairs: readonly FamilyPair[];
} {
  const rules = new Map<string, { spread: NumberedSpread; carriers: Family[] }>();
  for (const family of families) {
    for (const spread of family.rules.spreads) {
      if (spread.rule.topologyKey !== labelHostname) {
        continue;
      }
      const known = rules.get(spread.rule.text);
      if (known === undefined) {
        rules.set(spread.rule.text, { spread, carriers: [family] });
      } else {
        known.carriers.push(family);
      }
    }
  }
  const quotas: SharedQuota[] = [];
  const pairs: FamilyPair[] = [];
  for (const { spread, carriers } of rules.values()) {
    const { rule, scope } = spread;
    const counted = families.filter(({ scopes }) => scopes.has(scope));
    const carrying = new Set(carriers);
    const both = counted.filter((family) => carrying.has(family));
    if (both.length > 1) {
      quotas.push({
        name: `spread over ${rule.topologyKey}, maxSkew ${rule.maxSkew}, of ${rule.scope.text}`,
        families: both.map(({ index }) => index),
        quota: rule.maxSkew,
        used: (row) => row.residents.stayingCounts.get(scope) ?? 0,
      });
    }
    for (const carrier of carriers) {
      for (const other of counted) {
        if (!carrying.has(other)) {
          pairs.push([carrier.index, other.index]);
        }
      }
    }
  }
  return { quotas, pairs };
}
