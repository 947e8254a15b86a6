/**
 * Pods that a kubelet refused on one of our nodes.
 *
 * In: the view. Out: a Warning on the pod, a decision, a count for each pod that has failed with an
 * `OutOf...` reason: it was placed where there was no room, by a scheduler in a race with another or
 * by a binder that ignores taints. A refused pod never runs; its controller makes another one, which
 * is planned like any other.
 */
import type { LivePod } from '../../../core/state/live-pod.ts';
import { podKey } from '../../../core/state/snapshot.ts';
import type { ControllerContext } from '../context.ts';

/** Kubelet admission: `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `OutOfnvidia.com/gpu`. */
const refusalPrefix = 'OutOf';

/** Tells of refusals from now on, until the returned function is called. */
export function watchRefusals(context: ControllerContext): () => void {
  return context.view.listen('Pod', ({ type, object: pod, previous }) => {
    if (type !== 'modified' || previous?.uid !== pod.uid || !isRefused(pod)) return;
    if (!isRefused(previous)) tell(context, pod);
  });
}

function isRefused({ failedReason }: LivePod): boolean {
  return failedReason.startsWith(refusalPrefix);
}

function tell({ view, clock, metrics, recorder, log }: ControllerContext, pod: LivePod): void {
  const { namespace, name, uid, nodeName, failedReason } = pod;
  const claim = view.claimByNodeName(nodeName);
  if (claim === undefined) return;
  const reason = `the kubelet of ${nodeName} had no room for it: ${failedReason}`;
  metrics.reservations.prebinds.inc({ outcome: 'refused' });
  recorder.event(
    { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
    'Warning',
    'Refused',
    reason,
  );
  recorder.decide({
    timeMs: clock.nowMs(),
    actor: 'binder',
    subject: { kind: 'Pod', namespace, name, uid },
    outcome: 'refused',
    reason,
    details: { nodeClaim: claim.metadata.name },
  });
  log.warn({ pod: podKey(pod), node: nodeName, reason: failedReason }, 'a pod was refused');
}
