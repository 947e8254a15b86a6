/**
 * What the dashboard is told: the JSON of `/api/v1/state` and of the stream.
 *
 * In: nothing. Out: types, and the bounds of what is sent. Times are milliseconds since 1970 on the
 * cluster's clock, money is USD per hour. A diff leaves out what has not changed.
 */

/** Who is speaking, and for which cluster. */
export interface About {
  readonly cluster: string;
  /** Name of this replica. */
  readonly identity: string;
  readonly isLeader: boolean;
  /** Holder of the lease; '' if nobody holds it. */
  readonly leader: string;
  /** What is of Karpenter's group is left to a Karpenter that leads beside us. */
  readonly karpenterLeads: boolean;
  readonly version: string;
  /** Simulated seconds per second; null on a real clock. */
  readonly speed: number | null;
}

/** Sums over the cluster. Pods of DaemonSets are in `use` and nowhere else. */
export interface Totals {
  /** With a Node, leaving ones included. */
  readonly nodes: number;
  readonly nodesReady: number;
  /** Wanted, launched or registered, and not open for use. */
  readonly nodesComing: number;
  readonly nodesLeaving: number;
  readonly podsRunning: number;
  /** Bound, and not running. */
  readonly podsStarting: number;
  readonly podsPending: number;
  /** Ended since this process looks on. */
  readonly podsDone: number;
  readonly podsFailed: number;
  /** Requested share of what ready nodes offer. */
  readonly cpuUse: number;
  readonly memoryUse: number;
  /** Of all that has a price. */
  readonly cost: number;
  /** Nodes whose price is not known. */
  readonly nodesUnpriced: number;
  /** The same nodes' cost as their plans' proven bounds have it; null if no plan is known. */
  readonly bound: number | null;
  /** The same nodes' cost as first-fit for the same pods would have it; null if no plan is known. */
  readonly firstFit: number | null;
  /** Share of the cost that both rest on; the rest is taken as it is. */
  readonly planned: number;
  readonly plan: PlanTotals | null;
}

/** The last plan. */
export interface PlanTotals {
  readonly timeMs: number;
  readonly pods: number;
  /** Of what it adds; null if nothing is proven. */
  readonly gap: number | null;
  readonly solveMs: number;
}

/** How far a node is. The order is that of its life. */
export const nodeSteps = [
  'launching',
  'booting',
  'registered',
  'binding',
  'ready',
  'not-ready',
  'leaving',
] as const;
export type NodeStep = (typeof nodeSteps)[number];

/**
 * Pods of one workload on a node: workload, pods, part of the node that each takes (of the resource
 * that it takes most of, in 1/1000), 1 if they are still to come. Workload -1: DaemonSets.
 */
export type Block = readonly [workload: number, pods: number, permille: number, isPlanned: 0 | 1];

/** One node, wanted or there. */
export interface NodeTile {
  /** The same from its wish to its end. */
  readonly id: string;
  /** Of the Node, of the NodeClaim before there is one. */
  readonly name: string;
  /** Before the launch the first choice; '' if unknown. */
  readonly type: string;
  readonly zone: string;
  readonly capacity: string;
  readonly pool: string;
  readonly step: NodeStep;
  readonly sinceMs: number;
  readonly createdMs: number;
  /** null if unknown. */
  readonly price: number | null;
  readonly cpuMilli: number;
  /** Resource, requested, allocatable: cpu (millicores), memory (bytes), devices (count). */
  readonly use: readonly (readonly [resource: string, requested: number, allocatable: number])[];
  readonly blocks: readonly Block[];
  /** What holds it up; '' if nothing does. */
  readonly trouble: string;
}

/**
 * - `new`: no scheduler has tried it yet. `queued`: unschedulable, waits for a plan.
 * - `coming`: a node for it is on its way. `preempting`: others make room for it.
 * - `stuck`: no node could hold it. `gated`: held back by its owner.
 */
export const pendingStates = ['stuck', 'queued', 'coming', 'new', 'preempting', 'gated'] as const;
export type PendingState = (typeof pendingStates)[number];

/** Pending pods of one workload that wait for the same reason. */
export interface PendingClass {
  readonly workload: string;
  readonly state: PendingState;
  readonly reason: string;
  readonly pods: number;
  /** What each asks for, such as `cpu 2 · memory 4 GiB`; of the first one. */
  readonly asks: string;
  /** Creation of the oldest. */
  readonly oldestMs: number;
  /** When the last of them should have its node; null if unknown. */
  readonly expectedMs: number | null;
  /** `namespace/name` of one. */
  readonly example: string;
}

/** One moment: time, cost, bound, first-fit, pods pending, pods running. */
export type SeriesPoint = readonly [
  timeMs: number,
  cost: number,
  bound: number | null,
  firstFit: number | null,
  pending: number,
  running: number,
];

/** One line of the log. */
export interface DecisionLine {
  /** Counts up within a process. */
  readonly number: number;
  readonly timeMs: number;
  readonly actor: string;
  readonly outcome: string;
  readonly kind: string;
  readonly subject: string;
  readonly reason: string;
}

/** Everything. */
export interface DashboardState {
  /** Diffs follow by one each. */
  readonly revision: number;
  readonly timeMs: number;
  readonly about: About;
  readonly totals: Totals;
  /** What blocks name by index. */
  readonly workloads: readonly string[];
  readonly nodes: readonly NodeTile[];
  readonly pending: readonly PendingClass[];
  /** Pending pods in classes beyond {@link pendingClassesMax}. */
  readonly pendingElsewhere: number;
  readonly series: readonly SeriesPoint[];
  /** Newest last. */
  readonly decisions: readonly DecisionLine[];
}

/** What has changed since the revision before. */
export interface DashboardDiff {
  readonly revision: number;
  readonly timeMs: number;
  readonly about?: About;
  readonly totals?: Totals;
  /** To be appended. */
  readonly workloads?: readonly string[];
  /** New and changed ones. */
  readonly nodes?: readonly NodeTile[];
  /** Ids of those that are no more. */
  readonly gone?: readonly string[];
  /** All of them. */
  readonly pending?: readonly PendingClass[];
  readonly pendingElsewhere?: number;
  /** To be appended. */
  readonly points?: readonly SeriesPoint[];
  /** Instead of all before: it was thinned out. */
  readonly series?: readonly SeriesPoint[];
  /** To be appended; the oldest beyond {@link decisionsMax} go. */
  readonly decisions?: readonly DecisionLine[];
}

export const pendingClassesMax = 60;
export const decisionsMax = 300;
/** Beyond, workloads have no name and colour of their own. */
export const workloadsMax = 2_000;
/** Longest reason that is sent. */
export const reasonCharsMax = 400;
