/**
 * What is done at once when an event concerns one of our nodes.
 *
 * In: an event, a NodeClaim. Out: the offering marked unavailable, the reason written on the claim,
 * the node closed to new pods. The rest (a replacement, the drain) follows from what is written, so
 * that the message that brought the event is done with when this returns. Idempotent.
 */
import type { Live } from '../../../core/api/kinds.ts';
import {
  annotationTerminationTimestamp,
  type CapacityType,
  capacityTypes,
  labelCapacityReservationId,
  labelCapacityType,
  labelInstanceType,
  labelNodePool,
  labelZone,
} from '../../../core/api/labels.ts';
import type { LaunchOffering } from '../../../core/cloud-port.ts';
import { deadlineOf } from '../../../core/disruption/termination.ts';
import type { CloudEvent } from '../../../core/interruption/cloud-event.ts';
import {
  annotationInterrupted,
  interruptionOf,
  interruptionRecord,
  morePressing,
} from '../../../core/interruption/interruption-record.ts';
import { drainDeadlineMs } from '../../../core/interruption/next-step.ts';
import { rebalancePolicyOf } from '../../../core/interruption/rebalance-policy.ts';
import { isClusterError } from '../../../core/ports.ts';
import { type ControllerContext, fieldManager } from '../context.ts';
import { nodeOfClaim } from '../termination/node-of-claim.ts';
import { setCordoned } from './cordon.ts';
import { decideOnClaim, tellWarned } from './interruption-records.ts';

/** As long as a dry pool is remembered. */
const unavailableMs = 180_000;
const attemptsMax = 5;

/** @throws ClusterError if it could not be written down */
export async function actOn(
  context: ControllerContext,
  event: CloudEvent,
  claim: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<void> {
  if (!context.owns(claim.spec.nodeClassRef)) return;
  const isEnding = claim.metadata.deletionTimestamp !== undefined;
  // What we have terminated ourselves is no news.
  if (isEnding && event.kind === 'instance_terminated') return;
  if (!isEnding) tellWarned(context, claim, event.kind);
  if (event.kind === 'rebalance_recommendation' && !wantsReplacement(context, claim)) return;
  markUnavailable(context, event, claim);
  if (isEnding) {
    await hasten(context, event, claim, signal);
    return;
  }
  const written = await writeDown(context, event, claim, signal);
  const node = nodeOfClaim(context.view, claim);
  const cordoned = node === undefined ? false : await setCordoned(context, node, true, signal);
  if (!written && !cordoned) return;
  const where = node === undefined ? '' : `; node ${node.metadata.name} takes no more pods`;
  decideOnClaim(context, claim, 'interrupted', `${event.message}${where}`);
  const { name } = claim.metadata;
  context.log.info({ claim: name, kind: event.kind }, `interrupted: ${event.message}`);
}

function wantsReplacement(context: ControllerContext, claim: Live<'NodeClaim'>): boolean {
  const name = claim.metadata.labels?.[labelNodePool] ?? '';
  const policy = rebalancePolicyOf(context.view.get('NodePool', { name }));
  if (policy === 'invalid') {
    context.log.warn(
      { nodePool: name },
      'stowage.dev/rebalance: expected ignore or replace; the recommendation is ignored',
    );
  }
  return policy === 'replace';
}

/** Where the cloud takes capacity back there is none to be had. */
function markUnavailable(
  { cloud, clock }: ControllerContext,
  { kind }: CloudEvent,
  claim: Live<'NodeClaim'>,
): void {
  const offering = offeringOf(claim);
  if (offering === undefined) return;
  const isTakenBack =
    kind === 'spot_interrupted' ||
    kind === 'rebalance_recommendation' ||
    kind === 'capacity_reservation_interrupted' ||
    kind === 'capacity_block_expiring';
  if (isTakenBack) cloud.markUnavailable?.(offering, kind, clock.nowMs() + unavailableMs);
}

function offeringOf({ metadata }: Live<'NodeClaim'>): LaunchOffering | undefined {
  const { labels = {} } = metadata;
  const [instanceType, zone] = [labels[labelInstanceType], labels[labelZone]];
  const capacityType = capacityTypes.find((one: CapacityType) => one === labels[labelCapacityType]);
  if (instanceType === undefined || zone === undefined || capacityType === undefined) {
    return undefined;
  }
  const reservationId = labels[labelCapacityReservationId];
  return {
    instanceType,
    zone,
    capacityType,
    ...(reservationId === undefined ? {} : { reservationId }),
  };
}

/** Whether there was something to write. */
async function writeDown(
  { client, clock }: ControllerContext,
  event: CloudEvent,
  claim: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, uid } = claim.metadata;
  let current: Live<'NodeClaim'> | undefined = claim;
  for (let attempt = 1; ; attempt += 1) {
    if (current === undefined || current.metadata.uid !== uid) return false;
    const present = interruptionOf(current);
    const next = morePressing(present, event, clock.nowMs());
    if (next === present) return false;
    const annotations = { [annotationInterrupted]: interruptionRecord(next) };
    const { resourceVersion } = current.metadata;
    try {
      await client.patch(
        'NodeClaim',
        { name },
        { type: 'merge', body: { metadata: { annotations } } },
        { uid, resourceVersion, fieldManager, signal },
      );
      return true;
    } catch (error) {
      if (isClusterError(error, 'NotFound')) return false;
      if (!isClusterError(error, 'Conflict') || attempt === attemptsMax) throw error;
    }
    current = await client.get('NodeClaim', { name }, { signal });
  }
}

/** A drain that is under way has to be over before the instance is. */
async function hasten(
  context: ControllerContext,
  event: CloudEvent,
  claim: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = drainDeadlineMs(event, context.clock.nowMs());
  if (deadlineMs === undefined || deadlineMs >= (deadlineOf(claim) ?? Infinity)) return;
  await bindDeadline(context, claim, deadlineMs, signal);
  decideOnClaim(context, claim, 'hastened', `${event.message}; its drain has to be over before`);
}

/** Writes by when the node must be empty. A claim that is gone meanwhile is no error. */
export async function bindDeadline(
  { client }: ControllerContext,
  { metadata: { name, uid } }: Live<'NodeClaim'>,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = new Date(deadlineMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const annotations = { [annotationTerminationTimestamp]: deadline };
  try {
    await client.patch(
      'NodeClaim',
      { name },
      { type: 'merge', body: { metadata: { annotations } } },
      { uid, fieldManager, signal },
    );
  } catch (error) {
    if (!isClusterError(error, 'NotFound', 'Conflict')) throw error;
  }
}
