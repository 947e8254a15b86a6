/**
 * The plan as users see it: `stowage.dev/v1alpha1`, kind `Plan`.
 *
 * These types are the contract of `stowage plan -o json`; the functions that fill them are in
 * `plan-nodes.ts`. Money is USD here (numbers from integer nano-USD), resources are Kubernetes
 * quantities as strings.
 */
import type { Certificate, Proof, SolverStats } from './solution.ts';

/** An offering by name and price. */
export interface PlannedOffering {
  readonly instanceType: string;
  readonly zone: string;
  readonly capacityType: string;
  /** Of `reserved` offerings. */
  readonly reservationId?: string;
  readonly pricePerHour: number;
}

export interface PlannedNode extends PlannedOffering {
  readonly name: string;
  readonly nodePool: string;
  /** `namespace/name`. */
  readonly pods: readonly string[];
  /** Sum of the pods' effective requests (without DaemonSets), quantities. */
  readonly requests: Readonly<Record<string, string>>;
  /** What the node offers to pods, DaemonSets included, quantities. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** Labels that the NodePool leaves open, with the values chosen; absent where none is open. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Other offerings of the same NodePool that hold the same pods, cheapest first. */
  readonly substitutes: readonly PlannedOffering[];
}

export interface ExistingNodePods {
  readonly node: string;
  /** Every pod of the input that stands or will stand here. */
  readonly pods: readonly string[];
  /** Those of `pods` that this plan puts here. */
  readonly placed: readonly string[];
}

export interface UnschedulablePod {
  readonly pod: string;
  readonly reason: string;
}

export interface Plan {
  readonly apiVersion: 'stowage.dev/v1alpha1';
  readonly kind: 'Plan';
  readonly nodes: readonly PlannedNode[];
  readonly existing: readonly ExistingNodePods[];
  readonly unschedulable: readonly UnschedulablePod[];
  readonly cost: {
    /** USD per hour of the planned nodes. */
    readonly perHour: number;
    /** USD per hour; no plan for these pods under these rules is cheaper. */
    readonly lowerBound: number;
    /** (perHour - lowerBound) / perHour; 0 for an empty plan; null when unproven. */
    readonly gap: number | null;
    readonly proof: Proof;
    /** What price-blind first-fit would have cost, USD per hour; null if it could not place all. */
    readonly firstFitPerHour: number | null;
  };
  readonly certificate: Certificate | null;
  readonly solver: SolverStats;
  /** Things that the reader of the plan should know (defaults used, assumed spot prices, ...). */
  readonly notes: readonly string[];
}
