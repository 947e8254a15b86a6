/**
 * What was asked of the cloud for a NodeClaim, written on it before the cloud is asked.
 *
 * In: an attempt, or annotations. Out: the annotation, or the attempt. With it a process that comes
 * after a crash asks the very same again under the same client token, and gets the instance that the
 * dead one had launched instead of a second one. Later attempts ask for other offerings under
 * other tokens, and only after the cloud has denied the one before.
 */
import type { LaunchOffering } from '../cloud-port.ts';
import {
  annotationOfferings,
  offeringsOf,
  offeringsRecord,
} from '../scheduling/claim-offerings.ts';

/** JSON: `attempt`, `token`, `at`, `offerings` unless they are those of the plan. */
export const annotationLaunch = 'stowage.dev/launch';

/** One attempt to launch a claim. */
export interface LaunchRecord {
  /** From 1. */
  readonly attempt: number;
  readonly token: string;
  /** When it was written, wall clock. */
  readonly atMs: number;
  readonly offerings: readonly LaunchOffering[];
}

type Annotations = Readonly<Record<string, string>> | undefined;

/** The value of {@link annotationLaunch}. */
export function launchRecordText(record: LaunchRecord, annotations: Annotations): string {
  const { attempt, token, atMs, offerings } = record;
  const list = offeringsRecord(offerings);
  return JSON.stringify({
    attempt,
    token,
    at: new Date(atMs).toISOString(),
    ...(list === annotations?.[annotationOfferings]
      ? {}
      : { offerings: JSON.parse(list) as readonly string[] }),
  });
}

/** The last attempt that was made; undefined if none was, or none can be read. */
export function launchRecordOf(annotations: Annotations): LaunchRecord | undefined {
  const text = annotations?.[annotationLaunch];
  const value = text === undefined ? undefined : parsed(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { attempt, token, at, offerings: own } = value as Record<string, unknown>;
  const atMs = typeof at === 'string' ? Date.parse(at) : Number.NaN;
  const list = own === undefined ? annotations?.[annotationOfferings] : JSON.stringify(own);
  const offerings = list === undefined ? [] : offeringsOf({ [annotationOfferings]: list });
  const isReadable =
    Number.isSafeInteger(attempt) &&
    typeof token === 'string' &&
    !Number.isNaN(atMs) &&
    offerings.length > 0;
  return isReadable ? { attempt: attempt as number, token, atMs, offerings } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
