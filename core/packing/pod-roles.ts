/**
 * Which pods are to be placed, which stand already, and which are none of the plan's business.
 *
 * In: a snapshot. Out: every pod in exactly one of three lists. It looks at phase, deletion, owner,
 * gates and node only; whether a pod fits anywhere is decided later.
 *
 * Rules: as Karpenter picks pods. Pods of a node that is being deleted are placed anew, unless they
 * are DaemonSet or mirror pods or are being deleted themselves. A pod that is being deleted holds its
 * place until it is gone; finished pods keep their place in the books and take no room.
 */
import { annotationMirrorPod } from '../api/labels.ts';
import {
  type ClusterSnapshot,
  isTerminal,
  isTerminating,
  type SnapshotPod,
} from '../state/snapshot.ts';
import type { RejectedPod } from './packing-model.ts';

export interface PodRoles {
  /** Pods to place, in snapshot order. */
  readonly pending: readonly number[];
  /** Node name -> pods that stand there, finished ones included. */
  readonly placed: ReadonlyMap<string, readonly number[]>;
  /** Pods that are neither, with the reason. */
  readonly rejected: readonly RejectedPod[];
  /** Names of nodes that are being deleted: nothing is placed there. */
  readonly leavingNodes: ReadonlySet<string>;
  /** Pods of leaving nodes that are among `pending`. */
  readonly movedCount: number;
}

/** Whether it ends with its node, wherever its owner puts the next one. */
function isPinned(pod: SnapshotPod): boolean {
  return (
    isTerminal(pod) ||
    isTerminating(pod) ||
    pod.ownerKind === 'DaemonSet' ||
    pod.annotations[annotationMirrorPod] !== undefined
  );
}

function whyNotPending(pod: SnapshotPod): string | undefined {
  if (isTerminal(pod)) {
    return `has finished (phase ${pod.phase})`;
  }
  if (isTerminating(pod)) {
    return 'is being deleted';
  }
  if (pod.annotations[annotationMirrorPod] !== undefined) {
    return 'is the image of a static pod, which its kubelet runs';
  }
  if (pod.ownerKind === 'DaemonSet') {
    return 'belongs to a DaemonSet, which puts it on its node; counted as overhead of nodes';
  }
  const gates = pod.spec.schedulingGates ?? [];
  if (gates.length > 0) {
    return `is held back by scheduling gates: ${gates.map(({ name }) => name).join(', ')}`;
  }
  return undefined;
}

/** Sorts all pods of a snapshot by role. O(pods). */
export function podRoles(snapshot: ClusterSnapshot): PodRoles {
  const leavingNodes = new Set<string>();
  for (const node of snapshot.nodes) {
    if (node.metadata.deletionTimestamp !== undefined) {
      leavingNodes.add(node.metadata.name ?? '');
    }
  }
  const pending: number[] = [];
  const placed = new Map<string, number[]>();
  const rejected: RejectedPod[] = [];
  let movedCount = 0;
  snapshot.pods.forEach((pod, index) => {
    const moves = leavingNodes.has(pod.nodeName) && !isPinned(pod);
    if (pod.nodeName !== '' && !moves) {
      const there = placed.get(pod.nodeName);
      if (there === undefined) {
        placed.set(pod.nodeName, [index]);
      } else {
        there.push(index);
      }
      return;
    }
    const reason = moves ? undefined : whyNotPending(pod);
    if (reason === undefined) {
      pending.push(index);
      movedCount += moves ? 1 : 0;
    } else {
      rejected.push({ pod: index, reason });
    }
  });
  return { pending, placed, rejected, leavingNodes, movedCount };
}
