/**
 * Looks now and then whether a node still is what its NodeClaim says.
 *
 * In: an initialized claim and its Node. Out: the condition ConsistentStateFound, an Event where it
 * fails. Nothing is ended for it: plans reckon with the real node from then on.
 */
import type { ConditionUpdate } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { capacityShortfalls } from '../../../core/lifecycle/consistency.ts';
import type { ControllerContext } from '../context.ts';
import { claimReference } from './claim-records.ts';

/** Between two looks at a claim. */
export const consistencyEveryMs = 600_000;

/** What is to be written on the claim. */
export function checkConsistency(
  { recorder }: ControllerContext,
  claim: Live<'NodeClaim'>,
  node: Live<'Node'>,
): ConditionUpdate {
  const type = 'ConsistentStateFound';
  const issues = capacityShortfalls(claim, node);
  if (issues.length === 0) return { type, status: 'True' };
  for (const issue of issues) {
    recorder.event(claimReference(claim), 'Warning', 'FailedConsistencyCheck', issue);
  }
  return { type, status: 'False', reason: 'ConsistencyCheckFailed', message: issues.join('; ') };
}
