// All Pods and Nodes, as the API server's watches tell of them.
//
// In:  an API client. Out: current Pods and Nodes, and every change, in the order
// in which the server made it (per kind; the two kinds are two streams).
// It judges nothing (see invariants.ts). A stream that breaks is taken up where it
// broke; where the server has forgotten that place (after its own restart) the
// list is read again, the difference told as changes, and the gap counted.

import { setTimeout as delay } from 'node:timers/promises';
import { type ApiClient, ApiStatusError, UnreachableError, type WatchEvent } from './api-client.ts';
import type { Node, ObjectMeta, Pod } from './objects.ts';
import { keyOf } from './objects.ts';
import { describeCluster } from './stragglers.ts';

/** One change of one object. */
export interface Change<Item> {
  readonly type: 'added' | 'modified' | 'deleted';
  /** The object after the change; of one deleted its last state. */
  readonly object: Item;
  readonly previous: Item | undefined;
  /** True where states in between may have been missed. */
  readonly isAfterGap: boolean;
}

/** What to be told of. A listener that throws ends the watch, and `failure` says why. */
export interface ClusterListener {
  onPod(change: Change<Pod>): void;
  onNode(change: Change<Node>): void;
}

/** A running watch. */
export interface ClusterWatch {
  /** By `namespace/name`. */
  readonly pods: ReadonlyMap<string, Pod>;
  /** By name. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** Events seen, of both kinds. */
  readonly events: number;
  /** How often a list had to be read again because a stream could not be taken up where it broke. */
  readonly gaps: number;
  /** Adds a listener; it is first told of everything there is now, as added. */
  listen(listener: ClusterListener): void;
  /**
   * Waits until `isTrue` answers true; asked now and after every change.
   * @throws Error naming `what` when the deadline passes.
   */
  until(what: string, isTrue: () => boolean, deadlineMs: number): Promise<void>;
  /** Ends both streams. Rejects with the error of a listener, if one failed. */
  stop(): Promise<void>;
}

/** Objects a page of a list. */
const PAGE_SIZE = 500;
/** The server ends a watch after this; it is then taken up again. */
const WATCH_TIMEOUT_SECONDS = 600;
/** After a broken connection: first wait and longest wait. */
const RETRY_FIRST_MS = 50;
const RETRY_LONGEST_MS = 1_000;

interface List<Item> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly Item[];
}

/** The server has forgotten the version a watch asked for. */
class ExpiredError extends Error {
  override readonly name = 'ExpiredError';
}

/** Starts watching; resolves when both kinds have been listed. */
export async function watchCluster(client: ApiClient): Promise<ClusterWatch> {
  const pods = new Map<string, Pod>();
  const nodes = new Map<string, Node>();
  const listeners: ClusterListener[] = [];
  const questions = new Set<() => void>();
  const abort = new AbortController();
  let events = 0;
  let gaps = 0;

  function tell(apply: (listener: ClusterListener) => void): void {
    events += 1;
    for (const listener of listeners) apply(listener);
    for (const ask of questions) ask();
  }

  const onGap = (): void => {
    gaps += 1;
  };
  const podStream = followKind<Pod>(client, '/api/v1/pods', pods, abort.signal, onGap, (change) =>
    tell((listener) => listener.onPod(change)),
  );
  const nodeStream = followKind<Node>(
    client,
    '/api/v1/nodes',
    nodes,
    abort.signal,
    onGap,
    (change) => tell((listener) => listener.onNode(change)),
  );
  await Promise.all([podStream.listed, nodeStream.listed]);

  return {
    pods,
    nodes,
    get events() {
      return events;
    },
    get gaps() {
      return gaps;
    },
    listen: (listener) => {
      for (const object of nodes.values()) listener.onNode(asAdded(object));
      for (const object of pods.values()) listener.onPod(asAdded(object));
      listeners.push(listener);
    },
    until: async (what, isTrue, deadlineMs) => {
      if (isTrue()) return;
      await new Promise<void>((resolve, reject) => {
        const ask = (): void => {
          if (!isTrue()) return;
          settle();
          resolve();
        };
        const timer = setTimeout(() => {
          settle();
          reject(
            new Error(
              `not within ${deadlineMs} ms: ${what} (${describeCluster(pods.values(), nodes.values())})`,
            ),
          );
        }, deadlineMs);
        const settle = (): void => {
          clearTimeout(timer);
          questions.delete(ask);
        };
        questions.add(ask);
      });
    },
    stop: async () => {
      abort.abort();
      await Promise.all([podStream.ended, nodeStream.ended]);
    },
  };
}

function asAdded<Item>(object: Item): Change<Item> {
  return { type: 'added', object, previous: undefined, isAfterGap: false };
}

/** A watch of one kind. */
export interface Stream {
  /** Settles when the first list is complete. */
  readonly listed: Promise<void>;
  /** Settles when the stream was stopped. */
  readonly ended: Promise<void>;
}

/** Keeps `store` to what there is of a kind, and tells every change, until the signal. */
export function followKind<Item extends { readonly metadata: ObjectMeta }>(
  client: ApiClient,
  path: string,
  store: Map<string, Item>,
  signal: AbortSignal,
  onGap: () => void,
  onChange: (change: Change<Item>) => void,
): Stream {
  let version = '';

  async function relist(isAfterGap: boolean): Promise<void> {
    const found = new Map<string, Item>();
    let next = '';
    do {
      const list = await client.expect<List<Item>>(
        'GET',
        `${path}?limit=${PAGE_SIZE}&continue=${encodeURIComponent(next)}`,
      );
      for (const item of list.items) found.set(keyOf(item.metadata), withoutManagedFields(item));
      next = list.metadata.continue ?? '';
      version = list.metadata.resourceVersion;
    } while (next !== '');
    for (const [key, previous] of store) {
      const isSame = found.get(key)?.metadata.uid === previous.metadata.uid;
      if (!isSame) applyChange(key, { type: 'deleted', object: previous, previous, isAfterGap });
    }
    for (const [key, object] of found) {
      const previous = store.get(key);
      if (previous?.metadata.resourceVersion === object.metadata.resourceVersion) continue;
      applyChange(key, {
        type: previous === undefined ? 'added' : 'modified',
        object,
        previous,
        isAfterGap,
      });
    }
  }

  function applyChange(key: string, change: Change<Item>): void {
    if (change.type === 'deleted') store.delete(key);
    else store.set(key, change.object);
    onChange(change);
  }

  function onEvent(event: WatchEvent<Item>): void {
    if (event.type === 'ERROR') throw new ExpiredError(JSON.stringify(event.object));
    version = event.object.metadata.resourceVersion ?? version;
    if (event.type === 'BOOKMARK') return;
    const key = keyOf(event.object.metadata);
    const type =
      event.type === 'ADDED' ? 'added' : event.type === 'MODIFIED' ? 'modified' : 'deleted';
    const object = withoutManagedFields(event.object);
    applyChange(key, { type, object, previous: store.get(key), isAfterGap: false });
  }

  async function follow(): Promise<void> {
    const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${WATCH_TIMEOUT_SECONDS}`;
    let retryMs = RETRY_FIRST_MS;
    let mustList = false;
    while (!signal.aborted) {
      try {
        if (mustList) await relist(true);
        mustList = false;
        await client.watch<Item>(`${path}?${query}&resourceVersion=${version}`, onEvent, signal);
        retryMs = RETRY_FIRST_MS;
      } catch (error) {
        if (signal.aborted) return;
        if (isExpired(error)) {
          onGap();
          mustList = true;
        } else if (!isOutage(error)) {
          throw error;
        }
        retryMs = Math.min(retryMs * 2, RETRY_LONGEST_MS);
      }
      await delay(retryMs, undefined, { ref: false });
    }
  }

  const listed = relist(false);
  const ended = listed.then(follow);
  // Whoever stops the watch is told; until then nobody listens and the process must not end for it.
  ended.catch(() => undefined);
  return { listed, ended };
}

/** They are half of a pod's bytes, and nobody here reads them. */
function withoutManagedFields<Item extends { readonly metadata: ObjectMeta }>(item: Item): Item {
  return { ...item, metadata: { ...item.metadata, managedFields: undefined } };
}

function isExpired(error: unknown): boolean {
  return error instanceof ExpiredError || (error instanceof ApiStatusError && error.status === 410);
}

/** The server is away or overloaded: wait and try again. Anything else is a mistake, here or in a listener. */
function isOutage(error: unknown): boolean {
  if (error instanceof ApiStatusError) return error.status >= 500 || error.status === 429;
  return error instanceof UnreachableError;
}
