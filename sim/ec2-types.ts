/**
 * The simulated EC2 as those see it who put a front on it: requests, answers, errors, events.
 *
 * In: nothing. Out: types, in EC2's own words, and the error that a call ends in. A wire front turns
 * XML into these and back; `cloud.ts` turns the CloudProvider port into them.
 */

import type { InstanceState } from '../core/cloud-port.ts';
import type { CapacityType, InstanceTypeFacts } from '../core/state/instance-type.ts';
import type { BootModel, BootTimes } from './boot-time.ts';
import type { CapacityModel, PoolKey } from './ec2-capacity.ts';

/** A call that EC2 refuses as a whole; nothing was done. */
export class Ec2Error extends Error {
  override readonly name = 'Ec2Error';
  /** As on the wire, such as `RequestLimitExceeded`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

export type Ec2Action = 'CreateFleet' | 'DescribeInstances' | 'TerminateInstances' | 'CreateTags';

/** What may go wrong with a call besides the rules of EC2. */
export type Ec2Fault =
  | { readonly type: 'refuse'; readonly code: string }
  /** It is done, but the answer is lost. */
  | { readonly type: 'lose-answer' };

export interface Ec2Faults {
  on(action: Ec2Action): Ec2Fault | undefined;
}

export interface FleetOverride {
  readonly instanceType: string;
  readonly zone: string;
}

/** CreateFleet of type instant. */
export interface FleetRequest {
  readonly clientToken: string;
  readonly capacityType: Exclude<CapacityType, 'reserved'>;
  /** `prioritized`: as listed. `lowest-price`: by price. */
  readonly strategy: 'prioritized' | 'lowest-price';
  readonly overrides: readonly FleetOverride[];
  readonly targetCapacity: number;
  readonly imageId: string;
  readonly userData: string;
  readonly tags: Readonly<Record<string, string>>;
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
  readonly imageId: string;
  readonly userData: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly priceNanoUsdPerHour: number;
}

export type Ec2Event =
  | { readonly type: 'state'; readonly instance: Ec2Instance }
  /** Its kubelet starts now. */
  | { readonly type: 'kubelet'; readonly instance: Ec2Instance; readonly boot: BootTimes }
  /** Spot takes it back in two minutes. */
  | { readonly type: 'interruption'; readonly instance: Ec2Instance };

export interface Ec2Options {
  readonly types: readonly InstanceTypeFacts[];
  readonly capacity?: CapacityModel;
  readonly boot?: BootModel;
  readonly faults?: Ec2Faults;
  /** Private addresses of the subnet in each zone. */
  readonly addressesPerZone?: number;
  /** vCPUs of running instances, each capacity type apart. */
  readonly quotaVcpu?: number;
  /** Mean life of a spot instance before it is taken back. */
  readonly spotLifeMs?: number;
  /** Mean life of any instance before its host fails. */
  readonly hostLifeMs?: number;
  /** Whether actions have rate limits. */
  readonly isThrottled?: boolean;
  /** Whether reads lag writes. */
  readonly isConsistent?: boolean;
}
