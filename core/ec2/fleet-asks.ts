/**
 * Which fleets are asked for one launch, in which order.
 *
 * In: the offerings of a launch in order of preference, with their prices. Out: asks, each of one
 * capacity type with a strategy. On-demand and reserved offerings go in the plan's own order; spot
 * offerings within a band of the first one's price go together, and EC2 picks among them by how deep
 * their pools are, which keeps instances longer. It chooses no subnet.
 */
import type { LaunchOffering } from '../cloud-port.ts';
import type { CapacityType } from '../state/instance-type.ts';

export interface FleetAsk {
  readonly capacityType: CapacityType;
  readonly strategy: 'prioritized' | 'price-capacity-optimized';
  readonly reservationId: string | undefined;
  /** No type and zone twice: EC2 refuses that. */
  readonly offerings: readonly LaunchOffering[];
}

/** Most asks of one launch; what is left may be asked for by the next attempt. */
export const asksMax = 4;

/** A spot pool this much dearer than the first is taken only after everything before it. */
export const spotPriceBandDefault = 0.2;

/**
 * @param priceOf nano-USD per hour; undefined where unknown, which is never within the band
 */
export function fleetAsks(
  offerings: readonly LaunchOffering[],
  priceOf: (offering: LaunchOffering) => number | undefined,
  spotPriceBand: number = spotPriceBandDefault,
): readonly FleetAsk[] {
  const asks: FleetAsk[] = [];
  let left = distinct(offerings);
  while (left.length > 0 && asks.length < asksMax) {
    const [first] = left;
    if (first === undefined) break;
    const taken = first.capacityType === 'spot' ? band(left, priceOf, spotPriceBand) : run(left);
    left = left.filter((offering) => !taken.includes(offering));
    asks.push({
      capacityType: first.capacityType,
      strategy: first.capacityType === 'spot' ? 'price-capacity-optimized' : 'prioritized',
      reservationId: first.capacityType === 'reserved' ? first.reservationId : undefined,
      offerings: taken,
    });
  }
  return asks;
}

/** Spot offerings anywhere in the list that cost little more than the first. */
function band(
  offerings: readonly LaunchOffering[],
  priceOf: (offering: LaunchOffering) => number | undefined,
  spotPriceBand: number,
): readonly LaunchOffering[] {
  const [first] = offerings;
  const firstPrice = first === undefined ? undefined : priceOf(first);
  const ceiling = (firstPrice ?? 0) * (1 + spotPriceBand);
  return offerings.filter((offering) => {
    if (offering === first) return true;
    const price = priceOf(offering);
    return offering.capacityType === 'spot' && price !== undefined && price <= ceiling;
  });
}

/** The first offerings of one capacity type; of one reservation. */
function run(offerings: readonly LaunchOffering[]): readonly LaunchOffering[] {
  const [first] = offerings;
  const end = offerings.findIndex(
    ({ capacityType, reservationId }) =>
      capacityType !== first?.capacityType ||
      (capacityType === 'reserved' && reservationId !== first.reservationId),
  );
  return end < 0 ? offerings : offerings.slice(0, end);
}

function distinct(offerings: readonly LaunchOffering[]): readonly LaunchOffering[] {
  const seen = new Set<string>();
  return offerings.filter(({ instanceType, zone, capacityType, reservationId = '' }) => {
    const key = `${instanceType}/${zone}/${capacityType}/${reservationId}`;
    return seen.has(key) ? false : (seen.add(key), true);
  });
}
