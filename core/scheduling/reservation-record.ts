/**
 * A reservation as it is written on its NodeClaim.
 *
 * In: a reservation, or annotations. Out: the annotation, or the reservation. It is on the NodeClaim
 * and nowhere else, so that any replica and any restart reads the same (design section 7.2). What
 * cannot be read is no reservation: the taint still fences the node.
 */
import { type Annotations, annotationFields } from '../api/annotation-json.ts';
import type { Fence, NodeReservation } from './reservation.ts';

/** JSON: `pods` (UIDs), `expires` (RFC 3339), `fence`. */
export const annotationReservation = 'stowage.dev/reservation';

const fences: ReadonlySet<string> = new Set(['binding', 'devices', 'claims'] satisfies Fence[]);

/** The value of {@link annotationReservation}; pods in ascending order, so that equal is equal. */
export function reservationRecord({ owners, expiresAtMs, fence }: NodeReservation): string {
  return JSON.stringify({
    pods: [...owners].toSorted(),
    expires: new Date(expiresAtMs).toISOString(),
    fence,
  });
}

/** The reservation that a NodeClaim carries; undefined if it carries none that can be read. */
export function reservationOf(annotations: Annotations): NodeReservation | undefined {
  const fields = annotationFields(annotations, annotationReservation);
  if (fields === undefined) return undefined;
  const { pods, expires, fence } = fields;
  const expiresAtMs = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
  const isReadable =
    Array.isArray(pods) &&
    pods.every((pod) => typeof pod === 'string') &&
    typeof fence === 'string' &&
    fences.has(fence) &&
    !Number.isNaN(expiresAtMs);
  return isReadable ? { owners: new Set(pods), expiresAtMs, fence: fence as Fence } : undefined;
}
