/**
 * Writes to the status of a NodeClaim.
 *
 * In: a claim as it was seen, what is to change. Out: the claim as it is then. The write is refused
 * with `Conflict` if somebody was faster, because a merge patch replaces the list of conditions as a
 * whole. It decides nothing.
 */
import { type ConditionUpdate, withConditions } from '../../core/api/conditions.ts';
import type { Live } from '../../core/api/kinds.ts';
import type { NodeClaimStatus } from '../../core/api/nodeclaim.ts';
import { type ControllerContext, fieldManager } from './context.ts';

export interface ClaimStatusChange {
  readonly conditions?: readonly ConditionUpdate[];
  /** Types of conditions to be taken away. */
  readonly without?: readonly string[];
  readonly fields?: Omit<NodeClaimStatus, 'conditions'>;
}

/** The same object comes back if there is nothing to change. @throws ClusterError */
export async function writeClaimStatus(
  { client, clock }: Pick<ControllerContext, 'client' | 'clock'>,
  claim: Live<'NodeClaim'>,
  { conditions: updates = [], without = [], fields = {} }: ClaimStatusChange,
  signal: AbortSignal,
): Promise<Live<'NodeClaim'>> {
  const { name, uid, resourceVersion, generation } = claim.metadata;
  const before = claim.status?.conditions ?? [];
  const updated = withConditions(before, updates, generation, clock.nowMs());
  const after = updated.some(({ type }) => without.includes(type))
    ? updated.filter(({ type }) => !without.includes(type))
    : updated;
  const changed = Object.entries(fields).filter(
    ([field, value]) => claim.status?.[field as keyof NodeClaimStatus] !== value,
  );
  if (after === before && changed.length === 0) return claim;
  const status = {
    ...Object.fromEntries(changed),
    ...(after === before ? {} : { conditions: [...after] }),
  };
  return await client.patch(
    'NodeClaim',
    { name },
    { type: 'merge', body: { status } },
    { subresource: 'status', uid, resourceVersion, fieldManager, signal },
  );
}
