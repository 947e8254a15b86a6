/**
 * Follows one kind of object: lists it, watches it, and never loses a change.
 *
 * In: a ClusterClient and a sink. Out: the sink holds what the API server holds, a little later.
 * Pages are handed on as they come, and what a list no longer has is forgotten at its end, by UID;
 * a watch goes on from the last version told, bookmarks included; where that is forgotten the list
 * is read again. Whatever the server says it goes on trying, with jitter and a bound; what the sink
 * throws is a bug and ends it. It decides nothing about the objects.
 */
import type { Live } from '../../core/api/kinds.ts';
import {
  type Clock,
  type ClusterClient,
  ClusterError,
  type ClusterErrorCode,
  isClusterError,
  type ObjectName,
  type Random,
  type Selection,
} from '../../core/ports.ts';
import type { ViewKind } from '../../core/state/view.ts';

/** Where objects go; `core/state/store.ts` is one. */
export interface ReflectorSink {
  put<K extends ViewKind>(kind: K, object: Live<K>): void;
  delete(kind: ViewKind, name: ObjectName, uid?: string): void;
  retain(kind: ViewKind, isThere: (name: ObjectName, uid: string) => boolean): void;
}

/** Told of what happens, for metrics and logs. Must not throw. */
export interface ReflectorObserver {
  listed?(kind: ViewKind, count: number, durationMs: number): void;
  changed?(kind: ViewKind, type: 'added' | 'modified' | 'deleted'): void;
  /** `waitMs`: until the next attempt. */
  failed?(kind: ViewKind, during: 'list' | 'watch', error: ClusterError, waitMs: number): void;
}

export interface ReflectorOptions<K extends ViewKind> {
  readonly kind: K;
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly sink: ReflectorSink;
  readonly signal: AbortSignal;
  readonly selection?: Selection;
  /** A kind that the server may not serve counts as empty until it does. */
  readonly isOptional?: boolean;
  readonly observer?: ReflectorObserver;
}

export interface Reflector {
  readonly kind: ViewKind;
  /** Resolves when the first list is in the sink. */
  readonly synced: Promise<void>;
  readonly hasSynced: boolean;
  /** Monotonic time at which the server was last heard of this kind; bookmarks come every minute. */
  readonly heardMs: number;
  /** Why it does not work now; undefined while it does. */
  readonly problem: ClusterErrorCode | undefined;
  /** Resolves when the signal is aborted; rejects with what the sink threw. */
  readonly done: Promise<void>;
}

/** Objects a page: about 2 MB of pods, parsed in 15 ms. */
const pageSize = 500;
/** The server ends a watch after 5 to 10 minutes, so that watches do not all begin at once. */
const watchSecondsMin = 300;
const backoffFirstMs = 200;
const backoffMaxMs = 30_000;
/** How often to look whether a kind is served by now. */
const unservedMs = 30_000;
/** A watch that lived this long has worked: the next one begins at once. */
const healthyWatchMs = 5_000;

/** Starts at once; ends with the signal. */
export function startReflector<K extends ViewKind>(options: ReflectorOptions<K>): Reflector {
  const { kind, client, clock, random, sink, signal, observer } = options;
  let version: string | undefined;
  let heardMs = clock.monotonicMs();
  let problem: ClusterErrorCode | undefined;
  let hasSynced = false;
  let failures = 0;
  let resolveSynced: () => void = () => undefined;
  const synced = new Promise<void>((resolve) => {
    resolveSynced = resolve;
  });

  function markSynced(): void {
    hasSynced = true;
    resolveSynced();
  }

  function heard(): void {
    heardMs = clock.monotonicMs();
    problem = undefined;
  }

  async function list(): Promise<void> {
    const startedMs = clock.monotonicMs();
    const uids = new Map<string, string>();
    let next: string | undefined;
    let listed: string;
    do {
      const page = await client.list(kind, {
        ...options.selection,
        limit: pageSize,
        signal,
        ...(next === undefined ? {} : { continue: next }),
      });
      signal.throwIfAborted();
      for (const object of page.items) {
        uids.set(nameKey(object.metadata), object.metadata.uid);
        sink.put(kind, object);
      }
      heard();
      next = page.continue;
      listed = page.resourceVersion;
    } while (next !== undefined);
    // Not before the last page: half a list is no place to watch from.
    version = listed;
    sink.retain(kind, (name, uid) => uids.get(nameKey(name)) === uid);
    observer?.listed?.(kind, uids.size, clock.monotonicMs() - startedMs);
    markSynced();
  }

  async function watch(from: string): Promise<void> {
    const timeoutSeconds = watchSecondsMin + random.integer(watchSecondsMin);
    const where = { ...options.selection, resourceVersion: from, timeoutSeconds, signal };
    await client.watch(kind, where, (event) => {
      heard();
      if (event.type === 'bookmark') {
        version = event.resourceVersion;
        return;
      }
      const { object, type } = event;
      if (type === 'deleted') sink.delete(kind, object.metadata, object.metadata.uid);
      else sink.put(kind, object);
      // Only now: what the sink could not take must be told again.
      version = object.metadata.resourceVersion;
      observer?.changed?.(kind, type);
    });
    heard();
  }

  /** One list or one watch; answers how long to wait before the next. */
  async function step(): Promise<number> {
    const during = version === undefined ? 'list' : 'watch';
    const startedMs = clock.monotonicMs();
    try {
      if (version === undefined) await list();
      else await watch(version);
    } catch (error) {
      if (signal.aborted || !(error instanceof ClusterError)) throw error;
      if (isHealthy(during, startedMs)) failures = 0;
      return recover(error, during);
    }
    // A server that ends every watch at once must not be asked without a pause.
    if (!isHealthy(during, startedMs)) return backoffMs();
    failures = 0;
    return 0;
  }

  function isHealthy(during: 'list' | 'watch', startedMs: number): boolean {
    return during === 'list'
      ? version !== undefined
      : clock.monotonicMs() - startedMs >= healthyWatchMs;
  }

  function recover(error: ClusterError, during: 'list' | 'watch'): number {
    problem = error.code;
    if (error.code === 'NotFound' && options.isOptional === true) {
      version = undefined;
      sink.retain(kind, () => false);
      markSynced();
      return unservedMs;
    }
    // A broken watch goes on from where it was; a forgotten one, or an unknown place, does not.
    if (isClusterError(error, 'Expired', 'NotFound', 'Invalid')) version = undefined;
    const waitMs = Math.max(backoffMs(), Math.min(error.retryAfterMs, backoffMaxMs));
    observer?.failed?.(kind, during, error, waitMs);
    return waitMs;
  }

  /** Full jitter above a floor of a half, doubling with every failure in a row. */
  function backoffMs(): number {
    const ceilingMs = Math.min(backoffFirstMs * 2 ** failures, backoffMaxMs);
    failures += 1;
    return ceilingMs * (0.5 + random.float() / 2);
  }

  async function run(): Promise<void> {
    try {
      while (!signal.aborted) {
        const waitMs = await step();
        if (waitMs > 0) await clock.sleep(waitMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  const done = run();
  // Whoever started it awaits `done`; an early end must not be taken for unhandled meanwhile.
  done.catch(() => undefined);
  return {
    kind,
    synced,
    done,
    get hasSynced() {
      return hasSynced;
    },
    get heardMs() {
      return heardMs;
    },
    get problem() {
      return problem;
    },
  };
}

function nameKey({ namespace, name }: ObjectName): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
