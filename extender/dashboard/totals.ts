/**
 * Sums over the cluster.
 *
 * In: tiles, counts of pods, the plan's figures. Out: the figures at the head of the dashboard.
 * O(nodes).
 */
import type { PlanState } from './plan-state.ts';
import type { PodCounts } from './pod-counts.ts';
import type { NodeStep, NodeTile, PlanTotals, Totals } from './state.ts';

const nanoPerUsd = 1e9;
const comingSteps: ReadonlySet<NodeStep> = new Set([
  'launching',
  'booting',
  'registered',
  'binding',
]);
/** Before these there is no Node. */
const wantedSteps: ReadonlySet<NodeStep> = new Set(['launching', 'booting']);

/** Until it is launched a node costs nothing. */
export function totalsOf(
  tiles: Iterable<NodeTile>,
  pods: PodCounts,
  podsPending: number,
  planState: PlanState,
): Totals {
  const nodes = { nodes: 0, nodesReady: 0, nodesComing: 0, nodesLeaving: 0, nodesUnpriced: 0 };
  const requested = { cpu: 0, memory: 0 };
  const offered = { cpu: 0, memory: 0 };
  let cost = 0;
  for (const { step, price, use } of tiles) {
    if (!wantedSteps.has(step)) nodes.nodes += 1;
    if (comingSteps.has(step)) nodes.nodesComing += 1;
    if (step === 'leaving') nodes.nodesLeaving += 1;
    if (step !== 'launching') {
      if (price === null) nodes.nodesUnpriced += 1;
      else cost += price;
    }
    if (step !== 'ready') continue;
    nodes.nodesReady += 1;
    for (const [resource, used, whole] of use) {
      if (resource !== 'cpu' && resource !== 'memory') continue;
      requested[resource] += used;
      offered[resource] += whole;
    }
  }
  return {
    ...nodes,
    podsRunning: pods.running,
    podsStarting: pods.starting,
    podsPending,
    podsDone: pods.done,
    podsFailed: pods.failed,
    cpuUse: ratio(requested.cpu, offered.cpu),
    memoryUse: ratio(requested.memory, offered.memory),
    cost: usd(cost * nanoPerUsd),
    plan: planTotals(planState),
  };
}

function planTotals(planState: PlanState): PlanTotals | null {
  const figures = planState.latest();
  if (figures === undefined) return null;
  const { lowerBoundNanoUsdPerHour: bound, firstFitNanoUsdPerHour: firstFit } = figures;
  return {
    timeMs: figures.timeMs,
    cost: usd(figures.costNanoUsdPerHour),
    bound: bound === undefined ? null : usd(bound),
    firstFit: firstFit === undefined ? null : usd(firstFit),
    gap: figures.gap ?? null,
    pods: figures.pods,
    solveMs: Math.round(figures.solveMs),
  };
}

/** To a hundredth of a cent. */
function usd(nanoUsd: number): number {
  return Math.round(nanoUsd / 1e5) / 1e4;
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1e4) / 1e4;
}
