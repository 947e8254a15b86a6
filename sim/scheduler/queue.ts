/**
 * The scheduling queue: which pod is tried next, and when a rejected one is tried again.
 *
 * In: pods that wait, what happens in the cluster. Out: pods to try. Source:
 * `pkg/scheduler/backend/queue`: by priority, then by age; a rejected pod waits for an event that
 * one of its rejecting plugins cares about and for its backoff (1 s doubling to 10 s); who has
 * waited five minutes is tried anyway. A pod that an extender rejected cares about everything, which
 * is why holding pods by rejecting them in filter is dear (`reference/extender.md` 1.6). One that
 * was rejected by no plugin only waits for its backoff.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { Clock, Timer } from '../../core/ports.ts';
import { filterResources, filterSelection, filterTaints, type Plugin } from './filters.ts';
import { type CachedPod, cachedPodOf, type NodeInfo } from './node-cache.ts';

export type Rejector = Plugin | 'Extender';

export type QueueEvent =
  | { readonly type: 'node'; readonly info: NodeInfo }
  | { readonly type: 'node-gone' }
  | { readonly type: 'pod-assigned' }
  | { readonly type: 'pod-gone' };

export interface QueuedPod {
  readonly pod: Live<'Pod'>;
  readonly attempts: number;
}

interface Entry {
  pod: Live<'Pod'>;
  cached: CachedPod;
  attempts: number;
  rejectedBy: ReadonlySet<Rejector>;
  backoffEndMs: number;
  waitingSinceMs: number;
  state: 'active' | 'backoff' | 'unschedulable' | 'in-flight';
  timer: Timer | undefined;
}

const backoffFirstMs = 1_000;
const backoffMaxMs = 10_000;
const flushEveryMs = 30_000;
const flushAfterMs = 300_000;

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** By priority; insertion order is age. */
  readonly #active = new Map<number, Map<string, Entry>>();
  readonly #unschedulable = new Map<string, Entry>();
  /** What has happened while the pod in flight was being tried. */
  #missed: QueueEvent[] = [];
  #waiter: ((pod: QueuedPod) => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#flush();
  }

  get counts(): Readonly<Record<'active' | 'backoff' | 'unschedulable', number>> {
    const counts = { active: 0, backoff: 0, unschedulable: 0, 'in-flight': 0 };
    for (const { state } of this.#entries.values()) counts[state] += 1;
    return counts;
  }

  /** A pod that waits is new, or has changed. A change of the pod itself may make it schedulable. */
  put(pod: Live<'Pod'>): void {
    const entry = this.#entries.get(pod.metadata.uid);
    if (entry === undefined) {
      this.#activate({
        pod,
        cached: cachedPodOf(pod),
        attempts: 0,
        rejectedBy: new Set(),
        backoffEndMs: 0,
        waitingSinceMs: this.#clock.nowMs(),
        state: 'active',
        timer: undefined,
      });
      return;
    }
    const before = entry.pod;
    entry.pod = pod;
    entry.cached = cachedPodOf(pod);
    const isChanged =
      before.metadata.labels !== pod.metadata.labels ||
      before.metadata.annotations !== pod.metadata.annotations ||
      before.spec !== pod.spec;
    // Its own first rejection changes the pod's status, and an extender's pods wake up from that.
    const isFirstStatus =
      entry.rejectedBy.has('Extender') && before.status?.conditions === undefined;
    if (entry.state === 'unschedulable' && (isChanged || isFirstStatus)) this.#requeue(entry);
  }

  delete(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.timer?.cancel();
    this.#entries.delete(uid);
    this.#active.get(entry.cached.priority)?.delete(uid);
    this.#unschedulable.delete(uid);
  }

  /** The next pod to try; waits for one. */
  async pop(): Promise<QueuedPod> {
    this.#missed = [];
    const entry = this.#first();
    if (entry !== undefined) return this.#take(entry);
    return await new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }

  /** The pod in flight was rejected, or its binding failed. */
  reject(uid: string, rejectedBy: ReadonlySet<Rejector>): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.rejectedBy = rejectedBy;
    entry.waitingSinceMs = this.#clock.nowMs();
    const exponent = Math.min(entry.attempts - 1, 10);
    entry.backoffEndMs =
      this.#clock.nowMs() + Math.min(backoffFirstMs * 2 ** exponent, backoffMaxMs);
    const isCalled = this.#missed.some((event) => concerns(entry, event));
    if (rejectedBy.size === 0 || isCalled) {
      this.#requeue(entry);
      return;
    }
    entry.state = 'unschedulable';
    this.#unschedulable.set(uid, entry);
  }

  /** Something has happened: whom it concerns is tried again. */
  happened(event: QueueEvent): void {
    this.#missed.push(event);
    for (const entry of this.#unschedulable.values()) {
      if (concerns(entry, event)) this.#requeue(entry);
    }
  }

  #requeue(entry: Entry): void {
    this.#unschedulable.delete(entry.cached.uid);
    const waitMs = entry.backoffEndMs - this.#clock.nowMs();
    if (waitMs <= 0) {
      this.#activate(entry);
      return;
    }
    entry.state = 'backoff';
    entry.timer = this.#clock.schedule(waitMs, () => this.#activate(entry));
  }

  #activate(entry: Entry): void {
    const { uid, priority } = entry.cached;
    entry.state = 'active';
    entry.timer = undefined;
    this.#entries.set(uid, entry);
    const waiter = this.#waiter;
    if (waiter !== undefined) {
      this.#waiter = undefined;
      waiter(this.#take(entry));
      return;
    }
    const peers = this.#active.get(priority) ?? new Map<string, Entry>();
    peers.set(uid, entry);
    this.#active.set(priority, peers);
  }

  #first(): Entry | undefined {
    let best: number | undefined;
    for (const [priority, entries] of this.#active) {
      if (entries.size === 0) this.#active.delete(priority);
      else if (best === undefined || priority > best) best = priority;
    }
    if (best === undefined) return undefined;
    const [entry] = this.#active.get(best)?.values() ?? [];
    return entry;
  }

  #take(entry: Entry): QueuedPod {
    this.#active.get(entry.cached.priority)?.delete(entry.cached.uid);
    entry.state = 'in-flight';
    entry.attempts += 1;
    return { pod: entry.pod, attempts: entry.attempts };
  }

  #flush(): void {
    this.#clock.schedule(flushEveryMs, () => {
      const nowMs = this.#clock.nowMs();
      for (const entry of this.#unschedulable.values()) {
        if (nowMs - entry.waitingSinceMs > flushAfterMs) this.#requeue(entry);
      }
      this.#flush();
    });
  }
}

function concerns({ rejectedBy, cached }: Entry, event: QueueEvent): boolean {
  for (const rejector of rejectedBy) if (concernsPlugin(rejector, cached, event)) return true;
  return false;
}

/** The queueing hints: would this event change that plugin's mind? */
function concernsPlugin(rejector: Rejector, pod: CachedPod, event: QueueEvent): boolean {
  const node = event.type === 'node' ? event.info : undefined;
  switch (rejector) {
    case 'Extender':
      return true;
    case 'NodeResourcesFit':
      if (event.type === 'pod-gone') return true;
      return node !== undefined && filterResources(pod, node)?.isUnresolvable !== true;
    case 'TaintToleration':
      return node !== undefined && filterTaints(pod, node) === undefined;
    case 'NodeAffinity':
      return node !== undefined && filterSelection(pod, node) === undefined;
    case 'NodePorts':
      return event.type === 'pod-gone' || event.type === 'node';
    case 'PodTopologySpread':
    case 'InterPodAffinity':
      return true;
  }
}
