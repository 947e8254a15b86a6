/** Overlays on instance types: who matches, who is heard, who is left out. */
import t from 'tap';
import type { NodeOverlay, NodeOverlaySpec } from '../../../core/api/nodeoverlay.ts';
import type { NodePool } from '../../../core/api/nodepool.ts';
import { applyOverlays, overlayPools, pricedBy } from '../../../core/scheduling/overlays.ts';
import type { CapacityType, InstanceType } from '../../../core/state/instance-type.ts';

type Requirements = NodeOverlaySpec['requirements'];

const familyKey = 'karpenter.k8s.aws/instance-family';
const zoneKey = 'topology.kubernetes.io/zone';
const capacityKey = 'karpenter.sh/capacity-type';
const poolKey = 'karpenter.sh/nodepool';
const slots = 'example.com/slots';

function typeOf(name: string): InstanceType {
  const offerings = ['us-east-1a', 'us-east-1b'].flatMap((zone) =>
    (['on-demand', 'spot'] as const).map((capacityType: CapacityType) => ({
      zone,
      capacityType,
      priceNanoUsdPerHour: 1_000_000_000,
      available: true,
    })),
  );
  const labels = {
    'node.kubernetes.io/instance-type': name,
    [familyKey]: name.split('.')[0] ?? '',
  };
  const amounts = { cpu: 4000, memory: 2 ** 34 };
  return {
    name,
    labels,
    capacity: amounts,
    allocatable: amounts,
    offerings,
  } as unknown as InstanceType;
}

const types = [typeOf('m5.large'), typeOf('c5.large')];
const target = { labels: {}, types, zoneIds: new Map([['us-east-1a', 'use1-az1']]) };

function overlay(name: string, spec: Partial<NodeOverlaySpec>): NodeOverlay {
  return {
    apiVersion: 'karpenter.sh/v1alpha1',
    kind: 'NodeOverlay',
    metadata: { name },
    spec: { requirements: [], ...spec },
  };
}

const is = (key: string, ...values: string[]): Requirements => [{ key, operator: 'In', values }];

/** `type zone capacity-type price` of every offering that an overlay priced. */
function pricesOf(list: readonly InstanceType[] = []): string[] {
  return list.flatMap(({ name, offerings }) =>
    offerings
      .filter((one) => one.pricedBy !== undefined)
      .map(
        ({ zone, capacityType, priceNanoUsdPerHour, pricedBy: by }) =>
          `${name} ${zone.slice(-1)} ${capacityType} ${priceNanoUsdPerHour / 1e9} ${by}`,
      ),
  );
}

/** Prices, and conflicts by name. */
function applied(...overlays: readonly NodeOverlay[]) {
  const { types: lists, conflicts } = applyOverlays(overlays, [target]);
  return {
    prices: pricesOf(lists[0]),
    conflicts: Array.from(conflicts, ([one, other]) => [one.metadata.name, other]),
    list: lists[0] ?? [],
  };
}

t.test('an overlay prices what its requirements match, and nothing else', (t) => {
  const spotInA = [
    ...is(zoneKey, 'us-east-1a'),
    ...is(capacityKey, 'spot'),
    ...is(familyKey, 'm5'),
  ];
  t.strictSame(applied(overlay('a', { requirements: spotInA, price: '0.3' })).prices, [
    'm5.large a spot 0.3 a',
  ]);
  const byId = is('topology.k8s.aws/zone-id', 'use1-az1');
  t.equal(applied(overlay('a', { requirements: byId, price: '0.3' })).prices.length, 4);
  const absent: Requirements = [{ key: 'team', operator: 'DoesNotExist' }];
  t.equal(applied(overlay('a', { requirements: absent, price: '0.3' })).prices.length, 8);
  t.strictSame(applied(overlay('a', { requirements: is('team', 'x'), price: '0.3' })).prices, []);
  const { list } = applied(
    overlay('a', { requirements: is(familyKey, 'm5'), priceAdjustment: '-10%' }),
  );
  t.equal(list[1], types[1], 'types that it does not match are the very same');
  t.equal(pricedBy(list[0]!, { zone: 'us-east-1a', capacityType: 'spot' }), 'a');
  t.equal(pricedBy(list[1]!, { zone: 'us-east-1a', capacityType: 'spot' }), undefined);
  t.end();
});

t.test(
  'the heaviest overlay that speaks of an offering is heard, the others where it is silent',
  (t) => {
    const { prices, conflicts } = applied(
      overlay('all', { priceAdjustment: '-10%' }),
      overlay('spot', { requirements: is(capacityKey, 'spot'), weight: 5, price: '0.2' }),
      overlay('m5', { requirements: is(familyKey, 'm5'), weight: 9, price: '0.4' }),
    );
    t.strictSame(conflicts, []);
    t.equal(prices.filter((line) => line.endsWith('0.4 m5')).length, 4);
    t.equal(prices.filter((line) => line.endsWith('spot 0.2 spot')).length, 2);
    t.equal(prices.filter((line) => line.endsWith('on-demand 0.9 all')).length, 2);
    t.end();
  },
);

t.test('of equal weight the later name is heard and the other left out everywhere', (t) => {
  const { prices, conflicts } = applied(
    overlay('b', { requirements: is(familyKey, 'm5'), price: '0.4' }),
    overlay('a', { price: '0.2' }),
  );
  t.strictSame(conflicts, [['a', 'b']]);
  t.ok(
    prices.every((line) => line.startsWith('m5.large')),
    'also where they do not meet',
  );
  const apart = applied(
    overlay('b', { requirements: is(familyKey, 'm5'), price: '0.4' }),
    overlay('a', { requirements: is(familyKey, 'c5'), price: '0.2' }),
  );
  t.strictSame(apart.conflicts, []);
  t.equal(apart.prices.length, 8);
  t.end();
});

t.test('overlays of one weight meet also under a heavier one', (t) => {
  const { conflicts } = applied(
    overlay('top', { weight: 2, price: '0.5' }),
    overlay('b', { weight: 1, price: '0.4' }),
    overlay('a', { weight: 1, price: '0.3' }),
  );
  t.strictSame(conflicts, [['a', 'b']]);
  t.end();
});

t.test('capacity is added to the type, resource by resource; a price does not meet it', (t) => {
  const { list, conflicts } = applied(
    overlay('c', { requirements: is(familyKey, 'm5'), capacity: { [slots]: '4' } }),
    overlay('b', { requirements: is(familyKey, 'm5'), price: '0.4' }),
    overlay('a', {
      weight: 3,
      requirements: is(capacityKey, 'spot'),
      capacity: { 'example.com/x': 2 },
    }),
  );
  t.strictSame(conflicts, []);
  t.match(list[0], {
    capacity: { cpu: 4000, [slots]: 4, 'example.com/x': 2 },
    allocatable: { [slots]: 4 },
  });
  t.strictSame(Object.keys(list[1]?.capacity ?? {}), ['cpu', 'memory', 'example.com/x']);
  const met = applied(
    overlay('b', { capacity: { [slots]: '4' } }),
    overlay('a', { capacity: { 'example.com/x': '1', [slots]: '8' } }),
  );
  t.strictSame(met.conflicts, [['a', 'b']]);
  t.equal(met.list[0]?.capacity['example.com/x'], undefined, 'all of it or nothing');
  t.end();
});

const poolOf = (name: string, labels: Record<string, string> = {}): NodePool => ({
  apiVersion: 'karpenter.sh/v1',
  kind: 'NodePool',
  metadata: { name },
  spec: {
    template: {
      metadata: { labels },
      spec: {
        requirements: [],
        nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
      },
    },
  },
});

t.test('pools differ by name, labels and node class; those that see the same share it', (t) => {
  const pools = [poolOf('a', { team: 'x' }), poolOf('b', { team: 'x' }), poolOf('c')];
  const listsOf = (...overlays: readonly NodeOverlay[]) => {
    const { typesOf, conflicts } = overlayPools(
      overlays,
      pools,
      () => types,
      () => new Map(),
    );
    return { lists: pools.map(typesOf), conflicts, other: typesOf(poolOf('unknown')) };
  };
  const byTeam = listsOf(overlay('o', { requirements: is('team', 'x'), price: '0.1' }));
  t.equal(byTeam.lists[0], byTeam.lists[1]);
  t.equal(byTeam.lists[2], types, 'no overlay, no copy');
  t.equal(byTeam.other, types);
  t.equal(pricesOf(byTeam.lists[0]).length, 8);
  const byName = listsOf(overlay('o', { requirements: is(poolKey, 'b'), price: '0.1' }));
  t.strictSame(
    byName.lists.map((list) => pricesOf(list).length),
    [0, 8, 0],
  );
  const byClass = is('karpenter.k8s.aws/ec2nodeclass', 'default');
  t.equal(
    pricesOf(listsOf(overlay('o', { requirements: byClass, price: '1' })).lists[2]).length,
    8,
  );
  const met = listsOf(
    overlay('z', { requirements: is(poolKey, 'a'), price: '0.1' }),
    overlay('y', { price: '0.2' }),
  );
  t.strictSame(
    met.lists.map((list) => pricesOf(list).length),
    [8, 0, 0],
    'left out for all pools',
  );
  t.end();
});
