/**
 * Capacity reservations: so many nodes fit into each, whichever pools launch them.
 *
 * In: candidates that use reservations, existing nodes. Out: a limit for each reservation. What was
 * launched is taken off the count already; NodeClaims that nothing was launched for yet take a place
 * as well.
 */
import { labelCapacityReservationId } from '../api/labels.ts';
import type { ExistingNode } from './existing-nodes.ts';
import type { NewCandidate } from './placement-row.ts';
import type { SharedLimit } from './shared-limits.ts';

/** In the order in which candidates name them. */
export function reservationLimits(
  candidates: readonly NewCandidate[],
  nodes: readonly ExistingNode[],
): SharedLimit[] {
  const counts = new Map<string, number>();
  for (const { reservation } of candidates) {
    if (reservation === undefined) continue;
    // Whoever knows of less has heard later.
    const known = counts.get(reservation.id) ?? Infinity;
    counts.set(reservation.id, Math.min(known, reservation.availableCount));
  }
  return Array.from(counts, ([id, count]) => {
    const coming = nodes.filter(
      ({ labels, isLaunched }) => !isLaunched && labels[labelCapacityReservationId] === id,
    ).length;
    const left = Math.max(0, count - coming);
    return {
      owner: `capacity reservation ${id}`,
      amount: left === 1 ? '1 instance left' : `${left} instances left`,
      left,
      amountOf: ({ reservation }) => (reservation?.id === id ? 1 : undefined),
    };
  });
}
