// The end of nodes through crashes and outages: whoever takes over goes on where the last one stopped.

import t from 'tap';
import { startNodeClaimTermination } from '../../../../extender/controllers/termination/claim-termination.ts';
import { startNodeTermination } from '../../../../extender/controllers/termination/node-termination.ts';
import { deleteObject } from '../../../../sim/cluster/deletion.ts';
import type { ApiCall } from '../../../../sim/faults.ts';
import { randomFaults } from '../../../../sim/faults.ts';
import type { ProcessOptions } from '../../../../sim/world.ts';
import { type ControllerProcess, startControllers } from '../../../support/controller-fixture.ts';
import { type ServingWorld, servingWorld } from '../../../support/serving-nodes.ts';

async function terminator(
  world: ServingWorld,
  name: string,
  options: ProcessOptions = {},
): Promise<ControllerProcess> {
  return await startControllers(world, name, {
    ...options,
    start: (context) => [startNodeTermination(context), startNodeClaimTermination(context)],
  });
}

/** Two pods in two waves, a volume that is given back late, a deadline far away. */
async function burdenedNode(world: ServingWorld): Promise<void> {
  const node = await world.addNode('a', { spec: { terminationGracePeriod: '1h' } });
  await world.addPod(node, 'work');
  await world.addPod(node, 'vital', { spec: { priorityClassName: 'system-cluster-critical' } });
  const name = 'attached';
  world.cluster.create('VolumeAttachment', {
    metadata: { name },
    spec: { attacher: 'ebs', nodeName: node, source: { persistentVolumeName: 'pv-1' } },
  });
  world.cluster.listen('Pod', ({ type, object }) => {
    if (type !== 'deleted' || object.metadata.name !== 'vital') return;
    world.clock.schedule(5_000, () => deleteObject(world.cluster, 'VolumeAttachment', { name }));
  });
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
}

const rightOrder = [
  'delete pod work',
  'gone pod work',
  'delete pod vital',
  'gone pod vital',
  'ended instance',
  'gone node',
  'gone claim a',
];
const isWrite = ({ verb }: ApiCall): boolean => ['patch', 'delete', 'evict'].includes(verb);

/** The world after a first process that died at one of its writes, and a second one. */
async function crashedAt(
  seed: string,
  index: number,
  moment: 'before' | 'after',
): Promise<{ readonly world: ServingWorld; readonly hasDied: boolean }> {
  const world = await servingWorld(seed);
  let writes = 0;
  let hasDied = false;
  const matches = (call: ApiCall): boolean => {
    if (!isWrite(call)) return false;
    writes += 1;
    return writes === index;
  };
  await terminator(world, 'first', {
    crashPoint: { moment, matches },
    onDeath: () => {
      hasDied = true;
    },
  });
  await burdenedNode(world);
  await world.clock.advance(60_000);
  const second = await terminator(world, 'second');
  await world.until('the claim is gone', () => world.claim('a') === undefined);
  t.strictSame(second.failures, []);
  return { world, hasDied };
}

for (const moment of ['before', 'after'] as const) {
  t.test(`a crash right ${moment} any write is repaired by the next process`, async (t) => {
    let deaths = 0;
    for (let index = 1; index <= 40; index += 1) {
      const { world, hasDied } = await crashedAt(`crash-${index}`, index, moment);
      t.strictSame(world.history, rightOrder, `${moment} write ${index}`);
      t.equal(world.living(), 0);
      t.strictSame(world.invariants.violations, []);
      if (!hasDied) break;
      deaths += 1;
    }
    t.ok(deaths >= 10, `${deaths} writes were tried`);
  });
}

t.test('a crash at any other time, calls of the cloud included, is repaired too', async (t) => {
  for (let afterMs = 100; afterMs < 60_000; afterMs += 2_300) {
    const world = await servingWorld(`kill-${afterMs}`);
    const first = await terminator(world, 'first');
    await burdenedNode(world);
    await world.clock.advance(afterMs);
    first.ports.process.kill();
    await terminator(world, 'second');
    await world.until('the claim is gone', () => world.claim('a') === undefined);
    t.strictSame(world.history, rightOrder, `${afterMs} ms`);
    t.equal(world.living(), 0);
  }
});

t.test('refusals, lost answers and lagging watches delay the end and change nothing', async (t) => {
  for (const seed of ['a', 'b', 'c', 'd', 'e', 'f']) {
    const world = await servingWorld(seed);
    const rate = 0.15;
    const faults = randomFaults(world.random.branch('faults'), {
      refuse: rate,
      loseRequest: rate / 3,
      loseAnswer: rate / 3,
      delay: rate,
      cut: rate,
      lag: rate,
    });
    const process = await terminator(world, 'faulty', { faults });
    await burdenedNode(world);
    await world.clock.advance(300_000);
    faults.stop();
    await world.until('the claim is gone', () => world.claim('a') === undefined);
    t.strictSame(world.history, rightOrder, seed);
    t.equal(world.living(), 0);
    t.strictSame(process.failures, []);
    t.ok(faults.counts.size >= 3);
  }
});
