/**
 * filter: which nodes a pod must stay away from.
 *
 * In: a node, the pod that asks, the time. Out: the reason of a rejection, or nothing. It rejects
 * foreign pods on reserved capacity and nothing else: whether the pod fits is kube-scheduler's
 * business. kube-scheduler counts nodes by the text of the reason and shows that in the pod's
 * condition, so that there is one text per kind of fence and no name or number in any.
 */
import type { ExtenderNode } from './extender-view.ts';
import { type AskingPod, type Fence, isClosedTo } from './reservation.ts';

/** Read after a count, as in "0/5 nodes are available: 3 reserved by Stowage for ...". */
export const filterReasons: Readonly<Record<Fence, string>> = {
  binding: 'reserved by Stowage for the pods that it was launched for',
  devices: 'reserved by Stowage until its devices are ready for the pods that it was launched for',
  claims: 'reserved by Stowage for pods whose volumes or device claims are being settled',
};

/** Why the pod must not go there; undefined if nothing of ours stands against it. */
export function rejectionReason(
  node: ExtenderNode | undefined,
  pod: AskingPod,
  nowMs: number,
): string | undefined {
  const reservation = node?.reservation;
  if (reservation === undefined || !isClosedTo(reservation, pod, nowMs)) {
    return undefined;
  }
  return filterReasons[reservation.fence];
}
