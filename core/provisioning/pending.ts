/**
 * Which unbound pods capacity is planned for, and why the others are not.
 *
 * In: an unbound pod, where it is planned already. Out: its standing. Rules: Karpenter's. A pod is
 * provisioned for when kube-scheduler (or whichever scheduler it names) has tried and failed; not
 * while gates hold it, while it waits for preempted pods to leave, or if it belongs to a DaemonSet.
 */
import { annotationMirrorPod } from '../api/labels.ts';
import type { LivePod } from '../state/live-pod.ts';

export type PodStanding =
  /** Plan for it now. */
  | { readonly kind: 'plan' }
  /** Something is under way for it. */
  | { readonly kind: 'wait'; readonly reason: string }
  /** Not ours to plan for. */
  | { readonly kind: 'ignore'; readonly reason: string };

/** What standing depends on besides the pod. */
export interface StandingFacts {
  /** Name of the NodeClaim that the pod is planned on; undefined if there is none. */
  readonly claimOf: (podUid: string) => string | undefined;
  readonly nodeExists: (name: string) => boolean;
}

const triedReasons: ReadonlySet<string> = new Set(['Unschedulable', 'SchedulerError']);
const plan: PodStanding = { kind: 'plan' };

/** O(1). */
export function standingOfPod(pod: LivePod, facts: StandingFacts): PodStanding {
  if (pod.ownerKind === 'DaemonSet') {
    return { kind: 'ignore', reason: 'belongs to a DaemonSet, which puts it on its node' };
  }
  if (pod.annotations[annotationMirrorPod] !== undefined || pod.ownerKind === 'Node') {
    return { kind: 'ignore', reason: 'is a static pod, which its kubelet runs' };
  }
  const claim = facts.claimOf(pod.uid);
  if (claim !== undefined) {
    return { kind: 'wait', reason: `planned on NodeClaim ${claim}` };
  }
  if (pod.isGated) {
    return { kind: 'wait', reason: 'is held back by scheduling gates' };
  }
  if (!triedReasons.has(pod.unscheduledReason)) {
    return { kind: 'wait', reason: 'its scheduler has not tried it yet' };
  }
  if (pod.nominatedNodeName !== '' && facts.nodeExists(pod.nominatedNodeName)) {
    return { kind: 'wait', reason: `waits for preempted pods to leave ${pod.nominatedNodeName}` };
  }
  return plan;
}
