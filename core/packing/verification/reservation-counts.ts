/**
 * Capacity reservations over many nodes: no more are launched into each than it holds.
 *
 * In: planned nodes as offered nodes, existing nodes. Out: what is exceeded. NodeClaims that nothing
 * was launched for yet take a place; what runs is taken off the count that the offering states.
 */
import { labelCapacityReservationId } from '../../api/labels.ts';
import type { FindingList } from './findings.ts';
import type { OfferedNode } from './offered-nodes.ts';
import type { StandingNode } from './standing-nodes.ts';

/** Adds `reservation-count` for every reservation that planned nodes exceed. O(nodes). */
export function checkReservations(
  standing: Iterable<StandingNode>,
  planned: readonly OfferedNode[],
  found: FindingList,
): void {
  const left = new Map<string, number>();
  for (const { offering } of planned) {
    const { reservation } = offering;
    if (reservation === undefined) continue;
    const before = left.get(reservation.id) ?? Infinity;
    left.set(reservation.id, Math.min(before, reservation.availableCount));
  }
  const take = (id: string | undefined): void => {
    const before = id === undefined ? undefined : left.get(id);
    if (id !== undefined && before !== undefined) left.set(id, before - 1);
  };
  for (const { labels, isLaunched } of standing) {
    if (!isLaunched) take(labels[labelCapacityReservationId]);
  }
  for (const { offering } of planned) take(offering.reservation?.id);
  for (const [id, count] of left) {
    if (count >= 0) continue;
    found.add('reservation-count', `Reservation ${id}`, () => `exceeded by ${-count} instances`);
  }
}
