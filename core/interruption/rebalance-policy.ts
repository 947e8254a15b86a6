/**
 * What a pool wants done when spot recommends to move away from an instance.
 *
 * In: a NodePool. Out: its policy. By default nothing is done, as in Karpenter: most such
 * recommendations are followed by no interruption.
 */
import type { NodePool } from '../api/nodepool.ts';

/** On a NodePool: `ignore` (the default) or `replace`: launch a replacement first, then drain. */
export const annotationRebalance = 'stowage.dev/rebalance';

export type RebalancePolicy = 'ignore' | 'replace';

/** `invalid` where the annotation says something else: it counts as `ignore`. */
export function rebalancePolicyOf(pool: NodePool | undefined): RebalancePolicy | 'invalid' {
  const value = pool?.metadata.annotations?.[annotationRebalance];
  if (value === undefined || value === 'ignore') return 'ignore';
  return value === 'replace' ? 'replace' : 'invalid';
}
