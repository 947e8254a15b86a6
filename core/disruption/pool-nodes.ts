/**
 * The nodes of a pool, as its disruption budgets count them.
 *
 * In: NodeClaims of one pool and their nodes. Out: how many there are and how many are disrupted.
 * Source: Karpenter's `BuildDisruptionBudgetMapping`: only initialized nodes count, those whose
 * instances end already do not; who leaves or is not ready is disrupted.
 */
import { isTrue } from '../api/conditions.ts';
import type { Live } from '../api/kinds.ts';
import type { PoolNodes } from './budgets.ts';
import { isLeaving } from './emptiness.ts';
import { conditionInstanceTerminating } from './termination.ts';

export interface ClaimedNode {
  readonly claim: Live<'NodeClaim'>;
  readonly node: Live<'Node'> | undefined;
  /** Its end has been asked for, though the objects do not say so yet. */
  readonly isChosen: boolean;
}

/** O(nodes). */
export function countPoolNodes(nodes: Iterable<ClaimedNode>): PoolNodes {
  let total = 0;
  let disrupted = 0;
  for (const { claim, node, isChosen } of nodes) {
    const isCounted =
      node !== undefined &&
      isTrue(claim, 'Initialized') &&
      !isTrue(claim, conditionInstanceTerminating);
    if (!isCounted) continue;
    total += 1;
    if (isChosen || isLeaving(claim, node) || !isTrue(node, 'Ready')) disrupted += 1;
  }
  return { total, disrupted };
}
