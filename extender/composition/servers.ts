/**
 * The two servers of the service: one that kube-scheduler asks, one for people and probes.
 *
 * In: what they answer from. Out: running servers with their addresses. It decides nothing.
 */
import { randomUUID } from 'node:crypto';
import { InvariantError } from '../../core/errors.ts';
import type { ExtenderNodes } from '../../core/scheduling/extender-view.ts';
import type { ClusterView } from '../../core/state/view.ts';
import { systemClock } from '../adapters/system.ts';
import type { PriceBook } from '../controllers/price-book.ts';
import type { PlanBoard } from '../controllers/provisioning/plan-board.ts';
import type { Feed } from '../dashboard/feed.ts';
import { type DashboardOptions, registerDashboard } from '../dashboard/routes.ts';
import type { DashboardState } from '../dashboard/state.ts';
import type { Health } from '../health.ts';
import type { LogLevel } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { NodeTable } from '../node-table.ts';
import type { ClusterRecorder } from '../records/recorder.ts';
import { type ExplainRoutesOptions, registerExplain } from '../server/explain-routes.ts';
import { startExtenderServer } from '../server/extender-server.ts';
import { startOperationsServer } from '../server/operations-server.ts';
import { type ExtenderThread, startExtenderThread } from './extender-thread.ts';
import type { ServiceOptions } from './service.ts';

export interface ServerParts {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly view: ClusterView;
  readonly prices: PriceBook;
  readonly board: PlanBoard;
  readonly recorder: ClusterRecorder;
  readonly leadership: {
    readonly isLeader: boolean;
    readonly holder: string;
    readonly karpenterLeads: boolean;
  };
}

export interface Servers {
  /** Where the verbs are told of nodes. */
  readonly nodes: ExtenderNodes;
  /** Rejects if one of them dies. */
  readonly done: Promise<void>;
  readonly urls: { readonly extenderUrl: string; readonly operationsUrl: string };
  /** What the dashboard shows now. */
  readonly dashboardState: () => DashboardState;
  close(): Promise<void>;
}

/** Both listen, or neither. @throws InputError for wrong TLS options */
export async function startServers(options: ServiceOptions, parts: ServerParts): Promise<Servers> {
  const { client, log } = options;
  const { metrics, health } = parts;
  const extender = options.extender.inThread
    ? await startExtenderThread({
        listen: options.extender,
        binder: client,
        logLevel: log.level as LogLevel,
        version: options.version,
      })
    : await startInline(options, metrics);
  let feed: Feed | undefined;
  try {
    const operations = await startOperationsServer({
      ...options.operations,
      metrics: async () => `${await metrics.registry.metrics()}${await extender.metrics()}`,
      contentType: metrics.registry.contentType,
      health,
      routes: async (app) => {
        feed = await registerDashboard(app, dashboardOptions(options, parts));
        registerExplain(app, explainOptions(options, parts));
      },
    });
    return {
      nodes: extender.nodes,
      done: extender.done,
      urls: { extenderUrl: extender.url, operationsUrl: operations.url },
      dashboardState: () => {
        if (feed === undefined) throw new InvariantError('the dashboard has no feed');
        return feed.state();
      },
      close: async () => {
        await Promise.all([extender.close(), operations.close()]);
      },
    };
  } catch (error) {
    await extender.close();
    throw error;
  }
}

/** In this thread: where time is simulated, the verbs must see the same time. */
async function startInline(
  { extender, client, clock, log }: ServiceOptions,
  metrics: Metrics,
): Promise<ExtenderThread> {
  const nodes = new NodeTable();
  const server = await startExtenderServer({
    ...extender,
    nodes,
    binder: client,
    clock,
    metrics: metrics.extender,
    log: log.child({ component: 'extender' }),
  });
  const end = Promise.withResolvers<void>();
  return {
    ...server,
    nodes,
    // They are among the process's own.
    metrics: async () => '',
    done: end.promise,
    close: async () => {
      await server.close();
      end.resolve();
    },
  };
}

function explainOptions(
  { clock, settings }: ServiceOptions,
  { view, prices, recorder, leadership }: ServerParts,
): ExplainRoutesOptions {
  return {
    facts: () => ({
      view,
      decisions: recorder.ring,
      priceOf: (labels) => prices.priceOf(labels),
      nowMs: clock.nowMs(),
    }),
    about: () => ({
      identity: settings.identity,
      isLeader: leadership.isLeader,
      leader: leadership.holder,
      karpenterLeads: leadership.karpenterLeads,
    }),
  };
}

function dashboardOptions(
  { clock, settings, version, speed }: ServiceOptions,
  { view, prices, board, recorder, leadership }: ServerParts,
): DashboardOptions {
  return {
    view,
    priceOf: (labels) => prices.priceOf(labels),
    decisions: recorder,
    planState: board,
    about: () => ({
      cluster: settings.clusterName,
      identity: settings.identity,
      isLeader: leadership.isLeader,
      leader: leadership.holder,
      karpenterLeads: leadership.karpenterLeads,
      version,
      speed: speed ?? null,
    }),
    nowMs: () => clock.nowMs(),
    clock: systemClock,
    run: randomUUID(),
  };
}
