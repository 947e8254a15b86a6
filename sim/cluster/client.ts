/**
 * The ClusterClient port on the simulated cluster.
 *
 * In: the cluster, how slow it answers, what goes wrong. Out: the port. Each call takes effect
 * somewhere between being made and being answered, so that others come in between. It retries
 * nothing: what callers must survive, they see.
 */
import { type Kind, kinds, type Live } from '../../core/api/kinds.ts';
import {
  type CallOptions,
  type ClusterClient,
  ClusterError,
  type ListOptions,
  type ObjectName,
} from '../../core/ports.ts';
import type { ApiCall, ApiFaults, ApiVerb } from '../faults.ts';
import type { Lifeline } from '../process.ts';
import { keyOf, type SimulatedCluster } from './cluster.ts';
import { deleteObject } from './deletion.ts';
import { bindPod, evictPod } from './pod-verbs.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { runWatch } from './watch.ts';

export interface SimulatedClientOptions {
  /** Names the process in faults and as the owner of fields. */
  readonly actor: string;
  /** Milliseconds on the way there and as many on the way back; drawn anew for every call. */
  readonly latencyMs?: () => number;
  readonly faults?: ApiFaults;
  readonly lifeline?: Lifeline;
}

/** Loopback and a small etcd: a few milliseconds. */
const defaultLatencyMs = 2;
/** How long a caller waits for an answer that never comes. */
const callDeadlineMs = 30_000;
/** Pages are kept so that a list shows one moment; older lists are Expired. */
const listsKept = 64;

export function createSimulatedClient(
  cluster: SimulatedCluster,
  options: SimulatedClientOptions,
): ClusterClient {
  const { clock } = cluster;
  const { actor, lifeline, faults } = options;
  const latencyMs = options.latencyMs ?? (() => defaultLatencyMs);
  const pages = createPages(cluster);

  async function call<T>(
    verb: ApiVerb,
    kind: Kind | undefined,
    name: ObjectName | undefined,
    { signal }: CallOptions,
    execute: () => T,
  ): Promise<T> {
    const object = name === undefined ? '' : keyOf(name);
    const made: ApiCall = { actor, verb, kind, object };
    await clock.sleep(latencyMs(), signal);
    await lifeline?.pass(made, 'before');
    const fault = faults?.on(made);
    if (fault?.type === 'refuse') throw fault.error;
    if (fault?.type === 'delay') await clock.sleep(fault.delayMs, signal);
    const isWrite = !['list', 'get', 'serves', 'probe'].includes(verb);
    const lost = (): ClusterError =>
      new ClusterError('Unavailable', `${verb} ${kind ?? ''} ${object}: no answer`, {
        mayHaveHappened: isWrite,
      });
    if (fault?.type === 'lose-request') {
      await clock.sleep(callDeadlineMs, signal);
      throw lost();
    }
    let answer: T;
    try {
      answer = execute();
    } finally {
      await lifeline?.pass(made, 'after');
      await clock.sleep(fault?.type === 'lose-answer' ? callDeadlineMs : latencyMs(), signal);
    }
    if (fault?.type === 'lose-answer') throw lost();
    return answer;
  }

  const withManager = (given: { readonly fieldManager?: string } | undefined) => ({
    fieldManager: actor,
    ...given,
  });

  const client: ClusterClient = {
    list: async (kind, listOptions = {}) =>
      await call('list', kind, undefined, listOptions, () => pages.list(kind, listOptions)),

    watch: async (kind, watchOptions, onEvent) => {
      const made: ApiCall = { actor, verb: 'watch', kind, object: '' };
      try {
        await clock.sleep(latencyMs(), watchOptions.signal);
      } catch {
        return;
      }
      await lifeline?.pass(made, 'before');
      const fault = faults?.on(made);
      if (fault?.type === 'refuse') throw fault.error;
      const shape = {
        latencyMs,
        ...(fault?.type === 'cut' ? { cutAfterMs: fault.afterMs } : {}),
        ...(fault?.type === 'lag' ? { lagMs: fault.delayMs } : {}),
        ...(lifeline === undefined ? {} : { lifeline }),
      };
      await runWatch(cluster, kind, watchOptions, shape, onEvent);
    },

    get: async (kind, name, callOptions = {}) =>
      await call('get', kind, name, callOptions, () => cluster.get(kind, name)),

    create: async (kind, object, writeOptions) => {
      const { name = '', namespace } = object.metadata;
      const named = namespace === undefined ? { name } : { namespace, name };
      const { fieldManager } = withManager(writeOptions);
      return await call('create', kind, named, writeOptions ?? {}, () =>
        cluster.create(kind, object, fieldManager),
      );
    },

    replace: async (kind, object, writeOptions) =>
      await call('replace', kind, object.metadata, writeOptions ?? {}, () =>
        cluster.replace(kind, object, withManager(writeOptions)),
      ),

    patch: async (kind, name, patch, patchOptions) =>
      await call('patch', kind, name, patchOptions ?? {}, () =>
        cluster.patch(kind, name, patch, withManager(patchOptions)),
      ),

    apply: async (kind, object, applyOptions) =>
      await call('apply', kind, object.metadata, applyOptions, () =>
        cluster.apply(kind, object, applyOptions),
      ),

    delete: async (kind, name, deleteOptions = {}) =>
      await call('delete', kind, name, deleteOptions, () =>
        deleteObject(cluster, kind, name, deleteOptions),
      ),

    bind: async (pod, nodeName, callOptions = {}) =>
      await decidedByReading(client, pod, nodeName, callOptions, async () =>
        call('bind', 'Pod', pod, callOptions, () => bindPod(cluster, pod, nodeName)),
      ),

    evict: async (pod, evictOptions = {}) =>
      await call('evict', 'Pod', pod, evictOptions, () =>
        evictPod(cluster, pod, evictOptions.gracePeriodSeconds),
      ),

    serves: async (kind, callOptions = {}) =>
      await call('serves', kind, undefined, callOptions, () => cluster.serves(kind)),

    probe: async (callOptions = {}) => {
      await call('probe', undefined, undefined, callOptions, () => undefined);
    },
  };
  return client;
}

/** As the real adapter: a bind without an answer is decided by reading the pod. */
async function decidedByReading(
  client: ClusterClient,
  ...[pod, nodeName, options, bind]: [
    Parameters<ClusterClient['bind']>[0],
    string,
    CallOptions,
    () => ReturnType<ClusterClient['bind']>,
  ]
): ReturnType<ClusterClient['bind']> {
  try {
    return await bind();
  } catch (error) {
    if (!(error instanceof ClusterError) || !error.mayHaveHappened) throw error;
    const found = await client.get('Pod', pod, options);
    if (found?.metadata.uid !== pod.uid) return { outcome: 'gone' };
    const boundTo = found.spec.nodeName ?? '';
    if (boundTo === nodeName) return { outcome: 'bound' };
    if (boundTo !== '') return { outcome: 'elsewhere', nodeName: boundTo };
    throw error;
  }
}

interface KeptList {
  readonly items: readonly Live<Kind>[];
  readonly version: string;
}

/** Lists in pages that show one moment. */
function createPages(cluster: SimulatedCluster) {
  const kept = new Map<number, KeptList>();
  let nextId = 1;

  function start(kind: Kind, options: ListOptions): KeptList {
    const { namespace } = options;
    const matchesLabels = parseLabelSelector(options.labelSelector);
    const matchesFields = parseFieldSelector(kind, options.fieldSelector);
    const items: { readonly key: string; readonly object: Live<Kind> }[] = [];
    for (const object of cluster.all(kind)) {
      const { metadata } = object;
      if (kinds[kind].isNamespaced && namespace !== undefined && metadata.namespace !== namespace) {
        continue;
      }
      if (matchesLabels(metadata.labels ?? {}) && matchesFields(object)) {
        items.push({ key: keyOf(metadata), object });
      }
    }
    items.sort((a, b) => (a.key < b.key ? -1 : 1));
    return { items: items.map(({ object }) => object), version: String(cluster.version) };
  }

  return {
    list: <K extends Kind>(kind: K, options: ListOptions) => {
      let id = nextId;
      let offset = 0;
      let list: KeptList | undefined;
      if (options.continue === undefined) {
        list = start(kind, options);
        nextId += 1;
      } else {
        const match = /^(\d+):(\d+)$/.exec(options.continue);
        if (match === null) throw new ClusterError('Invalid', 'continue key is not valid');
        [id, offset] = [Number(match[1]), Number(match[2])];
        list = kept.get(id);
        if (list === undefined) {
          throw new ClusterError('Expired', 'the provided continue parameter is too old');
        }
      }
      const end = offset + (options.limit ?? Infinity);
      const items = list.items.slice(offset, end) as unknown as readonly Live<K>[];
      const page = { items, resourceVersion: list.version };
      if (end >= list.items.length) {
        kept.delete(id);
        return page;
      }
      kept.set(id, list);
      const [oldest] = kept.keys();
      if (kept.size > listsKept && oldest !== undefined) kept.delete(oldest);
      return { ...page, continue: `${id}:${end}` };
    },
  };
}
