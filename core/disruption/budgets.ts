/**
 * How many nodes of a pool may be disrupted at once.
 *
 * In: the pool's budgets, which of them are active now, how many nodes there are and how many are
 * disrupted already. Out: how many more may be. The calendar is not read here: whether a schedule
 * is active is asked of the caller. Source: `NodePool.GetAllowedDisruptionsByReason` and
 * `BuildDisruptionBudgetMapping` of Karpenter: percentages round up, the smallest budget counts.
 */
import type { DisruptionBudget, DisruptionReason, NodePool } from '../api/nodepool.ts';

/** Where a pool says nothing of budgets. */
const defaultBudgets: readonly DisruptionBudget[] = [{ nodes: '10%' }];

/** Of one pool, at one moment. */
export interface PoolNodes {
  /** Initialized nodes whose instances are not on their way out. */
  readonly total: number;
  /** Those of them that are leaving, or not ready. */
  readonly disrupted: number;
}

/** Whether a budget's window is open; undefined where its schedule cannot be read. */
export type BudgetWindow = (budget: DisruptionBudget) => boolean | undefined;

/**
 * The number that the budgets allow for a reason, those already disrupted included; `Infinity` if
 * none applies. A budget that cannot be read allows nothing.
 */
export function allowedDisruptions(
  pool: NodePool,
  reason: DisruptionReason,
  nodeCount: number,
  isActive: BudgetWindow,
): number {
  let allowed = Infinity;
  for (const budget of pool.spec.disruption?.budgets ?? defaultBudgets) {
    if (budget.reasons !== undefined && !budget.reasons.includes(reason)) continue;
    const active = isActive(budget);
    if (active === undefined) return 0;
    if (active) allowed = Math.min(allowed, nodesOf(budget.nodes, nodeCount));
  }
  return allowed;
}

/** How many more nodes may be disrupted now; `Infinity` if nothing holds them. */
export function disruptionsLeft(
  pool: NodePool,
  reason: DisruptionReason,
  { total, disrupted }: PoolNodes,
  isActive: BudgetWindow,
): number {
  return Math.max(0, allowedDisruptions(pool, reason, total, isActive) - disrupted);
}

function nodesOf(amount: string, nodeCount: number): number {
  if (!/^\d+%?$/.test(amount)) return 0;
  const number = Number.parseInt(amount, 10);
  return amount.endsWith('%') ? Math.ceil((number * nodeCount) / 100) : number;
}
