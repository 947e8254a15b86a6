/**
 * Capacity that is held for certain pods, and who may use it meanwhile.
 *
 * In: a reservation, the pod that asks, the time. Out: whether the node is closed to it. A
 * reservation is written on the NodeClaim and read back from there, so that every replica answers
 * alike. It knows nothing of how the pods get there, nor of free room: a reserved node is closed as
 * a whole, for the seconds that placing its owners takes.
 */

/**
 * What a reserved node still waits for.
 *
 * - `binding`: its pods are about to be bound to it by us.
 * - `devices`: a device that its pods need is not allocatable yet; the taint is off so that the
 *   device's DaemonSet can come up, and only the filter keeps others away.
 * - `claims`: its pods have volumes or device claims that kube-scheduler must settle, so that
 *   kube-scheduler places them itself.
 */
export type Fence = 'binding' | 'devices' | 'claims';

/** One node, held. */
export interface NodeReservation {
  /** UIDs of the pods that the node was launched for. */
  readonly owners: ReadonlySet<string>;
  /** Wall clock; from then on the node is open to all, whatever became of its owners. */
  readonly expiresAtMs: number;
  readonly fence: Fence;
}

/** A pod that looks for a node, as far as these decisions depend on it. */
export interface AskingPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Its room is part of every node's plan, and reserved nodes need it to become usable. */
  readonly isDaemon: boolean;
  /** From its start to its end, where that is known. */
  readonly expectedRuntimeMs: number | undefined;
}

/** True while the pod must not be placed there. */
export function isClosedTo(reservation: NodeReservation, pod: AskingPod, nowMs: number): boolean {
  return !pod.isDaemon && nowMs < reservation.expiresAtMs && !reservation.owners.has(pod.uid);
}

/** True while the node is held for this very pod. */
export function isHeldFor(reservation: NodeReservation, pod: AskingPod, nowMs: number): boolean {
  return nowMs < reservation.expiresAtMs && reservation.owners.has(pod.uid);
}
