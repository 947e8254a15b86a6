/**
 * What is written and said when a launch fails.
 *
 * In: a claim, the failure. Out: the condition Launched, Events, the claim's end or the time of the
 * next attempt. Since when it fails is read from the condition, so that a restart changes nothing.
 */
import { conditionOf } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { failureReason, refusedMs, retryDelayMs } from '../../../core/lifecycle/launch-failure.ts';
import type { ControllerContext } from '../context.ts';
import type { Reconciled } from '../reconciler.ts';
import { claimReference, endClaim, poolOf } from './claim-records.ts';
import type { FailedLaunch } from './launch-call.ts';
import { writeStatus } from './status-write.ts';

/** Why a launch is refused: by the cloud, or by a node class that is not usable. */
export type Refusal =
  | FailedLaunch
  | { readonly reason: 'NodeClassNotReady'; readonly message: string };

/** Longest message of the cloud that is passed on. */
const messageCharsMax = 300;

/** Offerings were dry; others may be asked for. */
export function sayNoCapacity(
  { recorder }: ControllerContext,
  claim: Live<'NodeClaim'>,
  { message, exhausted }: FailedLaunch,
): void {
  const of = exhausted.length === 1 ? 'offering' : 'offerings';
  const text = `${exhausted.length} ${of} asked for could not be had: ${shortened(message)}`;
  recorder.event(claimReference(claim), 'Warning', 'InsufficientCapacityError', text);
}

/** Nothing is left to ask for: the claim ends, so that its pods are planned anew at once. */
export async function noCapacityLeft(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  failed: FailedLaunch | undefined,
): Promise<undefined> {
  const message = failed === undefined ? 'no offering is available' : shortened(failed.message);
  const reason = failureReason(failed?.failure ?? 'insufficient-capacity');
  const written = await writeStatus(context, claim, {
    conditions: [{ type: 'Launched', status: 'False', reason, message }],
  });
  if (written === undefined) return;
  await endClaim(context, written.claim, {
    event: 'InsufficientCapacityError',
    metric: 'insufficient_capacity',
    message: `no offering that would do can be launched: ${message}`,
  });
}

/** Nothing is wrong with the request: the same again, later. */
export async function retryLater(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  { failure, message, retryAfterMs }: FailedLaunch,
): Promise<Reconciled | undefined> {
  const written = await writeStatus(context, claim, {
    conditions: [
      {
        type: 'Launched',
        status: 'Unknown',
        reason: failureReason(failure),
        message: shortened(message),
      },
    ],
  });
  return written === undefined ? undefined : pause(context, written.claim, retryAfterMs);
}

/** Tried for a while, in case that somebody repairs it; then the claim ends. */
export async function refuse(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  refusal: Refusal,
): Promise<Reconciled | undefined> {
  const isOfClass = 'reason' in refusal;
  const reason = isOfClass ? refusal.reason : failureReason(refusal.failure);
  const message = shortened(refusal.message);
  const written = await writeStatus(context, claim, {
    conditions: [{ type: 'Launched', status: 'False', reason, message }],
  });
  if (written === undefined) return undefined;
  const event = isOfClass ? 'NodeClassNotReady' : 'LaunchFailed';
  sayToAll(context, written.claim, event, message);
  if (context.clock.nowMs() - failingSinceMs(written.claim) < refusedMs) {
    return pause(context, written.claim, 0);
  }
  await endClaim(context, written.claim, {
    event,
    metric: isOfClass ? 'nodeclass_not_ready' : 'launch_refused',
    message: `the launch was refused for ${refusedMs / 1_000} s: ${message}`,
  });
  return undefined;
}

/** On the claim, on its pool and on its node class: whoever can repair it looks at one of them. */
function sayToAll(
  { recorder, view }: ControllerContext,
  claim: Live<'NodeClaim'>,
  event: string,
  message: string,
): void {
  recorder.event(claimReference(claim), 'Warning', event, message);
  const pool = view.get('NodePool', { name: poolOf(claim) });
  if (pool !== undefined) {
    const { name, uid } = pool.metadata;
    const regarding = { apiVersion: 'karpenter.sh/v1', kind: 'NodePool', name, uid };
    recorder.event(regarding, 'Warning', event, message);
  }
  const { group, kind, name } = claim.spec.nodeClassRef;
  recorder.event({ apiVersion: `${group}/v1`, kind, name }, 'Warning', event, message);
}

function pause(
  { clock, random }: ControllerContext,
  claim: Live<'NodeClaim'>,
  retryAfterMs: number,
): Reconciled {
  const sinceMs = failingSinceMs(claim);
  return { againAfterMs: retryDelayMs(sinceMs, clock.nowMs(), retryAfterMs, random.float()) };
}

function failingSinceMs(claim: Live<'NodeClaim'>): number {
  const since = conditionOf(claim, 'Launched')?.lastTransitionTime;
  return Date.parse(since ?? claim.metadata.creationTimestamp);
}

function shortened(message: string): string {
  return message.length > messageCharsMax ? `${message.slice(0, messageCharsMax)}...` : message;
}
