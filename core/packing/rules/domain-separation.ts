/**
 * Rule: required anti-affinity over a zone or another label that many nodes share.
 *
 * A domain where a bound pod is named, or names the family, is closed. Families that carry a rule
 * and are named by it stand at most once in each domain, all of them together. A carrier and a
 * family that it names without that may not share a domain: the plan gives each its own domains,
 * which is stricter than the rule, so the bound does not know of it. Nodes without the label are no
 * domain and not restricted.
 */
import { labelHostname } from '../../api/labels.ts';
import type { DomainCensus, DomainFoe } from '../domain-census.ts';
import { type DomainDraft, noDomainMax } from '../domain-draft.ts';
import type { Family } from '../pod-families.ts';
import { maxInt32 } from '../problem.ts';
import { mixedPairs, separationParties } from './hostname-separation.ts';

const isOverDomains = (topologyKey: string): boolean => topologyKey !== labelHostname;

/** Adds the rule for all families. */
export function addDomainSeparation(
  draft: DomainDraft,
  families: readonly Family[],
  census: DomainCensus,
  foes: readonly DomainFoe[],
): void {
  for (const { topologyKey, value, scope } of foes) {
    for (const { index, scopes } of families) {
      if (scopes.has(scope)) {
        const rule = `anti-affinity of bound pods over ${topologyKey}`;
        draft.close(index, topologyKey, (one) => one === value, rule);
      }
    }
  }
  const allParties = separationParties(families, isOverDomains);
  for (const parties of allParties) {
    closeOccupied(draft, parties, census);
  }
  for (const parties of allParties) {
    addSharedGroup(draft, parties);
  }
  for (const parties of allParties) {
    for (const [carrier, other] of mixedPairs(parties)) {
      keepApart(draft, parties, families[carrier]!, families[other]!);
    }
  }
}

type Parties = ReturnType<typeof separationParties>[number];

/** Domains where a pod stands that the rule names are closed to its carriers. */
function closeOccupied(draft: DomainDraft, parties: Parties, census: DomainCensus): void {
  const standing = census.standing(parties.topologyKey, parties.scope);
  if (standing.size === 0) {
    return;
  }
  for (const { index } of parties.carriers) {
    draft.close(
      index,
      parties.topologyKey,
      (value) => value !== undefined && standing.has(value),
      parties.rule,
    );
  }
}

/** Carriers that are named themselves: one pod of all of them in each domain. */
function addSharedGroup(draft: DomainDraft, parties: Parties): void {
  const { topologyKey, name, rule } = parties;
  const named = new Set(parties.named);
  const members = parties.carriers.filter((carrier) => named.has(carrier));
  if (members.length === 0) {
    return;
  }
  const values = new Set<string | undefined>();
  for (const { index } of members) {
    draft.split(index, topologyKey);
    draft.limitPerBin(index, topologyKey, 1);
    for (const value of draft.openValues(index, topologyKey)) {
      values.add(value);
    }
  }
  draft.groups.push({
    name,
    rule,
    topologyKey,
    maxSkew: maxInt32,
    floorIsZero: false,
    boundSafe: true,
    members: members.map(({ index }) => index),
    domains: [...values]
      .sort((a = '', b = '') => (a < b ? -1 : 1))
      .map((value) => ({
        value,
        existing: 0,
        max: value === undefined ? noDomainMax : 1,
      })),
  });
}

/** How many domains a family can make use of under a rule. */
function domainsWanted(family: Family, parties: Parties): number {
  const countsItself = parties.carriers.includes(family) && parties.named.includes(family);
  return countsItself ? family.pods.length : 1;
}

/** Divides the domains that both could use, so that they never meet. */
function keepApart(draft: DomainDraft, parties: Parties, carrier: Family, other: Family): void {
  const { topologyKey, rule } = parties;
  const own = draft.openValues(carrier.index, topologyKey);
  const others = draft.openValues(other.index, topologyKey);
  const shared = [...own.intersection(others)].filter((value) => value !== undefined).sort();
  if (shared.length === 0) {
    return;
  }
  let ownCount = own.size - shared.length;
  let otherCount = others.size - shared.length;
  const toCarrier = new Set<string>();
  for (const value of shared) {
    const carrierShort = domainsWanted(carrier, parties) - ownCount;
    const otherShort = domainsWanted(other, parties) - otherCount;
    const prefersCarrier =
      carrierShort === otherShort ? carrier.priority > other.priority : carrierShort > otherShort;
    if (prefersCarrier && carrierShort > 0) {
      toCarrier.add(value);
      ownCount++;
    } else {
      otherCount++;
    }
  }
  const isShared = new Set<string | undefined>(shared);
  draft.close(
    carrier.index,
    topologyKey,
    (value) => isShared.has(value) && !toCarrier.has(value ?? ''),
    rule,
    true,
  );
  draft.close(
    other.index,
    topologyKey,
    (value) => value !== undefined && toCarrier.has(value),
    rule,
    true,
  );
}
