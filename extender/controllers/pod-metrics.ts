/**
 * How long pods wait: for a decision, for a node, until they run.
 *
 * In: pods as they change, decisions as they are made. Out: the histograms. Only what happens while
 * it looks is measured: of a pod that was there before, nobody knows what it has waited for. It
 * remembers pods that wait for their first decision, of which there are no more than unbound pods.
 */
import type { DecisionRecord } from '../../core/ports.ts';
import type { LivePod } from '../../core/state/live-pod.ts';
import type { Controller, ControllerContext } from './context.ts';

/** Where decisions are told. */
export interface DecisionFeed {
  subscribe(listener: (record: DecisionRecord) => void): () => void;
}

/** Follows until the context's signal. */
export function startPodMetrics(
  { view, clock, metrics, signal }: ControllerContext,
  decisions: DecisionFeed,
): Controller {
  /** Monotonic time at which a pod was first seen to wait, by UID. */
  const waiting = new Map<string, number>();
  const { startupSeconds, boundSeconds, decisionSeconds } = metrics.pods;

  function wait(pod: LivePod): void {
    if (!isWaiting(pod) || waiting.has(pod.uid)) return;
    waiting.set(pod.uid, clock.monotonicMs());
  }

  /** Creation is told in whole seconds. */
  const ageSeconds = ({ createdMs }: LivePod): number =>
    Math.max(0, (clock.nowMs() - createdMs) / 1_000);

  for (const pod of view.unboundPods.values()) wait(pod);
  const stops = [
    view.listen('Pod', ({ type, object, previous }) => {
      if (type === 'deleted' || object.nodeName !== '') waiting.delete(object.uid);
      else wait(object);
      if (type === 'deleted' || previous === undefined) return;
      if (previous.nodeName === '' && object.nodeName !== '') {
        boundSeconds.observe(ageSeconds(object));
      }
      if (previous.phase === 'Pending' && object.phase === 'Running') {
        startupSeconds.observe(ageSeconds(object));
      }
    }),
    decisions.subscribe(({ actor, subject, outcome }) => {
      if (actor !== 'provisioner' || outcome === 'waiting' || subject.uid === undefined) return;
      const sinceMs = waiting.get(subject.uid);
      // Once: from then on it is decided anew, which is another matter.
      if (sinceMs === undefined || sinceMs === decided) return;
      decisionSeconds.observe((clock.monotonicMs() - sinceMs) / 1_000);
      waiting.set(subject.uid, decided);
    }),
  ];
  const stop = (): void => {
    for (const one of stops) one();
  };
  const done = new Promise<void>((resolve) => {
    const end = (): void => {
      stop();
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  return { name: 'pod-metrics', done };
}

/** Stands for a time in the map of those that wait. */
const decided = -1;

/** kube-scheduler has said that it does not fit. */
function isWaiting({ nodeName, unscheduledReason }: LivePod): boolean {
  return nodeName === '' && unscheduledReason !== '' && unscheduledReason !== 'SchedulingGated';
}
