/** What the gauges say of nodes and money. */
import t, { type Test } from 'tap';
import { CloudError } from '../../../core/cloud-port.ts';
import { type Prices, startClusterMetrics } from '../../../extender/controllers/cluster-metrics.ts';
import type { PlanFigures } from '../../../extender/dashboard/plan-state.ts';
import { deleteObject } from '../../../sim/cluster/deletion.ts';
import { installSamples } from '../../../sim/sample-objects.ts';
import { createWorld, type World } from '../../../sim/world.ts';
import { startControllers } from '../../support/controller-fixture.ts';

const typeKey = 'node.kubernetes.io/instance-type';
const poolKey = 'karpenter.sh/nodepool';
const priceOf: Prices['priceOf'] = (labels) =>
  ({ small: 100_000_000, large: 400_000_000 })[labels?.[typeKey] ?? ''];

async function setUp(
  t: Test,
  types: Prices['types'] = async () => undefined,
  latest: () => PlanFigures | undefined = () => undefined,
) {
  const world = createWorld({ seed: t.name, types: [] });
  installSamples(world.cluster, ['us-east-1a'], [{ name: 'general', requirements: [] }]);
  const process = await startControllers(world, 'stowage', {
    start: (context) => [startClusterMetrics(context, { types, priceOf }, { latest })],
  });
  const { cluster, nodePools } = process.context.metrics;
  const figures = async () => ({
    nodes: (await cluster.nodeCount.get()).values[0]?.value,
    cost: (await cluster.costUsdPerHour.get()).values.map(({ value }) => value),
    pools: (await nodePools.costUsdPerHour.get()).values.map(({ value }) => value),
  });
  return { world, process, figures };
}

function createClaim(world: World, name: string, type: string, isLaunched = true): void {
  const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
  const metadata = { name, labels: { [typeKey]: type, [poolKey]: 'general' } };
  world.cluster.create('NodeClaim', {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata,
    spec: { requirements: [], nodeClassRef },
  });
  if (!isLaunched) return;
  const patch = { type: 'merge', body: { status: { providerID: `id-${name}` } } } as const;
  world.cluster.patch('NodeClaim', { name }, patch, { subresource: 'status' });
}

t.test('instances cost from launch on, each once; other nodes cost too', async (t) => {
  const { world, figures } = await setUp(t);
  await world.clock.advance(1_000);
  t.strictSame(await figures(), { nodes: 0, cost: [0, 0, 0], pools: [0] });
  createClaim(world, 'a', 'small');
  createClaim(world, 'b', 'large');
  createClaim(world, 'wanted', 'large', false);
  createClaim(world, 'unknown', 'unpriced');
  world.cluster.create('Node', {
    metadata: { name: 'node-a', labels: { [typeKey]: 'small', [poolKey]: 'general' } },
    spec: { providerID: 'id-a' },
  });
  world.cluster.create('Node', { metadata: { name: 'legacy', labels: { [typeKey]: 'large' } } });
  await world.clock.advance(6_000);
  t.strictSame(await figures(), { nodes: 2, cost: [0.9, 0.9, 0.9], pools: [0.5] });
});

t.test('the bound and first-fit follow the nodes of the plans that they come from', async (t) => {
  let plan: PlanFigures | undefined;
  const { world, figures } = await setUp(t, undefined, () => plan);
  createClaim(world, 'before', 'large');
  await world.clock.advance(6_000);
  t.strictSame((await figures()).cost, [0.4, 0.4, 0.4]);
  const planned = {
    timeMs: world.clock.nowMs(),
    costNanoUsdPerHour: 500_000_000,
    batchCostNanoUsdPerHour: 100_000_000,
    lowerBoundNanoUsdPerHour: 480_000_000,
    firstFitNanoUsdPerHour: 550_000_000,
    gap: 0.2,
    pods: 1,
    solveMs: 1,
    pendingByReason: {},
  };
  plan = planned;
  createClaim(world, 'a', 'small');
  await world.clock.advance(6_000);
  t.strictSame((await figures()).cost, [0.5, 0.48, 0.55]);
  // A plan without nodes says nothing of those that run.
  plan = { ...planned, batchCostNanoUsdPerHour: 0, lowerBoundNanoUsdPerHour: 500_000_000 };
  await world.clock.advance(6_000);
  t.strictSame((await figures()).cost, [0.5, 0.48, 0.55]);
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.clock.advance(6_000);
  t.strictSame((await figures()).cost, [0.4, 0.4, 0.4]);
});

t.test('without leadership there is no cost to add up', async (t) => {
  const { process, world, figures } = await setUp(t);
  createClaim(world, 'a', 'small');
  await world.clock.advance(6_000);
  process.stop();
  await Promise.all(process.controllers.map(({ done }) => done));
  t.match(await figures(), { cost: [], pools: [] });
});

t.test('prices are read at the start and every five minutes, and asked for again', async (t) => {
  let reads = 0;
  const { world, process } = await setUp(t, async () => {
    reads += 1;
    if (reads < 3) throw new CloudError('unavailable', 'no answer');
  });
  await world.clock.advance(11_000);
  t.equal(reads, 3);
  await world.clock.advance(280_000);
  t.equal(reads, 3);
  await world.clock.advance(20_000);
  t.equal(reads, 4);
  t.strictSame(process.failures, []);
});
