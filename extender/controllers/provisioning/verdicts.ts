/**
 * What is known of each pending pod, told once when it changes.
 *
 * In: verdicts of plans and of standings. Out: decision records, Events on pods, numbers by reason.
 * Memory here is only for not repeating oneself: after a restart everything is told once more. It
 * holds no more entries than there are unbound pods.
 */
import type { DecisionRecord } from '../../../core/ports.ts';
import type { SnapshotPod } from '../../../core/state/snapshot.ts';
import type { ControllerContext } from '../context.ts';

export type VerdictOutcome = 'planned' | 'fits-existing' | 'unschedulable' | 'waiting' | 'ignored';

export interface Verdict {
  readonly outcome: VerdictOutcome;
  readonly reason: string;
  readonly details?: DecisionRecord['details'];
}

export class Verdicts {
  readonly #context: Pick<ControllerContext, 'recorder' | 'clock'>;
  readonly #told = new Map<string, string>();

  constructor(context: Pick<ControllerContext, 'recorder' | 'clock'>) {
    this.#context = context;
  }

  tell(pod: SnapshotPod, verdict: Verdict): void {
    const text = `${verdict.outcome}: ${verdict.reason}`;
    if (this.#told.get(pod.uid) === text) return;
    this.#told.set(pod.uid, text);
    const { recorder, clock } = this.#context;
    const { namespace, name, uid } = pod;
    recorder.decide({
      timeMs: clock.nowMs(),
      actor: 'provisioner',
      subject: { kind: 'Pod', namespace, name, uid },
      outcome: verdict.outcome,
      reason: verdict.reason,
      ...(verdict.details === undefined ? {} : { details: verdict.details }),
    });
    const regarding = { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
    if (verdict.outcome === 'planned') {
      recorder.event(regarding, 'Normal', 'Nominated', verdict.reason);
    } else if (verdict.outcome === 'unschedulable') {
      recorder.event(regarding, 'Warning', 'FailedScheduling', verdict.reason);
    }
  }

  /** Forgets pods that are not pending any more. */
  retain(isPending: (uid: string) => boolean): void {
    for (const uid of this.#told.keys()) if (!isPending(uid)) this.#told.delete(uid);
  }
}
