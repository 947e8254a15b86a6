/**
 * A cluster as the extender would know it, for benches.
 *
 * In: names. Out: a table in which two nodes of a hundred are held for others, as in a burst, and
 * the rest stand in every possible way.
 */
import { NodeTable } from '../../extender/node-table.ts';

const reservedPercent = 2;
const farFutureMs = 8.64e15;

export function tableOf(names: readonly string[]): NodeTable {
  const nodes = new NodeTable();
  names.forEach((name, index) => {
    nodes.put({
      name,
      reservation:
        index % 100 < reservedPercent
          ? { owners: new Set([`pod-${index}`]), expiresAtMs: farFutureMs, fence: 'binding' }
          : undefined,
      standing: {
        isLeaving: index % 50 === 2,
        isManaged: true,
        workloadPods: index % 20,
        fullnessPermille: (index * 37) % 1000,
        unitPriceNanoUsdPerHour: 25_000_000 + (index % 7) * 2_000_000,
        expectedEndMs: undefined,
      },
    });
  });
  return nodes;
}
