/**
 * How many nodes there are and what they cost.
 *
 * In: the view, prices, the last plan. Out: gauges, brought up to date every few seconds: nodes, cost
 * of each NodePool, cost of all beside their bound and first-fit. A node costs from the launch of its
 * instance until that is gone, whoever launched it; one whose price is not known counts for nothing.
 * The gauges are the leader's: with leadership they go, so that nobody adds them up twice.
 * O(claims + nodes) each time.
 */
import { labelNodePool } from '../../core/api/labels.ts';
import { CloudError } from '../../core/cloud-port.ts';
import type { ClusterView } from '../../core/state/view.ts';
import { type PlanShare, planShare } from '../dashboard/plan-shares.ts';
import type { PlanState } from '../dashboard/plan-state.ts';
import type { Controller, ControllerContext } from './context.ts';

type Labels = Readonly<Record<string, string>>;

/** What `PriceBook` is asked for here. */
export interface Prices {
  /** Reads prices anew where they have changed. @throws CloudError */
  types(signal: AbortSignal): Promise<unknown>;
  /** Nano-USD per hour; undefined if not known. */
  priceOf(labels: Labels | undefined): number | undefined;
}

export interface ClusterCost {
  /** Nano-USD per hour of everything. */
  readonly totalNano: number;
  /** The same nodes at the proven least of the plans that they come from, and with first-fit. */
  readonly boundNano: number;
  readonly firstFitNano: number;
  readonly byPoolNano: ReadonlyMap<string, number>;
}

const everyMs = 5_000;
/** Spot prices move by the hour. */
const pricesEveryMs = 300_000;
const nanoPerUsd = 1e9;

/** Starts at once; ends with the context's signal. */
export function startClusterMetrics(
  context: Pick<ControllerContext, 'view' | 'clock' | 'metrics' | 'log' | 'signal'>,
  prices: Prices,
  plans: PlanState,
): Controller {
  const done = run(context, prices, plans);
  // Awaited by whoever runs the process; an early failure must not be taken for unhandled.
  done.catch(() => undefined);
  return { name: 'cluster-metrics', done };
}

/** What runs costs, by the prices known. `shares` by UID of the NodeClaim. */
export function clusterCost(
  view: ClusterView,
  priceOf: Prices['priceOf'],
  shares: ReadonlyMap<string, PlanShare>,
): ClusterCost {
  const byPoolNano = new Map<string, number>();
  let totalNano = 0;
  let boundNano = 0;
  let firstFitNano = 0;
  const add = (labels: Labels | undefined, share?: PlanShare): void => {
    const priceNano = priceOf(labels);
    if (priceNano === undefined) return;
    totalNano += priceNano;
    boundNano += priceNano * (share?.bound ?? 1);
    firstFitNano += priceNano * (share?.firstFit ?? 1);
    const pool = labels?.[labelNodePool];
    if (pool !== undefined) byPoolNano.set(pool, (byPoolNano.get(pool) ?? 0) + priceNano);
  };
  const claimed = new Set<string>();
  for (const { metadata, status } of view.all('NodeClaim')) {
    if ((status?.providerID ?? '') === '') continue;
    claimed.add(status?.providerID ?? '');
    add(metadata.labels, shares.get(metadata.uid));
  }
  for (const { metadata, spec } of view.all('Node')) {
    if (!claimed.has(spec?.providerID ?? '')) add(metadata.labels);
  }
  return { totalNano, boundNano, firstFitNano, byPoolNano };
}

/** The share of every claim in what its plan saved or may have missed, by UID; kept while it lives. */
function followShares(
  view: ClusterView,
  plans: PlanState,
): { readonly shares: ReadonlyMap<string, PlanShare>; readonly stop: () => void } {
  const shares = new Map<string, PlanShare>();
  const stop = view.listen('NodeClaim', ({ type, object: { metadata } }) => {
    if (type === 'deleted') shares.delete(metadata.uid);
    if (type !== 'added') return;
    // At once: a moment later the last plan may be another one.
    const share = planShare(Date.parse(metadata.creationTimestamp), plans.latest());
    if (share !== undefined) shares.set(metadata.uid, share);
  });
  return { shares, stop };
}

async function run(
  {
    view,
    clock,
    metrics,
    log,
    signal,
  }: Pick<ControllerContext, 'view' | 'clock' | 'metrics' | 'log' | 'signal'>,
  prices: Prices,
  plans: PlanState,
): Promise<void> {
  const { nodeCount, costUsdPerHour } = metrics.cluster;
  const ofPool = metrics.nodePools.costUsdPerHour;
  const { shares, stop } = followShares(view, plans);
  let readMs: number | undefined;

  async function readPrices(): Promise<void> {
    if (readMs !== undefined && clock.monotonicMs() < readMs + pricesEveryMs) return;
    try {
      await prices.types(signal);
      readMs = clock.monotonicMs();
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      log.debug({ code: error.code }, 'prices could not be read for metrics');
    }
  }

  try {
    while (!signal.aborted) {
      await readPrices();
      const cost = clusterCost(view, (labels) => prices.priceOf(labels), shares);
      nodeCount.set(view.count('Node'));
      costUsdPerHour.set({ of: 'nodes' }, cost.totalNano / nanoPerUsd);
      costUsdPerHour.set({ of: 'bound' }, cost.boundNano / nanoPerUsd);
      costUsdPerHour.set({ of: 'first_fit' }, cost.firstFitNano / nanoPerUsd);
      ofPool.reset();
      for (const { metadata } of view.all('NodePool')) {
        const nano = cost.byPoolNano.get(metadata.name) ?? 0;
        ofPool.set({ nodepool: metadata.name }, nano / nanoPerUsd);
      }
      await clock.sleep(everyMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stop();
    costUsdPerHour.reset();
    ofPool.reset();
  }
}
