/**
 * How many pods run, start and have ended.
 *
 * In: pods as they come, change and go. Out: counts. Pods of DaemonSets and of files on nodes belong
 * to their nodes and are not counted.
 */
import type { LivePod } from '../../core/state/live-pod.ts';
import { isTerminal } from '../../core/state/snapshot.ts';

type Standing = 'running' | 'starting';

export class PodCounts {
  running = 0;
  starting = 0;
  /** Ended well, or badly, while we looked on. */
  done = 0;
  failed = 0;

  add(pod: LivePod): void {
    const standing = standingOf(pod);
    if (standing !== undefined) this[standing] += 1;
  }

  /** The pod as it was added. */
  delete(pod: LivePod): void {
    const standing = standingOf(pod);
    if (standing !== undefined) this[standing] -= 1;
  }

  noteEnd(before: LivePod | undefined, after: LivePod): void {
    if (before === undefined || isTerminal(before) || !isTerminal(after)) return;
    if (isOfNode(after)) return;
    if (after.phase === 'Succeeded') this.done += 1;
    else this.failed += 1;
  }
}

function standingOf(pod: LivePod): Standing | undefined {
  if (isTerminal(pod) || isOfNode(pod) || pod.nodeName === '') return undefined;
  return pod.phase === 'Running' ? 'running' : 'starting';
}

function isOfNode({ ownerKind }: LivePod): boolean {
  return ownerKind === 'DaemonSet' || ownerKind === 'Node';
}
