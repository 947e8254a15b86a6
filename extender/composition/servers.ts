/**
 * The two servers of the service: one that kube-scheduler asks, one for people and probes.
 *
 * In: what they answer from. Out: running servers with their addresses. It decides nothing.
 */
import { randomUUID } from 'node:crypto';
import type { ClusterView } from '../../core/state/view.ts';
import { systemClock } from '../adapters/system.ts';
import type { PriceBook } from '../controllers/price-book.ts';
import type { PlanBoard } from '../controllers/provisioning/plan-board.ts';
import { type DashboardOptions, registerDashboard } from '../dashboard/routes.ts';
import type { Health } from '../health.ts';
import type { Metrics } from '../metrics.ts';
import type { NodeTable } from '../node-table.ts';
import type { ClusterRecorder } from '../records/recorder.ts';
import { startExtenderServer } from '../server/extender-server.ts';
import { startOperationsServer } from '../server/operations-server.ts';
import type { ServiceOptions } from './service.ts';

export interface ServerParts {
  readonly nodes: NodeTable;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly view: ClusterView;
  readonly prices: PriceBook;
  readonly board: PlanBoard;
  readonly recorder: ClusterRecorder;
  readonly leadership: { readonly isLeader: boolean; readonly holder: string };
}

export interface Servers {
  readonly urls: { readonly extenderUrl: string; readonly operationsUrl: string };
  close(): Promise<void>;
}

/** Both listen, or neither. @throws InputError for wrong TLS options */
export async function startServers(options: ServiceOptions, parts: ServerParts): Promise<Servers> {
  const { client, clock, log } = options;
  const { nodes, metrics, health } = parts;
  const extender = await startExtenderServer({
    ...options.extender,
    nodes,
    binder: client,
    clock,
    metrics: metrics.extender,
    log: log.child({ component: 'extender' }),
  });
  try {
    const operations = await startOperationsServer({
      ...options.operations,
      registry: metrics.registry,
      health,
      routes: async (app) => {
        await registerDashboard(app, dashboardOptions(options, parts));
      },
    });
    return {
      urls: { extenderUrl: extender.url, operationsUrl: operations.url },
      close: async () => {
        await Promise.all([extender.close(), operations.close()]);
      },
    };
  } catch (error) {
    await extender.close();
    throw error;
  }
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
      version,
      speed: speed ?? null,
    }),
    nowMs: () => clock.nowMs(),
    clock: systemClock,
    run: randomUUID(),
  };
}
