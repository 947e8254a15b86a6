/**
 * What the pods of each node request together, kept up pod by pod.
 *
 * In: pods as they come to a node and leave it. Out: sums in integer units (`resources.ts`) and the
 * pods themselves. Pods that have ended hold nothing; pods that are being deleted still do, as for
 * kube-scheduler. O(resources of a pod) per change.
 */
import { effectiveRequests } from '../scheduling/requests.ts';
import type { LivePod } from './live-pod.ts';
import { isTerminal } from './snapshot.ts';

/** One node's pods and their sum. The maps change with the cluster: read them, do not keep them. */
export interface NodeUsage {
  /** Pods bound there, ended ones included, by UID. */
  readonly pods: ReadonlyMap<string, LivePod>;
  /** Pods that hold a place. */
  readonly activeCount: number;
  /** Sum of their effective requests, by resource. */
  readonly requested: ReadonlyMap<string, number>;
}

interface Tally {
  readonly pods: Map<string, LivePod>;
  activeCount: number;
  readonly requested: Map<string, number>;
}

const nothing: NodeUsage = { pods: new Map(), activeCount: 0, requested: new Map() };

export class UsageByNode {
  readonly #tallies = new Map<string, Tally>();

  /** Of a node that has no pods, or that does not exist: nothing. */
  of(nodeName: string): NodeUsage {
    return this.#tallies.get(nodeName) ?? nothing;
  }

  add(pod: LivePod): void {
    if (pod.nodeName === '') return;
    let tally = this.#tallies.get(pod.nodeName);
    if (tally === undefined) {
      tally = { pods: new Map(), activeCount: 0, requested: new Map() };
      this.#tallies.set(pod.nodeName, tally);
    }
    tally.pods.set(pod.uid, pod);
    if (!isTerminal(pod)) charge(tally, pod, 1);
  }

  delete(pod: LivePod): void {
    const tally = this.#tallies.get(pod.nodeName);
    if (tally === undefined || !tally.pods.delete(pod.uid)) return;
    if (!isTerminal(pod)) charge(tally, pod, -1);
    if (tally.pods.size === 0) this.#tallies.delete(pod.nodeName);
  }
}

function charge(tally: Tally, pod: LivePod, sign: 1 | -1): void {
  tally.activeCount += sign;
  const requests = effectiveRequests(pod.spec);
  for (const resource in requests) {
    const sum = (tally.requested.get(resource) ?? 0) + sign * (requests[resource] ?? 0);
    if (sum === 0) tally.requested.delete(resource);
    else tally.requested.set(resource, sum);
  }
}
