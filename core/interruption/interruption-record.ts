/**
 * That a node is taken away by the cloud, as it is written on its NodeClaim.
 *
 * In: events, annotations. Out: the annotation, or what it says; of two reasons the more pressing
 * one. It is on the claim and nowhere else, so that a restart goes on where the last process stopped,
 * and the message that brought the news may be acknowledged as soon as it is written there.
 */
import { annotationFields } from '../api/annotation-json.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import {
  type CloudEvent,
  type InterruptionKind,
  interruptionKinds,
  pressureOf,
} from './cloud-event.ts';

/** JSON: `kind`, `since` (RFC 3339), `ends` (RFC 3339, if known), `message`. */
export const annotationInterrupted = 'stowage.dev/interrupted';

/**
 * JSON: `claims` (names of NodeClaims that hold room for the node's pods), `unplaced` (how many of
 * its pods no plan has room for). Written by whoever plans.
 */
export const annotationReplacements = 'stowage.dev/replacements';

export interface Interruption {
  readonly kind: InterruptionKind;
  /** When we began to act. */
  readonly sinceMs: number;
  /** When the instance is gone; undefined if nobody knows. */
  readonly endsMs: number | undefined;
  readonly message: string;
}

/** Where the pods of an interrupted node will find room. */
export interface Replacements {
  readonly claims: readonly string[];
  readonly unplaced: number;
}

export function interruptionRecord({ kind, sinceMs, endsMs, message }: Interruption): string {
  return JSON.stringify({
    kind,
    since: new Date(sinceMs).toISOString(),
    ...(endsMs === undefined ? {} : { ends: new Date(endsMs).toISOString() }),
    message,
  });
}

/** Undefined for a claim that is not interrupted, or whose annotation cannot be read. */
export function interruptionOf({ metadata }: NodeClaim): Interruption | undefined {
  const fields = annotationFields(metadata.annotations, annotationInterrupted);
  if (fields === undefined) return undefined;
  const { kind, since, ends, message } = fields;
  const sinceMs = timeOf(since);
  if (!isKind(kind) || sinceMs === undefined) return undefined;
  return {
    kind,
    sinceMs,
    endsMs: timeOf(ends),
    message: typeof message === 'string' ? message : '',
  };
}

/** What is to be written when an event comes: what is there already, unless this presses more. */
export function morePressing(
  present: Interruption | undefined,
  { kind, endsMs, message }: CloudEvent,
  nowMs: number,
): Interruption {
  const incoming: Interruption = { kind, sinceMs: nowMs, endsMs, message };
  if (present === undefined) return incoming;
  return latestMs(incoming) < latestMs(present) ? incoming : present;
}

/** For comparison: the later, the less it presses. */
function latestMs({ kind, endsMs = Number.MAX_SAFE_INTEGER }: Interruption): number {
  const pressure = pressureOf(kind);
  return pressure === 'lost' ? -Infinity : pressure === 'at-risk' ? Infinity : endsMs;
}

/** Claims in ascending order, so that equal is equal. */
export function replacementsRecord({ claims, unplaced }: Replacements): string {
  return JSON.stringify({ claims: [...new Set(claims)].toSorted(), unplaced });
}

/** Undefined while no plan has looked for room. */
export function replacementsOf({ metadata }: NodeClaim): Replacements | undefined {
  const fields = annotationFields(metadata.annotations, annotationReplacements);
  if (fields === undefined) return undefined;
  const { claims, unplaced } = fields;
  if (!Array.isArray(claims) || typeof unplaced !== 'number') return undefined;
  return { claims: claims.filter((name) => typeof name === 'string'), unplaced };
}

function isKind(value: unknown): value is InterruptionKind {
  return (interruptionKinds as readonly unknown[]).includes(value);
}

function timeOf(value: unknown): number | undefined {
  const timeMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
