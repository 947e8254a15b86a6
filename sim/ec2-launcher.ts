/**
 * What a launch draws on: pools, quotas, addresses, reservations, places in placement groups.
 *
 * In: a fleet order. Out: claims, one per instance to be, and an error per override that could not
 * give what was asked. A claim holds its resources until it is released. Codes and their meaning:
 * `reference/ec2.md` C2. It knows nothing of instances and their lives.
 */
import type { Clock } from '../core/ports.ts';
import type { InstanceTypeFacts } from '../core/state/instance-type.ts';
import { type AddressBook, createAddressBook } from './ec2-addresses.ts';
import { type CapacityPools, createCapacityPools, defaultCapacityModel } from './ec2-capacity.ts';
import { groupOverrides, type PoolView, planFleet } from './ec2-fleet.ts';
import { createQuotaBook } from './ec2-quotas.ts';
import { createReservationBook, type ReservationBook } from './ec2-reservations.ts';
import { createSpotPrices, type SpotPrice } from './ec2-spot-prices.ts';
import type { Ec2Options, FleetError, FleetOrder, FleetOverride, LaunchSpec } from './ec2-types.ts';
import type { SeededRandom } from './random.ts';

/** One instance to be. */
export interface LaunchClaim extends Omit<FleetOverride, 'subnetId'> {
  readonly facts: InstanceTypeFacts;
  readonly capacityType: FleetOrder['capacityType'];
  readonly subnetId: string | undefined;
  readonly address: number;
  readonly reservationId: string | undefined;
  readonly priceNanoUsdPerHour: number;
  readonly spec: LaunchSpec;
}

export interface Launcher {
  readonly pools: CapacityPools;
  readonly addresses: AddressBook;
  readonly reservations: ReservationBook;
  /** Types by name. */
  readonly facts: ReadonlyMap<string, InstanceTypeFacts>;
  claim(order: FleetOrder): {
    readonly claims: readonly LaunchClaim[];
    readonly errors: readonly FleetError[];
  };
  release(claim: LaunchClaim): void;
  /** The spot price of a pool at a time; `undefined` where it is not offered. */
  spotPriceAt(type: InstanceTypeFacts, zone: string, timeMs: number): SpotPrice | undefined;
  /** What an instance costs there now; `undefined` where it is not offered. */
  priceOf(
    type: InstanceTypeFacts,
    zone: string,
    capacityType: 'on-demand' | 'spot',
  ): number | undefined;
}

/** Instances of a spread placement group in one zone. */
const spreadMax = 7;

interface Obstacle {
  readonly code: string;
  readonly message: string;
}

type Attempt = { readonly claim: LaunchClaim } | { readonly obstacle: Obstacle };

/**
 * @param takeTokens draws on the inner rate limit of launches
 */
export function createLauncher(
  clock: Clock,
  random: SeededRandom,
  options: Ec2Options,
  takeTokens: (count: number) => boolean,
): Launcher {
  const facts = new Map(options.types.map((type) => [type.name, type]));
  const capacity = options.capacity ?? defaultCapacityModel;
  const pools = createCapacityPools(clock, random.branch('capacity'), capacity);
  const quotas = createQuotaBook(options.quotaVcpu);
  const subnets = options.subnets ?? [];
  const addresses = createAddressBook(subnets, options.addressesPerZone);
  const reservations = createReservationBook(options.reservations ?? []);
  const spotPrices = createSpotPrices(random.branch('spot-prices'));
  const spreadCounts = new Map<string, number>();

  function priceOf(
    type: InstanceTypeFacts,
    zone: string,
    capacityType: 'on-demand' | 'spot',
  ): number | undefined {
    if (capacityType === 'spot') {
      return spotPriceAt(type, zone, clock.nowMs())?.priceNanoUsdPerHour;
    }
    return listPrice(type, zone, capacityType);
  }

  function spotPriceAt(
    type: InstanceTypeFacts,
    zone: string,
    timeMs: number,
  ): SpotPrice | undefined {
    if (options.movesSpotPrices === true) return spotPrices.at(type, zone, timeMs);
    const priceNanoUsdPerHour = listPrice(type, zone, 'spot');
    return priceNanoUsdPerHour === undefined ? undefined : { priceNanoUsdPerHour, sinceMs: 0 };
  }

  function viewOf(order: FleetOrder, { instanceType, zone }: FleetOverride): PoolView {
    const { capacityType } = order;
    const type = facts.get(instanceType);
    const price = type && priceOf(type, zone, capacityType);
    if (type === undefined || price === undefined) {
      return { priceNanoUsdPerHour: Infinity, depth: 0 };
    }
    const needsDepth = order.strategy !== 'prioritized' && order.strategy !== 'lowest-price';
    const isAsked = needsDepth || (order.poolsToUse ?? 1) > 1;
    const depth = isAsked ? pools.depth({ instanceType, zone, capacityType }, type) : 0;
    return { priceNanoUsdPerHour: price, depth };
  }

  function attempt(order: FleetOrder, override: FleetOverride): Attempt {
    const spec = override.spec ?? order;
    const { capacityType } = order;
    const { zone, instanceType } = override;
    const subnetId = override.subnetId ?? addresses.defaultSubnet(zone);
    const type = facts.get(instanceType);
    const price = type && priceOf(type, zone, capacityType);
    if (type === undefined || price === undefined) return refuse(unsupported(override));
    const { maxPriceNanoUsdPerHour = Infinity } = override;
    if (capacityType === 'spot' && price > maxPriceNanoUsdPerHour) return refuse(priceTooLow);
    if (!quotas.allows(type, capacityType)) return refuse(overQuota(capacityType));
    if (addresses.free(zone, subnetId) < 1) return refuse(noAddresses(subnetId ?? zone));
    const { placementGroup } = spec;
    const spreadKey = `${placementGroup?.name}/${zone}`;
    if (placementGroup?.isSpread === true && (spreadCounts.get(spreadKey) ?? 0) >= spreadMax) {
      return refuse(spreadFull);
    }
    const place = reservationFor(spec, capacityType, override);
    if (place === undefined) return refuse(reservationFull);
    const reservation = place.id;
    if (!takeTokens(1)) return refuse(throttled);
    if (reservation === undefined && !pools.take({ instanceType, zone, capacityType }, type)) {
      return refuse(dry(override));
    }
    const address = addresses.take(zone, subnetId);
    if (address === undefined) throw new Error('an address was free and is not');
    if (reservation !== undefined) reservations.take(reservation);
    if (placementGroup?.isSpread === true) {
      spreadCounts.set(spreadKey, (spreadCounts.get(spreadKey) ?? 0) + 1);
    }
    quotas.count(type, capacityType, 1);
    return {
      claim: {
        ...override,
        facts: type,
        capacityType,
        subnetId,
        address,
        reservationId: reservation,
        priceNanoUsdPerHour: price,
        spec,
      },
    };
  }

  /** The reservation whose place is taken, if any; `undefined` where the one that is named is full. */
  function reservationFor(
    spec: LaunchSpec,
    capacityType: string,
    { instanceType, zone }: FleetOverride,
  ): { readonly id: string | undefined } | undefined {
    if (capacityType === 'spot') return { id: undefined };
    const { reservationId, usesOpenReservations } = spec;
    if (reservationId === undefined) {
      if (usesOpenReservations === false) return { id: undefined };
      return { id: reservations.findOpen(instanceType, zone)?.id };
    }
    const named = reservations.get(reservationId);
    const isRight = named?.instanceType === instanceType && named.zone === zone;
    const hasRoom = isRight && reservations.available(reservationId) > 0;
    return hasRoom ? { id: reservationId } : undefined;
  }

  function release(claim: LaunchClaim): void {
    const { zone, capacityType, subnetId, reservationId, spec } = claim;
    addresses.give(zone, subnetId, claim.address);
    quotas.count(claim.facts, capacityType, -1);
    if (reservationId === undefined) pools.give(claim);
    else reservations.give(reservationId);
    if (spec.placementGroup?.isSpread === true) {
      const key = `${spec.placementGroup.name}/${zone}`;
      spreadCounts.set(key, (spreadCounts.get(key) ?? 0) - 1);
    }
  }

  function claimFrom(
    order: FleetOrder,
    overrides: readonly FleetOverride[],
    errors: Map<string, FleetError>,
  ): LaunchClaim[] {
    const claims: LaunchClaim[] = [];
    const failed = new Set<FleetOverride>();
    for (const { override, count } of planFleet(order, overrides, (one) => viewOf(order, one))) {
      let wanted = Math.min(count, order.targetCapacity - claims.length);
      while (wanted > 0 && !failed.has(override)) {
        const result = attempt(order, override);
        if ('claim' in result) {
          claims.push(result.claim);
          wanted -= 1;
        } else {
          const { instanceType, zone, subnetId = '' } = override;
          const { code } = result.obstacle;
          const key = `${instanceType}/${zone}/${subnetId}/${code}`;
          errors.set(key, { ...override, ...result.obstacle });
          failed.add(override);
        }
      }
    }
    return claims;
  }

  return {
    pools,
    addresses,
    reservations,
    facts,
    spotPriceAt,
    priceOf,
    release,
    claim: (order) => {
      const errors = new Map<string, FleetError>();
      const { minCapacity = 0 } = order;
      for (const overrides of groupOverrides(order)) {
        const claims = claimFrom(order, overrides, errors);
        if (claims.length > 0 && claims.length >= minCapacity) {
          return { claims, errors: [...errors.values()] };
        }
        for (const claim of claims) release(claim);
      }
      return { claims: [], errors: [...errors.values()] };
    },
  };
}

function refuse(obstacle: Obstacle): Attempt {
  return { obstacle };
}

const priceTooLow: Obstacle = {
  code: 'SpotMaxPriceTooLow',
  message:
    'Your Spot request price is lower than the minimum required Spot request fulfillment price.',
};
const spreadFull: Obstacle = {
  code: 'InsufficientInstanceCapacity',
  message: `The placement group can hold no more than ${spreadMax} running instances in this Availability Zone (spread).`,
};
const reservationFull: Obstacle = {
  code: 'ReservationCapacityExceeded',
  message: 'The requested reservation does not have sufficient compatible and available capacity.',
};
const throttled: Obstacle = { code: 'RequestLimitExceeded', message: 'Request limit exceeded.' };

function unsupported({ instanceType, zone }: FleetOverride): Obstacle {
  return {
    code: 'Unsupported',
    message: `Your requested instance type (${instanceType}) is not supported in your requested Availability Zone (${zone}).`,
  };
}

function overQuota(capacityType: 'on-demand' | 'spot'): Obstacle {
  return capacityType === 'spot'
    ? { code: 'MaxSpotInstanceCountExceeded', message: 'Max spot instance count exceeded' }
    : {
        code: 'VcpuLimitExceeded',
        message: 'You have requested more vCPU capacity than your current limit allows.',
      };
}

function noAddresses(place: string): Obstacle {
  return {
    code: 'InsufficientFreeAddressesInSubnet',
    message: `There are not enough free addresses in ${place} to satisfy the requested number of instances.`,
  };
}

function dry({ instanceType, zone }: FleetOverride): Obstacle {
  return {
    code: 'InsufficientInstanceCapacity',
    message: `We currently do not have sufficient ${instanceType} capacity in the Availability Zone you requested (${zone}).`,
  };
}

function listPrice(
  type: InstanceTypeFacts,
  zone: string,
  capacityType: 'on-demand' | 'spot',
): number | undefined {
  return type.offerings.find(
    (offering) => offering.zone === zone && offering.capacityType === capacityType,
  )?.priceNanoUsdPerHour;
}
