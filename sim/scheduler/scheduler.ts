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
import { type Clock, type ClusterClient, ClusterError } from '../../core/ports.ts';
import type { NamespaceLabels } from '../../core/scheduling/topology.ts';
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
import { filtersFor } from './filters.ts';
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

export class ModelScheduler {
  /** Never resolves; rejects with a bug, of its own or of an extender's handler. */
  readonly done: Promise<never>;
  readonly #options: SchedulerOptions;
  readonly #extenders: readonly ExtenderSettings[];
  readonly #clock: Clock;
  readonly #cache = new NodeCache();
  readonly #queue: SchedulingQueue;
  /** Nodes of pods that are placed and not heard of yet. */
  readonly #assumed = new Map<string, string>();
  #fail: (error: unknown) => void = () => undefined;
  #bound = 0;
  #attempts = 0;

  /** Starts at once. */
  constructor(options: SchedulerOptions) {
    const { cluster } = options;
    this.#options = options;
    this.#extenders = options.extenders ?? [];
    this.#clock = cluster.clock;
    this.#queue = new SchedulingQueue(cluster.clock);
    for (const node of cluster.all('Node')) this.#cache.putNode(node);
    for (const object of cluster.all('Pod')) {
      this.#onPod({ version: 0, type: 'added', object, previous: undefined });
    }
    const lagMs = options.lagMs ?? defaultLagMs;
    cluster.listen('Node', (change) => this.#clock.schedule(lagMs, () => this.#onNode(change)));
    cluster.listen('Pod', (change) => this.#clock.schedule(lagMs, () => this.#onPod(change)));
    this.done = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
      this.#run().catch(reject);
    });
    this.done.catch(() => undefined);
  }

  /** Pods that it has bound. */
  get bound(): number {
    return this.#bound;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Pods in the queue by state. */
  get waiting(): Readonly<Record<'active' | 'backoff' | 'unschedulable', number>> {
    return this.#queue.counts;
  }

  #onNode({ type, object }: Change<'Node'>): void {
    if (type === 'deleted') {
      this.#cache.deleteNode(object.metadata.name);
      this.#queue.happened({ type: 'node-gone' });
    } else this.#queue.happened({ type: 'node', info: this.#cache.putNode(object) });
  }

  #onPod({ type, object: pod }: Change<'Pod'>): void {
    const { uid } = pod.metadata;
    const nodeName = pod.spec.nodeName ?? '';
    const isOver =
      type === 'deleted' || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (isOver || nodeName !== '') {
      this.#queue.delete(uid);
      this.#assumed.delete(uid);
      if (nodeName !== '') this.#countPod(pod, nodeName, isOver);
      return;
    }
    const isOurs = this.#options.schedulerNames.includes(
      pod.spec.schedulerName ?? 'default-scheduler',
    );
    const isGated = (pod.spec.schedulingGates ?? []).length > 0;
    const isGoing = pod.metadata.deletionTimestamp !== undefined;
    if (isOurs && !isGated && !isGoing && !this.#assumed.has(uid)) this.#queue.put(pod);
  }

  #countPod(pod: Live<'Pod'>, nodeName: string, isOver: boolean): void {
    const { uid } = pod.metadata;
    if (isOver) {
      this.#cache.deletePod(uid);
      this.#queue.happened({ type: 'pod-gone' });
      return;
    }
    const isNew = this.#cache.get(nodeName)?.pods.has(uid) !== true;
    this.#cache.putPod(cachedPodOf(pod), nodeName);
    if (isNew) this.#queue.happened({ type: 'pod-assigned' });
  }

  async #run(): Promise<never> {
    for (;;) await this.#tryPod(await this.#queue.pop());
  }

  async #tryPod({ pod }: QueuedPod): Promise<void> {
    await this.#clock.sleep(cycleMs + cycleMsPerNode * this.#cache.nodeCount);
    this.#attempts += 1;
    const cached = cachedPodOf(pod);
    let placed: string | Failure;
    try {
      placed = await this.#place(pod, cached);
    } catch (error) {
      if (!(error instanceof ExtenderFailure) && !(error instanceof ClusterError)) throw error;
      placed = { reason: 'SchedulerError', message: error.message, rejectedBy: new Set() };
    }
    if (typeof placed !== 'string') {
      this.#queue.reject(cached.uid, placed.rejectedBy);
      this.#tell(pod, placed).catch(this.#fail);
      return;
    }
    // Bound by somebody else while it was being looked at, and heard of already.
    if (this.#cache.has(cached.uid)) return;
    this.#assumed.set(cached.uid, placed);
    this.#cache.putPod(cached, placed);
    this.#bind(pod, cached, placed).catch(this.#fail);
  }

  /** The node for a pod, or why there is none. */
  async #place(pod: Live<'Pod'>, cached: CachedPod): Promise<string | Failure> {
    const cache = this.#cache;
    if (cache.nodeCount === 0) {
      return { reason: 'Unschedulable', message: noNodes, rejectedBy: new Set() };
    }
    const filter = filtersFor(cached, cache, this.#namespaceLabels());
    const nominated = cache.get(pod.status?.nominatedNodeName ?? '');
    if (nominated?.node !== undefined && filter(nominated) === undefined) {
      const { names } = await filterByExtenders(this.#extenders, pod, [nominated.name]);
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
        rejectedBy.add(rejection.plugin);
        count(reasons, rejection.reason);
        if (rejection.isUnresolvable) unresolvable.add(info.name);
      }
    }
    if (feasible.length > 0) {
      const outcome = await filterByExtenders(this.#extenders, pod, feasible);
      if (outcome.names.length > 0) return await this.#best(pod, cached, outcome.names);
      rejectedBy.add('Extender');
      for (const reason of outcome.rejected.values()) count(reasons, reason);
      for (const name of outcome.unresolvable) unresolvable.add(name);
    }
    const nominatedNodeName = await this.#preempt(pod, cached, unresolvable);
    const message = `0/${cache.nodeCount} nodes are available: ${reasonText(reasons)}.`;
    const nomination = nominatedNodeName === undefined ? {} : { nominatedNodeName };
    return { reason: 'Unschedulable', message, rejectedBy, ...nomination };
  }

  async #best(pod: Live<'Pod'>, cached: CachedPod, names: readonly string[]): Promise<string> {
    if (names.length === 1 && names[0] !== undefined) return names[0];
    const added = await scoresOfExtenders(this.#extenders, pod, names);
    let winners: string[] = [];
    let highest = -Infinity;
    for (const name of names) {
      const info = this.#cache.get(name);
      const own = info === undefined ? 0 : leastAllocated(cached, info);
      const score = own + (added.get(name) ?? 0);
      if (score > highest) [highest, winners] = [score, [name]];
      else if (score === highest) winners.push(name);
    }
    return this.#options.random.pick(winners);
  }

  /** Makes room, if somebody of lower priority can go; answers where. */
  async #preempt(
    pod: Live<'Pod'>,
    cached: CachedPod,
    unresolvable: ReadonlySet<string>,
  ): Promise<string | undefined> {
    const candidates = new Map<string, ReadonlySet<string>>();
    for (const info of this.#cache.nodes()) {
      const victims = unresolvable.has(info.name) ? undefined : victimsOn(cached, info);
      if (victims !== undefined) candidates.set(info.name, victims);
    }
    if (candidates.size === 0) return undefined;
    const left = await preemptionByExtenders(this.#extenders, pod, candidates);
    const name = bestCandidate(left, (uid) => this.#cache.podOf(uid)?.priority ?? 0);
    if (name === undefined) return undefined;
    for (const uid of left.get(name) ?? []) {
      const victim = this.#cache.podOf(uid);
      if (victim === undefined || victim.isTerminating) continue;
      await this.#options.client.delete('Pod', victim, { uid });
    }
    return name;
  }

  async #bind(pod: Live<'Pod'>, cached: CachedPod, nodeName: string): Promise<void> {
    try {
      const isBound =
        (await bindByExtender(this.#extenders, pod, nodeName)) ||
        (await this.#options.client.bind(cached, nodeName)).outcome === 'bound';
      if (isBound) {
        this.#bound += 1;
        return;
      }
    } catch (error) {
      if (!(error instanceof ExtenderFailure) && !(error instanceof ClusterError)) throw error;
    }
    // Forgotten, unless it was bound elsewhere meanwhile and has been heard of there.
    if (this.#assumed.delete(cached.uid)) {
      this.#cache.deletePod(cached.uid);
      this.#queue.happened({ type: 'pod-gone' });
    }
    this.#queue.reject(cached.uid, new Set());
  }

  /** Writes the condition, unless the pod carries it already or is gone. */
  async #tell(pod: Live<'Pod'>, failure: Failure): Promise<void> {
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
      lastTransitionTime: before?.lastTransitionTime ?? timestamp(this.#clock.nowMs()),
    };
    const others = conditions.filter(({ type }) => type !== 'PodScheduled');
    // A nomination that is not its own is erased.
    const status = {
      conditions: [...others, condition],
      nominatedNodeName: nominatedNodeName ?? null,
    };
    const { uid, namespace = '', name } = pod.metadata;
    try {
      await this.#options.client.patch(
        'Pod',
        { namespace, name },
        { type: 'merge', body: { status } },
        { subresource: 'status', uid },
      );
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
    }
  }

  #namespaceLabels(): NamespaceLabels {
    const labels = new Map<string, Readonly<Record<string, string>>>();
    for (const { metadata } of this.#options.cluster.all('Namespace')) {
      labels.set(metadata.name, metadata.labels ?? {});
    }
    return labels;
  }
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
