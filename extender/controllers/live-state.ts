/**
 * The live state of a cluster: one reflector per kind, all into one store.
 *
 * In: a client. Out: the view, and whether it can be trusted. It decides nothing.
 */
import type { Clock, ClusterClient, Random } from '../../core/ports.ts';
import { ClusterStore } from '../../core/state/store.ts';
import { type ClusterView, type ViewKind, viewKinds } from '../../core/state/view.ts';
import { type Reflector, type ReflectorObserver, startReflector } from './reflector.ts';

export interface LiveStateOptions {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** By default all that the view knows. */
  readonly kinds?: readonly ViewKind[];
  readonly observer?: ReflectorObserver;
}

export interface LiveState {
  readonly view: ClusterView;
  readonly reflectors: readonly Reflector[];
  /** Resolves when every kind has been listed once. */
  readonly synced: Promise<void>;
  readonly hasSynced: boolean;
  /** Resolves when the signal is aborted; rejects on a bug in a listener. */
  readonly done: Promise<void>;
}

/**
 * Either group of node classes may be missing: which one is installed says whether Karpenter is
 * replaced. A cluster that has an older Karpenter's definitions knows no overlays.
 */
const optionalKinds: readonly ViewKind[] = [
  'EC2NodeClass',
  'EC2NodeClass.stowage.dev',
  'NodeOverlay',
];

/** Starts following the cluster. */
export function startLiveState(options: LiveStateOptions): LiveState {
  const { client, clock, random, signal, observer } = options;
  const store = new ClusterStore();
  const reflectors = (options.kinds ?? viewKinds).map((kind) =>
    startReflector({
      kind,
      client,
      clock,
      random,
      sink: store,
      signal,
      isOptional: optionalKinds.includes(kind),
      ...(observer === undefined ? {} : { observer }),
    }),
  );
  const synced = Promise.all(reflectors.map((reflector) => reflector.synced)).then(() => undefined);
  const done = Promise.all(reflectors.map((reflector) => reflector.done)).then(() => undefined);
  // Awaited by whoever runs the process; an early failure must not be taken for unhandled.
  done.catch(() => undefined);
  return {
    view: store,
    reflectors,
    synced,
    done,
    get hasSynced() {
      return reflectors.every((reflector) => reflector.hasSynced);
    },
  };
}
