/**
 * Which claims and nodes belong to a NodePool.
 *
 * In: the view. Out: members, a claim together with its node. A node of the pool without a claim is a
 * member too. O(claims + nodes).
 */
import { labelNodePool } from '../../../core/api/labels.ts';
import type { PoolMember } from '../../../core/nodepool-status/usage.ts';
import type { ClusterView } from '../../../core/state/view.ts';

export function* poolMembers(view: ClusterView, pool: string): Generator<PoolMember> {
  const claimed = new Set<string>();
  for (const claim of view.all('NodeClaim')) {
    if (claim.metadata.labels?.[labelNodePool] !== pool) continue;
    const node = view.nodeByProviderID(claim.status?.providerID ?? '');
    if (node !== undefined) claimed.add(node.metadata.name);
    yield { claim, node };
  }
  for (const node of view.all('Node')) {
    if (node.metadata.labels?.[labelNodePool] !== pool || claimed.has(node.metadata.name)) continue;
    yield { claim: undefined, node };
  }
}
