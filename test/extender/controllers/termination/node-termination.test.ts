// The end of nodes in the simulated world: order, budgets, wishes, deadlines.

import t from 'tap';
import { conditionOf } from '../../../../core/api/conditions.ts';
import { startNodeClaimTermination } from '../../../../extender/controllers/termination/claim-termination.ts';
import { startNodeTermination } from '../../../../extender/controllers/termination/node-termination.ts';
import { deleteObject } from '../../../../sim/cluster/deletion.ts';
import { type ControllerProcess, startControllers } from '../../../support/controller-fixture.ts';
import { type ServingWorld, servingWorld } from '../../../support/serving-nodes.ts';

async function terminator(world: ServingWorld): Promise<ControllerProcess> {
  return await startControllers(world, 'terminator', {
    start: (context) => [startNodeTermination(context), startNodeClaimTermination(context)],
  });
}

const isGone = (world: ServingWorld, claim: string) => () => world.claim(claim) === undefined;

t.test(
  'a claim that is deleted drains its node in waves, then ends instance and objects',
  async (t) => {
    const world = await servingWorld(1);
    const process = await terminator(world);
    const node = await world.addNode('a');
    await world.addPod(node, 'work');
    await world.addPod(node, 'vital', { spec: { priorityClassName: 'system-cluster-critical' } });
    await world.addPod(node, 'stays', { spec: { tolerations: [{ operator: 'Exists' }] } });
    deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
    await world.clock.advance(1_000);
    t.match(world.node(node), {
      metadata: {
        labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': 'karpenter' },
      },
      spec: { taints: [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' }] },
    });
    t.equal(conditionOf(world.claim('a') ?? {}, 'Drained')?.status, 'Unknown');
    await world.until('the claim is gone', isGone(world, 'a'));
    t.strictSame(
      world.history.filter((event) => event !== 'gone pod stays'),
      [
        'delete pod work',
        'gone pod work',
        'delete pod vital',
        'gone pod vital',
        'ended instance',
        'gone node',
        'gone claim a',
      ],
    );
    t.equal(world.living(), 0);
    t.strictSame(process.failures, []);
    t.match(process.events, [
      {
        kind: 'Pod',
        name: 'work',
        reason: 'Evicted',
        message: 'Evicted pod: Forceful Termination',
      },
      { kind: 'Pod', name: 'vital', reason: 'Evicted' },
    ]);
    t.same(
      process.decisions.map(({ subject, outcome }) => `${subject.kind} ${outcome}`),
      ['Node draining', 'Node drained', 'Node gone', 'NodeClaim gone'],
    );
    const metrics = await process.context.metrics.registry.metrics();
    t.match(metrics, 'karpenter_nodes_terminated_total{nodepool="general",zone="us-east-1');
    t.match(metrics, 'karpenter_nodes_drained_total{nodepool="general"} 1');
    t.match(metrics, 'karpenter_nodeclaims_terminated_total{nodepool="general"');
    t.match(metrics, 'karpenter_pods_eviction_requests_total{code="200"} 2');
  },
);

t.test('a user who deletes a Node ends its claim in the same way', async (t) => {
  const world = await servingWorld(2);
  await terminator(world);
  const node = await world.addNode('a');
  await world.addPod(node, 'work');
  deleteObject(world.cluster, 'Node', { name: node });
  await world.until('the claim is gone', isGone(world, 'a'));
  t.strictSame(world.history, [
    'delete pod work',
    'gone pod work',
    'ended instance',
    'gone node',
    'gone claim a',
  ]);
});

t.test(
  'a drain settles before the instance ends: a scheduler may not know the taint yet',
  async (t) => {
    const world = await servingWorld(3);
    await terminator(world);
    const node = await world.addNode('a');
    deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
    await world.clock.advance(2_000);
    world.cluster.create('Pod', {
      metadata: { namespace: 'default', name: 'late' },
      spec: { containers: [{ name: 'main' }], nodeName: node },
    });
    await world.until('the claim is gone', isGone(world, 'a'));
    t.strictSame(world.history.slice(0, 3), ['delete pod late', 'gone pod late', 'ended instance']);
  },
);

t.test('a disruption budget holds the drain until it allows the eviction', async (t) => {
  const world = await servingWorld(4);
  const process = await terminator(world);
  const node = await world.addNode('a');
  await world.addPod(node, 'web', { labels: { app: 'web' } });
  world.cluster.create('PodDisruptionBudget', {
    metadata: { namespace: 'default', name: 'web' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  await world.clock.advance(1_000);
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.clock.advance(600_000);
  t.strictSame(world.history, [], 'nothing moves');
  t.match(
    process.events.find(({ message }) => message.includes('PDB')),
    { kind: 'Node', type: 'Warning', reason: 'FailedDraining', message: /default\/web/ },
  );
  const asked = await process.context.metrics.pods.evictionRequests.get();
  const [refused] = asked.values.filter(({ labels }) => labels.code === '429');
  t.ok((refused?.value ?? 0) > 40, 'it is asked again and again');
  t.ok((refused?.value ?? 0) < 200, 'with back-off');
  deleteObject(world.cluster, 'PodDisruptionBudget', { namespace: 'default', name: 'web' });
  await world.until('the claim is gone', isGone(world, 'a'), 120_000);
  t.equal(world.history[0], 'delete pod web');
});

t.test('pods under one budget leave one after the other', async (t) => {
  const world = await servingWorld(5);
  await terminator(world);
  const [node, other] = [await world.addNode('a'), await world.addNode('b')];
  for (const name of ['w1', 'w2', 'w3']) await world.addPod(node, name, { labels: { app: 'w' } });
  await world.addPod(other, 'w4', { labels: { app: 'w' } });
  world.cluster.create('PodDisruptionBudget', {
    metadata: { namespace: 'default', name: 'w' },
    spec: { minAvailable: 3, selector: { matchLabels: { app: 'w' } } },
  });
  // Their owner, in a way: who is evicted comes back elsewhere.
  let successors = 0;
  world.cluster.listen('Pod', ({ type, object }) => {
    if (type !== 'deleted' || object.metadata.labels?.['app'] !== 'w') return;
    successors += 1;
    world.cluster.create('Pod', {
      metadata: { namespace: 'default', name: `s${successors}`, labels: { app: 'w' } },
      spec: { containers: [{ name: 'main' }], nodeName: other },
    });
  });
  await world.clock.advance(1_000);
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.until('the claim is gone', isGone(world, 'a'));
  const moves = world.history.filter((event) => event.includes('pod'));
  t.equal(moves.length, 6);
  for (let index = 0; index < 6; index += 2) {
    t.match(moves[index], /^delete pod/);
    t.equal(moves[index + 1], moves[index]?.replace('delete', 'gone'));
  }
});

t.test('a pod under two budgets is never evicted, and the node says why', async (t) => {
  const world = await servingWorld(6);
  const process = await terminator(world);
  const node = await world.addNode('a');
  await world.addPod(node, 'web', { labels: { app: 'web' } });
  for (const name of ['one', 'two']) {
    world.cluster.create('PodDisruptionBudget', {
      metadata: { namespace: 'default', name },
      spec: { minAvailable: 0, selector: { matchLabels: { app: 'web' } } },
    });
  }
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.clock.advance(120_000);
  t.strictSame(world.history, []);
  t.ok(process.events.some(({ message }) => message.includes('multiple PDBs')));
});

t.test('do-not-disrupt holds the drain until it is taken back', async (t) => {
  const world = await servingWorld(7);
  const process = await terminator(world);
  const node = await world.addNode('a');
  const annotations = { 'karpenter.sh/do-not-disrupt': 'true' };
  const pod = await world.addPod(node, 'held', { annotations });
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.clock.advance(300_000);
  t.strictSame(world.history, []);
  t.ok(
    process.events.some(({ message }) => message.includes('not to be disrupted (default/held)')),
  );
  const body = { metadata: { annotations: { 'karpenter.sh/do-not-disrupt': null } } };
  world.cluster.patch('Pod', pod.metadata, { type: 'merge', body }, {});
  await world.until('the claim is gone', isGone(world, 'a'), 120_000);
  t.equal(world.history[0], 'delete pod held');
});

t.test('terminationGracePeriod ends what a budget and a wish hold', async (t) => {
  const world = await servingWorld(8);
  const process = await terminator(world);
  const node = await world.addNode('a', { spec: { terminationGracePeriod: '5m' } });
  const annotations = { 'karpenter.sh/do-not-disrupt': 'true' };
  await world.addPod(node, 'held', { annotations, spec: { terminationGracePeriodSeconds: 60 } });
  await world.addPod(node, 'web', {
    labels: { app: 'web' },
    spec: { terminationGracePeriodSeconds: 600, priorityClassName: 'system-node-critical' },
  });
  world.cluster.create('PodDisruptionBudget', {
    metadata: { namespace: 'default', name: 'web' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  await world.clock.advance(1_000);
  const deletedMs = world.clock.nowMs();
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.clock.advance(2_000);
  const deadline =
    world.claim('a')?.metadata.annotations?.['karpenter.sh/nodeclaim-termination-timestamp'];
  t.ok(Math.abs(Date.parse(deadline ?? '') - deletedMs - 300_000) < 1_000);
  t.strictSame(world.history[0], 'delete pod web', 'its 600 s would end after the node');
  await world.clock.advance(230_000);
  t.notOk(world.history.includes('delete pod held'));
  await world.until('the claim is gone', isGone(world, 'a'), 180_000);
  t.ok(world.clock.nowMs() - deletedMs < 420_000);
  t.match(
    process.events.find(({ kind, reason }) => kind === 'Pod' && reason === 'Disrupted'),
    { name: 'web', message: /it gets 29\d s of its 600 s/ },
  );
  t.ok(process.events.some(({ reason }) => reason === 'TerminationGracePeriodExpiring'));
});

t.test('volumes are given back before the instance ends', async (t) => {
  const world = await servingWorld(9);
  const process = await terminator(world);
  const node = await world.addNode('a');
  world.cluster.create('VolumeAttachment', {
    metadata: { name: 'attached' },
    spec: { attacher: 'ebs', nodeName: node, source: { persistentVolumeName: 'pv-1' } },
  });
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.clock.advance(120_000);
  t.match(conditionOf(world.claim('a') ?? {}, 'VolumesDetached'), {
    status: 'Unknown',
    reason: 'AwaitingVolumeDetachment',
  });
  t.strictSame(world.history, []);
  t.ok(process.events.some(({ reason }) => reason === 'AwaitingVolumeDetachment'));
  deleteObject(world.cluster, 'VolumeAttachment', { name: 'attached' });
  await world.until('the claim is gone', isGone(world, 'a'), 180_000);
});

t.test('a node whose host has failed is not waited for', async (t) => {
  const world = await servingWorld(10);
  await terminator(world);
  const node = await world.addNode('a');
  await world.addPod(node, 'lost', { spec: { terminationGracePeriodSeconds: 3_600 } });
  const [instanceId = ''] = world.engine.instances.keys();
  world.engine.fail(instanceId);
  await world.until('the claim is gone', isGone(world, 'a'), 300_000);
  t.equal(world.living(), 0);
  t.ok(world.history.includes('gone node'));
});

t.test('a Node that is removed without us takes its claim and its instance along', async (t) => {
  const world = await servingWorld(11);
  await terminator(world);
  const name = await world.addNode('a');
  await world.clock.advance(60_000);
  const operations = [{ op: 'remove' as const, path: '/metadata/finalizers' }];
  deleteObject(world.cluster, 'Node', { name });
  world.cluster.patch('Node', { name }, { type: 'json', operations }, {});
  await world.until('the claim is gone', isGone(world, 'a'), 300_000);
  t.equal(world.living(), 0);
});

t.test('a node gets its finalizer back while it serves', async (t) => {
  const world = await servingWorld(12);
  await terminator(world);
  const name = await world.addNode('a');
  const operations = [{ op: 'remove' as const, path: '/metadata/finalizers' }];
  world.cluster.patch('Node', { name }, { type: 'json', operations }, {});
  await world.clock.advance(5_000);
  t.strictSame(world.node(name)?.metadata.finalizers, ['karpenter.sh/termination']);
});
