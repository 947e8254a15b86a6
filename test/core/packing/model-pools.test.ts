/** How weights, limits and requirements of NodePools enter the problem. */
import t from 'tap';
import {
  antiAffinity,
  capacityTypeKey,
  daemonSetOf,
  hostKey,
  modelOf,
  nodeOf,
  type PoolShape,
  podsOf,
  poolKey,
  poolOf,
  reasonsOf,
  specOf,
  typeOf,
  zoneKey,
} from '../../support/cluster-builders.ts';
import { countsBy, type PlannedBin, planOf } from '../../support/model-plan.ts';

const small = { cpu: '100m', memory: '64Mi' };
const poolName = ({ offering }: PlannedBin): string =>
  offering.kind === 'new' ? offering.nodePool : '';
const typeName = ({ offering }: PlannedBin): string =>
  offering.kind === 'new' ? offering.instanceType : '';

t.test(
  'a pod goes to the pool of highest weight that can hold it, whatever the price',
  async (t) => {
    const cheap = poolOf('cheap', {
      requirements: [{ key: capacityTypeKey, operator: 'In', values: ['spot'] }],
    });
    const heavy = poolOf('heavy', {
      weight: 10,
      requirements: [
        { key: capacityTypeKey, operator: 'In', values: ['on-demand'] },
        { key: 'node.kubernetes.io/instance-type', operator: 'In', values: ['m5.xlarge'] },
      ],
    });
    const plan = planOf({
      pods: [...podsOf('fits', 2, specOf(small)), ...podsOf('large', 1, specOf({ cpu: '6' }))],
      nodePools: [cheap, heavy],
      types: [typeOf('m5.xlarge'), typeOf('m5.2xlarge', { cpuMilli: 8000 })],
    });
    t.strictSame(countsBy(plan, 'fits', poolName), { heavy: 2 });
    t.strictSame(countsBy(plan, 'large', poolName), { cheap: 1 });
  },
);

t.test('pools of equal weight compete on price', async (t) => {
  const only = (name: string, capacityType: string) =>
    poolOf(name, {
      requirements: [{ key: capacityTypeKey, operator: 'In', values: [capacityType] }],
    });
  const nodePools = [only('od', 'on-demand'), only('spot', 'spot')];
  const plan = planOf({ pods: podsOf('p', 1, specOf(small)), nodePools });
  t.strictSame(countsBy(plan, 'p', poolName), { spot: 1 });
});

t.test('what a limited pool cannot take overflows to the next weight', async (t) => {
  const nodePools = [
    poolOf('reserved', { weight: 50, limits: { cpu: '8' } }),
    poolOf('general', {
      requirements: [{ key: capacityTypeKey, operator: 'In', values: ['spot'] }],
    }),
    poolOf('never', { weight: 0 }),
  ];
  const plan = planOf({ pods: podsOf('p', 4, specOf({ cpu: '3' })), nodePools });
  const counts = countsBy(plan, 'p', poolName);
  t.equal(counts['reserved'], 2, 'steering fills the first choice');
  t.equal(plan.unserved.length, 0);
});

t.test('limits cap capacity, not requests, and count what the pool has already', async (t) => {
  const affinity = antiAffinity(hostKey, { app: 'p' });
  const pods = podsOf('p', 2, specOf({ cpu: '1500m' }, { affinity }));
  const types = [typeOf('m5.large', { cpuMilli: 2000 })];
  const plan = planOf({ pods, types, nodePools: [poolOf('default', { limits: { cpu: '3' } })] });
  t.equal(plan.bins.length, 1);
  t.equal(plan.unserved.length, 1);
  t.strictSame(
    plan.model.problem.limits.map(({ name, weight, max }) => [name, weight[0], max]),
    [['NodePool default: cpu 3', 1, 1]],
    'weights are divided by what they have in common',
  );
  const labels = { [poolKey]: 'default' };
  const full = nodeOf('n', { labels, allocatable: { cpu: '2' }, taints: [] });
  const spent = modelOf({
    pods: podsOf('p', 1, specOf({ cpu: '3' })),
    nodes: [full],
    nodePools: [poolOf('default', { limits: { cpu: '5' } })],
  });
  t.match(reasonsOf(spent)['default/p-0'], /6 by limits \(NodePool default cpu 5\)/);
});

t.test('nodes and extended resources can be limited too', async (t) => {
  const affinity = antiAffinity(hostKey, { app: 'p' });
  const pods = podsOf('p', 3, specOf(small, { affinity }));
  const nodes = planOf({ pods, nodePools: [poolOf('default', { limits: { nodes: '2' } })] });
  t.equal(nodes.bins.length, 2);
  const gpu = planOf({
    pods: podsOf('g', 3, specOf({ 'nvidia.com/gpu': '1' })),
    types: [typeOf('g5.xlarge', { resources: { 'nvidia.com/gpu': 1 } })],
    nodePools: [poolOf('default', { limits: { 'nvidia.com/gpu': '2' } })],
  });
  t.equal(gpu.bins.length, 2);
  t.equal(gpu.unserved.length, 1);
  const most = planOf({ pods, options: { maxNodes: 1 } });
  t.equal(most.bins.length, 1);
});

t.test('under limits higher priorities are served first', async (t) => {
  const nodePools = [poolOf('default', { limits: { nodes: '1' } })];
  const spec = specOf({ cpu: '3' });
  const plan = planOf({
    pods: [...podsOf('low', 1, spec), ...podsOf('high', 1, spec, { priority: 10 })],
    nodePools,
  });
  t.strictSame(
    plan.bins.map(({ pods }) => pods),
    [['high-0']],
  );
  t.equal(plan.model.problem.familyCount, 2);
  const free = planOf({
    pods: [...podsOf('low', 1, spec), ...podsOf('high', 1, spec, { priority: 10 })],
  });
  t.equal(free.model.problem.familyCount, 1, 'without scarcity priority tells nobody apart');
  t.strictSame(free.model.families[0]!.pods, [1, 0], 'but serves the higher one first');
});

t.test('pools that launch nothing are noted and left aside', async (t) => {
  const cases: [string, PoolShape, RegExp][] = [
    ['static', { replicas: 2 }, /static/],
    ['leaving', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, /being deleted/],
    ['unready', { status: { conditions: [{ type: 'Ready', status: 'False' }] } }, /not Ready/],
  ];
  for (const [name, shape, note] of cases) {
    const model = modelOf({
      pods: podsOf('p', 1, specOf(small)),
      nodePools: [poolOf(name, shape)],
    });
    t.equal(model.problem.offeringCount, 0);
    t.match(model.notes.join('\n'), note);
  }
});

t.test('requirements of a pool filter types, zones and capacity types', async (t) => {
  const types = ['2', '4', '8', '16'].map((cpu) =>
    typeOf(`m5.${cpu}`, { cpuMilli: Number(cpu) * 1000 }),
  );
  const count = (...requirements: NonNullable<PoolShape['requirements']>) =>
    modelOf({
      types,
      pods: podsOf('p', 1, specOf(small)),
      nodePools: [poolOf('p', { requirements })],
    }).problem.offeringCount;
  const cpu = 'karpenter.k8s.aws/instance-cpu';
  t.equal(count({ key: cpu, operator: 'Gt', values: ['4'] }), 12);
  t.equal(count({ key: cpu, operator: 'Gte', values: ['4'] }), 18);
  t.equal(count({ key: cpu, operator: 'Lt', values: ['4'] }), 6);
  t.equal(count({ key: cpu, operator: 'Lte', values: ['4'] }), 12);
  t.equal(count({ key: cpu, operator: 'NotIn', values: ['4'] }), 18);
  t.equal(count({ key: zoneKey, operator: 'In', values: ['test-1a'] }), 8);
  t.equal(count({ key: 'karpenter.k8s.aws/instance-gpu-name', operator: 'DoesNotExist' }), 24);
  t.equal(count({ key: 'karpenter.k8s.aws/instance-gpu-name', operator: 'Exists' }), 0);
  t.equal(
    count({ key: 'karpenter.k8s.aws/ec2nodeclass', operator: 'In', values: ['default'] }),
    24,
  );
});

t.test('DaemonSets take their share of each offering that they will run on', async (t) => {
  const daemonSets = [
    daemonSetOf('agent', specOf({ cpu: '500m', memory: '1Gi' })),
    daemonSetOf('gpu', specOf({ cpu: '1' }, { nodeSelector: { 'example.com/gpu': 'true' } })),
    daemonSetOf('arm', specOf({ cpu: '1' }, { nodeSelector: { 'kubernetes.io/arch': 'arm64' } })),
    daemonSetOf(
      'late',
      specOf({ cpu: '100m' }, { nodeSelector: { 'karpenter.sh/registered': 'true' } }),
    ),
  ];
  const arm = typeOf('arm.xlarge', { labels: { 'kubernetes.io/arch': 'arm64' } });
  const model = modelOf({
    pods: podsOf('p', 1, specOf(small)),
    types: [typeOf('m5.xlarge'), arm],
    daemonSets,
  });
  const rooms = new Map(
    model.offerings.map((one, o) => [
      one.kind === 'new' ? one.instanceType : '',
      Array.from(model.problem.capacity.slice(o * 4, o * 4 + 4)),
    ]),
  );
  t.strictSame(rooms.get('m5.xlarge'), [3400, 15360, 17408, 56]);
  t.strictSame(rooms.get('arm.xlarge'), [2400, 15360, 17408, 55]);
  const [first] = model.offerings;
  t.strictSame(first?.kind === 'new' ? first.daemonSets : [], [
    'kube-system/agent',
    'kube-system/late',
  ]);
});

t.test('DaemonSets that do not tolerate a pool’s taints take nothing there', async (t) => {
  const taints = [{ key: 'team', effect: 'NoSchedule' as const }];
  const tolerations = [{ key: 'team', operator: 'Exists' as const }];
  const model = modelOf({
    pods: podsOf('p', 1, specOf(small, { tolerations })),
    nodePools: [poolOf('tainted', { taints })],
    daemonSets: [daemonSetOf('agent', specOf({ cpu: '1' }))],
  });
  t.equal(model.problem.capacity[0], 4000);
});

t.test('a DaemonSet forces a larger type, and one that is too large leaves nothing', async (t) => {
  const types = [typeOf('m5.xlarge'), typeOf('m5.2xlarge', { cpuMilli: 8000 })];
  const pods = podsOf('p', 1, specOf({ cpu: '3' }));
  const larger = planOf({ pods, types, daemonSets: [daemonSetOf('d', specOf({ cpu: '2' }))] });
  t.strictSame(larger.bins.map(typeName), ['m5.2xlarge']);
  const none = planOf({ pods, types, daemonSets: [daemonSetOf('d', specOf({ cpu: '100' }))] });
  t.match(
    none.reasons['default/p-0'],
    /DaemonSets leave no room on 12 offerings of NodePool default/,
  );
});

t.test('minValues leaves a choice of types that all hold the pods', async (t) => {
  const key = 'karpenter.k8s.aws/instance-family';
  const types = [
    typeOf('a.small', { cpuMilli: 2000 }),
    typeOf('b.small', { cpuMilli: 2000, memoryMiB: 8192 }),
    typeOf('c.big', { cpuMilli: 16000, memoryMiB: 65536 }),
  ];
  const cluster = (minValues: number, cpu: string) => ({
    types,
    pods: podsOf('p', 1, specOf({ cpu })),
    nodePools: [poolOf('p', { requirements: [{ key, operator: 'Exists' as const, minValues }] })],
  });
  const two = modelOf(cluster(2, '1'));
  const rooms = new Map(
    two.offerings.map((one, o) => [
      one.kind === 'new' ? one.instanceType : '',
      [two.problem.capacity[o * 4], two.problem.capacity[o * 4 + 1]],
    ]),
  );
  t.strictSame(rooms.get('a.small'), [2000, 16384], 'c.big holds all that a.small holds');
  t.strictSame(rooms.get('c.big'), [2000, 16384], 'c.big may hold no more than the next type');
  t.strictSame(two.problem.boundCapacity[0], 2000);
  t.ok(two.problem.boundCapacity.includes(16000), 'the bound keeps the type as it is');
  t.match(reasonsOf(modelOf(cluster(2, '3')))['default/p-0'], /minValues/);
  t.equal(modelOf(cluster(3, '1')).problem.offeringCount, 18);
  t.equal(modelOf(cluster(4, '1')).problem.offeringCount, 0);
  const relaxed = modelOf({ ...cluster(4, '3'), options: { minValuesPolicy: 'BestEffort' } });
  t.equal(relaxed.problem.familyCount, 1);
  t.match(relaxed.notes.join(), /BestEffort/);
});

t.test('minValues counts only types that admit the pods', async (t) => {
  const key = 'node.kubernetes.io/instance-type';
  const arm = { 'kubernetes.io/arch': 'arm64' };
  const types = [
    typeOf('a', { labels: arm }),
    typeOf('b'),
    typeOf('c'),
    typeOf('d', { labels: arm, cpuMilli: 8000 }),
  ];
  const nodePools = [
    poolOf('p', { requirements: [{ key, operator: 'Exists' as const, minValues: 3 }] }),
  ];
  const armed = specOf(small, { nodeSelector: arm });
  const model = modelOf({ types, nodePools, pods: podsOf('arm', 1, armed) });
  t.match(reasonsOf(model)['default/arm-0'], /minValues/);
  const both = modelOf({
    types,
    nodePools,
    pods: [...podsOf('arm', 1, armed), ...podsOf('any', 1, specOf(small))],
  });
  t.strictSame(
    both.unschedulable.map(({ pod }) => pod),
    [0],
  );
});

t.test('per-node cost and risk steer, and are not money', async (t) => {
  const model = modelOf({
    pods: podsOf('p', 1, specOf(small)),
    options: {
      nodeCostNano: 1000,
      riskNano: ({ capacityType, priceNano }) => (capacityType === 'spot' ? priceNano / 10 : 0),
    },
  });
  model.offerings.forEach((one, o) => {
    const isSpot = one.kind === 'new' && one.capacityType === 'spot';
    t.equal(model.problem.steerNano[o], isSpot ? 10_001_000 : 1000);
    t.equal(model.problem.priceNano[o], isSpot ? 100_000_000 : 200_000_000);
  });
});
