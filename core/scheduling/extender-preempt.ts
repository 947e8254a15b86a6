/**
 * preempt: on which nodes victims may die for a pod.
 *
 * In: the candidates that kube-scheduler found with its own filters, the pod, the time. Out: those
 * that our filter would let the pod use afterwards. kube-scheduler does not ask the filter in its
 * dry run, so that without this pods would be evicted for a place that the pod then does not get.
 * It adds no victim and spares none: which pods die is kube-scheduler's choice.
 */
import { rejectionReason } from './extender-filter.ts';
import type { ExtenderView } from './extender-view.ts';
import type { AskingPod } from './reservation.ts';

/** A node, and the pods that would have to go from it. */
export interface PreemptionCandidate {
  readonly nodeName: string;
  readonly victimUids: readonly string[];
  /** Victims whose disruption budget does not allow it. */
  readonly budgetViolations: number;
}

/**
 * The candidates to keep, in their order. Those without a victim are dropped too: kube-scheduler
 * takes them for an error.
 */
export function keptCandidates(
  view: ExtenderView,
  candidates: readonly PreemptionCandidate[],
  pod: AskingPod,
  nowMs: number,
): readonly PreemptionCandidate[] {
  return candidates.filter(
    ({ nodeName, victimUids }) =>
      victimUids.length > 0 && rejectionReason(view.node(nodeName), pod, nowMs) === undefined,
  );
}
