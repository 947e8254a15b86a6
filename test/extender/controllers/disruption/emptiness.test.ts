// Empty nodes in the simulated world: quiet, judged twice, within budgets, and through crashes.

import t from 'tap';
import { conditionOf } from '../../../../core/api/conditions.ts';
import type { Disruption } from '../../../../core/api/nodepool.ts';
import { ClusterError } from '../../../../core/ports.ts';
import { startEmptiness } from '../../../../extender/controllers/disruption/emptiness.ts';
import { startQuietTime } from '../../../../extender/controllers/disruption/quiet-time.ts';
import { startNodeClaimTermination } from '../../../../extender/controllers/termination/claim-termination.ts';
import { startNodeTermination } from '../../../../extender/controllers/termination/node-termination.ts';
import { deleteObject } from '../../../../sim/cluster/deletion.ts';
import { randomFaults, scriptedFaults } from '../../../../sim/faults.ts';
import type { ProcessOptions } from '../../../../sim/world.ts';
import { type ControllerProcess, startControllers } from '../../../support/controller-fixture.ts';
import { type ServingWorld, servingWorld } from '../../../support/serving-nodes.ts';

async function emptier(
  world: ServingWorld,
  name = 'emptier',
  options: ProcessOptions = {},
): Promise<ControllerProcess> {
  return await startControllers(world, name, {
    ...options,
    start: (context) => [
      startQuietTime(context),
      startEmptiness(context),
      startNodeTermination(context),
      startNodeClaimTermination(context),
    ],
  });
}

function setDisruption(world: ServingWorld, disruption: Disruption): void {
  const body = { spec: { disruption } };
  world.cluster.patch('NodePool', { name: 'general' }, { type: 'merge', body }, {});
}

const isDeleting = (world: ServingWorld, name: string): boolean =>
  world.claim(name) === undefined || world.claim(name)?.metadata.deletionTimestamp !== undefined;

t.test('an empty node goes consolidateAfter after its last pod, and no sooner', async (t) => {
  const world = await servingWorld(1);
  setDisruption(world, { consolidateAfter: '60s' });
  const process = await emptier(world);
  const node = await world.addNode('a');
  await world.addPod(node, 'work', { annotations: { 'sim/stop-duration': '1s' } });
  await world.clock.advance(600_000);
  t.notOk(isDeleting(world, 'a'), 'it is in use');
  t.equal(conditionOf(world.claim('a') ?? {}, 'Consolidatable')?.status, 'True');
  const endedMs = world.clock.nowMs();
  deleteObject(world.cluster, 'Pod', { namespace: 'default', name: 'work' });
  await world.clock.advance(5_000);
  t.equal(conditionOf(world.claim('a') ?? {}, 'Consolidatable'), undefined, 'it was disturbed');
  const lastMs = Date.parse(world.claim('a')?.status?.lastPodEventTime ?? '');
  t.ok(Math.abs(lastMs - endedMs) <= 2_000);
  await world.until('the claim is being deleted', () => isDeleting(world, 'a'));
  const tookMs = world.clock.nowMs() - endedMs;
  t.ok(tookMs >= 60_000 + 14_000 && tookMs < 85_000, `${tookMs} ms`);
  t.match(conditionOf(world.claim('a') ?? {}, 'DisruptionReason'), { reason: 'Empty' });
  await world.until('the claim is gone', () => world.claim('a') === undefined);
  t.equal(world.living(), 0);
  t.strictSame(process.failures, []);
  const told = process.events.map(({ kind, reason, message }) => `${kind} ${reason} ${message}`);
  t.ok(told.includes('Node DisruptionTerminating Disrupting Node: Empty'));
  t.ok(told.includes('NodeClaim DisruptionTerminating Disrupting NodeClaim: Empty'));
  const metrics = await process.context.metrics.registry.metrics();
  t.match(
    metrics,
    'karpenter_nodeclaims_disrupted_total{reason="empty",nodepool="general",capacity_type="on-demand",consolidation_policy="when_empty_or_underutilized",termination_mode="graceful"} 1',
  );
  t.match(metrics, 'decision="delete",reason="empty",consolidation_type="empty"} 1');
});

t.test('a pod that comes in between saves the node', async (t) => {
  const world = await servingWorld(2);
  setDisruption(world, { consolidateAfter: '30s' });
  await emptier(world);
  const node = await world.addNode('a');
  await world.clock.advance(35_000);
  t.notOk(isDeleting(world, 'a'), 'found empty, looked at again later');
  await world.addPod(node, 'late');
  await world.clock.advance(900_000);
  t.notOk(isDeleting(world, 'a'));
});

t.test('a pool that never consolidates keeps its empty nodes', async (t) => {
  const world = await servingWorld(3);
  setDisruption(world, { consolidateAfter: 'Never' });
  await emptier(world);
  await world.addNode('a');
  await world.clock.advance(3_600_000);
  t.notOk(isDeleting(world, 'a'));
  t.equal(conditionOf(world.claim('a') ?? {}, 'Consolidatable'), undefined);
  setDisruption(world, { consolidateAfter: '10m', consolidationPolicy: 'WhenEmpty' });
  await world.until('the claim is gone', () => world.claim('a') === undefined);
});

t.test('budgets let so many go at once, and none when they say so', async (t) => {
  const world = await servingWorld(4);
  setDisruption(world, { consolidateAfter: '0s', budgets: [{ nodes: '0', reasons: ['Empty'] }] });
  const process = await emptier(world);
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) await world.addNode(name);
  await world.clock.advance(600_000);
  t.equal(names.filter((name) => isDeleting(world, name)).length, 0);
  t.match(
    process.events.find(({ kind }) => kind === 'NodePool'),
    { reason: 'DisruptionBlocked', message: /disruption reason Empty/ },
  );
  let most = 0;
  world.cluster.listen('NodeClaim', () => {
    const leaving = [...world.cluster.all('NodeClaim')].filter(
      (claim) =>
        claim.metadata.deletionTimestamp !== undefined &&
        conditionOf(claim, 'InstanceTerminating')?.status !== 'True',
    );
    most = Math.max(most, leaving.length);
  });
  // Two of five; then of four, of three and of two one each, rounded up.
  setDisruption(world, { consolidateAfter: '0s', budgets: [{ nodes: '40%' }] });
  await world.until('all are gone', () => world.cluster.count('NodeClaim') === 0, 1_200_000);
  t.equal(most, 2);
});

t.test('a window of a budget opens by itself', async (t) => {
  const world = await servingWorld(5);
  // The world begins at midnight.
  const budgets = [{ nodes: '0', schedule: '0 0 * * *', duration: '2h' }];
  setDisruption(world, { consolidateAfter: '0s', budgets });
  await emptier(world);
  await world.addNode('a');
  const midnightMs = Date.parse('2026-01-01T00:00:00Z');
  await world.clock.advance(midnightMs + 7_199_000 - world.clock.nowMs());
  t.notOk(isDeleting(world, 'a'));
  await world.clock.advance(40_000);
  t.ok(isDeleting(world, 'a'));
});

t.test('do-not-disrupt on a node is heard, and taken back', async (t) => {
  const world = await servingWorld(6);
  const process = await emptier(world);
  const name = await world.addNode('a');
  const annotate = (value: string | null) =>
    world.cluster.patch(
      'Node',
      { name },
      {
        type: 'merge',
        body: { metadata: { annotations: { 'karpenter.sh/do-not-disrupt': value } } },
      },
      {},
    );
  annotate('true');
  await world.clock.advance(900_000);
  t.notOk(isDeleting(world, 'a'));
  t.ok(
    process.events.some(
      ({ reason, message }) => reason === 'DisruptionBlocked' && message.includes('do-not-disrupt'),
    ),
  );
  annotate(null);
  await world.until('the claim is gone', () => world.claim('a') === undefined);
});

t.test('a node that was about to go when a pod came is no longer said to go', async (t) => {
  const world = await servingWorld(8);
  setDisruption(world, { consolidateAfter: '30s' });
  const faults = scriptedFaults();
  const process = await emptier(world, 'emptier', { faults });
  const node = await world.addNode('a');
  faults.add({
    matches: ({ verb, kind }) => verb === 'delete' && kind === 'NodeClaim',
    fault: { type: 'refuse', error: new ClusterError('Unavailable', 'connect ECONNREFUSED') },
    times: 1_000,
  });
  const reasonOf = () => conditionOf(world.claim('a') ?? {}, 'DisruptionReason')?.reason;
  await world.until('it is said to go', () => reasonOf() === 'Empty');
  await world.addPod(node, 'late');
  await world.until('it is not', () => reasonOf() === undefined);
  t.notOk(isDeleting(world, 'a'));
  t.strictSame(process.failures, []);
});

t.test('pod events close together are written once, the last one in the end', async (t) => {
  const world = await servingWorld(7);
  await emptier(world);
  const node = await world.addNode('a');
  let writes = 0;
  let last = '';
  world.cluster.listen('NodeClaim', ({ object: { status } }) => {
    const { lastPodEventTime = '' } = status ?? {};
    if (lastPodEventTime !== last) writes += 1;
    last = lastPodEventTime;
  });
  const startedMs = world.clock.nowMs();
  for (let index = 0; index < 30; index += 1) {
    world.cluster.create('Pod', {
      metadata: { namespace: 'default', name: `p${index}` },
      spec: { containers: [{ name: 'main' }], nodeName: node },
    });
    await world.clock.advance(1_000);
  }
  const endedMs = world.clock.nowMs();
  await world.clock.advance(15_000);
  t.ok(writes >= 3 && writes <= 5, `${writes} writes`);
  t.ok(Date.parse(last) > startedMs + 25_000 && Date.parse(last) <= endedMs + 1_000, last);
});

t.test('crashes and faults on the way only delay the end of an empty node', async (t) => {
  for (const [index, seed] of ['p', 'q', 'r', 's'].entries()) {
    const world = await servingWorld(seed);
    setDisruption(world, { consolidateAfter: '30s', budgets: [{ nodes: '1' }] });
    const faults = randomFaults(world.random.branch('faults'), {
      refuse: 0.1,
      loseRequest: 0.05,
      loseAnswer: 0.05,
      delay: 0.1,
      cut: 0.1,
      lag: 0.1,
    });
    const used = await world.addNode('used');
    await world.addPod(used, 'work');
    await world.addNode('a');
    await world.addNode('b');
    let draws = 0;
    const first = await emptier(world, 'first', {
      faults,
      crashPoint: {
        moment: index % 2 === 0 ? 'before' : 'after',
        matches: ({ verb, kind }) => {
          draws += verb === 'delete' && kind === 'NodeClaim' ? 1 : 0;
          return draws === 2;
        },
      },
    });
    await world.clock.advance(240_000);
    first.ports.process.kill();
    faults.stop();
    const second = await emptier(world, 'second');
    await world.until('the empty ones are gone', () => world.cluster.count('NodeClaim') === 1);
    await world.clock.advance(600_000);
    t.ok(world.claim('used'), 'the one in use stays');
    t.notOk(isDeleting(world, 'used'));
    t.equal(world.living(), 1);
    t.strictSame(
      world.history.filter((event) => event.includes('pod')),
      [],
    );
    t.strictSame([...first.failures, ...second.failures], []);
  }
});
