/**
 * Taints nodes by their conditions, and notices kubelets that have fallen silent.
 *
 * In: nodes, and when each kubelet was last heard of. Out: taints and the condition Ready=Unknown.
 * Source: `pkg/controller/nodelifecycle`. Heartbeats are told in memory, not through Leases: a
 * simplification that saves a write per node and ten seconds. Evicting what the taints do not let
 * stay is `taint-eviction.ts`.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { Condition, Taint } from '../../core/api/kubernetes.ts';
import { type SimulatedCluster, timestamp } from '../cluster/cluster.ts';
import { createReconciler } from './reconciler.ts';

const reactionMs = 100;
const monitorPeriodMs = 5_000;
/** `--node-monitor-grace-period`. */
const silenceMaxMs = 50_000;
const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';
const unschedulable = 'node.kubernetes.io/unschedulable';
const managedKeys = [notReady, unreachable, unschedulable];

/** When a node's kubelet was last heard of; `undefined`: never. */
export type Heartbeats = (nodeName: string) => number | undefined;

export function startNodeLifecycle(cluster: SimulatedCluster, heartbeats: Heartbeats): void {
  const { clock } = cluster;
  const reconciler = createReconciler(clock, reactionMs, (name) => {
    const node = cluster.get('Node', { name });
    if (node !== undefined) setTaints(cluster, node);
  });
  cluster.listen('Node', ({ object, previous, type }) => {
    const hasChanged =
      previous?.status?.conditions !== object.status?.conditions || previous?.spec !== object.spec;
    if (type !== 'deleted' && hasChanged) reconciler.enqueue(object.metadata.name);
  });
  const monitor = (): void => {
    for (const node of cluster.all('Node')) {
      const heardMs = heartbeats(node.metadata.name);
      if (heardMs !== undefined && clock.nowMs() - heardMs > silenceMaxMs) lose(cluster, node);
    }
    clock.schedule(monitorPeriodMs, monitor);
  };
  clock.schedule(monitorPeriodMs, monitor);
}

function lose(cluster: SimulatedCluster, node: Live<'Node'>): void {
  const ready = readyOf(node);
  if (ready?.status === 'Unknown') return;
  const unknown: Condition = {
    type: 'Ready',
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
    lastTransitionTime: timestamp(cluster.clock.nowMs()),
  };
  const others = (node.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
  const body = { status: { conditions: [...others, unknown] } };
  cluster.patch('Node', node.metadata, { type: 'merge', body }, { subresource: 'status' });
}

function setTaints(cluster: SimulatedCluster, node: Live<'Node'>): void {
  const taints = node.spec?.taints ?? [];
  const wanted = wantedTaints(node);
  const isRight =
    taints.every(({ key, effect }) => !managedKeys.includes(key) || has(wanted, key, effect)) &&
    wanted.every(({ key, effect }) => has(taints, key, effect));
  if (isRight) return;
  const timeAdded = timestamp(cluster.clock.nowMs());
  const kept = taints.filter(
    ({ key, effect }) => !managedKeys.includes(key) || has(wanted, key, effect),
  );
  const added = wanted
    .filter(({ key, effect }) => !has(taints, key, effect))
    .map((taint) => ({ ...taint, timeAdded }));
  const body = { spec: { taints: [...kept, ...added] } };
  cluster.patch('Node', node.metadata, { type: 'merge', body });
}

function wantedTaints(node: Live<'Node'>): Taint[] {
  const wanted: Taint[] = [];
  // Without any Ready condition the controller takes the first taint away at once.
  const status = readyOf(node)?.status ?? 'True';
  const key = status === 'False' ? notReady : unreachable;
  if (status !== 'True') {
    wanted.push({ key, effect: 'NoSchedule' }, { key, effect: 'NoExecute' });
  }
  if (node.spec?.unschedulable === true) wanted.push({ key: unschedulable, effect: 'NoSchedule' });
  return wanted;
}

function readyOf(node: Live<'Node'>): Condition | undefined {
  return node.status?.conditions?.find(({ type }) => type === 'Ready');
}

function has(taints: readonly Taint[], key: string, effect: string): boolean {
  return taints.some((taint) => taint.key === key && taint.effect === effect);
}
