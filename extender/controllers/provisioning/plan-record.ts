/**
 * What a plan is worth, in numbers: metrics, the board, one line of log.
 *
 * In: a plan. Out: its figures against the whole cluster: what stands is paid either way, so that
 * cost, bound and first-fit each include it. It decides nothing.
 */
import type { BatchPlan } from '../../planning/plan-batch.ts';
import type { ControllerContext } from '../context.ts';
import type { PriceBook } from '../price-book.ts';
import type { PlanBoard } from './plan-board.ts';

export interface PlanSetting {
  readonly context: Pick<ControllerContext, 'clock' | 'metrics' | 'view' | 'log'>;
  readonly prices: PriceBook;
  readonly board: PlanBoard;
  readonly podCount: number;
  /** Pods of the snapshot that stand somewhere already are not told of. */
  readonly isPending: (uid: string) => boolean;
}

const nanoPerUsd = 1e9;

/** To be called before the plan is carried out. */
export function recordPlan(plan: BatchPlan, setting: PlanSetting): void {
  const { context, board, podCount } = setting;
  const { clock, metrics, log } = context;
  const { costNano, lowerBoundNano, isProven, modelMs, solveMs, firstFitNano } = plan;
  const gap = costNano === 0 ? 0 : (costNano - lowerBoundNano) / costNano;
  metrics.solver.seconds.observe({ path: 'provisioning' }, solveMs / 1000);
  metrics.solver.plans.inc({ result: plan.claims.length > 0 ? 'nodes' : 'no-nodes' });
  if (isProven) metrics.solver.gapRatio.observe(gap);
  else metrics.solver.unprovenPlans.inc();
  const standingNano = standingCost(setting);
  const pendingByReason = byReason(plan, setting);
  const bound = isProven ? standingNano + lowerBoundNano : undefined;
  const firstFit = firstFitNano === undefined ? undefined : standingNano + firstFitNano;
  board.publish({
    timeMs: clock.nowMs(),
    costNanoUsdPerHour: standingNano + costNano,
    batchCostNanoUsdPerHour: costNano,
    lowerBoundNanoUsdPerHour: bound,
    firstFitNanoUsdPerHour: firstFit,
    gap: isProven ? gap : undefined,
    pods: podCount,
    solveMs: modelMs + solveMs,
    pendingByReason,
  });
  log.info(
    {
      pods: podCount,
      nodes: plan.claims.length,
      left: Object.values(pendingByReason).reduce((sum, count) => sum + count, 0),
      classes: plan.classes,
      offerings: plan.offerings,
      costUsdPerHour: costNano / nanoPerUsd,
      gap: isProven ? Number(gap.toFixed(4)) : 'unproven',
      modelMs: Math.round(modelMs),
      solveMs: Math.round(solveMs),
    },
    'planned a batch',
  );
}

function standingCost({ context, prices }: PlanSetting): number {
  let sum = 0;
  for (const { metadata } of context.view.all('NodeClaim')) {
    if (metadata.deletionTimestamp !== undefined) continue;
    sum += prices.priceOf(metadata.labels) ?? 0;
  }
  return sum;
}

function byReason(
  { unschedulable }: BatchPlan,
  { isPending }: PlanSetting,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { pod, reason } of unschedulable) {
    if (isPending(pod.uid)) counts[reason] = (counts[reason] ?? 0) + 1;
  }
  return counts;
}
