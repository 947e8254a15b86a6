/**
 * The service: everything that `stowage serve` runs, put together over ports.
 *
 * In: ports (a cluster and a cloud, real or simulated), settings, where to listen. Out: a running
 * service. Every replica follows the cluster, answers the verbs and shows what it knows; the one that
 * holds the Lease runs the controllers too. It names no adapter: whoever starts it does.
 */
import type { Logger } from 'pino';
import type { NodeOverlay } from '../../core/api/nodeoverlay.ts';
import type { CloudProvider } from '../../core/cloud-port.ts';
import type { NodeClassCloud } from '../../core/ec2/node-class-port.ts';
import type { RefusalMemory } from '../../core/ec2/unavailable-offerings.ts';
import type { EventSource } from '../../core/interruption-port.ts';
import type { Clock, ClusterClient, Random, Solver } from '../../core/ports.ts';
import type { ViewKind } from '../../core/state/view.ts';
import { type LiveState, startLiveState } from '../controllers/live-state.ts';
import { PriceBook } from '../controllers/price-book.ts';
import { PlanBoard } from '../controllers/provisioning/plan-board.ts';
import type { DashboardState } from '../dashboard/state.ts';
import { createHealth, type Health } from '../health.ts';
import { type LeaderElectionOptions, runLeaderElection } from '../leadership/lease.ts';
import { SideBySide } from '../leadership/side-by-side.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import { feedNodes } from '../node-feed.ts';
import { ClusterRecorder } from '../records/recorder.ts';
import type { ExtenderTls } from '../server/secure-server.ts';
import type { ServiceSettings } from '../settings.ts';
import { runControllers } from './controllers.ts';
import { measuredCloud } from './measured-cloud.ts';
import { type ServerParts, type Servers, startServers } from './servers.ts';

export interface Endpoint {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

export interface ServiceOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly client: ClusterClient;
  readonly cloud: CloudProvider;
  /** Where news of instances comes from: a queue, a poll. */
  readonly eventSources?: readonly EventSource[];
  readonly solver: Solver;
  readonly log: Logger;
  readonly version: string;
  readonly settings: ServiceSettings;
  readonly extender: Endpoint & {
    readonly tls?: ExtenderTls;
    /** Answers the verbs in a thread of its own; they then see the real clock. */
    readonly inThread: boolean;
  };
  readonly operations: Endpoint;
  /** Simulated seconds per second, where the world is simulated. */
  readonly speed?: number;
  /** Overlays beside those of the cluster. */
  readonly nodeOverlays?: readonly NodeOverlay[];
  /** Keeps the status of EC2NodeClasses; none where somebody else does. */
  readonly nodeClassCloud?: NodeClassCloud;
  /** What the cloud has refused, to be kept over restarts. */
  readonly refusals?: RefusalMemory;
  /** Where to count, if whoever starts the service counts there too; by default a fresh set. */
  readonly metrics?: Metrics;
  /** Metrics of the process itself; default true. Only one service in a process should have them. */
  readonly processMetrics?: boolean;
}

export interface Service {
  /** What the scheduler's `urlPrefix` is to be. */
  readonly extenderUrl: string;
  /** Dashboard, metrics, health, explain. */
  readonly operationsUrl: string;
  readonly live: LiveState;
  readonly metrics: Metrics;
  readonly board: PlanBoard;
  readonly recorder: ClusterRecorder;
  readonly isLeader: boolean;
  /** What the dashboard shows now. */
  readonly dashboardState: () => DashboardState;
  /** Rejects on a bug; resolves after {@link stop}. */
  readonly done: Promise<void>;
  /** Ends in good order, within {@link stopTimeoutMs}. */
  stop(): Promise<void>;
}

/** kubelets give a pod 30 s by default. */
export const stopTimeoutMs = 25_000;
/** Events that wait at the end get so long to be written. */
const flushTimeoutMs = 2_000;
/** How often to look whether every kind has been listed. */
const syncLookMs = 200;
/** A kind that was not heard of for so long (bookmarks come every minute) makes a replica unready. */
const silentMaxMs = 180_000;

/**
 * Listens at once; is ready when the cluster is known.
 *
 * @param openServers how the verbs and people are answered, where not over sockets
 * @throws InputError for wrong TLS options
 */
export async function startService(
  options: ServiceOptions,
  openServers: (options: ServiceOptions, parts: ServerParts) => Promise<Servers> = startServers,
): Promise<Service> {
  const { clock, random, client, cloud, log, settings, version } = options;
  const metrics =
    options.metrics ??
    createMetrics(version, {
      verbs: !options.extender.inThread,
      process: options.processMetrics ?? true,
    });
  const health = createHealth();
  const end = new AbortController();
  const { signal } = end;
  const board = new PlanBoard();
  const live = followCluster(options, metrics, signal);
  const { view } = live;
  const prices = new PriceBook(cloud, view, options.nodeOverlays);
  addChecks(health, live, clock);
  const { identity } = settings;
  const recorder = new ClusterRecorder({
    client,
    clock,
    random,
    identity,
    metrics,
    log,
    isStanding: ({ subject: { uid } }) => uid !== undefined && view.unboundPods.has(uid),
  });
  const sideBySide = new SideBySide({ client, clock, random, log, settings, signal });
  const leadership = {
    isLeader: false,
    holder: '',
    get karpenterLeads() {
      return sideBySide.karpenterLeads;
    },
  };
  const parts = { metrics, health, view, prices, board, recorder, leadership };
  const servers = await openServers(options, parts).catch((error: unknown) => {
    end.abort(error);
    throw error;
  });
  const stopFeed = feedNodes({
    view,
    nodes: servers.nodes,
    clock,
    priceOf: ({ metadata }) => prices.priceOf(metadata.labels),
  });

  async function lead(leaderSignal: AbortSignal): Promise<void> {
    const context = {
      clock,
      random,
      client,
      cloud: measuredCloud(cloud, clock, metrics, board),
      view,
      recorder,
      metrics,
      log,
      settings,
    };
    const { solver, eventSources = [], nodeClassCloud, refusals } = options;
    const tools = {
      solver,
      prices,
      board,
      eventSources,
      nodeClassCloud,
      refusals,
      decisions: recorder,
    };
    await sideBySide.lead(leaderSignal, async (owns, turnSignal) => {
      await runControllers({ ...context, owns, signal: turnSignal }, tools);
    });
  }

  const election = electOnceSynced(live, {
    client,
    clock,
    random,
    settings,
    signal,
    lead,
    observer: {
      holder: (holder, isSelf) => {
        leadership.holder = holder.identity;
        log.info({ holder: holder.identity, isSelf }, 'the Lease is held');
      },
      leading: () => {
        leadership.isLeader = true;
        if (!settings.leaderElection) leadership.holder = identity;
        metrics.cluster.isLeader.set({ name: settings.leaseName }, 1);
        log.info({ identity }, 'leading');
      },
      ended: (why) => {
        leadership.isLeader = false;
        metrics.cluster.isLeader.set({ name: settings.leaseName }, 0);
        log.info({ why }, 'not leading any more');
      },
      failed: (during, error) => log.warn({ during }, `leader election: ${error.message}`),
    },
  });
  const watching = trackSync(live, metrics, clock, signal);
  // The first of them that fails takes the rest along: a replica that is half there helps nobody.
  const done = Promise.all([
    live.done,
    election,
    watching,
    sideBySide.done,
    recorder.done,
    servers.done,
  ])
    .then(() => undefined)
    .catch((error: unknown) => {
      end.abort(error);
      throw error;
    });
  done.catch(() => undefined);

  return {
    ...servers.urls,
    dashboardState: servers.dashboardState,
    live,
    metrics,
    board,
    recorder,
    get isLeader() {
      return leadership.isLeader;
    },
    done,
    stop: async () => {
      health.beginShutdown();
      end.abort(new Error('the service is being stopped'));
      await within(clock, stopTimeoutMs, async () => {
        await Promise.allSettled([live.done, election, watching, sideBySide.done]);
        await recorder.flush(flushTimeoutMs);
        stopFeed();
        await servers.close();
      });
    },
  };
}

/** A leader that has yet to learn of the cluster could do nothing, and would keep others from it. */
async function electOnceSynced(live: LiveState, options: LeaderElectionOptions): Promise<void> {
  const { signal } = options;
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([live.synced, stopped]);
  if (!signal.aborted) await runLeaderElection(options);
}

/** One reflector per kind; what they meet is counted. */
function followCluster(
  { client, clock, random, log }: ServiceOptions,
  metrics: Metrics,
  signal: AbortSignal,
): LiveState {
  return startLiveState({
    client,
    clock,
    random,
    signal,
    observer: {
      listed: (kind: ViewKind, count, durationMs) => {
        metrics.cluster.relists.inc({ kind });
        log.debug({ kind, count, durationMs: Math.round(durationMs) }, 'listed');
      },
      changed: (kind) => metrics.cluster.watchEvents.inc({ kind }),
      failed: (kind, during, error, waitMs) =>
        log.warn({ kind, during, code: error.code, waitMs: Math.round(waitMs) }, error.message),
    },
  });
}

function addChecks(health: Health, live: LiveState, clock: Clock): void {
  health.addReadiness({
    name: 'cluster-state',
    problem: () => {
      const missing = live.reflectors.filter(({ hasSynced }) => !hasSynced);
      return missing.length === 0
        ? undefined
        : `not listed yet: ${missing.map(({ kind }) => kind).join(', ')}`;
    },
  });
  health.addReadiness({
    name: 'watches',
    problem: () => {
      const nowMs = clock.monotonicMs();
      const silent = live.reflectors.filter(
        ({ heardMs, problem }) => problem !== undefined && nowMs - heardMs > silentMaxMs,
      );
      return silent.length === 0
        ? undefined
        : `nothing heard of ${silent.map(({ kind, problem }) => `${kind} (${problem})`).join(', ')}`;
    },
  });
}

/** Keeps the gauges about the state of the state. */
async function trackSync(
  live: LiveState,
  metrics: Metrics,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  metrics.cluster.synced.set(0);
  try {
    while (!live.hasSynced) {
      metrics.cluster.unsyncedSeconds.set((clock.monotonicMs() - startedMs) / 1000);
      await clock.sleep(syncLookMs, signal);
    }
    metrics.cluster.unsyncedSeconds.set(0);
    metrics.cluster.synced.set(1);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** What does not end in time dies with the process. */
async function within(clock: Clock, limitMs: number, work: () => Promise<void>): Promise<void> {
  const limit = new AbortController();
  const deadline = clock.sleep(limitMs, limit.signal).catch(() => undefined);
  await Promise.race([work(), deadline]);
  limit.abort();
}
