/**
 * What was asked of the cloud for a NodeClaim, written on it before the cloud is asked.
 *
 * In: an attempt, or annotations. Out: the annotation, or the attempt. With it a process that comes
 * after a crash asks the very same again under the same client token, and gets the instance that the
 * dead one had launched instead of a second one. Later attempts ask for other offerings under
 * other tokens, and only after the cloud has denied the one before.
 */
import { type Annotations, annotationFields } from '../api/annotation-json.ts';
import type { LaunchOffering, LaunchPlace } from '../cloud-port.ts';
import {
  annotationOfferings,
  offeringsOf,
  offeringsRecord,
} from '../scheduling/claim-offerings.ts';

/** JSON: `attempt`, `token`, `at`, `group`, `offerings` unless they are those of the plan. */
export const annotationLaunch = 'stowage.dev/launch';

/** One attempt to launch a claim. */
export interface LaunchRecord {
  /** From 1. */
  readonly attempt: number;
  readonly token: string;
  /** When it was written, wall clock. */
  readonly atMs: number;
  readonly offerings: readonly LaunchOffering[];
  /** If it is launched together with others. */
  readonly group?: GroupPlace;
}

/** A claim's place among those that are launched by one call. */
export interface GroupPlace extends LaunchPlace {
  /** Name of the claim whose record is written last: without it nothing was asked yet. */
  readonly leader: string;
}

/** The value of {@link annotationLaunch}. */
export function launchRecordText(record: LaunchRecord, annotations: Annotations): string {
  const { attempt, token, atMs, offerings, group } = record;
  const list = offeringsRecord(offerings);
  return JSON.stringify({
    attempt,
    token,
    at: new Date(atMs).toISOString(),
    ...(group === undefined ? {} : { group }),
    ...(list === annotations?.[annotationOfferings]
      ? {}
      : { offerings: JSON.parse(list) as readonly string[] }),
  });
}

/** The last attempt that was made; undefined if none was, or none can be read. */
export function launchRecordOf(annotations: Annotations): LaunchRecord | undefined {
  const fields = annotationFields(annotations, annotationLaunch);
  if (fields === undefined) return undefined;
  const { attempt, token, at, offerings: own, group } = fields;
  const atMs = typeof at === 'string' ? Date.parse(at) : Number.NaN;
  const list = own === undefined ? annotations?.[annotationOfferings] : JSON.stringify(own);
  const offerings = list === undefined ? [] : offeringsOf({ [annotationOfferings]: list });
  const isReadable =
    Number.isSafeInteger(attempt) &&
    typeof token === 'string' &&
    !Number.isNaN(atMs) &&
    offerings.length > 0 &&
    (group === undefined || isPlace(group));
  if (!isReadable) return undefined;
  const record = { attempt: attempt as number, token, atMs, offerings };
  return group === undefined ? record : { ...record, group };
}

function isPlace(value: unknown): value is GroupPlace {
  if (typeof value !== 'object' || value === null) return false;
  const { size, index, leader } = value as Record<string, unknown>;
  return (
    Number.isSafeInteger(size) &&
    Number.isSafeInteger(index) &&
    (index as number) >= 0 &&
    (index as number) < (size as number) &&
    typeof leader === 'string'
  );
}
