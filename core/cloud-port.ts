/**
 * The door to the cloud: what instances there may be, launching them, ending them.
 *
 * In: nothing. Out: interfaces. Adapters turn what is foreign (AWS error codes) into these once. A
 * launch that fails is a value, because pools without capacity are everyday life; a cloud that does
 * not answer a read is a {@link CloudError}.
 */
import type { EC2NodeClass } from './api/ec2nodeclass.ts';
import type { Taint } from './api/kubernetes.ts';
import type { AddressSupply } from './ec2/node-addresses.ts';
import type { CallOptions } from './ports.ts';
import type { CapacityType, InstanceType } from './state/instance-type.ts';

/** An offering as a launch names it. */
export interface LaunchOffering {
  readonly instanceType: string;
  readonly zone: string;
  readonly capacityType: CapacityType;
  /** For `reserved`: which reservation. */
  readonly reservationId?: string;
}

/** Which of the nodes that are launched together a request is for. */
export interface LaunchPlace {
  /** Nodes of the group: more than one. */
  readonly size: number;
  /** From 0. The first ones are served first. */
  readonly index: number;
}

/** One node that is wanted. */
export interface LaunchRequest {
  /** The same for every attempt at one intent, so that a lost answer never launches twice. */
  readonly clientToken: string;
  /**
   * For one of several nodes that are the same but for their names. All of them are launched under
   * the one token, whoever asks first; each asks for its own, at any time and any number of times.
   * `tags` are then those that they have in common, and each instance is tagged `stowage.dev/launch`
   * with the token of the call that made it, which is `clientToken`, then what the cloud appends.
   */
  readonly place?: LaunchPlace;
  /** Pods asked for EFA: the instance gets as many EFA interfaces as its type can have. */
  readonly hasEfa?: true;
  readonly nodeClaimName: string;
  readonly nodePoolName: string;
  readonly nodeClass: EC2NodeClass;
  /** Any of these will do; earlier ones are better. At least one. */
  readonly offerings: readonly LaunchOffering[];
  readonly tags: Readonly<Record<string, string>>;
  /** What the kubelet registers with. */
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
}

export type InstanceState =
  | 'pending'
  | 'running'
  | 'stopping'
  | 'stopped'
  | 'shutting-down'
  | 'terminated';

export interface CloudInstance extends LaunchOffering {
  /** `aws:///zone/instance-id`: the same string as the Node's `spec.providerID`. */
  readonly providerID: string;
  readonly state: InstanceState;
  readonly imageId: string;
  /** Undefined where the cloud does not tell, or has none. */
  readonly subnetId?: string;
  /** In no order; undefined where the cloud does not tell, or has none. */
  readonly securityGroupIds?: readonly string[];
  readonly priceNanoUsdPerHour: number;
  readonly launchedMs: number;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * - `insufficient-capacity`: every offering asked for was dry; `exhausted` names them.
 * - `no-addresses`: the subnets of the zones in `exhausted` are full.
 * - `quota-exceeded`: of the account; other offerings of the same group will not help.
 * - `throttled`: nothing was launched; come again after `retryAfterMs`.
 * - `unauthorized`, `invalid`: will fail again until somebody changes rights or the node class.
 * - `unavailable`: no answer; ask again with the same client token.
 */
export type LaunchFailure =
  | 'insufficient-capacity'
  | 'no-addresses'
  | 'quota-exceeded'
  | 'throttled'
  | 'unauthorized'
  | 'invalid'
  | 'unavailable';

export type LaunchOutcome =
  | {
      readonly outcome: 'launched';
      readonly instance: CloudInstance;
      /** Offerings that turned out to be dry on the way. */
      readonly exhausted: readonly LaunchOffering[];
    }
  | {
      readonly outcome: 'failed';
      readonly failure: LaunchFailure;
      readonly message: string;
      readonly exhausted: readonly LaunchOffering[];
      /** 0 if unknown. */
      readonly retryAfterMs: number;
    };

/** The cloud does not answer, or refuses to answer us. Only reads and terminations throw it. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
  readonly code: 'throttled' | 'unauthorized' | 'unavailable';

  constructor(code: CloudError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Where instances come from. Reads and `terminate` throw {@link CloudError}. */
export interface CloudProvider {
  /**
   * Types that nodes of this class may be, with prices; offerings known to be dry now are marked
   * unavailable. From memory where that is fresh; the same array object while nothing has changed.
   */
  instanceTypes(nodeClass: EC2NodeClass, options?: CallOptions): Promise<readonly InstanceType[]>;

  /**
   * Launches one instance. Idempotent by client token and place: the same token and place answer the
   * same instance. Members of a group that ask at once are one launch.
   */
  launch(request: LaunchRequest, options?: CallOptions): Promise<LaunchOutcome>;

  /** Every instance that carries our cluster's tags and is not terminated. It may lag a launch. */
  list(options?: CallOptions): Promise<readonly CloudInstance[]>;

  /** One instance; `undefined` if the cloud does not know it, which right after a launch says little. */
  get(providerID: string, options?: CallOptions): Promise<CloudInstance | undefined>;

  /** Sets tags of an instance, beside those that it has. Idempotent. @throws CloudError */
  tag(
    providerID: string,
    tags: Readonly<Record<string, string>>,
    options?: CallOptions,
  ): Promise<void>;

  /** Asks for the end of an instance. Idempotent. `gone`: it is terminated or unknown. */
  terminate(providerID: string, options?: CallOptions): Promise<'terminating' | 'gone'>;

  /**
   * Private addresses that new nodes of these classes share; none where they are not scarce. Answers
   * at once, from memory.
   */
  addressSupplies?(nodeClasses: readonly EC2NodeClass[]): readonly AddressSupply[];

  /**
   * Keeps plans and launches away from an offering until `untilMs` (wall clock), because the cloud
   * itself has said that it takes instances of it back. Answers at once, from memory.
   */
  markUnavailable?(offering: LaunchOffering, reason: string, untilMs: number): void;
}
