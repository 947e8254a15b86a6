/**
 * What is told of a NodeClaim's life: Events, decisions, metrics, and its end.
 *
 * In: a claim and what became of it. Out: records; where a claim is ended, the deletion. The rest
 * (drain, instance, finalizers) is the termination controller's.
 */
import type { ObjectReference } from '../../../core/api/control-objects.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { labelCapacityType, labelNodePool } from '../../../core/api/labels.ts';
import type { ControllerContext } from '../context.ts';

/** How long steps take is measured from the claim's creation. */
export function observeStep(
  { metrics, clock }: ControllerContext,
  claim: Live<'NodeClaim'>,
  condition: 'Launched' | 'Registered' | 'Initialized',
): void {
  const ageMs = clock.nowMs() - Date.parse(claim.metadata.creationTimestamp);
  // Creation is told in whole seconds.
  const seconds = Math.max(0, ageMs / 1_000);
  metrics.nodeClaims.stepSeconds.observe({ nodepool: poolOf(claim), condition }, seconds);
}

/** Keeps a decision about a claim for `stowage explain`. */
export function decide(
  { recorder, clock }: ControllerContext,
  claim: Live<'NodeClaim'>,
  outcome: string,
  reason: string,
  details: Readonly<Record<string, string | number>> = {},
): void {
  const { name, uid } = claim.metadata;
  recorder.decide({
    timeMs: clock.nowMs(),
    actor: 'nodeclaim-lifecycle',
    subject: { kind: 'NodeClaim', name, uid },
    outcome,
    reason,
    details: { nodepool: poolOf(claim), ...details },
  });
}

export interface ClaimEnd {
  /** Reason of the Event. */
  readonly event: string;
  /** Word of the metric, as Karpenter has it. */
  readonly metric:
    | 'insufficient_capacity'
    | 'nodeclass_not_ready'
    | 'launch_refused'
    | 'liveness'
    | 'expired'
    | 'instance_gone';
  readonly message: string;
  readonly type?: 'Normal' | 'Warning';
}

/** Deletes a claim and says why. Idempotent. @throws ClusterError */
export async function endClaim(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  { event, metric, message, type = 'Warning' }: ClaimEnd,
): Promise<void> {
  const { client, recorder, metrics, log, signal } = context;
  const { name, uid, labels } = claim.metadata;
  const outcome = await client.delete('NodeClaim', { name }, { uid, signal });
  if (outcome === 'gone' || outcome === 'replaced') return;
  recorder.event(claimReference(claim), type, event, message);
  decide(context, claim, 'ended', message, { cause: metric });
  metrics.nodeClaims.disrupted.inc({
    reason: metric,
    nodepool: poolOf(claim),
    capacity_type: labels?.[labelCapacityType] ?? '',
    consolidation_policy: '',
    termination_mode: '',
  });
  log.info({ claim: name, cause: metric }, `NodeClaim ended: ${message}`);
}

export function claimReference({ metadata }: Live<'NodeClaim'>): ObjectReference {
  const { name, uid } = metadata;
  return { apiVersion: 'karpenter.sh/v1', kind: 'NodeClaim', name, uid };
}

/** '' for a claim that somebody made by hand. */
export function poolOf({ metadata }: Live<'NodeClaim'>): string {
  return metadata.labels?.[labelNodePool] ?? '';
}
