/**
 * Counts what each PodDisruptionBudget allows.
 *
 * In: pods, budgets and the controllers of pods. Out: the budgets' status. Source:
 * `pkg/controller/disruption`: an absolute minimum needs no count of what should be there; anything
 * else is a share of what the pods' controllers want, pods without a controller count for nothing,
 * and a controller that cannot be scaled (a Job) makes the budget allow nothing.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { PodIdentity } from '../../core/ports.ts';
import { compileSelector } from '../../core/scheduling/label-selector.ts';
import { keyOf, type SimulatedCluster } from '../cluster/cluster.ts';
import { isReady } from '../cluster/pod-verbs.ts';
import { createReconciler } from './reconciler.ts';

const reactionMs = 20;
/** A granted eviction that has not begun by then is forgotten. */
const grantLifeMs = 120_000;

export function startDisruptionController(cluster: SimulatedCluster): void {
  const reconciler = createReconciler(cluster.clock, reactionMs, (key) => {
    const [namespace = '', name = ''] = key.split('/');
    const budget = cluster.get('PodDisruptionBudget', { namespace, name });
    if (budget !== undefined) count(cluster, budget, (delayMs) => reconciler.enqueue(key, delayMs));
  });
  const enqueueAll = (namespace: string | undefined): void => {
    for (const { metadata } of cluster.all('PodDisruptionBudget')) {
      if (metadata.namespace === namespace) reconciler.enqueue(keyOf(metadata));
    }
  };
  cluster.listen('PodDisruptionBudget', ({ object, type }) => {
    if (type !== 'deleted') reconciler.enqueue(keyOf(object.metadata));
  });
  cluster.listen('Pod', ({ object }) => {
    if (cluster.count('PodDisruptionBudget') > 0) enqueueAll(object.metadata.namespace);
  });
  for (const kind of ['ReplicaSet', 'StatefulSet'] as const) {
    cluster.listen(kind, ({ object }) => enqueueAll(object.metadata.namespace));
  }
}

function count(
  cluster: SimulatedCluster,
  budget: Live<'PodDisruptionBudget'>,
  againAfter: (delayMs: number) => void,
): void {
  const { metadata, spec, status } = budget;
  const nowMs = cluster.clock.nowMs();
  const selector = compileSelector(spec.selector);
  const pods: Live<'Pod'>[] = [];
  for (const pod of cluster.all('Pod')) {
    const isOver = ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');
    if (pod.metadata.namespace !== metadata.namespace || isOver) continue;
    if (selector.matches(pod.metadata.labels ?? {})) pods.push(pod);
  }
  const granted = Object.entries(status?.disruptedPods ?? {}).filter(([name, time]) => {
    const pod = pods.find((candidate) => candidate.metadata.name === name);
    const isOpen = pod !== undefined && pod.metadata.deletionTimestamp === undefined;
    return isOpen && Date.parse(time) + grantLifeMs > nowMs;
  });
  if (granted.length > 0) againAfter(grantLifeMs);
  const grantedNames = new Set(granted.map(([name]) => name));
  const currentHealthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      !grantedNames.has(pod.metadata.name) &&
      isReady(pod),
  ).length;
  const expectation = expected(cluster, budget, pods);
  const allowed = currentHealthy - expectation.desiredHealthy;
  const next = {
    observedGeneration: metadata.generation ?? 0,
    disruptionsAllowed:
      expectation.isKnown && expectation.expectedPods > 0 ? Math.max(0, allowed) : 0,
    currentHealthy,
    desiredHealthy: expectation.desiredHealthy,
    expectedPods: expectation.expectedPods,
    // A merge patch would keep names that are no longer there.
    disruptedPods: Object.fromEntries([
      ...Object.keys(status?.disruptedPods ?? {}).map((name) => [name, null]),
      ...granted,
    ]) as Record<string, string>,
  };
  const body = { status: next };
  cluster.patch(
    'PodDisruptionBudget',
    metadata,
    { type: 'merge', body },
    { subresource: 'status' },
  );
}

interface Expectation {
  readonly expectedPods: number;
  readonly desiredHealthy: number;
  /** False if a pod's controller cannot be asked how many it wants. */
  readonly isKnown: boolean;
}

function expected(
  cluster: SimulatedCluster,
  { spec }: Live<'PodDisruptionBudget'>,
  pods: readonly Live<'Pod'>[],
): Expectation {
  const { minAvailable, maxUnavailable } = spec;
  if (typeof minAvailable === 'number') {
    return { expectedPods: pods.length, desiredHealthy: minAvailable, isKnown: true };
  }
  const wanted = wantedByControllers(cluster, pods);
  if (wanted === undefined) return { expectedPods: 0, desiredHealthy: 0, isKnown: false };
  const desiredHealthy =
    minAvailable === undefined
      ? Math.max(0, wanted - shareOf(maxUnavailable ?? 0, wanted))
      : shareOf(minAvailable, wanted);
  return { expectedPods: wanted, desiredHealthy, isKnown: true };
}

/** Replicas that the pods' controllers want together; `undefined` if one of them has no scale. */
function wantedByControllers(
  cluster: SimulatedCluster,
  pods: readonly Live<'Pod'>[],
): number | undefined {
  const wanted = new Map<string, number>();
  for (const { metadata } of pods) {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
    if (owner === undefined) continue;
    const name: Omit<PodIdentity, 'uid'> = {
      namespace: metadata.namespace ?? '',
      name: owner.name,
    };
    const scaled =
      owner.kind === 'ReplicaSet' || owner.kind === 'StatefulSet'
        ? cluster.get(owner.kind, name)
        : undefined;
    if (scaled === undefined) return undefined;
    wanted.set(scaled.metadata.uid, scaled.spec.replicas ?? 1);
  }
  return [...wanted.values()].reduce((sum, replicas) => sum + replicas, 0);
}

/** Percentages round up, for minima and for maxima alike. */
function shareOf(value: number | string, total: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * total) / 100);
}
