/**
 * What is told of interruptions: Events as Karpenter words them, and decision records.
 *
 * In: what happened. Out: calls of the recorder. It decides nothing.
 */
import type { Live } from '../../../core/api/kinds.ts';
import type { InterruptionKind } from '../../../core/interruption/cloud-event.ts';
import type { ControllerContext } from '../context.ts';
import { reference } from '../termination/reports.ts';

interface Wording {
  readonly reason: string;
  readonly words: string;
}

const wordings: Readonly<Record<InterruptionKind, Wording>> = {
  spot_interrupted: {
    reason: 'SpotInterrupted',
    words: 'Spot interruption warning was triggered',
  },
  rebalance_recommendation: {
    reason: 'SpotRebalanceRecommendation',
    words: 'Spot rebalance recommendation was triggered',
  },
  scheduled_change: {
    reason: 'InstanceUnhealthy',
    words: 'An unhealthy warning was triggered',
  },
  instance_stopped: { reason: 'InstanceStopping', words: 'Instance is stopping' },
  instance_terminated: { reason: 'InstanceTerminating', words: 'Instance is terminating' },
  instance_unhealthy: {
    reason: 'InstanceUnhealthy',
    words: 'An unhealthy warning was triggered',
  },
  capacity_reservation_interrupted: {
    reason: 'CapacityReservationInstanceInterrupted',
    words: 'Capacity reservation interruption was triggered',
  },
  capacity_block_expiring: {
    reason: 'CapacityReservationInstanceInterrupted',
    words: 'The end of the capacity block was announced',
  },
};

type Told = Pick<ControllerContext, 'recorder' | 'clock' | 'view'>;

/** Of the event itself, whatever follows from it. */
export function tellWarned(told: Told, claim: Live<'NodeClaim'>, kind: InterruptionKind): void {
  const { reason, words } = wordings[kind];
  tellBoth(told, claim, reason, `${words} for the`);
}

/** Of the end of the claim. */
export function tellTerminating(told: Told, claim: Live<'NodeClaim'>): void {
  tellBoth(told, claim, 'TerminatingOnInterruption', 'Interruption triggered termination for the');
}

/** Keeps a decision about a claim. */
export function decideOnClaim(
  { recorder, clock }: Told,
  claim: Live<'NodeClaim'>,
  outcome: string,
  reason: string,
): void {
  const { name, uid } = claim.metadata;
  const { nodeName } = claim.status ?? {};
  recorder.decide({
    timeMs: clock.nowMs(),
    actor: 'interruption',
    subject: { kind: 'NodeClaim', name, uid },
    outcome,
    reason,
    ...(nodeName === undefined ? {} : { details: { node: nodeName } }),
  });
}

function tellBoth(
  { recorder, view }: Told,
  claim: Live<'NodeClaim'>,
  reason: string,
  words: string,
): void {
  recorder.event(reference('NodeClaim', claim), 'Warning', reason, `${words} NodeClaim`);
  const node = view.nodeByProviderID(claim.status?.providerID ?? '');
  if (node !== undefined) {
    recorder.event(reference('Node', node), 'Warning', reason, `${words} Node`);
  }
}
