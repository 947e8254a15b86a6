/**
 * Rule: hard topology spread over a zone, a capacity type or another label that many nodes share.
 *
 * Families that carry the same rule and see the same nodes are one group, and its counts are exact:
 * the plan must obey them and the bound may use them. A pending family that the rule counts but that
 * does not carry it is held to the rule too, and to nodes that the rule looks at, as long as all pods
 * can be placed that way: a plan then holds in whatever order pods are bound. Where that cannot be,
 * it is sent where the rule does not look; where it has no such place either, it is left out, and a
 * note says that carriers must be bound first. The bound uses none of this. Nodes without the label
 * take no carriers.
 */
import { labelHostname } from '../../api/labels.ts';
import { type DomainDemand, placeableTogether } from '../domain-box.ts';
import {
  type DomainCensus,
  type DomainCounts,
  type SpreadView,
  spreadView,
} from '../domain-census.ts';
import { countingGroup, type DomainDraft, noDomainMax } from '../domain-draft.ts';
import type { PlacementRow } from '../placement-row.ts';
import type { Family } from '../pod-families.ts';
import type { NumberedSpread } from '../rule-book.ts';

/** Carriers of one rule that see the same nodes. */
interface SpreadGroup {
  readonly spread: NumberedSpread;
  readonly view: SpreadView;
  readonly domains: DomainCounts;
  readonly floorIsZero: boolean;
  readonly carriers: Family[];
  /** All families that the rule counts, carriers or not. */
  readonly counted: readonly Family[];
}

/** Adds the rule for all families. */
export function addDomainSpread(
  draft: DomainDraft,
  families: readonly Family[],
  census: DomainCensus,
): void {
  for (const group of spreadGroups(draft, families, census)) {
    addGroup(draft, group);
  }
}

function spreadGroups(
  draft: DomainDraft,
  families: readonly Family[],
  census: DomainCensus,
): SpreadGroup[] {
  const groups = new Map<string, SpreadGroup>();
  const sights = new Sights(draft, families);
  for (const family of families) {
    for (const spread of family.rules.spreads) {
      const { rule, scope } = spread;
      if (rule.topologyKey === labelHostname) {
        continue;
      }
      const view = spreadView(spread, family);
      const domains = census.domainsOf(spread, view);
      const floorIsZero = domains.size < rule.minDomains;
      const text = JSON.stringify([
        rule.topologyKey,
        scope,
        rule.maxSkew,
        floorIsZero,
        sights.of(scope, view),
        ...domains,
      ]);
      const known = groups.get(text);
      if (known === undefined) {
        const counted = sights.counted(scope);
        groups.set(text, { spread, view, domains, floorIsZero, carriers: [family], counted });
      } else if (!known.carriers.includes(family)) {
        known.carriers.push(family);
      }
    }
  }
  return [...groups.values()];
}

/** Which of the rows that matter to a scope a view sees: equal texts for equal sights. */
class Sights {
  readonly #draft: DomainDraft;
  readonly #families: readonly Family[];
  readonly #counted = new Map<number, readonly Family[]>();
  readonly #rows = new Map<number, readonly PlacementRow[]>();
  readonly #texts = new Map<string, string>();

  constructor(draft: DomainDraft, families: readonly Family[]) {
    this.#draft = draft;
    this.#families = families;
  }

  counted(scope: number): readonly Family[] {
    let counted = this.#counted.get(scope);
    if (counted === undefined) {
      counted = this.#families.filter(({ scopes }) => scopes.has(scope));
      this.#counted.set(scope, counted);
    }
    return counted;
  }

  of(scope: number, view: SpreadView): string {
    const key = `${scope} ${view.text}`;
    let text = this.#texts.get(key);
    if (text === undefined) {
      text = this.#relevantRows(scope)
        .map((row) => (view.sees(row) ? '1' : '0'))
        .join('');
      this.#texts.set(key, text);
    }
    return text;
  }

  #relevantRows(scope: number): readonly PlacementRow[] {
    let rows = this.#rows.get(scope);
    if (rows === undefined) {
      const counted = this.counted(scope);
      rows = this.#draft.rows.filter((row) =>
        counted.some(({ index }) => row.boundLimits[index]! > 0),
      );
      this.#rows.set(scope, rows);
    }
    return rows;
  }
}

/** `topology spread over zone (maxSkew 1)`, for reasons and names. */
function spreadName({ rule }: NumberedSpread): string {
  return `topology spread over ${rule.topologyKey} (maxSkew ${rule.maxSkew})`;
}

function addGroup(draft: DomainDraft, group: SpreadGroup): void {
  const { spread, domains, carriers, counted } = group;
  const { topologyKey } = spread.rule;
  const name = spreadName(spread);
  for (const { index } of carriers) {
    draft.split(index, topologyKey);
    draft.close(index, topologyKey, (value) => value === undefined || !domains.has(value), name);
  }
  closeForUncounted(draft, group, name);
  const carrying = new Set(carriers);
  const own = counted.filter((family) => carrying.has(family));
  const others = counted.filter(
    (family) =>
      !carrying.has(family) &&
      draft.rows.some((row) => row.boundLimits[family.index]! > 0 && isCountedIn(group, row)),
  );
  const joined = holdOthers(draft, group, own, others);
  const members = [...own, ...joined];
  if (members.length > 0) {
    draft.groups.push({
      ...shapeOf(group),
      rule: name,
      boundSafe: others.length === 0,
      members: members.map(({ index }) => index),
    });
  }
}

/** Whether a pod that the rule counts is counted in a row. */
function isCountedIn({ spread, view, domains }: SpreadGroup, row: PlacementRow): boolean {
  const value = row.domains.get(spread.rule.topologyKey);
  return value !== undefined && domains.has(value) && view.sees(row);
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
 * Families that are counted and do not carry the rule: holds them to it, or sends them where it
 * does not look. Returns those that become members of the group.
 */
function holdOthers(
  draft: DomainDraft,
  group: SpreadGroup,
  own: readonly Family[],
  others: readonly Family[],
): readonly Family[] {
  const name = spreadName(group.spread);
  const isCounted = (row: PlacementRow): boolean => isCountedIn(group, row);
  const inside = others.filter(({ index }) => draft.openRows(index).some(isCounted));
  if (inside.length === 0) {
    return [];
  }
  const join = (families: readonly Family[]): readonly Family[] => {
    for (const { index } of families) {
      draft.split(index, group.spread.rule.topologyKey);
      draft.closeRows(index, (row) => !isCounted(row), name, true);
    }
    return families;
  };
  if (fitTogether(draft, group, [...own, ...inside])) {
    return join(inside);
  }
  const stuck = inside.filter(({ index }) => draft.openRows(index).every(isCounted));
  for (const { index } of inside.filter((family) => !stuck.includes(family))) {
    draft.closeRows(index, isCounted, name, true);
  }
  if (stuck.length === 0 || fitTogether(draft, group, [...own, ...stuck])) {
    return join(stuck);
  }
  // Those with as strict a rule over the same pods of their own must be bound before these, so they
  // count; both cannot come last.
  const earlier = stuck.filter((family) => carriesStricter(group.spread, family));
  if (earlier.length > 0) {
    return join(earlier);
  }
  draft.notes.add(
    `${name} also counts pods that do not carry it and cannot all be spread; they are placed as if bound after those that do`,
  );
  return [];
}

/** Whether a family carries a rule over the same pods and key that allows no more skew. */
function carriesStricter({ rule, scope }: NumberedSpread, family: Family): boolean {
  return family.rules.spreads.some(
    (other) =>
      other.scope === scope &&
      other.rule.topologyKey === rule.topologyKey &&
      other.rule.maxSkew <= rule.maxSkew,
  );
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

/** Whether all pods of the families can be placed under the rule at once, where it counts them. */
function fitTogether(draft: DomainDraft, group: SpreadGroup, members: readonly Family[]): boolean {
  const shape = shapeOf(group);
  const open = new Set<string | undefined>();
  const demands: DomainDemand[] = members.map(({ index, pods }) => {
    const values = new Set<string | undefined>();
    for (const row of draft.openRows(index)) {
      if (isCountedIn(group, row)) {
        values.add(row.domains.get(shape.topologyKey));
      }
    }
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
