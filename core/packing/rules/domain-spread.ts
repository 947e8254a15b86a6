/**
 * Rule: hard topology spread over a zone, a capacity type or another label that many nodes share.
 *
 * Families that carry the same rule and see the same domains are one group, and its counts are
 * exact: the plan must obey them and the bound may use them. A pending family that the rule counts
 * but that does not carry it is held to the rule too, as long as all pods can be placed that way (a
 * plan then holds in whatever order pods are bound). Where that is impossible it is left out, and a
 * note says that carriers must be bound first. Either way the bound does not use such a group.
 * Nodes without the label take no carriers.
 */
import { labelHostname } from '../../api/labels.ts';
import { type DomainDemand, placeableTogether } from '../domain-box.ts';
import type { DomainCensus, DomainCounts } from '../domain-census.ts';
import { countingGroup, type DomainDraft, noDomainMax } from '../domain-draft.ts';
import type { Family } from '../pod-families.ts';
import type { NumberedSpread } from '../rule-book.ts';

/** Carriers of one rule that see the same domains with the same counts. */
interface SpreadGroup {
  readonly spread: NumberedSpread;
  readonly domains: DomainCounts;
  readonly floorIsZero: boolean;
  readonly carriers: Family[];
}

/** Adds the rule for all families. */
export function addDomainSpread(
  draft: DomainDraft,
  families: readonly Family[],
  census: DomainCensus,
): void {
  for (const group of spreadGroups(families, census)) {
    addGroup(draft, families, group);
  }
}

function spreadGroups(families: readonly Family[], census: DomainCensus): SpreadGroup[] {
  const groups = new Map<string, SpreadGroup>();
  for (const family of families) {
    for (const spread of family.rules.spreads) {
      const { rule, scope } = spread;
      if (rule.topologyKey === labelHostname) {
        continue;
      }
      const domains = census.domainsOf(spread, family);
      const floorIsZero = domains.size < rule.minDomains;
      const text = JSON.stringify([rule.topologyKey, scope, rule.maxSkew, floorIsZero, ...domains]);
      const known = groups.get(text);
      if (known === undefined) {
        groups.set(text, { spread, domains, floorIsZero, carriers: [family] });
      } else if (!known.carriers.includes(family)) {
        known.carriers.push(family);
      }
    }
  }
  return [...groups.values()];
}

/** `topology spread over zone (maxSkew 1)`, for reasons and names. */
export function spreadName({ rule }: NumberedSpread): string {
  return `topology spread over ${rule.topologyKey} (maxSkew ${rule.maxSkew})`;
}

function addGroup(draft: DomainDraft, families: readonly Family[], group: SpreadGroup): void {
  const { spread, domains, carriers } = group;
  const { topologyKey } = spread.rule;
  const name = spreadName(spread);
  for (const { index } of carriers) {
    draft.split(index, topologyKey);
    draft.close(index, topologyKey, (value) => value === undefined || !domains.has(value), name);
  }
  closeForUncounted(draft, group, name);
  const counted = families.filter(({ scopes }) => scopes.has(spread.scope));
  const carrying = new Set(carriers);
  const own = counted.filter((family) => carrying.has(family));
  const others = counted.filter(
    (family) => !carrying.has(family) && staysInside(draft, family, group),
  );
  const takesOthers = others.length > 0 && fitTogether(draft, group, [...own, ...others]);
  if (others.length > 0 && !takesOthers) {
    draft.notes.add(
      `${name} also counts pods that do not carry it and cannot all be spread; they are placed as if bound after those that do`,
    );
  }
  const members = takesOthers ? [...own, ...others] : own;
  if (members.length === 0) {
    return;
  }
  for (const { index } of takesOthers ? others : []) {
    draft.split(index, topologyKey);
    draft.close(index, topologyKey, (value) => value === undefined, name, true);
  }
  draft.groups.push({
    ...shapeOf(group),
    rule: name,
    boundSafe: own.length === counted.length,
    members: members.map(({ index }) => index),
  });
}

/**
 * A carrier that its own rule does not count may stand only where the counts are within the skew as
 * they are; pods to come can only make more domains legal, so this holds for the plan alone.
 */
function closeForUncounted(draft: DomainDraft, group: SpreadGroup, name: string): void {
  const { spread, domains, floorIsZero, carriers } = group;
  const floor = floorIsZero ? 0 : Math.min(...domains.values());
  for (const { index, scopes } of carriers) {
    if (!scopes.has(spread.scope)) {
      const isOver = (value: string | undefined): boolean =>
        value !== undefined && (domains.get(value) ?? 0) - floor > spread.rule.maxSkew;
      draft.close(index, spread.rule.topologyKey, isOver, name, true);
    }
  }
}

/**
 * Whether a counted family without the rule has nowhere to stand but in the group's domains. One
 * that has is sent there, where it is not counted.
 */
function staysInside(draft: DomainDraft, { index }: Family, group: SpreadGroup): boolean {
  const { topologyKey } = group.spread.rule;
  const isInside = (value: string | undefined): boolean =>
    value !== undefined && group.domains.has(value);
  const open = draft.openValues(index, topologyKey);
  if (open.size === 0 || [...open].every(isInside)) {
    return open.size > 0;
  }
  draft.close(index, topologyKey, isInside, spreadName(group.spread), true);
  return false;
}

function shapeOf({ spread, domains, floorIsZero }: SpreadGroup) {
  const { rule } = spread;
  return {
    name: `${spreadName(spread)} of ${rule.scope.text}`,
    topologyKey: rule.topologyKey,
    maxSkew: rule.maxSkew,
    floorIsZero,
    domains: [...domains].map(([value, existing]) => ({ value, existing, max: noDomainMax })),
  };
}

/** Whether all pods of the families can be placed under the rule at once. */
function fitTogether(draft: DomainDraft, group: SpreadGroup, members: readonly Family[]): boolean {
  const shape = shapeOf(group);
  const open = new Set<string | undefined>();
  const demands: DomainDemand[] = members.map(({ index, pods }) => {
    const values = draft.openValues(index, shape.topologyKey);
    for (const value of values) {
      open.add(value);
    }
    const domains = shape.domains.flatMap(({ value }, z) => (values.has(value) ? [z] : []));
    return { pods: pods.length, domains };
  });
  return placeableTogether(
    countingGroup(shape, (value) => open.has(value)),
    demands,
  );
}
