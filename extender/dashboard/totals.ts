/**
 * Sums over the cluster.
 *
 * In: tiles, counts of pods, the plan's figures. Out: the figures at the head of the dashboard.
 * O(nodes).
 */
import type { PlanShare } from './plan-shares.ts';
import type { PlanState } from './plan-state.ts';
import type { PodCounts } from './pod-counts.ts';
import type { NodeStep, NodeTile, PlanTotals, Totals } from './state.ts';

const comingSteps: ReadonlySet<NodeStep> = new Set([
  'launching',
  'booting',
  'registered',
  'binding',
]);
/** Before these there is no Node. */
const wantedSteps: ReadonlySet<NodeStep> = new Set(['launching', 'booting']);

export interface TotalsFacts {
  readonly tiles: ReadonlyMap<string, NodeTile>;
  /** By id of the tile. */
  readonly shares: ReadonlyMap<string, PlanShare>;
  readonly pods: PodCounts;
  readonly podsPending: number;
  readonly planState: PlanState;
}

export function totalsOf({ tiles, shares, pods, podsPending, planState }: TotalsFacts): Totals {
  const nodes = { nodes: 0, nodesReady: 0, nodesComing: 0, nodesLeaving: 0, nodesUnpriced: 0 };
  const use = { cpu: { used: 0, whole: 0 }, memory: { used: 0, whole: 0 } };
  const money = { cost: 0, bound: 0, firstFit: 0, planned: 0 };
  for (const tile of tiles.values()) {
    const { step, price } = tile;
    if (!wantedSteps.has(step)) nodes.nodes += 1;
    if (comingSteps.has(step)) nodes.nodesComing += 1;
    if (step === 'leaving') nodes.nodesLeaving += 1;
    if (step === 'ready') nodes.nodesReady += 1;
    if (step === 'ready') addUse(use, tile);
    // Until it is launched a node costs nothing.
    if (step === 'launching') continue;
    if (price === null) nodes.nodesUnpriced += 1;
    else addMoney(money, price, shares.get(tile.id));
  }
  const isPlanned = money.planned > 0;
  return {
    ...nodes,
    podsRunning: pods.running,
    podsStarting: pods.starting,
    podsPending,
    podsDone: pods.done,
    podsFailed: pods.failed,
    cpuUse: ratio(use.cpu.used, use.cpu.whole),
    memoryUse: ratio(use.memory.used, use.memory.whole),
    cost: rounded(money.cost),
    bound: isPlanned ? rounded(money.bound) : null,
    firstFit: isPlanned ? rounded(money.firstFit) : null,
    planned: ratio(money.planned, money.cost),
    plan: planTotals(planState),
  };
}

function addUse(
  sums: Record<'cpu' | 'memory', { used: number; whole: number }>,
  { use }: NodeTile,
): void {
  for (const [resource, used, whole] of use) {
    if (resource !== 'cpu' && resource !== 'memory') continue;
    sums[resource].used += used;
    sums[resource].whole += whole;
  }
}

function addMoney(
  sums: Record<'cost' | 'bound' | 'firstFit' | 'planned', number>,
  price: number,
  share: PlanShare | undefined,
): void {
  sums.cost += price;
  sums.bound += price * (share?.bound ?? 1);
  sums.firstFit += price * (share?.firstFit ?? 1);
  if (share?.bound !== undefined && share.firstFit !== undefined) sums.planned += price;
}

function planTotals(planState: PlanState): PlanTotals | null {
  const figures = planState.latest();
  if (figures === undefined) return null;
  const { timeMs, pods, gap = null, solveMs } = figures;
  return { timeMs, pods, gap, solveMs: Math.round(solveMs) };
}

/** To a hundredth of a cent. */
function rounded(usd: number): number {
  return Math.round(usd * 1e4) / 1e4;
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1e4) / 1e4;
}
