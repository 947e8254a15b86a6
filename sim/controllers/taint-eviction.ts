/**
 * Evicts pods from nodes whose NoExecute taints they do not tolerate, or no longer.
 *
 * In: nodes and their pods. Out: deletions. Source: `pkg/controller/tainteviction`: no budget is
 * asked; several tolerations with a limit allow the shortest.
 */
import type { Live } from '../../core/api/kinds.ts';
import { tolerates } from '../../core/scheduling/taints.ts';
import type { SimulatedCluster } from '../cluster/cluster.ts';
import { deleteObject } from '../cluster/deletion.ts';
import type { PodIndex } from '../cluster/pod-index.ts';
import { createReconciler } from './reconciler.ts';

const reactionMs = 100;

export function startTaintEviction(cluster: SimulatedCluster, pods: PodIndex): void {
  const { clock } = cluster;
  const reconciler = createReconciler(clock, reactionMs, (name) => {
    const node = cluster.get('Node', { name });
    if (node === undefined || noExecute(node).length === 0) return;
    let nextMs = Infinity;
    for (const pod of pods.onNode(name)) {
      if (pod.metadata.deletionTimestamp !== undefined) continue;
      const leaveMs = leaveTimeMs(pod, node, clock.nowMs());
      if (leaveMs <= clock.nowMs()) {
        deleteObject(cluster, 'Pod', pod.metadata, { uid: pod.metadata.uid });
      } else nextMs = Math.min(nextMs, leaveMs);
    }
    if (nextMs < Infinity) reconciler.enqueue(name, nextMs - clock.nowMs());
  });
  cluster.listen('Node', ({ object, previous }) => {
    if (object.spec?.taints !== previous?.spec?.taints) reconciler.enqueue(object.metadata.name);
  });
  cluster.listen('Pod', ({ object, previous }) => {
    const { nodeName = '' } = object.spec;
    if (nodeName !== '' && previous?.spec.nodeName !== nodeName) reconciler.enqueue(nodeName);
  });
}

function noExecute(node: Live<'Node'>) {
  return (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
}

/** Until when the pod may stay; `Infinity` if for ever. */
function leaveTimeMs(pod: Live<'Pod'>, node: Live<'Node'>, nowMs: number): number {
  let leaveMs = Infinity;
  for (const taint of noExecute(node)) {
    const tolerations = (pod.spec.tolerations ?? []).filter((one) => tolerates(one, taint));
    if (tolerations.length === 0) return nowMs;
    const sinceMs = taint.timeAdded === undefined ? nowMs : Date.parse(taint.timeAdded);
    for (const { tolerationSeconds } of tolerations) {
      if (tolerationSeconds === undefined) continue;
      leaveMs = Math.min(leaveMs, sinceMs + Math.max(0, tolerationSeconds) * 1000);
    }
  }
  return leaveMs;
}
