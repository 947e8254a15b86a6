/**
 * The simulated EC2 as those see it who put a front on it: requests, answers, errors, events.
 *
 * In: nothing. Out: types, in EC2's own words, and the error that a call ends in. A wire front turns
 * XML into these and back; `cloud.ts` turns the CloudProvider port into them.
 */

import type { InstanceState } from '../core/cloud-port.ts';
import type { CapacityType, InstanceTypeFacts } from '../core/state/instance-type.ts';
import type { BootModel, BootTimes } from './boot-time.ts';
import type { SubnetRange } from './ec2-addresses.ts';
import type { CapacityModel, PoolKey } from './ec2-capacity.ts';
import type { QuotaTable } from './ec2-quotas.ts';
import type { CapacityReservation } from './ec2-reservations.ts';

/** A call that EC2 refuses as a whole; nothing was done. */
export class Ec2Error extends Error {
  override readonly name = 'Ec2Error';
  /** As on the wire, such as `RequestLimitExceeded`. */
  readonly code: string;
  /** What is said beside the code. */
  readonly text: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
    this.text = message;
  }
}

/** What may go wrong with a call besides the rules of EC2. */
export type Ec2Fault =
  | { readonly type: 'refuse'; readonly code: string }
  /** It is done, but the answer is lost. */
  | { readonly type: 'lose-answer' };

export interface Ec2Faults {
  /** @param action as on the wire, such as `CreateFleet` */
  on(action: string): Ec2Fault | undefined;
}

/** What an instance is launched with, besides where. */
export interface LaunchSpec {
  readonly imageId: string;
  /** As the machine reads it: not in base64. */
  readonly userData: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly volumeTags?: Readonly<Record<string, string>>;
  readonly securityGroupIds?: readonly string[];
  readonly instanceProfileArn?: string;
  readonly placementGroup?: { readonly name: string; readonly isSpread: boolean };
  readonly tenancy?: string;
  /** Which reservation it names. */
  readonly reservationId?: string;
  /** Whether that is a capacity block. */
  readonly isCapacityBlock?: boolean;
  /** False: it takes no place in an open reservation. */
  readonly usesOpenReservations?: boolean;
  /** Network interfaces, one unless given. */
  readonly networkInterfaceCount?: number;
}

export interface FleetOverride {
  readonly instanceType: string;
  readonly zone: string;
  /** Absent: the zone's first. */
  readonly subnetId?: string;
  /** Lower is better; absent is worst. */
  readonly priority?: number;
  /** Most that may be paid for spot there. */
  readonly maxPriceNanoUsdPerHour?: number;
  /** Where it differs from the order's. */
  readonly spec?: LaunchSpec;
}

export type FleetStrategy =
  | 'lowest-price'
  /** By priority; where there is none as listed. */
  | 'prioritized'
  | 'price-capacity-optimized'
  | 'capacity-optimized'
  | 'capacity-optimized-prioritized'
  | 'diversified';

/** So many instances of one capacity type. */
export interface FleetOrder extends LaunchSpec {
  readonly capacityType: Exclude<CapacityType, 'reserved'>;
  readonly strategy: FleetStrategy;
  readonly overrides: readonly FleetOverride[];
  readonly targetCapacity: number;
  /** Fewer are none at all. */
  readonly minCapacity?: number;
  readonly isSingleType?: boolean;
  readonly isSingleZone?: boolean;
  /** For lowest-price spot: over so many of the cheapest pools. */
  readonly poolsToUse?: number;
}

/** CreateFleet of type instant. */
export interface FleetRequest extends FleetOrder {
  readonly clientToken: string;
}

export interface FleetError extends FleetOverride {
  readonly code: string;
  readonly message: string;
}

export interface FleetResult {
  readonly fleetId: string;
  readonly instances: readonly Ec2Instance[];
  readonly errors: readonly FleetError[];
}

export interface Ec2Instance extends PoolKey {
  readonly instanceId: string;
  readonly capacityType: Exclude<CapacityType, 'reserved'>;
  readonly state: InstanceState;
  /** Why it ended, '' while it has not. */
  readonly stateReason: string;
  readonly launchedMs: number;
  readonly privateDnsName: string;
  readonly privateIpAddress: string;
  readonly subnetId: string | undefined;
  /** The reservation whose place it has. */
  readonly reservationId: string | undefined;
  readonly imageId: string;
  readonly userData: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly spec: LaunchSpec;
  readonly priceNanoUsdPerHour: number;
}

export type Ec2Event =
  | { readonly type: 'state'; readonly instance: Ec2Instance }
  /** Its kubelet starts now. */
  | { readonly type: 'kubelet'; readonly instance: Ec2Instance; readonly boot: BootTimes }
  /** Spot takes it back in two minutes. */
  | { readonly type: 'interruption'; readonly instance: Ec2Instance }
  /** Spot may take it back before long. */
  | { readonly type: 'rebalance'; readonly instance: Ec2Instance }
  /** Its capacity block ends; at `endMs` it is taken away. */
  | { readonly type: 'block-ends'; readonly instance: Ec2Instance; readonly endMs: number }
  /** Its host will be worked on. */
  | { readonly type: 'maintenance'; readonly instance: Ec2Instance; readonly startMs: number };

/** What becomes of a capacity block. */
export interface ReservationEvent {
  readonly type: 'delivered' | 'expiring';
  readonly reservation: CapacityReservation;
}

export interface Ec2Options {
  readonly types: readonly InstanceTypeFacts[];
  readonly capacity?: CapacityModel;
  readonly boot?: BootModel;
  /** From the call that ends an instance to its end: at least and at most; 20 to 60 s unless given. */
  readonly shutdownMs?: readonly [number, number];
  readonly faults?: Ec2Faults;
  /** Where instances get their addresses; without them every zone has one range. */
  readonly subnets?: readonly SubnetRange[];
  readonly reservations?: readonly CapacityReservation[];
  /** Whether spot prices differ by zone and move; otherwise they are the catalogue's. */
  readonly movesSpotPrices?: boolean;
  /** Without subnets: private addresses in each zone. */
  readonly addressesPerZone?: number;
  /** vCPUs of running instances, each capacity type apart. */
  readonly quotaVcpu?: QuotaTable;
  /** Mean life of a spot instance before it is taken back. */
  readonly spotLifeMs?: number;
  /** Mean life of any instance before its host fails. */
  readonly hostLifeMs?: number;
  /** Whether actions have rate limits. */
  readonly isThrottled?: boolean;
  /** Whether reads lag writes. */
  readonly isConsistent?: boolean;
}
