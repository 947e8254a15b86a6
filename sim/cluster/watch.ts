/**
 * One watch on the simulated cluster.
 *
 * In: a version and a selection. Out: events to a listener, in order, some time after the changes;
 * bookmarks; an end by timeout, abort or fault. What leaves the selection is told as deleted under
 * the version of the change, with its last state inside, as the API server does.
 */
import { type Kind, kinds, type Live } from '../../core/api/kinds.ts';
import { ClusterError, type WatchEvent, type WatchOptions } from '../../core/ports.ts';
import type { Lifeline } from '../process.ts';
import type { SimulatedCluster } from './cluster.ts';
import type { Change } from './history.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';

export interface WatchShape {
  readonly latencyMs: () => number;
  /** Everything is told this much later. */
  readonly lagMs?: number;
  /** The connection breaks then. */
  readonly cutAfterMs?: number;
  readonly lifeline?: Lifeline;
}

/** How often the API server sends a bookmark to a watch, and how long before its end. */
const bookmarkMs = 60_000;
const bookmarkBeforeEndMs = 2_000;

/** Resolves when the watch ends by timeout or abort. @throws ClusterError `Expired`, `Unavailable`, `Invalid` */
export async function runWatch<K extends Kind>(
  cluster: SimulatedCluster,
  kind: K,
  options: WatchOptions,
  shape: WatchShape,
  onEvent: (event: WatchEvent<K>) => void,
): Promise<void> {
  if (options.signal.aborted) return;
  const select = selectionOf<K>(kind, options);
  const backlog = cluster.changesAfter(kind, Number(options.resourceVersion));
  if (backlog === undefined) {
    throw new ClusterError('Expired', `too old resource version: ${options.resourceVersion}`);
  }
  const { clock } = cluster;
  let waiting: WatchEvent<K>[] = [];
  let isDelivering = false;
  let isOver = false;

  await new Promise<void>((resolve, reject) => {
    function end(error?: Error): void {
      if (isOver) return;
      isOver = true;
      stopListening();
      options.signal.removeEventListener('abort', abort);
      for (const timer of timers) timer.cancel();
      if (error === undefined) resolve();
      else reject(error);
    }

    function deliver(): void {
      isDelivering = false;
      const events = waiting;
      waiting = [];
      for (const event of events) {
        if (isOver || shape.lifeline?.isAlive === false) return;
        try {
          onEvent(event);
        } catch (error) {
          end(error as Error);
        }
      }
    }

    function send(event: WatchEvent<K>): void {
      waiting.push(event);
      if (isDelivering) return;
      isDelivering = true;
      clock.schedule(shape.latencyMs() + (shape.lagMs ?? 0), deliver);
    }

    function bookmark(): void {
      send({ type: 'bookmark', resourceVersion: String(cluster.version) });
    }

    function repeatBookmark(): void {
      bookmark();
      timers[0] = clock.schedule(bookmarkMs, repeatBookmark);
    }

    const abort = (): void => end();
    const onChange = (change: Change<K>): void => {
      const event = select(change);
      if (event !== undefined) send(event);
    };
    const stopListening = cluster.listen(kind, onChange);
    const timeoutMs = options.timeoutSeconds * 1000;
    const timers = [
      clock.schedule(bookmarkMs, repeatBookmark),
      clock.schedule(Math.max(0, timeoutMs - bookmarkBeforeEndMs), bookmark),
      clock.schedule(timeoutMs, () => end()),
    ];
    if (shape.cutAfterMs !== undefined) {
      const broken = new ClusterError('Unavailable', `WATCH ${kind}: the connection was cut`);
      timers.push(clock.schedule(shape.cutAfterMs, () => end(broken)));
    }
    options.signal.addEventListener('abort', abort, { once: true });
    for (const change of backlog) onChange(change);
  });
}

function selectionOf<K extends Kind>(
  kind: K,
  options: WatchOptions,
): (change: Change<K>) => WatchEvent<K> | undefined {
  const { namespace } = options;
  const matchesLabels = parseLabelSelector(options.labelSelector);
  const matchesFields = parseFieldSelector(kind, options.fieldSelector);
  const isIn = (object: Live<K>): boolean =>
    (!kinds[kind].isNamespaced ||
      namespace === undefined ||
      object.metadata.namespace === namespace) &&
    matchesLabels(object.metadata.labels ?? {}) &&
    matchesFields(object);
  return ({ type, object, previous }) => {
    const wasIn = previous !== undefined && isIn(previous);
    const isStillIn = type !== 'deleted' && isIn(object);
    if (isStillIn) return { type: wasIn ? 'modified' : 'added', object };
    if (!wasIn || previous === undefined) return undefined;
    if (type === 'deleted') return { type: 'deleted', object };
    const { resourceVersion } = object.metadata;
    return { type: 'deleted', object: withVersion(previous, resourceVersion) };
  };
}

function withVersion<K extends Kind>(object: Live<K>, resourceVersion: string): Live<K> {
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}
