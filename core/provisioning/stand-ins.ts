/**
 * Room for pods that still stand on a node which the cloud takes away.
 *
 * In: a NodeClaim. Out: UIDs of the pods that it stands in for. Such a pod is planned like a pending
 * one while it still runs; its successor has another UID and gets the room that its going frees. So a
 * replacement is launched before anything is drained, and counts as launched in every later plan.
 */
import { annotationStrings } from '../api/annotation-json.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import type { LivePod } from '../state/live-pod.ts';
import type { SnapshotPod } from '../state/snapshot.ts';

/** JSON list of UIDs of pods on nodes that are taken away. */
export const annotationStandsIn = 'stowage.dev/stands-in-for';

/** Empty where the annotation is missing or cannot be read. */
export function standInsOf({ metadata }: Pick<NodeClaim, 'metadata'>): readonly string[] {
  return annotationStrings(metadata.annotations, annotationStandsIn);
}

/** In ascending order, so that equal is equal. */
export function standsInRecord(uids: Iterable<string>): string {
  return JSON.stringify([...new Set(uids)].toSorted());
}

/** The pod as its successor will be: pending, with the same needs. */
export function successorOf(pod: LivePod): SnapshotPod {
  return { ...pod, nodeName: '', phase: 'Pending', deletionMs: 0 };
}
