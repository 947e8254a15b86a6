/**
 * The model kube-scheduler: one pod at a time, with the real order of steps.
 *
 * In: a client, the cluster's changes as its watches would tell them, extenders. Out: bindings and
 * conditions. It calls the extender's real verbs. Source: `pkg/scheduler/schedule_one.go`: the
 * extender is asked only about nodes that pass the in-tree filters, never when there are none; the
 * pod is assumed and bound while the next one is being looked at.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { Condition } from '../../core/api/kubernetes.ts';
import { type ClusterClient, ClusterError } from '../../core/ports.ts';
import { type SimulatedCluster, timestamp } from '../cluster/cluster.ts';
import type { Change } from '../cluster/history.ts';
import { requestsOf } from '../pod-requests.ts';
import type { SeededRandom } from '../random.ts';
import {
  bindByExtender,
  type ExtenderSettings,
  filterByExtenders,
  preemptionByExtenders,
  scoresOfExtenders,
} from './extender-calls.ts';
import { ExtenderFailure } from './extender-transport.ts';
import { filtersFor, type Plugin } from './filters.ts';
import { type CachedPod, cachedPodOf, NodeCache, type NodeInfo } from './node-cache.ts';
import { bestCandidate, victimsOn } from './preemption.ts';
import { type QueuedPod, type Rejector, SchedulingQueue } from './queue.ts';

export interface SchedulerOptions {
  readonly cluster: SimulatedCluster;
  readonly client: ClusterClient;
  readonly random: SeededRandom;
  /** Pods of these names are its own. */
  readonly schedulerNames: readonly string[];
  readonly extenders?: readonly ExtenderSettings[];
  /** How far its watches lag. */
  readonly lagMs?: number;
}

export interface SimulatedScheduler {
  /** Never resolves; rejects with a bug, of its own or of an extender's handler. */
  readonly done: Promise<never>;
  readonly bound: number;
  readonly attempts: number;
  /** Pods in the queue by state. */
  readonly waiting: Readonly<Record<'active' | 'backoff' | 'unschedulable', number>>;
}

const defaultLagMs = 5;
/** A cycle takes this long, and so much more per node: 250 pods a second at 1,000 nodes. */
const cycleMs = 1.5;
const cycleMsPerNode = 0.0025;
const noNodes = 'no nodes available to schedule pods';

/** A pod found no node. */
interface Failure {
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
  readonly rejectedBy: ReadonlySet<Rejector>;
  readonly nominatedNodeName?: string;
}

export function startScheduler(options: SchedulerOptions): SimulatedScheduler {
  const { cluster, client, random, schedulerNames, extenders = [] } = options;
  const { clock } = cluster;
  const cache = new NodeCache();
  const queue = new SchedulingQueue(clock);
  /** Assumed and not heard of yet. */
  const assumed = new Map<string, string>();
  let bound = 0;
  let attempts = 0;
  let fail: (error: unknown) => void = () => undefined;

  const isOurs = ({ spec }: Live<'Pod'>): boolean =>
    schedulerNames.includes(spec.schedulerName ?? 'default-scheduler');
  const later = (act: () => void): void => {
    clock.schedule(options.lagMs ?? defaultLagMs, act);
  };

  function onNode({ type, object }: Change<'Node'>): void {
    if (type === 'deleted') {
      cache.deleteNode(object.metadata.name);
      queue.happened({ type: 'node-gone' });
    } else queue.happened({ type: 'node', info: cache.putNode(object) });
  }

  function onPod({ type, object: pod }: Change<'Pod'>): void {
    const { uid } = pod.metadata;
    const isOver =
      type === 'deleted' || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    const nodeName = pod.spec.nodeName ?? '';
    if (isOver) {
      queue.delete(uid);
      assumed.delete(uid);
      if (nodeName === '') return;
      cache.deletePod(uid);
      queue.happened({ type: 'pod-gone' });
    } else if (nodeName !== '') {
      const isNew = cache.get(nodeName)?.pods.has(uid) !== true;
      queue.delete(uid);
      assumed.delete(uid);
      cache.putPod(cachedPodOf(pod), nodeName);
      if (isNew) queue.happened({ type: 'pod-assigned' });
    } else if (isOurs(pod) && !assumed.has(uid)) {
      const isGated = (pod.spec.schedulingGates ?? []).length > 0;
      if (!isGated && pod.metadata.deletionTimestamp === undefined) queue.put(pod);
    }
  }

  for (const node of cluster.all('Node')) cache.putNode(node);
  for (const object of cluster.all('Pod')) {
    onPod({ version: 0, type: 'added', object, previous: undefined });
  }
  cluster.listen('Node', (change) => later(() => onNode(change)));
  cluster.listen('Pod', (change) => later(() => onPod(change)));

  function namespaceLabels(): ReadonlyMap<string, Readonly<Record<string, string>>> {
    const labels = new Map<string, Readonly<Record<string, string>>>();
    for (const { metadata } of cluster.all('Namespace')) {
      labels.set(metadata.name, metadata.labels ?? {});
    }
    return labels;
  }

  /** The node for a pod, or why there is none. */
  async function place(pod: Live<'Pod'>, cached: CachedPod): Promise<string | Failure> {
    if (cache.nodeCount === 0) {
      return { reason: 'Unschedulable', message: noNodes, rejectedBy: new Set() };
    }
    const filter = filtersFor(cached, cache, namespaceLabels());
    const nominated = cache.get(pod.status?.nominatedNodeName ?? '');
    if (nominated?.node !== undefined && filter(nominated) === undefined) {
      const { names } = await filterByExtenders(extenders, pod, [nominated.name]);
      if (names.length > 0) return nominated.name;
    }
    const feasible: string[] = [];
    const rejectedBy = new Set<Rejector>();
    const reasons = new Map<string, number>();
    const unresolvable = new Set<string>();
    for (const info of cache.nodes()) {
      const rejection = filter(info);
      if (rejection === undefined) feasible.push(info.name);
      else {
        rejectedBy.add(rejection.plugin satisfies Plugin);
        count(reasons, rejection.reason);
        if (rejection.isUnresolvable) unresolvable.add(info.name);
      }
    }
    if (feasible.length > 0) {
      const outcome = await filterByExtenders(extenders, pod, feasible);
      if (outcome.names.length > 0) return await best(pod, cached, outcome.names);
      rejectedBy.add('Extender');
      for (const reason of outcome.rejected.values()) count(reasons, reason);
      for (const name of outcome.unresolvable) unresolvable.add(name);
    }
    const nominatedNodeName = await preempt(pod, cached, unresolvable);
    const message = `0/${cache.nodeCount} nodes are available: ${reasonText(reasons)}.`;
    return {
      reason: 'Unschedulable',
      message,
      rejectedBy,
      ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
    };
  }

  async function best(
    pod: Live<'Pod'>,
    cached: CachedPod,
    names: readonly string[],
  ): Promise<string> {
    if (names.length === 1 && names[0] !== undefined) return names[0];
    const added = await scoresOfExtenders(extenders, pod, names);
    let winners: string[] = [];
    let highest = -Infinity;
    for (const name of names) {
      const info = cache.get(name);
      const score =
        (info === undefined ? 0 : leastAllocated(cached, info)) + (added.get(name) ?? 0);
      if (score > highest) [highest, winners] = [score, [name]];
      else if (score === highest) winners.push(name);
    }
    return random.pick(winners);
  }

  /** Makes room, if somebody of lower priority can go; answers where. */
  async function preempt(
    pod: Live<'Pod'>,
    cached: CachedPod,
    unresolvable: ReadonlySet<string>,
  ): Promise<string | undefined> {
    const candidates = new Map<string, ReadonlySet<string>>();
    for (const info of cache.nodes()) {
      const victims = unresolvable.has(info.name) ? undefined : victimsOn(cached, info);
      if (victims !== undefined) candidates.set(info.name, victims);
    }
    if (candidates.size === 0) return undefined;
    const left = await preemptionByExtenders(extenders, pod, candidates);
    const victimOf = (uid: string): CachedPod | undefined => {
      for (const info of cache.nodes()) {
        const victim = info.pods.get(uid);
        if (victim !== undefined) return victim;
      }
      return undefined;
    };
    const name = bestCandidate(left, (uid) => victimOf(uid)?.priority ?? 0);
    if (name === undefined) return undefined;
    for (const uid of left.get(name) ?? []) {
      const victim = victimOf(uid);
      if (victim !== undefined && !victim.isTerminating)
        await client.delete('Pod', victim, { uid });
    }
    return name;
  }

  async function tryPod({ pod }: QueuedPod): Promise<void> {
    await clock.sleep(cycleMs + cycleMsPerNode * cache.nodeCount);
    attempts += 1;
    const cached = cachedPodOf(pod);
    let placed: string | Failure;
    try {
      placed = await place(pod, cached);
    } catch (error) {
      if (!(error instanceof ExtenderFailure) && !(error instanceof ClusterError)) throw error;
      placed = { reason: 'SchedulerError', message: error.message, rejectedBy: new Set() };
    }
    if (typeof placed !== 'string') {
      queue.reject(cached.uid, placed.rejectedBy);
      tell(pod, placed).catch(fail);
      return;
    }
    // Bound by somebody else while it was being looked at, and heard of already.
    if (cache.has(cached.uid)) return;
    assumed.set(cached.uid, placed);
    cache.putPod(cached, placed);
    bind(pod, cached, placed).catch(fail);
  }

  async function bind(pod: Live<'Pod'>, cached: CachedPod, nodeName: string): Promise<void> {
    try {
      const isBound =
        (await bindByExtender(extenders, pod, nodeName)) ||
        (await client.bind(cached, nodeName)).outcome === 'bound';
      if (isBound) {
        bound += 1;
        return;
      }
    } catch (error) {
      if (!(error instanceof ExtenderFailure) && !(error instanceof ClusterError)) throw error;
    }
    // Forgotten, unless it was bound elsewhere meanwhile and has been heard of there.
    if (assumed.delete(cached.uid)) {
      cache.deletePod(cached.uid);
      queue.happened({ type: 'pod-gone' });
    }
    queue.reject(cached.uid, new Set());
  }

  /** Writes the condition, unless the pod carries it already or is gone. */
  async function tell(pod: Live<'Pod'>, failure: Failure): Promise<void> {
    const { reason, message, nominatedNodeName } = failure;
    const conditions = pod.status?.conditions ?? [];
    const before = conditions.find(({ type }) => type === 'PodScheduled');
    const isSame = before?.reason === reason && before.message === message;
    if (isSame && nominatedNodeName === undefined) return;
    const condition: Condition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastTransitionTime: before?.lastTransitionTime ?? timestamp(clock.nowMs()),
    };
    const others = conditions.filter(({ type }) => type !== 'PodScheduled');
    const status = {
      conditions: [...others, condition],
      // The scheduler erases a nomination that is not its own.
      nominatedNodeName: nominatedNodeName ?? null,
    };
    try {
      const { uid, namespace = '', name } = pod.metadata;
      await client.patch(
        'Pod',
        { namespace, name },
        { type: 'merge', body: { status } },
        { subresource: 'status', uid },
      );
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
    }
  }

  async function run(): Promise<never> {
    for (;;) await tryPod(await queue.pop());
  }

  const done = new Promise<never>((_resolve, reject) => {
    fail = reject;
    run().catch(reject);
  });
  done.catch(() => undefined);
  return {
    done,
    get bound() {
      return bound;
    },
    get attempts() {
      return attempts;
    },
    get waiting() {
      return queue.counts;
    },
  };
}

/** NodeResourcesFit's default: the emptier the better, 0 to 100. */
function leastAllocated(pod: CachedPod, info: NodeInfo): number {
  const requests = requestsOf(pod.spec);
  let sum = 0;
  for (const resource of ['cpu', 'memory']) {
    const offered = info.allocatable[resource] ?? 0;
    const taken = (info.requested.get(resource) ?? 0) + (requests[resource] ?? 0);
    if (offered > 0) sum += Math.max(0, ((offered - taken) * 100) / offered);
  }
  return Math.floor(sum / 2);
}

function count(reasons: Map<string, number>, reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}

function reasonText(reasons: ReadonlyMap<string, number>): string {
  return [...reasons]
    .map(([reason, times]) => `${times} ${reason}`)
    .sort()
    .join(', ');
}
