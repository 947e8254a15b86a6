/**
 * What the dashboard and the summary want to know of planning.
 *
 * In: nothing. Out: the interface that the provisioner implements. Money is in nano-USD per hour.
 */

/** The last plan, seen against the whole cluster. */
export interface PlanFigures {
  readonly timeMs: number;
  /** What everything that runs or is on its way costs, the plan carried out. */
  readonly costNanoUsdPerHour: number;
  /** The part of it that this plan adds. */
  readonly batchCostNanoUsdPerHour: number;
  /** Proven: no plan for the same pods beside the nodes that stood then costs less. */
  readonly lowerBoundNanoUsdPerHour: number | undefined;
  /** What the cluster would cost with first-fit; undefined where it could not place every pod. */
  readonly firstFitNanoUsdPerHour: number | undefined;
  /** (cost - bound) / cost; undefined while nothing is proven. */
  readonly gap: number | undefined;
  /** Pods in the batch. */
  readonly pods: number;
  /** From snapshot to decision. */
  readonly solveMs: number;
  /** Pods that this plan gave no place, by reason. */
  readonly pendingByReason: Readonly<Record<string, number>>;
}

export interface PlanState {
  /** Undefined before the first plan. Answers at once. */
  latest(): PlanFigures | undefined;
}
