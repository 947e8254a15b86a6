/**
 * Closes rows to families that are too large for everything in them.
 *
 * In: rows limited by rules, candidates and nodes with their room. Out: limits of 0 where not even
 * one pod fits, so that later rules count only places that are real.
 */
import type { ExistingNode } from './existing-nodes.ts';
import type { NewCandidate, PlacementRow, Room } from './placement-row.ts';
import { fitsInto } from './resource-axis.ts';

/** O(rows x families x rooms) at worst; the roomiest is tried first, which mostly decides. */
export function closeWhereNothingFits(
  rows: readonly PlacementRow[],
  candidates: readonly NewCandidate[],
  nodes: readonly ExistingNode[],
  requests: readonly Float64Array[],
  boundRequests: readonly Float64Array[],
): void {
  const rooms = new Map<PlacementRow, Set<Room>>(rows.map((row) => [row, new Set()]));
  for (const { row, room } of [...candidates, ...nodes]) {
    rooms.get(row)?.add(room);
  }
  for (const row of rows) {
    const own = [...rooms.get(row)!].sort((a, b) => b.bound[0]! - a.bound[0]!);
    for (let family = 0; family < row.limits.length; family++) {
      if (row.boundLimits[family] === 0) {
        continue;
      }
      const fits = own.some(({ plan }) => fitsInto(requests[family]!, plan));
      if (fits) {
        continue;
      }
      const mayFit = own.some(({ bound }) => fitsInto(boundRequests[family]!, bound));
      if (mayFit && row.boundLimits === row.limits) {
        // Rounding or minValues stand in the way of a plan; the bound must not assume so.
        row.boundLimits = row.limits.slice();
      }
      row.limits[family] = 0;
      if (!mayFit) {
        row.boundLimits[family] = 0;
      }
    }
  }
}
