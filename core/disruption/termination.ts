/**
 * How far the end of a node has come.
 *
 * In: the node's claim, what its drain and its volumes still wait for, the deadline. Out: what to do
 * next and what the claim's conditions say meanwhile. Everything is read from objects, so that
 * whoever takes over goes on where the last one stopped. Source: Karpenter's
 * `node/termination/controller.go`: drain, volumes, instance.
 */
import { type ConditionUpdate, conditionOf } from '../api/conditions.ts';
import { durationMs } from '../api/duration.ts';
import { annotationTerminationTimestamp } from '../api/labels.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';

export const conditionDrained = 'Drained';
export const conditionVolumesDetached = 'VolumesDetached';
export const conditionInstanceTerminating = 'InstanceTerminating';
/** On a claim that is ended on purpose; its reason says for which. */
export const conditionDisruptionReason = 'DisruptionReason';

/**
 * A drain lasts at least so long: a scheduler that has not seen the taint yet may still send pods.
 */
export const drainMinMs = 5_000;
/** How often a node that waits for something is looked at, whatever its watches say. */
const pollMs = 1_000;

/** What a node waits for, as counted now. */
export interface TerminationFacts {
  /** Undefined where the node has lost its claim. */
  readonly claim: NodeClaim | undefined;
  readonly podsWaiting: number;
  readonly attachmentsAwaited: number;
  readonly deadlineMs: number | undefined;
}

export interface TerminationStep {
  /**
   * - `draining`: pods are still to go.
   * - `settling`: they are gone, but more may come.
   * - `detaching`: volumes are still attached.
   * - `ending`: the instance may go.
   */
  readonly stage: 'draining' | 'settling' | 'detaching' | 'ending';
  readonly conditions: readonly ConditionUpdate[];
  /** Look again at the latest then; undefined for `ending`, which goes on at once. */
  readonly againAfterMs: number | undefined;
}

/** Decides one step. */
export function terminationStep(facts: TerminationFacts, nowMs: number): TerminationStep {
  const drained =
    facts.claim === undefined ? undefined : conditionOf(facts.claim, conditionDrained);
  const isNew = facts.claim !== undefined && drained === undefined;
  const draining: ConditionUpdate[] = isNew
    ? [{ type: conditionDrained, status: 'Unknown', reason: 'Draining', message: 'Draining' }]
    : [];
  if (facts.podsWaiting > 0) {
    return { stage: 'draining', conditions: draining, againAfterMs: pollMs };
  }
  const settledMs =
    drained?.status === 'Unknown'
      ? Date.parse(drained.lastTransitionTime ?? '') + drainMinMs
      : -Infinity;
  if (isNew || nowMs < settledMs) {
    return { stage: 'settling', conditions: draining, againAfterMs: pollMs };
  }
  const conditions: ConditionUpdate[] = [{ type: conditionDrained, status: 'True' }];
  if (facts.attachmentsAwaited === 0) {
    conditions.push({ type: conditionVolumesDetached, status: 'True' });
  } else if (facts.deadlineMs === undefined || nowMs <= facts.deadlineMs) {
    conditions.push(saying('Unknown', 'AwaitingVolumeDetachment'));
    return { stage: 'detaching', conditions, againAfterMs: pollMs };
  } else {
    conditions.push(saying('False', 'TerminationGracePeriodElapsed'));
  }
  return { stage: 'ending', conditions, againAfterMs: undefined };
}

function saying(status: 'Unknown' | 'False', reason: string): ConditionUpdate {
  return { type: conditionVolumesDetached, status, reason, message: reason };
}

/** When every pod of the claim's node must be gone, as its annotation says. */
export function deadlineOf(claim: NodeClaim | undefined): number | undefined {
  const text = claim?.metadata.annotations?.[annotationTerminationTimestamp];
  const deadlineMs = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(deadlineMs) ? undefined : deadlineMs;
}

/**
 * The annotation that a claim which is being deleted should get; undefined if it has one, or sets no
 * bound. An earlier one stays: repairs end nodes faster than their pool says.
 */
export function deadlineToSet(claim: NodeClaim): string | undefined {
  const { annotations, deletionTimestamp } = claim.metadata;
  const graceMs = durationMs(claim.spec.terminationGracePeriod ?? '');
  if (graceMs === undefined || deletionTimestamp === undefined) return undefined;
  if (annotations?.[annotationTerminationTimestamp] !== undefined) return undefined;
  return new Date(Date.parse(deletionTimestamp) + graceMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
