/**
 * Looks now and then whether a node still is what its NodeClaim says.
 *
 * In: an initialized claim and its Node. Out: the condition ConsistentStateFound, an Event where it
 * fails. Nothing is ended for it: plans reckon with the real node from then on.
 */
import { capacityShortfalls } from '../../../core/lifecycle/consistency.ts';
import type { ControllerContext } from '../context.ts';
import { claimReference } from './claim-records.ts';
import type { RegisteredClaim } from './registration.ts';
import { writeStatus } from './status-write.ts';

/** Between two looks at a claim. */
export const consistencyEveryMs = 600_000;

/** @throws ClusterError */
export async function checkConsistency(
  context: ControllerContext,
  { claim, node }: RegisteredClaim,
): Promise<void> {
  const issues = capacityShortfalls(claim, node);
  const type = 'ConsistentStateFound';
  for (const issue of issues) {
    const reference = claimReference(claim);
    context.recorder.event(reference, 'Warning', 'FailedConsistencyCheck', issue);
  }
  await writeStatus(context, claim, {
    conditions: [
      issues.length === 0
        ? { type, status: 'True' }
        : {
            type,
            status: 'False',
            reason: 'ConsistencyCheckFailed',
            message: issues.join('; '),
          },
    ],
  });
}
