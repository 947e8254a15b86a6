/**
 * What the binder says of what it has done: decisions, Events, metrics.
 *
 * In: outcomes, once each. Out: records. It words them and decides nothing.
 */
import { conditionOf } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import type { LossReason, Owner } from '../../../core/binding/owners.ts';
import type { NodeReservation } from '../../../core/scheduling/reservation.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import { podKey } from '../../../core/state/snapshot.ts';
import type { ControllerContext } from '../context.ts';

const actor = 'binder';
type Claim = Live<'NodeClaim'>;

const lossTexts: Readonly<Record<LossReason, string>> = {
  gone: 'the pod was deleted',
  elsewhere: 'the pod was bound to another node',
  ended: 'the pod has ended',
  terminating: 'the pod is being deleted',
};

export class BinderRecord {
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  bound(pod: LivePod, nodeName: string, claim: Claim): void {
    const { metrics, recorder } = this.#context;
    metrics.reservations.prebinds.inc({ outcome: 'bound' });
    this.#decide(pod, 'bound', `to node ${nodeName}, launched for it`, claim);
    // As kube-scheduler words it, for whoever reads a pod's Events.
    recorder.event(
      referenceOf(pod),
      'Normal',
      'Scheduled',
      `Successfully assigned ${podKey(pod)} to ${nodeName}`,
    );
  }

  /** The pod waits for another place. */
  released(pod: LivePod, reason: string, why: string, claim: Claim): void {
    this.#context.metrics.reservations.prebinds.inc({ outcome: reason });
    this.#decide(pod, 'released', why, claim);
  }

  /** The node is open to all: what has become of its owners. */
  ended(
    claim: Claim,
    nodeName: string | undefined,
    reservation: NodeReservation,
    owners: readonly Owner[],
    hasExpired: boolean,
  ): void {
    const { metrics, clock } = this.#context;
    const registered = conditionOf(claim, 'Registered');
    if (registered?.status === 'True') {
      const sinceMs = Date.parse(registered.lastTransitionTime ?? '');
      const heldMs = Math.max(0, clock.nowMs() - sinceMs);
      if (!Number.isNaN(heldMs)) {
        metrics.reservations.heldSeconds.observe({ fence: reservation.fence }, heldMs / 1000);
      }
    }
    let here = 0;
    let waiting = 0;
    for (const owner of owners) {
      if (owner.standing === 'here') here += 1;
      else if (owner.standing === 'lost') this.#lost(owner.reason, owner.pod, claim);
      else if (owner.standing !== 'unseen') {
        waiting += 1;
        this.released(owner.pod, 'expired', 'the reservation of its node has expired', claim);
      }
    }
    if (hasExpired) this.#expired(claim, here, waiting);
    if (nodeName === undefined) return;
    this.#context.recorder.decide({
      timeMs: clock.nowMs(),
      actor,
      subject: { kind: 'Node', name: nodeName },
      outcome: 'opened',
      reason: `open to all; ${here} of the ${owners.length} pods that it was held for are on it`,
      details: { nodeClaim: claim.metadata.name, fence: reservation.fence, hasExpired },
    });
  }

  #lost(reason: LossReason, pod: LivePod | undefined, claim: Claim): void {
    const { reservations } = this.#context.metrics;
    reservations.prebinds.inc({ outcome: reason });
    if (reason === 'elsewhere') reservations.prebindConflicts.inc();
    if (pod !== undefined) this.#decide(pod, 'released', lossTexts[reason], claim);
  }

  #expired(claim: Claim, here: number, waiting: number): void {
    const { metrics, recorder } = this.#context;
    metrics.reservations.expired.inc();
    const { name, uid } = claim.metadata;
    recorder.event(
      { apiVersion: claim.apiVersion, kind: claim.kind, name, uid },
      'Warning',
      'ReservationExpired',
      `The node is no longer held: ${here} pods are on it, ${waiting} still wait and are planned anew`,
    );
  }

  #decide(pod: LivePod, outcome: string, reason: string, claim: Claim): void {
    const { namespace, name, uid } = pod;
    this.#context.recorder.decide({
      timeMs: this.#context.clock.nowMs(),
      actor,
      subject: { kind: 'Pod', namespace, name, uid },
      outcome,
      reason,
      details: { nodeClaim: claim.metadata.name },
    });
  }
}

function referenceOf({ namespace, name, uid }: LivePod) {
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
}
