/**
 * Writes the status of a NodeClaim.
 *
 * In: a claim as we know it, what is now the case. Out: the claim as it is afterwards. Others write
 * conditions of their own into the same list, so a lost race is read again and decided again, a few
 * times, before it is left to the queue. Nothing is written where nothing changes.
 */
import type { ConditionUpdate } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import type { NodeClaimStatus } from '../../../core/api/nodeclaim.ts';
import { withReadiness } from '../../../core/lifecycle/readiness.ts';
import { isClusterError } from '../../../core/ports.ts';
import { type ControllerContext, fieldManager } from '../context.ts';

export interface StatusChange {
  readonly conditions: readonly ConditionUpdate[];
  readonly fields?: Partial<Omit<NodeClaimStatus, 'conditions'>>;
}

/** Lost races in a row before the queue tries later. */
const racesMax = 5;

/** The claim as it is now. */
export interface WrittenStatus {
  readonly claim: Live<'NodeClaim'>;
  /** False if it said so already: a step is told of once. */
  readonly isNew: boolean;
}

/** Undefined if the claim is gone. @throws ClusterError */
export async function writeStatus(
  { client, clock, signal }: Pick<ControllerContext, 'client' | 'clock' | 'signal'>,
  claim: Live<'NodeClaim'>,
  change: StatusChange,
): Promise<WrittenStatus | undefined> {
  const { name, uid } = claim.metadata;
  let current: Live<'NodeClaim'> | undefined = claim;
  for (let races = 0; ; races += 1) {
    if (current === undefined || current.metadata.uid !== uid) return undefined;
    const status = statusAfter(current, change, clock.nowMs());
    if (status === undefined) return { claim: current, isNew: false };
    try {
      const { resourceVersion } = current.metadata;
      const written = await client.patch(
        'NodeClaim',
        { name },
        { type: 'merge', body: { status } },
        { subresource: 'status', fieldManager, resourceVersion, uid, signal },
      );
      return { claim: written, isNew: true };
    } catch (error) {
      if (isClusterError(error, 'NotFound')) return undefined;
      if (!isClusterError(error, 'Conflict') || races >= racesMax) throw error;
      current = await client.get('NodeClaim', { name }, { signal });
    }
  }
}

/** What to write; undefined if it is so already. */
function statusAfter(
  { metadata, status }: Live<'NodeClaim'>,
  { conditions: updates, fields = {} }: StatusChange,
  nowMs: number,
): Partial<NodeClaimStatus> | undefined {
  const before = status?.conditions ?? [];
  const conditions = withReadiness(before, updates, metadata.generation, nowMs);
  const isSame = Object.entries(fields).every(
    ([field, value]) =>
      JSON.stringify(status?.[field as keyof NodeClaimStatus]) === JSON.stringify(value),
  );
  if (conditions === before && isSame) return undefined;
  return { ...fields, conditions: [...conditions] };
}
