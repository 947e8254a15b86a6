/**
 * What the model builder answers: a PackingProblem, and what its numbers stand for.
 *
 * In: nothing. Out: types. `model.ts` fills them; the plan is written back to names of pods, pools,
 * types and nodes with their help.
 */
import type { NodePool } from '../api/nodepool.ts';
import type { AddressSupply } from '../ec2/node-addresses.ts';
import type { CapacityType, InstanceType } from '../state/instance-type.ts';
import type { PackingProblem } from './problem.ts';

/**
 * Types and offerings that a pool launches from: those of its node class, as overlays price them for
 * the pool; an empty list if there is no such class. Pools that see the same get the same array.
 */
export type InstanceTypesOfPool = (pool: NodePool) => readonly InstanceType[];

/** A price in one place, for {@link ModelOptions.riskNano}. */
export interface PricedOffering {
  readonly instanceType: string;
  readonly zone: string;
  readonly capacityType: CapacityType;
  /** Of `reserved` offerings. */
  readonly reservationId?: string;
  readonly priceNano: number;
}

export interface ModelOptions {
  /** Nano-USD per hour that each new node is held to cost beyond its price; steers, is not money. */
  readonly nodeCostNano?: number;
  /** Nano-USD per hour that an offering's risk (spot interruption) is worth; steers, is not money. */
  readonly riskNano?: (offering: PricedOffering) => number;
  /** Most new nodes. */
  readonly maxNodes?: number;
  /** Zone name -> zone id, for node classes whose status does not tell. */
  readonly zoneIds?: ReadonlyMap<string, string>;
  /** `Strict` (default): minValues must be met. `BestEffort`: they are left aside, with a note. */
  readonly minValuesPolicy?: 'Strict' | 'BestEffort';
  /** Addresses that new nodes share; none: there are enough. */
  readonly addresses?: readonly AddressSupply[];
  /** Kinds of existing nodes that stay apart; more are merged by what they have in common. */
  readonly maxExistingGroups?: number;
}

/** Interchangeable pods. */
export interface ModelFamily {
  /** Indices into `snapshot.pods`, in the order in which they are to be served. */
  readonly pods: readonly number[];
  readonly priority: number;
}

/** A family, or the part of it that stands in one domain of each of some topology keys. */
export interface ModelClass {
  readonly family: number;
  readonly zone?: string;
  readonly capacityType?: string;
  /** All topology keys that the class is fixed on, with their values. */
  readonly domain: Readonly<Record<string, string>>;
}

/** A node that may be launched. */
export interface NewNodeOffering {
  readonly kind: 'new';
  readonly nodePool: string;
  readonly nodeClass: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly capacityType: CapacityType;
  /** Of `reserved` offerings. */
  readonly reservationId?: string;
  readonly priceNano: number;
  /** Values that the model chose for labels which the NodePool leaves open. */
  readonly chosenLabels: Readonly<Record<string, string>>;
  /** DaemonSets that will run on it, `namespace/name`; their requests are already taken off. */
  readonly daemonSets: readonly string[];
  readonly type: InstanceType;
}

/** Nodes that exist and are alike; any of them can hold what the offering can. */
export interface ExistingNodesOffering {
  readonly kind: 'existing';
  readonly nodes: readonly string[];
}

export type ModelOffering = NewNodeOffering | ExistingNodesOffering;

/** A pod that no plan can place, and why. */
export interface RejectedPod {
  /** Index into `snapshot.pods`. */
  readonly pod: number;
  /** Names the rule and, where there is one, the nearest miss; the same for all alike pods. */
  readonly reason: string;
}

/** The problem, and the way back from its indices. */
export interface PackingModel {
  readonly problem: PackingProblem;
  /** [family]; `pods.length` is the family's demand. */
  readonly families: readonly ModelFamily[];
  /** [class] */
  readonly classes: readonly ModelClass[];
  /** [offering] */
  readonly offerings: readonly ModelOffering[];
  readonly unschedulable: readonly RejectedPod[];
  /** Node name -> pods (indices into `snapshot.pods`) that stand there already. */
  readonly placed: ReadonlyMap<string, readonly number[]>;
  /** What the reader of a plan should know, a sentence each, without repeats. */
  readonly notes: readonly string[];
}
