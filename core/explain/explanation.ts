/**
 * What is answered when somebody asks why.
 *
 * In: nothing. Out: the shapes of `stowage explain -o json` and of the routes behind it. Absent facts
 * are null, times are RFC 3339, money is USD per hour, lists are bounded.
 */

/**
 * How a pod stands.
 *
 * - `gated`, `ignored`: nobody is to place it now.
 * - `unseen`: kube-scheduler has not looked at it.
 * - `waiting`: the next plan will decide.
 * - `unschedulable`: the last plan found no place.
 * - `fits-existing`: there is room on a node; its scheduler is to place it.
 * - `planned`: a NodeClaim was made for it.
 * - `bound`, `running`, `ended`, `terminating`: as the pod says.
 */
export type PodState =
  | 'gated'
  | 'ignored'
  | 'unseen'
  | 'waiting'
  | 'unschedulable'
  | 'fits-existing'
  | 'planned'
  | 'bound'
  | 'running'
  | 'ended'
  | 'terminating';

/** One step of a NodeClaim's life. */
export interface ClaimStep {
  readonly step: 'Created' | 'Launched' | 'Registered' | 'Initialized' | 'Deleted';
  readonly status: 'done' | 'failed' | 'open';
  readonly at: string | null;
  /** Why it is open or has failed; '' if that is not told. */
  readonly message: string;
}

export interface ClaimExplanation {
  readonly name: string;
  readonly nodePool: string | null;
  readonly nodeName: string | null;
  readonly providerID: string | null;
  readonly instanceType: string | null;
  readonly zone: string | null;
  readonly capacityType: string | null;
  readonly usdPerHour: number | null;
  readonly steps: readonly ClaimStep[];
  /** What else would have done, best first: `type/zone/capacity type`. */
  readonly alternatives: readonly string[];
  /** For how many pods the node is held, and until when; null if it is not. */
  readonly reservation: { readonly pods: number; readonly until: string } | null;
}

/** The plan that a decision came from: what it cost in all, and what is proven about that. */
export interface PlanExplanation {
  readonly decidedAt: string;
  readonly usdPerHour: number | null;
  readonly lowerBoundUsdPerHour: number | null;
  /** Share of its cost that the plan may be above the optimum. */
  readonly gap: number | null;
  readonly isProven: boolean | null;
}

/** One decision, newest first in lists. */
export interface DecisionLine {
  readonly at: string;
  /** When it was first decided so. */
  readonly since: string;
  readonly count: number;
  readonly actor: string;
  readonly about: string;
  readonly outcome: string;
  readonly reason: string;
}

export interface PodExplanation {
  readonly kind: 'Pod';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly state: PodState;
  /** A sentence for people. */
  readonly summary: string;
  readonly nodeName: string | null;
  readonly claim: ClaimExplanation | null;
  readonly plan: PlanExplanation | null;
  readonly decisions: readonly DecisionLine[];
}

export interface NodeExplanation {
  readonly kind: 'Node';
  /** Of the node, or of the claim while there is no node. */
  readonly name: string;
  readonly summary: string;
  readonly claim: ClaimExplanation | null;
  readonly plan: PlanExplanation | null;
  /** Requested share of what the node offers, by resource; null while there is no node. */
  readonly requested: Readonly<Record<string, number>> | null;
  readonly podCount: number;
  /** The first of them, `namespace/name`. */
  readonly pods: readonly string[];
  readonly decisions: readonly DecisionLine[];
}
