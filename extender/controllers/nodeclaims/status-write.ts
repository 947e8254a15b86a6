/**
 * Writes what a NodeClaim has reached.
 *
 * In: a claim as we know it, what is now the case. Out: the claim as it is afterwards. Others write
 * conditions of their own into the same list, so a lost race is read again and decided again, a few
 * times, before it is left to the queue. Nothing is written where nothing changes.
 */
import type { Live } from '../../../core/api/kinds.ts';
import { readinessUpdates } from '../../../core/lifecycle/readiness.ts';
import { isClusterError } from '../../../core/ports.ts';
import { type ClaimStatusChange, writeClaimStatus } from '../claim-status.ts';
import type { ControllerContext } from '../context.ts';

/** The claim as it is now. */
export interface WrittenStatus {
  readonly claim: Live<'NodeClaim'>;
  /** False if it said so already: a step is told of once. */
  readonly isNew: boolean;
}

/** Lost races in a row before the queue tries later. */
const racesMax = 5;

/** Undefined if the claim is gone. @throws ClusterError */
export async function writeStatus(
  context: Pick<ControllerContext, 'client' | 'clock' | 'signal'>,
  claim: Live<'NodeClaim'>,
  change: ClaimStatusChange,
): Promise<WrittenStatus | undefined> {
  const { client, signal } = context;
  const { name, uid } = claim.metadata;
  let current: Live<'NodeClaim'> | undefined = claim;
  for (let races = 0; ; races += 1) {
    if (current === undefined || current.metadata.uid !== uid) return undefined;
    const conditions = readinessUpdates(current, change.conditions ?? []);
    try {
      const written = await writeClaimStatus(context, current, { ...change, conditions }, signal);
      return { claim: written, isNew: written !== current };
    } catch (error) {
      if (isClusterError(error, 'NotFound')) return undefined;
      if (!isClusterError(error, 'Conflict') || races >= racesMax) throw error;
      current = await client.get('NodeClaim', { name }, { signal });
    }
  }
}
