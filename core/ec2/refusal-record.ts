/**
 * What could not be had, as it is written down for whoever leads next.
 *
 * In: refusals that hold, or annotations. Out: the annotation, or the refusals. They stand on an
 * EC2NodeClass, because it is there wherever there is something to launch and we may write to it. Only
 * so many are written, those that hold longest; what cannot be read is not believed.
 */
import { type Annotations, annotationFields } from '../api/annotation-json.ts';
import type { UnavailableRecord } from './unavailable-offerings.ts';

/** JSON: what was refused -> until when that is believed, seconds since 1970. */
export const annotationRefusals = 'stowage.dev/unavailable-offerings';

/** About 16 KB; an object may carry 256 KB of annotations in all. */
export const refusalsWrittenMax = 300;

/** The value of {@link annotationRefusals}; undefined if nothing holds. Equal for equal refusals. */
export function refusalsRecord(records: readonly UnavailableRecord[]): string | undefined {
  if (records.length === 0) return undefined;
  const kept = records
    .toSorted((a, b) => b.untilMs - a.untilMs || (a.key < b.key ? -1 : 1))
    .slice(0, refusalsWrittenMax);
  return JSON.stringify(
    Object.fromEntries(kept.map(({ key, untilMs }) => [key, Math.ceil(untilMs / 1000)])),
  );
}

/** The refusals that annotations carry; none if none can be read. */
export function refusalsOf(annotations: Annotations): readonly UnavailableRecord[] {
  const fields = annotationFields(annotations, annotationRefusals) ?? {};
  return Object.entries(fields)
    .slice(0, refusalsWrittenMax)
    .flatMap(([key, until]) =>
      typeof until === 'number' && Number.isFinite(until) ? [{ key, untilMs: until * 1000 }] : [],
    );
}
