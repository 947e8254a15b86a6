/**
 * Since when a node has been left in peace.
 *
 * In: a NodeClaim, its pool. Out: from when on the node may be consolidated: the pool's
 * `consolidateAfter` after the last pod came or ended there. Source: Karpenter's
 * `nodeclaim/disruption/consolidation.go`. It looks at no pods: the claim says when they moved.
 */
import { conditionOf } from '../api/conditions.ts';
import { durationMs } from '../api/duration.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import type { NodePool } from '../api/nodepool.ts';
import type { LivePod } from '../state/live-pod.ts';
import { isTerminal, isTerminating } from '../state/snapshot.ts';
import { isOfDaemonSet } from './pod-standing.ts';

/** On a claim whose node has been quiet for long enough. */
export const conditionConsolidatable = 'Consolidatable';
/** Pod events of one node closer together than this are written down once. */
export const podEventSpacingMs = 10_000;

const defaultConsolidateAfter = '0s';

/** Wall clock; undefined where the pool never consolidates, or the node is not ready for use yet. */
export function consolidatableFromMs(claim: NodeClaim, pool: NodePool): number | undefined {
  const initializedMs = initializedSinceMs(claim);
  const afterMs = durationMs(pool.spec.disruption?.consolidateAfter ?? defaultConsolidateAfter);
  if (initializedMs === undefined || afterMs === undefined) return undefined;
  return Math.max(initializedMs, lastPodEventMs(claim) ?? 0) + afterMs;
}

/** When the node became usable; undefined if it is not. */
export function initializedSinceMs(claim: NodeClaim): number | undefined {
  const initialized = conditionOf(claim, 'Initialized');
  return initialized?.status === 'True'
    ? Date.parse(initialized.lastTransitionTime ?? '')
    : undefined;
}

/** When a pod last came or ended there, as written on the claim. */
export function lastPodEventMs({ status }: NodeClaim): number | undefined {
  return status?.lastPodEventTime === undefined ? undefined : Date.parse(status.lastPodEventTime);
}

/**
 * Whether a change to a pod disturbs the quiet of its node: it was bound, it ended, its end was asked
 * for, or it was taken away without either. DaemonSet pods come with every node and do not count.
 */
export function disturbs(
  type: 'added' | 'modified' | 'deleted',
  pod: LivePod,
  previous: LivePod | undefined,
): boolean {
  if (pod.nodeName === '' || isOfDaemonSet(pod)) return false;
  const isLeaving = (one: LivePod): boolean => isTerminal(one) || isTerminating(one);
  if (type === 'deleted') return !isLeaving(pod);
  if (previous === undefined || previous.nodeName === '') return true;
  return isLeaving(pod) && !isLeaving(previous);
}
