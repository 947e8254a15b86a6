/**
 * What is to be done next about a node that the cloud takes away.
 *
 * In: why and by when, the node's pods, how far their new places have come, the time. Out: wait, end
 * the claim (so that the node drains), or let it stay after all. The replacement comes first as long
 * as there is time for it; the drain begins early enough for the slowest pod. It carries nothing out,
 * and every answer follows from objects alone.
 */
import { isReschedulable } from '../disruption/pod-standing.ts';
import type { LivePod } from '../state/live-pod.ts';
import { pressureOf } from './cloud-event.ts';
import type { Interruption } from './interruption-record.ts';

/** The node is to be empty so long before the instance goes. */
const drainMarginMs = 5_000;
/** From the deletion of the claim until its pods have been asked to end. */
const drainLeadMs = 10_000;
/** Where nothing presses, a replacement is waited for at most so long. */
export const replacementWaitMs = 10 * 60_000;
const defaultGraceMs = 30_000;

/** How a NodeClaim that holds room for the node's pods is doing. */
export type ReplacementState = 'coming' | 'ready' | 'gone';

export interface InterruptedNode {
  readonly interruption: Interruption;
  /** Whether pods may be there at all. */
  readonly isInitialized: boolean;
  readonly pods: Iterable<LivePod>;
  /** Undefined while no plan has looked for room. */
  readonly replacements: readonly ReplacementState[] | undefined;
  /** Pods of the node that no plan has room for. */
  readonly unplaced: number;
}

export type InterruptionStep =
  /** Nothing before something changes, or before that wall-clock time. */
  | { readonly type: 'wait'; readonly untilMs: number }
  /** `deadlineMs`: when the node must be empty; undefined if the pods may take their time. */
  | { readonly type: 'end'; readonly deadlineMs: number | undefined; readonly why: string }
  | { readonly type: 'withdraw'; readonly why: string };

/** O(pods of the node). */
export function interruptionStep(node: InterruptedNode, nowMs: number): InterruptionStep {
  const { interruption, replacements } = node;
  const pressure = pressureOf(interruption.kind);
  const deadlineMs = drainDeadlineMs(interruption, nowMs);
  const end = (why: string): InterruptionStep => ({ type: 'end', deadlineMs, why });
  if (pressure === 'lost') return end('the instance is lost');
  if (!node.isInitialized) return end('no pod can be on its node yet');
  const moving = [...node.pods].filter(isReschedulable);
  if (moving.length === 0) return end('its node has no pods to move');
  const drainFromMs = latestDrainMs(moving, deadlineMs);
  if (nowMs >= drainFromMs) return end('there is no time left to wait for a replacement');
  const isPlaced = replacements !== undefined && node.unplaced === 0;
  if (isPlaced && replacements.every((state) => state === 'ready')) {
    return end('its pods have room elsewhere');
  }
  const givenUpMs = interruption.sinceMs + replacementWaitMs;
  if (nowMs < givenUpMs) return { type: 'wait', untilMs: Math.min(drainFromMs, givenUpMs) };
  const minutes = replacementWaitMs / 60_000;
  return pressure === 'at-risk'
    ? { type: 'withdraw', why: `there is no replacement for it after ${minutes} minutes` }
    : end(`there is no replacement after ${minutes} minutes`);
}

/** When the node is to be empty; undefined if nobody knows how long the instance lasts. */
export function drainDeadlineMs(
  { kind, endsMs }: Pick<Interruption, 'kind' | 'endsMs'>,
  nowMs: number,
): number | undefined {
  if (pressureOf(kind) === 'lost') return nowMs;
  return endsMs === undefined ? undefined : Math.max(nowMs, endsMs - drainMarginMs);
}

/** When the drain must begin at the latest, so that every pod has its time to end. */
function latestDrainMs(moving: readonly LivePod[], deadlineMs: number | undefined): number {
  if (deadlineMs === undefined) return Infinity;
  const graces = moving.map(({ spec }) =>
    spec.terminationGracePeriodSeconds === undefined
      ? defaultGraceMs
      : spec.terminationGracePeriodSeconds * 1_000,
  );
  return deadlineMs - Math.max(...graces) - drainLeadMs;
}
