// What the service costs the API server: few writes in the life of a node, none where nothing happens.

import t from 'tap';
import { batchShapes, submitJob } from '../../../sim/workloads.ts';
import { describeWrite, watchWrites } from '../../support/api-writes.ts';
import { ownNodes, unbound, wholeWorld } from '../../support/whole-service.ts';

const second = 1_000;
const minute = 60 * second;
/** From its creation to the end of its finalizer. */
const claimWritesMax = 28;
const nodeWritesMax = 12;
/** Real time: a busy machine needs a multiple of the seconds that it takes. */
t.setTimeout(600_000);

t.test('a node costs a bounded number of writes from its launch to its end', async (t) => {
  const w = wholeWorld('writes');
  const { writes, faults } = watchWrites();
  await w.startReplica('one', { faults });
  await w.clock.advance(5 * second);
  for (const [index, shape] of batchShapes.entries()) {
    submitJob(w.cluster, shape, { pods: 12, runMs: (1 + index) * minute });
  }
  await w.clock.advance(5 * second);
  await w.until('all are bound', () => unbound(w).length === 0, 10 * minute);
  await w.until('all nodes are gone', () => ownNodes(w) === 0 && w.living() === 0, 40 * minute);
  for (const [kind, most] of [
    ['NodeClaim', claimWritesMax],
    ['Node', nodeWritesMax],
  ] as const) {
    const counts = Map.groupBy(
      writes.filter((one) => one.kind === kind && one.verb !== 'create'),
      ({ object }) => object,
    );
    const worst = Math.max(...[...counts.values()].map(({ length }) => length));
    t.ok(counts.size > 5, `${counts.size} objects of kind ${kind} were written`);
    t.ok(worst <= most, `at most ${most} writes to a ${kind}: ${worst}`);
  }
});

t.test('where nothing happens nothing is written but the Lease', async (t) => {
  const w = wholeWorld('rest');
  const { writes, faults } = watchWrites();
  await w.startReplica('one', { faults });
  await w.clock.advance(5 * second);
  for (const shape of batchShapes) submitJob(w.cluster, shape, { pods: 6, runMs: 600 * minute });
  await w.clock.advance(5 * second);
  await w.until('all are bound', () => unbound(w).length === 0, 10 * minute);
  await w.clock.advance(30 * minute);
  writes.length = 0;
  await w.clock.advance(60 * minute);
  const others = writes.filter(({ kind }) => kind !== 'Lease');
  t.strictSame([...new Set(others.map(describeWrite))], []);
  t.ok(writes.length > 0, 'the Lease is renewed');
});
