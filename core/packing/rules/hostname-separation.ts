/**
 * Rule: required anti-affinity over the hostname. A pod with it shares its node with no pod that it
 * names, and such pods do not join it either (as kube-scheduler sees to both ways).
 *
 * Per bin: none where a resident is named, or names the family; one if the family names itself.
 * Between families: those that carry a rule and are named by it share a quota of 1; a carrier and a
 * family that it names without that are a pair that may not meet.
 */
import { labelHostname } from '../../api/labels.ts';
import type { PlacementRow, PlacementRule } from '../placement-row.ts';
import type { Family } from '../pod-families.ts';
import { unlimitedPerBin } from '../problem.ts';
import type { FamilyPair, SharedQuota } from '../shared-quotas.ts';

export const hostnameSeparationRule: PlacementRule = {
  name: 'anti-affinity with pods on the node',
  perBin: (row: PlacementRow, family: Family) => {
    let limit = unlimitedPerBin;
    for (const { rule, scope } of family.rules.separations) {
      if (rule.topologyKey !== labelHostname) {
        continue;
      }
      if ((row.residents.scopeCounts.get(scope) ?? 0) > 0) {
        return 0;
      }
      if (family.scopes.has(scope)) {
        limit = 1;
      }
    }
    for (const scope of row.residents.foes) {
      if (family.scopes.has(scope)) {
        return 0;
      }
    }
    return limit;
  },
};

/** Carriers of each separation rule over one topology key, and the families that it names. */
export interface SeparationParties {
  readonly name: string;
  /** The name without the pods that are named. */
  readonly rule: string;
  readonly carriers: readonly Family[];
  readonly named: readonly Family[];
}

/** Parties by rule, for the rules over `topologyKey` (or over all keys but the hostname). */
export function separationParties(
  families: readonly Family[],
  concerns: (topologyKey: string) => boolean,
): (SeparationParties & { readonly topologyKey: string; readonly scope: number })[] {
  const rules = new Map<
    string,
    { topologyKey: string; scope: number; name: string; rule: string; carriers: Family[] }
  >();
  for (const family of families) {
    for (const separation of family.rules.separations) {
      const { topologyKey, scope: scoped, text } = separation.rule;
      if (!concerns(topologyKey)) {
        continue;
      }
      const known = rules.get(text);
      if (known === undefined) {
        const rule = `anti-affinity over ${topologyKey}`;
        const name = `${rule} with ${scoped.text}`;
        const { scope } = separation;
        rules.set(text, { topologyKey, scope, name, rule, carriers: [family] });
      } else {
        known.carriers.push(family);
      }
    }
  }
  return [...rules.values()].map((rule) => ({
    ...rule,
    named: families.filter(({ scopes }) => scopes.has(rule.scope)),
  }));
}

/** A carrier and a family that it names, except where both carry the rule and are named by it. */
export function mixedPairs({ carriers, named }: SeparationParties): FamilyPair[] {
  const carrying = new Set(carriers);
  const isNamed = new Set(named);
  const pairs: FamilyPair[] = [];
  for (const carrier of carriers) {
    for (const other of named) {
      const both = isNamed.has(carrier) && carrying.has(other);
      if (carrier !== other && !both) {
        pairs.push([carrier.index, other.index]);
      }
    }
  }
  return pairs;
}

/** Quotas and pairs between families. */
export function hostnameSeparations(families: readonly Family[]): {
  readonly quotas: readonly SharedQuota[];
  readonly pairs: readonly FamilyPair[];
} {
  const quotas: SharedQuota[] = [];
  const pairs: FamilyPair[] = [];
  for (const parties of separationParties(families, (key) => key === labelHostname)) {
    const named = new Set(parties.named);
    const both = parties.carriers.filter((carrier) => named.has(carrier));
    if (both.length > 1) {
      const members = both.map(({ index }) => index);
      quotas.push({ name: parties.name, families: members, quota: 1, used: () => 0 });
    }
    pairs.push(...mixedPairs(parties));
  }
  return { quotas, pairs };
}
