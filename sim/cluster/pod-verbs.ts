/**
 * Binding and evicting a pod, as the API server does them.
 *
 * In: the cluster, a pod, a node. Out: outcomes of the port. Sources:
 * `pkg/registry/core/pod/storage/{storage,eviction}.go` and the cases tried on the real server
 * (`reference/extender.md` 2.1). Nothing checks that a pod fits: that is the point.
 */

import type { Live } from '../../core/api/kinds.ts';
import { labelRegion, labelZone } from '../../core/api/labels.ts';
import type { BindOutcome, EvictOutcome, PodIdentity } from '../../core/ports.ts';
import { compileSelector } from '../../core/scheduling/label-selector.ts';
import { type SimulatedCluster, timestamp } from './cluster.ts';
import { deleteObject } from './deletion.ts';

/** How long the server wants to be left alone while a budget is not counted yet. */
const uncountedRetryMs = 10_000;

export function bindPod(
  cluster: SimulatedCluster,
  identity: PodIdentity,
  nodeName: string,
): BindOutcome {
  const pod = cluster.get('Pod', identity);
  if (pod?.metadata.uid !== identity.uid) return { outcome: 'gone' };
  const boundTo = pod.spec.nodeName ?? '';
  if (boundTo === nodeName) return { outcome: 'bound' };
  if (boundTo !== '') return { outcome: 'elsewhere', nodeName: boundTo };
  if (pod.metadata.deletionTimestamp !== undefined) return { outcome: 'terminating' };
  if ((pod.spec.schedulingGates ?? []).length > 0) return { outcome: 'gated' };

  const labels = topologyLabels(cluster.get('Node', { name: nodeName })?.metadata.labels ?? {});
  const scheduled = {
    type: 'PodScheduled',
    status: 'True' as const,
    lastTransitionTime: timestamp(cluster.clock.nowMs()),
  };
  cluster.change('Pod', identity, (before) => {
    const { nominatedNodeName: _cleared, ...status } = before.status ?? {};
    const others = (status.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
    const metadata =
      Object.keys(labels).length === 0
        ? before.metadata
        : { ...before.metadata, labels: { ...before.metadata.labels, ...labels } };
    return {
      ...before,
      metadata,
      spec: { ...before.spec, nodeName },
      status: { ...status, conditions: [...others, scheduled] },
    };
  });
  return { outcome: 'bound' };
}

export function evictPod(
  cluster: SimulatedCluster,
  identity: PodIdentity,
  gracePeriodSeconds: number | undefined,
): EvictOutcome {
  const pod = cluster.get('Pod', identity);
  if (pod?.metadata.uid !== identity.uid) return { outcome: 'gone' };
  const refusal = isBeyondBudgets(pod) ? undefined : spendBudget(cluster, pod);
  if (refusal !== undefined) return refusal;
  markDisrupted(cluster, pod);
  deleteObject(
    cluster,
    'Pod',
    identity,
    gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
  );
  return { outcome: 'evicted' };
}

/** So that whoever owns the pod can tell an eviction from a failure. */
function markDisrupted(cluster: SimulatedCluster, pod: Live<'Pod'>): void {
  if (pod.status?.conditions?.some(({ type }) => type === 'DisruptionTarget') === true) return;
  const disrupted = {
    type: 'DisruptionTarget',
    status: 'True' as const,
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastTransitionTime: timestamp(cluster.clock.nowMs()),
  };
  cluster.change('Pod', pod.metadata, (before) => ({
    ...before,
    status: { ...before.status, conditions: [...(before.status?.conditions ?? []), disrupted] },
  }));
}

/** Pods that serve nobody any more, or not yet. */
function isBeyondBudgets({ metadata, status }: Live<'Pod'>): boolean {
  return (
    metadata.deletionTimestamp !== undefined ||
    ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '')
  );
}

/** Takes one disruption from the budget over the pod; an outcome if it may not. */
function spendBudget(cluster: SimulatedCluster, pod: Live<'Pod'>): EvictOutcome | undefined {
  const budgets = budgetsOver(cluster, pod);
  const [budget] = budgets;
  if (budgets.length > 1) {
    const message = 'This pod has more than one PodDisruptionBudget';
    return { outcome: 'refused', message };
  }
  if (budget === undefined || mayGoUnready(pod, budget)) return undefined;
  const message = `Cannot evict pod as it would violate the pod's disruption budget (${budget.metadata.name})`;
  const { observedGeneration = 0, disruptionsAllowed = 0, disruptedPods } = budget.status ?? {};
  if (observedGeneration < (budget.metadata.generation ?? 0)) {
    return { outcome: 'blocked', message, retryAfterMs: uncountedRetryMs };
  }
  if (disruptionsAllowed <= 0) return { outcome: 'blocked', message, retryAfterMs: 0 };
  cluster.change('PodDisruptionBudget', budget.metadata, (before) => ({
    ...before,
    status: {
      ...before.status,
      disruptionsAllowed: disruptionsAllowed - 1,
      disruptedPods: { ...disruptedPods, [pod.metadata.name]: timestamp(cluster.clock.nowMs()) },
    },
  }));
  return undefined;
}

function mayGoUnready(pod: Live<'Pod'>, { spec, status }: Live<'PodDisruptionBudget'>): boolean {
  if (isReady(pod)) return false;
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** Budgets whose selector matches a pod. */
export function budgetsOver(
  cluster: SimulatedCluster,
  pod: Live<'Pod'>,
): Live<'PodDisruptionBudget'>[] {
  return [...cluster.all('PodDisruptionBudget')].filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.metadata.namespace &&
      compileSelector(spec.selector).matches(pod.metadata.labels ?? {}),
  );
}

export function isReady({ status }: Live<'Pod'>): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status: value }) => type === 'Ready' && value === 'True',
  );
}

function topologyLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const key of [labelZone, labelRegion]) {
    const value = labels[key];
    if (value !== undefined) found[key] = value;
  }
  return found;
}
