/**
 * What a pod means for the end of its node.
 *
 * In: a pod as the live view holds it, the time. Out: whether it keeps the node, whether a drain
 * waits for it, whether it may be evicted. Source: Karpenter's `pkg/utils/pod/scheduling.go`. It
 * knows no disruption budgets.
 */
import { durationMs } from '../api/duration.ts';
import { annotationDoNotDisrupt, annotationMirrorPod, disruptedTaint } from '../api/labels.ts';
import { firstUntoleratedTaint } from '../scheduling/taints.ts';
import type { LivePod } from '../state/live-pod.ts';
import { isTerminal, isTerminating } from '../state/snapshot.ts';

/**
 * How long past its own time a pod that is being deleted is waited for: it is given a chance to
 * leave in good order before its node goes from under it.
 */
export const stuckAfterMs = 60_000;

/** It runs, or is about to, and nobody has asked for its end. */
export function isActive(pod: LivePod): boolean {
  return !isTerminal(pod) && !isTerminating(pod);
}

/** A kubelet runs it from a file: the API server has but its image, nobody can move it. */
export function isStatic(pod: LivePod): boolean {
  return pod.ownerKind === 'Node' || pod.annotations[annotationMirrorPod] !== undefined;
}

export function isOfDaemonSet(pod: LivePod): boolean {
  return pod.ownerKind === 'DaemonSet';
}

/**
 * It will want another place when its node goes: nodes without such pods are empty. Of a StatefulSet
 * a pod that is being deleted counts too, because its successor comes only after its end.
 */
export function isReschedulable(pod: LivePod): boolean {
  const isComing = isActive(pod) || (pod.ownerKind === 'StatefulSet' && isTerminating(pod));
  return isComing && !isTerminal(pod) && !isOfDaemonSet(pod) && !isStatic(pod);
}

/** It stays on a node that drains, because it says so. */
export function toleratesDisruption(pod: LivePod): boolean {
  return firstUntoleratedTaint([disruptedTaint], pod.spec.tolerations ?? []) === undefined;
}

/** It should have been gone for long: its kubelet does not answer, or a finalizer holds it. */
export function isStuck(pod: LivePod, nowMs: number): boolean {
  return isTerminating(pod) && nowMs - pod.deletionMs > stuckAfterMs;
}

/** A node that drains waits for its end. */
export function isDrained(pod: LivePod, nowMs: number): boolean {
  return !toleratesDisruption(pod) && !isStuck(pod, nowMs) && !isStatic(pod);
}

/** Whether a pod asks not to be disrupted. */
export type Protection =
  | { readonly state: 'none' }
  /** `untilMs` is `Infinity` where it asks for it as long as it lives, or has not started yet. */
  | { readonly state: 'active'; readonly untilMs: number }
  /** It did, for a time that is over. */
  | { readonly state: 'elapsed' }
  /** Neither `true` nor a positive duration: it counts as none. */
  | { readonly state: 'invalid'; readonly value: string };

/** What the annotation `karpenter.sh/do-not-disrupt` of a pod says now. */
export function protectionOf(pod: LivePod, nowMs: number): Protection {
  const value = pod.annotations[annotationDoNotDisrupt];
  if (value === undefined) return { state: 'none' };
  if (value === 'true') return { state: 'active', untilMs: Infinity };
  const spanMs = durationMs(value);
  if (spanMs === undefined || spanMs <= 0) return { state: 'invalid', value };
  if (pod.startedMs === 0) return { state: 'active', untilMs: Infinity };
  const untilMs = pod.startedMs + spanMs;
  return nowMs < untilMs ? { state: 'active', untilMs } : { state: 'elapsed' };
}

/** It runs and asks not to be disrupted; of pods that end anyway nobody asks. */
export function isProtected(pod: LivePod, nowMs: number): boolean {
  return isActive(pod) && protectionOf(pod, nowMs).state === 'active';
}
