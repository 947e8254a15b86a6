/** The status of NodePools follows their claims, nodes and node class on a simulated cluster. */
import t, { type Test } from 'tap';
import { conditionOf } from '../../../../core/api/conditions.ts';
import type { Condition } from '../../../../core/api/kubernetes.ts';
import type { NodeClaim } from '../../../../core/api/nodeclaim.ts';
import { nodePoolHash } from '../../../../core/nodepool-status/nodepool-hash.ts';
import { startNodePoolStatus } from '../../../../extender/controllers/nodepools/status.ts';
import { scriptedFaults } from '../../../../sim/faults.ts';
import { installSamples } from '../../../../sim/sample-objects.ts';
import { createWorld, type World } from '../../../../sim/world.ts';
import {
  type ControllerProcessOptions,
  startControllers,
} from '../../../support/controller-fixture.ts';

const hashKey = 'karpenter.sh/nodepool-hash';
const versionKey = 'karpenter.sh/nodepool-hash-version';
const settings = { launchTimeoutMs: 300_000, registrationTimeoutMs: 900_000 };

async function setUp(t: Test, options: Partial<ControllerProcessOptions> = {}) {
  const world = createWorld({
    seed: t.name,
    types: [],
    isFrozen: true,
    absentKinds: ['EC2NodeClass.stowage.dev'],
  });
  installSamples(
    world.cluster,
    ['us-east-1a'],
    [{ name: 'general', requirements: [], limits: { cpu: '10', memory: '100Gi' } }],
  );
  const start = async () =>
    await startControllers(world, 'stowage', {
      settings,
      start: (context) => [startNodePoolStatus(context)],
      ...options,
    });
  const process = await start();
  await world.clock.advance(5_000);
  return { world, process, start, ...reader(world) };
}

function reader(world: World) {
  const pool = () => {
    const found = world.cluster.get('NodePool', { name: 'general' });
    if (found === undefined) throw new Error('the pool is gone');
    return found;
  };
  return {
    pool,
    statusOf: (type: string) => conditionOf(pool(), type)?.status,
    gauge: async (values: Promise<{ readonly values: readonly Sample[] }>) =>
      Object.fromEntries(
        (await values).values.map(({ labels, value }) => [Object.values(labels).join(' '), value]),
      ),
  };
}

interface Sample {
  readonly value: number;
  readonly labels: Partial<Record<string, string | number>>;
}

function createClaim(world: World, name: string, metadata: NodeClaim['metadata'] = {}): void {
  const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
  world.cluster.create('NodeClaim', {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: { name, labels: { 'karpenter.sh/nodepool': 'general' }, ...metadata },
    spec: { requirements: [], nodeClassRef },
  });
}

function tell(world: World, name: string, ...types: readonly string[]): void {
  const lastTransitionTime = new Date(world.clock.nowMs()).toISOString();
  const conditions = types.map(
    (type): Condition => ({ type, status: 'True', reason: type, lastTransitionTime }),
  );
  const capacity = { cpu: '4', memory: '16Gi', 'ephemeral-storage': '20Gi', pods: '58' };
  const status = { providerID: `aws:///us-east-1a/${name}`, capacity, conditions };
  world.cluster.patch(
    'NodeClaim',
    { name },
    { type: 'merge', body: { status } },
    { subresource: 'status' },
  );
}

t.test('a new pool is valid, ready, empty and hashed', async (t) => {
  const { world, pool, process } = await setUp(t);
  t.match(pool().status, {
    nodes: 0,
    nodeClassObservedGeneration: 1,
    resources: { cpu: '0', memory: '0', nodes: '0', pods: '0' },
  });
  const told = pool().status?.conditions?.map(({ type, status }) => `${type} ${status}`);
  t.strictSame(told, [
    'ValidationSucceeded True',
    'NodeClassReady True',
    'Ready True',
    'NodeRegistrationHealthy Unknown',
  ]);
  t.equal(pool().metadata.annotations?.[hashKey], nodePoolHash(pool()));
  t.equal(pool().metadata.annotations?.[versionKey], 'stowage-v1');
  const { resourceVersion } = pool().metadata;
  await world.clock.advance(600_000);
  t.equal(pool().metadata.resourceVersion, resourceVersion, 'nothing is written without a change');
  t.strictSame(process.failures, []);
});

t.test('status, limits and usage follow the claims', async (t) => {
  const { world, pool, process, gauge } = await setUp(t);
  for (const name of ['a', 'b', 'c']) createClaim(world, name);
  await world.clock.advance(3_000);
  t.equal(pool().status?.nodes, 0, 'what is only wanted does not count');
  tell(world, 'a', 'Launched');
  tell(world, 'b', 'Launched');
  await world.clock.advance(3_000);
  t.match(pool().status, { nodes: 2, resources: { cpu: '8', memory: '32Gi', nodes: '2' } });
  const { usage, limit, conditionCount } = process.context.metrics.nodePools;
  t.match(await gauge(usage.get()), { 'cpu general': 8, 'nodes general': 2 });
  t.strictSame(await gauge(limit.get()), { 'cpu general': 10, 'memory general': 100 * 2 ** 30 });
  t.match(await gauge(conditionCount.get()), { 'Ready True Ready': 1 });
  await world.clock.settle(process.ports.client.delete('NodeClaim', { name: 'a' }));
  await world.clock.advance(3_000);
  t.match(pool().status, { nodes: 1, resources: { cpu: '4', nodes: '1' } });
  await world.clock.settle(process.ports.client.delete('NodePool', { name: 'general' }));
  await world.clock.advance(3_000);
  t.strictSame(await gauge(usage.get()), {}, 'the series of a pool go with it');
  t.strictSame(await gauge(conditionCount.get()), {});
});

t.test('a burst of claims is a few writes', async (t) => {
  const { world, pool } = await setUp(t);
  let writes = 0;
  world.cluster.listen('NodePool', () => {
    writes += 1;
  });
  for (let n = 0; n < 300; n += 1) {
    createClaim(world, `c${n}`);
    tell(world, `c${n}`, 'Launched');
    await world.clock.advance(20);
  }
  await world.clock.advance(3_000);
  t.equal(pool().status?.nodes, 300);
  t.ok(writes <= 10, `${writes} writes in 6 s`);
});

t.test('a pool follows its node class, and says what is wrong with itself', async (t) => {
  const { world, pool, statusOf, process } = await setUp(t);
  const { client } = process.ports;
  const conditions = [{ type: 'Ready', status: 'False' as const, message: 'no subnets' }];
  const patch = { type: 'merge', body: { status: { conditions } } } as const;
  world.cluster.patch('EC2NodeClass', { name: 'default' }, patch, { subresource: 'status' });
  await world.clock.advance(1_000);
  t.equal(statusOf('Ready'), 'False');
  t.equal(conditionOf(pool(), 'NodeClassReady')?.message, 'no subnets');
  await world.clock.settle(client.delete('EC2NodeClass', { name: 'default' }));
  await world.clock.advance(1_000);
  t.equal(conditionOf(pool(), 'NodeClassReady')?.reason, 'NodeClassNotFound');
});

t.test('an edit of the template changes the hash, and what was learnt is forgotten', async (t) => {
  const { world, pool, statusOf, process } = await setUp(t);
  createClaim(world, 'a');
  tell(world, 'a', 'Launched');
  await world.clock.advance(1_000);
  tell(world, 'a', 'Launched', 'Registered');
  await world.clock.advance(2_000);
  t.equal(statusOf('NodeRegistrationHealthy'), 'True');
  const before = pool().metadata.annotations?.[hashKey];
  const body = { spec: { template: { spec: { expireAfter: '24h' } } } };
  const edit = process.ports.client.patch('NodePool', { name: 'general' }, { type: 'merge', body });
  await world.clock.settle(edit);
  await world.clock.advance(2_000);
  t.not(pool().metadata.annotations?.[hashKey], before);
  t.equal(statusOf('NodeRegistrationHealthy'), 'Unknown');
  t.equal(conditionOf(pool(), 'Ready')?.observedGeneration, 2);
});

t.test(
  'claims hashed by somebody else are hashed anew, ours keep what they were made from',
  async (t) => {
    const { world, pool } = await setUp(t);
    createClaim(world, 'karpenters', { annotations: { [hashKey]: '1', [versionKey]: 'v3' } });
    createClaim(world, 'ours', { annotations: { [hashKey]: '2', [versionKey]: 'stowage-v1' } });
    await world.clock.advance(3_000);
    const hashOf = (name: string) =>
      world.cluster.get('NodeClaim', { name })?.metadata.annotations?.[hashKey];
    t.equal(hashOf('karpenters'), pool().metadata.annotations?.[hashKey]);
    t.equal(hashOf('ours'), '2', 'it has drifted');
  },
);

t.test('nodes that never register make the pool unhealthy, also after a restart', async (t) => {
  const { world, statusOf, process, start } = await setUp(t);
  const fail = async (name: string, afterMs: number): Promise<void> => {
    createClaim(world, name);
    tell(world, name, 'Launched');
    await world.clock.advance(afterMs);
    await world.clock.settle(process.ports.client.delete('NodeClaim', { name }));
    await world.clock.advance(2_000);
  };
  await fail('removed-by-hand', 60_000);
  await fail('timeout-1', 901_000);
  t.equal(statusOf('NodeRegistrationHealthy'), 'True', 'one may be chance');
  await fail('timeout-2', 901_000);
  t.equal(statusOf('NodeRegistrationHealthy'), 'False');
  process.stop();
  await world.clock.advance(1_000);
  await start();
  await world.clock.advance(5_000);
  t.equal(statusOf('NodeRegistrationHealthy'), 'False');
  for (const name of ['good-1', 'good-2', 'good-3']) {
    createClaim(world, name);
    tell(world, name, 'Launched');
    await world.clock.advance(2_000);
    tell(world, name, 'Launched', 'Registered');
    await world.clock.advance(2_000);
  }
  t.equal(statusOf('NodeRegistrationHealthy'), 'True');
});

t.test('lost races and lost answers do not keep it from the truth', async (t) => {
  const faults = scriptedFaults();
  const { world, pool, process } = await setUp(t, { faults });
  faults.add({
    matches: ({ verb }) => verb === 'patch',
    fault: { type: 'lose-answer' },
    times: 2,
  });
  createClaim(world, 'a');
  tell(world, 'a', 'Launched');
  await world.clock.advance(1_500);
  const labels = { team: 'a' };
  world.cluster.patch(
    'NodePool',
    { name: 'general' },
    { type: 'merge', body: { metadata: { labels } } },
  );
  createClaim(world, 'b');
  tell(world, 'b', 'Launched');
  await world.clock.advance(120_000);
  t.equal(pool().status?.nodes, 2);
  t.strictSame(process.failures, []);
});

t.test('pools of other providers are left alone', async (t) => {
  const { world } = await setUp(t);
  const metadata = { name: 'azure' };
  const nodeClassRef = { group: 'karpenter.azure.com', kind: 'AKSNodeClass', name: 'default' };
  world.cluster.create('NodePool', {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata,
    spec: { template: { spec: { requirements: [], nodeClassRef } } },
  });
  await world.clock.advance(10_000);
  const found = world.cluster.get('NodePool', metadata);
  t.equal(found?.status?.conditions, undefined);
  t.equal(found?.metadata.annotations, undefined);
});
