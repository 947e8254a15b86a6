/**
 * Why one pod waits, in words.
 *
 * In: a pending pod, the node that is on its way for it, the last decision about it. Out: a state
 * and a sentence. What is known to be happening goes before what was once decided.
 */
import type { DecisionRecord } from '../../core/ports.ts';
import type { LivePod } from '../../core/state/live-pod.ts';
import type { Waiting } from './pending-board.ts';
import type { NodeStep, PendingState } from './state.ts';

/** A node that is held for a pod. */
export interface ComingNode {
  readonly step: NodeStep;
  readonly trouble: string;
  readonly expectedMs: number | null;
}

/** What outcomes mean for a pod that still waits. Reasons that name nodes would make a class each. */
const outcomes: ReadonlyMap<string, { readonly state: PendingState; readonly reason?: string }> =
  new Map([
    ['unschedulable', { state: 'stuck' }],
    ['planned', { state: 'coming', reason: 'A node was planned for it' }],
    [
      'fits-existing',
      { state: 'coming', reason: 'A node has room; its scheduler is about to place it' },
    ],
  ]);

const comingReasons: Readonly<Record<NodeStep, string>> = {
  launching: 'Its node is being launched',
  booting: 'Its node is booting',
  registered: 'Its node has registered and is starting up',
  binding: 'Its node is ready and it is being bound',
  ready: 'Its node is ready',
  'not-ready': 'Its node is not ready',
  leaving: 'Its node is leaving; it needs another',
};

/** @param decision the last one about this pod */
export function waitingOf(
  pod: LivePod,
  coming: ComingNode | undefined,
  decision: Pick<DecisionRecord, 'outcome' | 'reason' | 'timeMs'> | undefined,
): Waiting {
  const expectedMs = null;
  if (pod.isGated)
    return { state: 'gated', reason: 'Held back by its scheduling gates', expectedMs };
  if (coming !== undefined) {
    const { step, trouble } = coming;
    const reason = trouble === '' ? comingReasons[step] : `${comingReasons[step]}: ${trouble}`;
    return { state: 'coming', reason, expectedMs: coming.expectedMs };
  }
  if (pod.nominatedNodeName !== '') {
    const reason = `Waits for pods of lower priority to leave ${pod.nominatedNodeName}`;
    return { state: 'preempting', reason, expectedMs };
  }
  if (decision !== undefined && !isOutdated(pod, decision)) {
    const untold = pod.unscheduledReason === '' ? 'new' : 'queued';
    const { state = untold, reason = decision.reason } = outcomes.get(decision.outcome) ?? {};
    return { state, reason, expectedMs };
  }
  switch (pod.unscheduledReason) {
    case '':
      return { state: 'new', reason: 'No scheduler has tried it yet', expectedMs };
    case 'SchedulerError':
      return {
        state: 'queued',
        reason: 'The scheduler failed on it and will try again',
        expectedMs,
      };
    default:
      return {
        state: 'queued',
        reason: 'No node has room; it waits for the next plan',
        expectedMs,
      };
  }
}

/** That a pod was left to its scheduler is no news once the scheduler has tried it. */
function isOutdated(
  { unscheduledSinceMs }: LivePod,
  { outcome, timeMs }: Pick<DecisionRecord, 'outcome' | 'timeMs'>,
): boolean {
  // Conditions count in whole seconds.
  return outcome === 'waiting' && timeMs < unscheduledSinceMs + 1_000 && unscheduledSinceMs > 0;
}
