/** Overlays of a cluster: applied to prices at once, judged in their status. */
import t, { type Test } from 'tap';
import { loadCatalogue } from '../../../../catalogue/loader.ts';
import { conditionOf } from '../../../../core/api/conditions.ts';
import type { NodeOverlay, NodeOverlaySpec } from '../../../../core/api/nodeoverlay.ts';
import { startNodeOverlayStatus } from '../../../../extender/controllers/nodeoverlays/status.ts';
import type { PriceBook as Prices } from '../../../../extender/controllers/price-book.ts';
import { PriceBook } from '../../../../extender/controllers/price-book.ts';
import { installSamples } from '../../../../sim/sample-objects.ts';
import { createWorld } from '../../../../sim/world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

const types = loadCatalogue().types.filter(({ name }) => ['m5.large', 'c5.large'].includes(name));

function overlay(name: string, spec: Partial<NodeOverlaySpec>): NodeOverlay {
  return {
    apiVersion: 'karpenter.sh/v1alpha1',
    kind: 'NodeOverlay',
    metadata: { name },
    spec: { requirements: [], ...spec },
  };
}

async function setUp(t: Test, ownOverlays: readonly NodeOverlay[] = []) {
  const world = createWorld({
    seed: t.name,
    types,
    isFrozen: true,
    absentKinds: ['EC2NodeClass.stowage.dev'],
  });
  installSamples(
    world.cluster,
    ['us-east-1a'],
    ['one', 'two'].map((name) => ({ name, requirements: [] })),
  );
  let prices: Prices | undefined;
  const process = await startControllers(world, 'stowage', {
    start: (context) => {
      prices = new PriceBook(context.cloud, context.view, ownOverlays);
      return [startNodeOverlayStatus(context, prices)];
    },
  });
  const settle = async () => await world.clock.advance(5_000);
  await settle();
  const priceIn = (pool: string): number | undefined =>
    prices?.priceOf({
      'karpenter.sh/nodepool': pool,
      'node.kubernetes.io/instance-type': 'm5.large',
      'topology.kubernetes.io/zone': 'us-east-1a',
      'karpenter.sh/capacity-type': 'on-demand',
    });
  const conditionIn = (name: string, type: string) => {
    const found = world.cluster.get('NodeOverlay', { name });
    return found === undefined ? undefined : conditionOf(found, type);
  };
  return { world, process, prices: prices!, settle, priceIn, conditionIn };
}

t.test('an overlay is applied and says so; its end takes the price back', async (t) => {
  const { world, process, settle, priceIn, conditionIn, prices } = await setUp(t);
  await prices.types(process.context.signal);
  const before = priceIn('one');
  const requirements: NodeOverlaySpec['requirements'] = [
    { key: 'karpenter.sh/nodepool', operator: 'In', values: ['one'] },
  ];
  world.cluster.create('NodeOverlay', overlay('a', { requirements, price: '0.01' }));
  await settle();
  t.match(conditionIn('a', 'ValidationSucceeded'), { status: 'True', observedGeneration: 1 });
  t.equal(conditionIn('a', 'Ready')?.status, 'True');
  t.equal(priceIn('one'), 10_000_000);
  t.equal(priceIn('two'), before);
  const version = world.cluster.get('NodeOverlay', { name: 'a' })?.metadata.resourceVersion;
  await world.clock.advance(30 * 60_000);
  t.equal(
    world.cluster.get('NodeOverlay', { name: 'a' })?.metadata.resourceVersion,
    version,
    'what is said is not said again',
  );
  world.cluster.change('NodeOverlay', { name: 'a' }, () => undefined);
  await settle();
  await prices.types(process.context.signal);
  t.equal(priceIn('one'), before);
  t.strictSame(process.failures, []);
});

t.test('of two that meet one is left out, until their weights differ', async (t) => {
  const { world, process, settle, priceIn, conditionIn } = await setUp(t);
  world.cluster.create('NodeOverlay', overlay('b', { price: '0.02' }));
  world.cluster.create('NodeOverlay', overlay('a', { price: '0.01' }));
  await settle();
  t.equal(priceIn('one'), 20_000_000);
  t.match(conditionIn('a', 'ValidationSucceeded'), {
    status: 'False',
    reason: 'Conflict',
    message: /NodeOverlay b of the same weight \(0\).*spec\.weight/,
  });
  t.match(conditionIn('a', 'Ready'), { status: 'False', reason: 'UnhealthyDependents' });
  t.equal(conditionIn('b', 'Ready')?.status, 'True');
  world.cluster.patch(
    'NodeOverlay',
    { name: 'a' },
    { type: 'merge', body: { spec: { weight: 7 } } },
  );
  await settle();
  t.equal(conditionIn('a', 'Ready')?.status, 'True');
  t.equal(priceIn('two'), 10_000_000);
  world.cluster.create('NodeOverlay', overlay('c', { weight: 7, price: '0.07' }));
  await settle();
  t.equal(conditionIn('a', 'Ready')?.status, 'False');
  world.cluster.change('NodeOverlay', { name: 'c' }, () => undefined);
  await settle();
  t.equal(conditionIn('a', 'Ready')?.status, 'True', 'nobody stands against it any more');
  t.strictSame(process.failures, []);
});

t.test('one that breaks a rule is not applied and is told which', async (t) => {
  const { world, settle, conditionIn, priceIn, prices, process } = await setUp(t);
  await prices.types(process.context.signal);
  const before = priceIn('one');
  world.cluster.create('NodeOverlay', overlay('a', { price: '1', capacity: { cpu: '1' } }));
  await settle();
  t.match(conditionIn('a', 'ValidationSucceeded'), {
    status: 'False',
    reason: 'RuntimeValidation',
    message: /^spec\.capacity\.cpu: expected an extended resource/,
  });
  t.equal(priceIn('one'), before);
});

t.test('overlays that came with the process count like those of the cluster', async (t) => {
  const { world, settle, priceIn, conditionIn, prices } = await setUp(t, [
    overlay('own', { price: '0.03' }),
  ]);
  t.equal(priceIn('two'), 30_000_000);
  world.cluster.create('NodeOverlay', overlay('a', { price: '0.01' }));
  await settle();
  t.equal(priceIn('two'), 30_000_000);
  t.match(conditionIn('a', 'ValidationSucceeded'), { reason: 'Conflict', message: /own/ });
  t.equal(prices.overlayConflicts.size, 1);
});
