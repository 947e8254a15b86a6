/**
 * What NodeOverlays make of instance types: other prices, further devices.
 *
 * In: overlays that break no rule of their own, and for each pool its labels and its types. Out: each
 * pool's types as they are after the overlays, and the overlays that were refused because another one
 * of the same weight speaks of the same thing. It knows no pods and asks no cloud.
 *
 * Rules: Karpenter's. Overlays go by weight, the heaviest first, then by name from the end of the
 * alphabet; the first to speak of an offering's price, or of a resource of a type, is heard. One that
 * meets another of its own weight is left out altogether, for all pools. An overlay matches by the
 * labels that a node would have: those of the type and its place, the pool's name, node class and
 * template labels; resources are the type's wherever one of its offerings matches.
 */
import { labelNodePool, nodeClassLabel, normalizedLabelKey } from '../api/labels.ts';
import type { NodeOverlay } from '../api/nodeoverlay.ts';
import type { NodePool } from '../api/nodepool.ts';
import type { CapacityType, InstanceType, Offering } from '../state/instance-type.ts';
import { offeringLabelKeys, offeringLabels } from './offering-labels.ts';
import { adjustedPrice } from './overlay-price.ts';
import { offeredResources } from './quantity.ts';
import { admitsLabels, type Requirements, requirementsOf } from './requirements.ts';
import type { Resources } from './resources.ts';

type Labels = Readonly<Record<string, string>>;

/** Types that overlays are applied to, and what their nodes have in common. */
export interface OverlayTarget {
  readonly labels: Labels;
  readonly types: readonly InstanceType[];
  /** Zone name -> zone id, as far as it is known. */
  readonly zoneIds: ReadonlyMap<string, string>;
}

export interface Overlaid {
  /** [target] Its types after the overlays: the very array where none matches. */
  readonly types: readonly (readonly InstanceType[])[];
  /** Overlays that are not applied -> the name of the one that they meet. */
  readonly conflicts: ReadonlyMap<NodeOverlay, string>;
}

/** An offering of a known type. */
interface OfferingPlace {
  readonly zone: string;
  readonly capacityType: CapacityType;
  readonly reservationId?: string;
}

/** Who spoke last of a price or a resource; overlays come by falling weight. */
interface Spoken {
  readonly overlay: NodeOverlay;
  last: NodeOverlay;
}

/** What is known of one type of one target. */
interface TypeChanges {
  /** [index of the offering] */
  readonly prices: Map<number, Spoken>;
  readonly resources: Map<string, Spoken>;
}

type TargetChanges = Map<InstanceType, TypeChanges>;

/** Labels that all nodes of a pool have, as overlays see them. */
export function overlayLabels(pool: NodePool): Labels {
  const { metadata, spec } = pool.spec.template;
  return {
    ...metadata?.labels,
    [nodeClassLabel(spec.nodeClassRef.group)]: spec.nodeClassRef.name,
    [labelNodePool]: pool.metadata.name ?? '',
  };
}

/** Applies overlays. O(overlays x offerings of all targets). */
export function applyOverlays(
  overlays: readonly NodeOverlay[],
  targets: readonly OverlayTarget[],
): Overlaid {
  const conflicts = new Map<NodeOverlay, string>();
  const changes = targets.map((): TargetChanges => new Map());
  const ordered = overlays.toSorted(byPrecedence);
  const rankOf = new Map(ordered.map((overlay, rank) => [overlay, rank]));
  for (const overlay of ordered) {
    const matches = targets.map((target) => matchesOf(overlay, target));
    const met = conflictOf(overlay, matches, changes);
    if (met !== undefined) {
      conflicts.set(overlay, met);
      continue;
    }
    matches.forEach((found, index) => note(overlay, found, changes[index]!));
  }
  const known = new Map<readonly InstanceType[], Map<string, readonly InstanceType[]>>();
  const types = targets.map((target, index) => {
    const changed = changes[index]!;
    if (changed.size === 0) return target.types;
    // Pools that see the same share it: models are built for each array of types.
    const alike = entry(known, target.types, () => new Map<string, readonly InstanceType[]>());
    return entry(alike, signatureOf(changed, rankOf), () =>
      target.types.map((type) => changedType(type, changed.get(type))),
    );
  });
  return { types, conflicts };
}

/** What pools launch from, by pool. Those that `pools` does not name see no overlay. */
export interface OverlaidPools {
  readonly typesOf: (pool: NodePool) => readonly InstanceType[];
  readonly conflicts: Overlaid['conflicts'];
}

/** Applies overlays to what pools launch from; `baseTypes` and `zoneIds` answer for one pool. */
export function overlayPools(
  overlays: readonly NodeOverlay[],
  pools: readonly NodePool[],
  baseTypes: (pool: NodePool) => readonly InstanceType[],
  zoneIds: (pool: NodePool) => ReadonlyMap<string, string>,
): OverlaidPools {
  if (overlays.length === 0) return { typesOf: baseTypes, conflicts: new Map() };
  const targets = pools.map((pool) => ({
    labels: overlayLabels(pool),
    types: baseTypes(pool),
    zoneIds: zoneIds(pool),
  }));
  const { types, conflicts } = applyOverlays(overlays, targets);
  const byName = new Map(pools.map(({ metadata }, index) => [metadata.name, types[index]!]));
  return { typesOf: (pool) => byName.get(pool.metadata.name) ?? baseTypes(pool), conflicts };
}

/** The overlay that priced an offering of a type, undefined if the price is the cloud's own. */
export function pricedBy(type: InstanceType, place: OfferingPlace): string | undefined {
  return type.offerings.find(
    ({ zone, capacityType, reservation }) =>
      zone === place.zone &&
      capacityType === place.capacityType &&
      reservation?.id === place.reservationId,
  )?.pricedBy;
}

function byPrecedence(a: NodeOverlay, b: NodeOverlay): number {
  return weightOf(b) - weightOf(a) || (nameOf(a) > nameOf(b) ? -1 : 1);
}

function weightOf({ spec }: NodeOverlay): number {
  return spec.weight ?? 0;
}

function nameOf({ metadata }: NodeOverlay): string {
  return metadata.name ?? '';
}

/** Indices of the offerings that an overlay matches, by type; types without any are left out. */
function matchesOf(
  { spec }: NodeOverlay,
  { labels, types, zoneIds }: OverlayTarget,
): Map<InstanceType, readonly number[]> {
  const ofType = new Map(requirementsOf(spec.requirements, normalizedLabelKey));
  const ofPlace = new Map([...ofType].filter(([key]) => offeringLabelKeys.has(key)));
  for (const key of ofPlace.keys()) ofType.delete(key);
  // Types share few places: each is looked at once.
  const admitted = new Map<string, boolean>();
  const admits = (offering: Offering): boolean => {
    const { zone, capacityType, reservation } = offering;
    return entry(admitted, `${zone} ${capacityType} ${reservation?.id ?? ''}`, () =>
      admitsLabels(ofPlace, offeringLabels(offering, zoneIds)),
    );
  };
  const found = new Map<InstanceType, readonly number[]>();
  for (const type of types) {
    if (!admitsType(ofType, type, labels)) continue;
    const indices = type.offerings.flatMap((offering, index) => (admits(offering) ? index : []));
    if (indices.length > 0) found.set(type, indices);
  }
  return found;
}

function admitsType(requirements: Requirements, type: InstanceType, labels: Labels): boolean {
  return requirements.size === 0 || admitsLabels(requirements, { ...labels, ...type.labels });
}

/** The overlay of the same weight that has spoken of the same thing, undefined if there is none. */
function conflictOf(
  overlay: NodeOverlay,
  matches: readonly Map<InstanceType, readonly number[]>[],
  changes: readonly TargetChanges[],
): string | undefined {
  const isSameWeight = (spoken: Spoken | undefined): spoken is Spoken =>
    spoken !== undefined && weightOf(spoken.last) === weightOf(overlay);
  const resources = Object.keys(overlay.spec.capacity ?? {});
  for (const [index, found] of matches.entries()) {
    for (const [type, indices] of found) {
      const known = changes[index]?.get(type);
      if (known === undefined) continue;
      const spoken = [
        ...(isPriced(overlay) ? indices.map((at) => known.prices.get(at)) : []),
        ...resources.map((resource) => known.resources.get(resource)),
      ].find(isSameWeight);
      if (spoken !== undefined) return nameOf(spoken.last);
    }
  }
  return undefined;
}

function isPriced({ spec }: NodeOverlay): boolean {
  return spec.price !== undefined || spec.priceAdjustment !== undefined;
}

function note(
  overlay: NodeOverlay,
  found: ReadonlyMap<InstanceType, readonly number[]>,
  changes: TargetChanges,
): void {
  const speak = <K>(spoken: Map<K, Spoken>, key: K): void => {
    const before = spoken.get(key);
    if (before === undefined) spoken.set(key, { overlay, last: overlay });
    else before.last = overlay;
  };
  const resources = Object.keys(overlay.spec.capacity ?? {});
  if (!isPriced(overlay) && resources.length === 0) return;
  for (const [type, indices] of found) {
    const { prices, resources: amounts } = entry(changes, type, () => ({
      prices: new Map<number, Spoken>(),
      resources: new Map<string, Spoken>(),
    }));
    if (isPriced(overlay)) for (const index of indices) speak(prices, index);
    for (const resource of resources) speak(amounts, resource);
  }
}

function changedType(type: InstanceType, changes: TypeChanges | undefined): InstanceType {
  if (changes === undefined) return type;
  const { prices, resources } = changes;
  const added: Record<string, number> = {};
  for (const [resource, { overlay }] of resources) {
    const amounts: Resources = offeredResources(overlay.spec.capacity ?? {});
    added[resource] = amounts[resource] ?? 0;
  }
  const offerings = type.offerings.map((offering, index) => {
    const spoken = prices.get(index);
    if (spoken === undefined) return offering;
    const { spec } = spoken.overlay;
    const priceNanoUsdPerHour = adjustedPrice(offering.priceNanoUsdPerHour, spec);
    return { ...offering, priceNanoUsdPerHour, pricedBy: nameOf(spoken.overlay) };
  });
  const hasMore = resources.size > 0;
  return {
    ...type,
    offerings,
    capacity: hasMore ? { ...type.capacity, ...added } : type.capacity,
    allocatable: hasMore ? { ...type.allocatable, ...added } : type.allocatable,
  };
}

/** Equal for targets of the same types to which the same is done. */
function signatureOf(changes: TargetChanges, rankOf: ReadonlyMap<NodeOverlay, number>): string {
  const parts = Array.from(changes, ([{ name }, { prices, resources }]) => [
    name,
    Array.from(prices, ([index, { overlay }]) => [index, rankOf.get(overlay)]),
    Array.from(resources, ([resource, { overlay }]) => [resource, rankOf.get(overlay)]),
  ]);
  return JSON.stringify(parts);
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
