/**
 * Removes pods of nodes that are no more.
 *
 * In: pods and nodes. Out: pods marked Failed and deleted. Source: `pkg/controller/podgc`: a node
 * must be missing for 40 s, looked at every 20 s. This is why binding to a node that does not exist
 * yet loses the pod. Pods that are deleted before they had a node are marked too.
 */
import type { Live } from '../../core/api/kinds.ts';
import { type SimulatedCluster, timestamp } from '../cluster/cluster.ts';
import { deleteObject } from '../cluster/deletion.ts';
import type { PodIndex } from '../cluster/pod-index.ts';

const periodMs = 20_000;
const quarantineMs = 40_000;

export function startPodGarbageCollector(cluster: SimulatedCluster, pods: PodIndex): void {
  const { clock } = cluster;
  const missingSinceMs = new Map<string, number>();

  function removePods(found: Iterable<Live<'Pod'>>): void {
    for (const pod of found) {
      const { metadata, status } = pod;
      if (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') {
        const disrupted = {
          type: 'DisruptionTarget',
          status: 'True' as const,
          reason: 'DeletionByPodGC',
          message: 'PodGC: node no longer exists',
          lastTransitionTime: timestamp(clock.nowMs()),
        };
        const conditions = [...(status?.conditions ?? []), disrupted];
        cluster.patch(
          'Pod',
          metadata,
          { type: 'merge', body: { status: { phase: 'Failed', conditions } } },
          { subresource: 'status' },
        );
      }
      deleteObject(cluster, 'Pod', metadata, { uid: metadata.uid, gracePeriodSeconds: 0 });
    }
  }

  function sweep(): void {
    const nowMs = clock.nowMs();
    const missing = [...pods.nodeNames].filter((name) => !cluster.get('Node', { name }));
    for (const name of missingSinceMs.keys()) {
      if (!missing.includes(name)) missingSinceMs.delete(name);
    }
    for (const name of missing) {
      const sinceMs = missingSinceMs.get(name) ?? nowMs;
      missingSinceMs.set(name, sinceMs);
      if (nowMs - sinceMs >= quarantineMs) removePods(pods.onNode(name));
    }
    const unbound: Live<'Pod'>[] = [];
    for (const pod of cluster.all('Pod')) {
      const isUnbound = (pod.spec.nodeName ?? '') === '';
      if (isUnbound && pod.metadata.deletionTimestamp !== undefined) unbound.push(pod);
    }
    removePods(unbound);
    clock.schedule(periodMs, sweep);
  }
  clock.schedule(periodMs, sweep);
}
