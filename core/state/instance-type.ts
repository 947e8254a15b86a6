/**
 * Instance types and their offerings as the packing model sees them, whatever cloud they are from.
 *
 * `InstanceTypeFacts` is what a catalogue knows of a type; `InstanceType` is what one EC2NodeClass
 * (kubelet settings, storage) makes of it. Prices are integers: nano-USD per hour.
 */
import type { Resources } from '../scheduling/resources.ts';

export type CapacityType = 'on-demand' | 'spot' | 'reserved';

/** One accelerator kind of a type. */
export interface Accelerator {
  readonly name: string;
  readonly manufacturer: string;
  readonly count: number;
  readonly memoryMiB: number;
  /** Cores per device (Neuron), 0 if the kind has none. */
  readonly coresPerDevice: number;
}

/** Capacity that an account holds, used or not: an offering of which there are only so many. */
export interface ReservedCapacity {
  readonly id: string;
  /** `default`: on-demand capacity kept free; `capacity-block`: bought for a while. */
  readonly kind: 'default' | 'capacity-block';
  /** Instances that may still be launched into it, those that were launched already taken off. */
  readonly availableCount: number;
}

/** A price in one zone for one capacity type; of one reservation where it is `reserved`. */
export interface Offering {
  readonly zone: string;
  readonly capacityType: CapacityType;
  readonly priceNanoUsdPerHour: number;
  /** Name of the NodeOverlay that the price is from; undefined if it is the cloud's own. */
  readonly pricedBy?: string;
  readonly available: boolean;
  /** For `reserved`, and for nothing else. Its price is 0: it is paid for, used or not. */
  readonly reservation?: ReservedCapacity;
}

/** What the catalogue knows of a type; units in the names. Absent facts are undefined. */
export interface InstanceTypeFacts {
  readonly name: string;
  readonly category: string;
  readonly family: string;
  readonly generation: number;
  readonly size: string;
  readonly flex: boolean;
  readonly architecture: 'amd64' | 'arm64';
  readonly cpuManufacturer: string;
  readonly clockMhz: number | undefined;
  readonly vcpuCount: number;
  readonly memoryMiB: number;
  /** Memory that the operating system was measured to see. */
  readonly memoryVisibleMiB: number | undefined;
  readonly hypervisor: string;
  readonly bareMetal: boolean;
  readonly encryptionInTransit: boolean;
  readonly networkMbps: number | undefined;
  readonly ebsMbps: number | undefined;
  readonly ebsMaxAttachments: number | undefined;
  readonly eniCountDefaultCard: number;
  readonly ipv4PerEni: number;
  readonly branchEniCount: number;
  readonly efaCount: number;
  readonly localNvmeGB: number;
  readonly gpus: readonly Accelerator[];
  readonly neuron: Accelerator | undefined;
  readonly offerings: readonly Offering[];
}

/** A type under one node class: ready for the model. */
export interface InstanceType {
  readonly name: string;
  /** Every label that a node of the type carries whatever its pool, zone and capacity type. */
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: Resources;
  readonly allocatable: Resources;
  readonly offerings: readonly Offering[];
  readonly facts: InstanceTypeFacts;
}
