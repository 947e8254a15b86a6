/**
 * In which order a fleet asks its pools: the allocation strategies.
 *
 * In: an order, what each pool costs and how much it still holds. Out: rounds of overrides to try, in
 * order, each with how many to take there. It takes nothing itself. Facts: `reference/ec2.md` C1; how
 * AWS weighs price against depth is not published, so price-capacity-optimized here takes the pools
 * that hold well more than is asked for, by price.
 */
import type { FleetOrder, FleetOverride } from './ec2-types.ts';

/** What is known of a pool. */
export interface PoolView {
  /** `Infinity` where it is not offered. */
  readonly priceNanoUsdPerHour: number;
  /** Instances that it still holds; 0 when dry. */
  readonly depth: number;
}

/** Take up to so many there. */
export interface FleetStep {
  readonly override: FleetOverride;
  readonly count: number;
}

/** A pool that holds so many times what is asked for is as good as any deeper one. */
const ampleFactor = 4;

type Ranked = PoolView & { readonly override: FleetOverride };

/** O(n log n) in overrides. */
export function planFleet(
  order: FleetOrder,
  overrides: readonly FleetOverride[],
  view: (override: FleetOverride) => PoolView,
): readonly FleetStep[] {
  const { targetCapacity, strategy, poolsToUse = 1 } = order;
  const ranked = overrides.map((override) => ({ override, ...view(override) }));
  const sorted = rank(ranked, order);
  const all = sorted.map(({ override }) => ({ override, count: targetCapacity }));
  const spread = strategy === 'diversified' ? sorted.length : poolsToUse;
  if (spread <= 1) return all;
  const able = sorted.filter(({ depth }) => depth > 0).slice(0, spread);
  const share = Math.ceil(targetCapacity / Math.max(1, able.length));
  // What one pool cannot give, the others do.
  return [...able.map(({ override }) => ({ override, count: share })), ...all];
}

/**
 * The overrides as groups that a launch may be made of: all together, or, where one type or one zone
 * was asked for, each by itself.
 */
export function groupOverrides(order: FleetOrder): readonly (readonly FleetOverride[])[] {
  const { overrides, isSingleType = false, isSingleZone = false } = order;
  if (!isSingleType && !isSingleZone) return [overrides];
  const keyOf = ({ instanceType, zone }: FleetOverride): string =>
    `${isSingleType ? instanceType : ''}/${isSingleZone ? zone : ''}`;
  return [...Map.groupBy(overrides, keyOf).values()];
}

function rank(pools: readonly Ranked[], { strategy, targetCapacity }: FleetOrder): Ranked[] {
  const byPrice = (a: Ranked, b: Ranked): number =>
    compare(a.priceNanoUsdPerHour, b.priceNanoUsdPerHour);
  const byPriority = (a: Ranked, b: Ranked): number =>
    compare(a.override.priority ?? Infinity, b.override.priority ?? Infinity);
  const tierOf = ({ depth }: Ranked): number =>
    depth >= targetCapacity * ampleFactor ? 0 : depth >= targetCapacity ? 1 : depth > 0 ? 2 : 3;
  const byTier = (a: Ranked, b: Ranked): number => compare(tierOf(a), tierOf(b));
  switch (strategy) {
    case 'prioritized':
      return pools.toSorted(byPriority);
    case 'lowest-price':
    case 'diversified':
      return pools.toSorted(byPrice);
    case 'price-capacity-optimized':
      return pools.toSorted((a, b) => byTier(a, b) || byPrice(a, b));
    case 'capacity-optimized':
      return pools.toSorted((a, b) => compare(b.depth, a.depth) || byPrice(a, b));
    case 'capacity-optimized-prioritized':
      return pools.toSorted((a, b) => byTier(a, b) || byPriority(a, b) || byPrice(a, b));
  }
}

/** Infinities are equal to themselves. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
