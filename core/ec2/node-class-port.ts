/**
 * The door through which an EC2NodeClass learns what its selectors find.
 *
 * In: nothing. Out: interfaces. Every method throws `CloudError`, and its message says which call was
 * refused. What selectors find is a value, none found too.
 */
import type { CapacityReservation, EC2NodeClass } from '../api/ec2nodeclass.ts';
import type { CallOptions } from '../ports.ts';
import type { FoundImages } from './images.ts';
import type { Subnet } from './subnet-ledger.ts';

export interface SecurityGroup {
  readonly id: string;
  readonly name: string;
}

export interface PlacementGroup {
  readonly id: string;
  readonly name: string;
}

/** Which of the calls that a launch needs was refused, and why. */
export interface ValidationProblem {
  /** Reason of the condition, CamelCase. */
  readonly reason: string;
  readonly message: string;
}

export interface NodeClassCloud {
  readonly clusterName: string;
  /** Ordered by id. */
  subnets(nodeClass: EC2NodeClass, options?: CallOptions): Promise<readonly Subnet[]>;
  /** Ordered by id. */
  securityGroups(nodeClass: EC2NodeClass, options?: CallOptions): Promise<readonly SecurityGroup[]>;
  images(nodeClass: EC2NodeClass, options?: CallOptions): Promise<FoundImages>;
  capacityReservations(
    nodeClass: EC2NodeClass,
    options?: CallOptions,
  ): Promise<readonly CapacityReservation[]>;
  /** Undefined if what the class selects is not there; only for a class that selects one. */
  placementGroup(
    nodeClass: EC2NodeClass,
    options?: CallOptions,
  ): Promise<PlacementGroup | undefined>;
  /** The profile that the class names, or ours for its role, made if there is none. */
  instanceProfile(nodeClass: EC2NodeClass, options?: CallOptions): Promise<string>;
  /**
   * Tries every call of a launch without launching. The class has a status already.
   * `undefined`: all would be allowed.
   */
  validate(nodeClass: EC2NodeClass, options?: CallOptions): Promise<ValidationProblem | undefined>;
  /** Ends what we made for a class that goes: launch templates, our instance profile. Idempotent. */
  forget(nodeClass: EC2NodeClass, options?: CallOptions): Promise<void>;
  /** Removes launch templates that no launch has used for long. */
  collectTemplates(options?: CallOptions): Promise<void>;
}
