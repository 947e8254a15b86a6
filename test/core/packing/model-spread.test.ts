/** How topology spread enters the problem, with Karpenter's behaviour as the measure. */
import t from 'tap';
import type { SnapshotPod } from '../../../core/state/snapshot.ts';
import {
  capacityTypeKey,
  hostKey,
  nodeOf,
  podsOf,
  poolOf,
  specOf,
  spreadOver,
  typeOf,
  zoneKey,
} from '../../support/cluster-builders.ts';
import {
  byCapacityType,
  byZone,
  countsBy,
  planOf,
  sortedCounts,
} from '../../support/model-plan.ts';

const small = { cpu: '100m', memory: '64Mi' };
const web = { app: 'web' };
type Spread = Parameters<typeof spreadOver>[2];

/** Pods spread over zones by their own label. */
function spreadPods(count: number, more: Spread = {}, spec: object = {}): SnapshotPod[] {
  const constraint = spreadOver(zoneKey, web, more);
  return podsOf('web', count, specOf(small, { topologySpreadConstraints: [constraint], ...spec }));
}

/** Bound pods that the spread counts, in the given zones. */
function standing(zones: readonly string[]) {
  const names = zones.map((zone, index) => `${zone}-${index}`);
  return {
    nodes: zones.map((zone, index) => nodeOf(names[index]!, { zone, allocatable: { cpu: '1' } })),
    bound: names.flatMap((nodeName) =>
      podsOf(`old-${nodeName}`, 1, specOf({ cpu: '1' }), {
        nodeName,
        phase: 'Running',
        labels: web,
      }),
    ),
  };
}

const onlyZones = (...values: string[]) => ({
  requirements: [{ key: zoneKey, operator: 'In' as const, values }],
});

t.test('zonal spread balances over the zones of the pool', async (t) => {
  const plan = planOf({ pods: spreadPods(4) });
  t.strictSame(sortedCounts(countsBy(plan, 'web', byZone)), [1, 1, 2]);
  const two = planOf({
    pods: spreadPods(4),
    nodePools: [poolOf('two', onlyZones('test-1a', 'test-1b'))],
  });
  t.strictSame(countsBy(two, 'web', byZone), { 'test-1a': 2, 'test-1b': 2 });
});

t.test('a label or requirement of the pool that fixes one zone leaves one domain', async (t) => {
  for (const pool of [
    poolOf('label', { labels: { [zoneKey]: 'test-1c' } }),
    poolOf('both', { ...onlyZones('test-1b', 'test-1c'), labels: { [zoneKey]: 'test-1c' } }),
  ]) {
    const plan = planOf({ pods: spreadPods(4), nodePools: [pool] });
    t.strictSame(countsBy(plan, 'web', byZone), { 'test-1c': 4 });
  }
});

t.test('zones of several pools are one set of domains', async (t) => {
  const plan = planOf({
    pods: spreadPods(4),
    nodePools: [poolOf('a', onlyZones('test-1a')), poolOf('b', onlyZones('test-1b'))],
  });
  t.strictSame(countsBy(plan, 'web', byZone), { 'test-1a': 2, 'test-1b': 2 });
});

t.test('pools of different weight serve the zones that only they reach', async (t) => {
  const plan = planOf({
    pods: spreadPods(4),
    nodePools: [
      poolOf('first', { ...onlyZones('test-1a'), weight: 10 }),
      poolOf('second', onlyZones('test-1a', 'test-1b')),
    ],
  });
  t.strictSame(countsBy(plan, 'web', byZone), { 'test-1a': 2, 'test-1b': 2 });
  const pools = plan.bins.map(({ zone, offering }) => [
    zone,
    offering.kind === 'new' ? offering.nodePool : '',
  ]);
  t.strictSame(Object.fromEntries(pools), { 'test-1a': 'first', 'test-1b': 'second' });
});

t.test('a zone that only existing nodes have counts, and holds the others back', async (t) => {
  const { nodes, bound } = standing(['test-1c']);
  const plan = planOf({
    pods: [...spreadPods(6), ...bound],
    nodes,
    nodePools: [poolOf('two', onlyZones('test-1a', 'test-1b'))],
  });
  t.strictSame(countsBy(plan, 'web', byZone), { 'test-1a': 2, 'test-1b': 2 });
  t.match(plan.reasons['default/web-5'], /topology spread over .*zone.* room for 4 of 6 pods/);
  t.equal(Object.keys(plan.reasons).length, 2);
});

t.test('a violated skew sends new pods to the least zones only', async (t) => {
  const { nodes, bound } = standing(['test-1a', 'test-1a', 'test-1a', 'test-1b']);
  const plan = planOf({ pods: [...spreadPods(2), ...bound], nodes });
  const counts = countsBy(plan, 'web', byZone);
  t.equal(counts['test-1a'], undefined);
  t.ok(counts['test-1c']! >= 1);
  t.equal(
    sortedCounts(counts).reduce((sum, one) => sum + one),
    2,
  );
});

t.test('a larger maxSkew allows a zone that is not the least', async (t) => {
  const { nodes, bound } = standing(['test-1a', 'test-1b', 'test-1c']);
  const plan = planOf({
    pods: [...spreadPods(5, { maxSkew: 5 }), ...bound],
    nodes,
    nodePools: [poolOf('one', onlyZones('test-1c'))],
  });
  t.strictSame(countsBy(plan, 'web', byZone), { 'test-1c': 5 });
});

t.test('minDomains that are not there keep the floor at zero', async (t) => {
  const nodePools = [poolOf('two', onlyZones('test-1a', 'test-1b'))];
  const short = planOf({ pods: spreadPods(3, { minDomains: 3 }), nodePools });
  t.strictSame(countsBy(short, 'web', byZone), { 'test-1a': 1, 'test-1b': 1 });
  t.match(short.reasons['default/web-2'], /fewer than minDomains/);
  const met = planOf({ pods: spreadPods(11, { minDomains: 3 }) });
  t.strictSame(sortedCounts(countsBy(met, 'web', byZone)), [3, 4, 4]);
  const below = planOf({ pods: spreadPods(11, { minDomains: 2 }) });
  t.strictSame(sortedCounts(countsBy(below, 'web', byZone)), [3, 4, 4]);
});

t.test('only bound, unfinished pods of the namespace with the labels count', async (t) => {
  const node = nodeOf('n', { zone: 'test-1a', allocatable: { cpu: '1' } });
  const at = { nodeName: 'n', phase: 'Running' };
  const none = specOf({ cpu: '1' });
  const plan = planOf({
    nodes: [node],
    pods: [
      ...spreadPods(2),
      ...podsOf('counted', 1, none, { ...at, labels: web }),
      ...podsOf('finished', 3, none, { ...at, labels: web, phase: 'Succeeded' }),
      ...podsOf('elsewhere', 3, specOf({}), { ...at, labels: web, namespace: 'other' }),
      ...podsOf('unlike', 3, specOf({}), { ...at, labels: { app: 'other' } }),
    ],
  });
  t.strictSame(countsBy(plan, 'web', byZone), { 'test-1b': 1, 'test-1c': 1 });
});

t.test('a spread without selector counts nothing and holds nothing back', async (t) => {
  const plan = planOf({
    pods: podsOf(
      'web',
      5,
      specOf(small, {
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: zoneKey, whenUnsatisfiable: 'DoNotSchedule' },
        ],
      }),
    ),
    types: [typeOf('m5.xlarge', { zones: ['test-1a', 'test-1b'] })],
  });
  t.equal(plan.unserved.length, 0);
  t.strictSame(plan.reasons, {});
});

t.test('an unknown topology key is a reason, not a plan', async (t) => {
  const pods = podsOf(
    'web',
    1,
    specOf(small, { topologySpreadConstraints: [spreadOver('example.com/rack', web)] }),
  );
  t.match(planOf({ pods }).reasons['default/web-0'], /spread over example.com\/rack/);
});

t.test('hostname spread bounds the pods of one node', async (t) => {
  const pods = (maxSkew: number) =>
    podsOf(
      'web',
      4,
      specOf(small, { topologySpreadConstraints: [spreadOver(hostKey, web, { maxSkew })] }),
    );
  t.equal(planOf({ pods: pods(1) }).bins.length, 4);
  t.equal(planOf({ pods: pods(4) }).bins.length, 1);
});

t.test('deployments with a hostname spread each share nodes', async (t) => {
  const deployment = (app: string) =>
    podsOf(app, 2, specOf(small, { topologySpreadConstraints: [spreadOver(hostKey, { app })] }));
  t.equal(planOf({ pods: [...deployment('a'), ...deployment('b')] }).bins.length, 2);
});

t.test('one hostname spread over two families is one quota', async (t) => {
  const constraint = spreadOver(hostKey, web, { maxSkew: 2 });
  const pods = [
    ...podsOf('x', 2, specOf(small, { topologySpreadConstraints: [constraint] }), { labels: web }),
    ...podsOf('y', 2, specOf({ cpu: '200m' }, { topologySpreadConstraints: [constraint] }), {
      labels: web,
    }),
  ];
  const plan = planOf({ pods });
  t.ok(plan.bins.every((bin) => bin.pods.length <= 2));
  t.equal(plan.model.problem.resourceNames.length, 5, 'the quota is a dimension');
});

t.test('capacity types are spread like zones', async (t) => {
  const pods = (count: number) =>
    podsOf(
      'web',
      count,
      specOf(small, { topologySpreadConstraints: [spreadOver(capacityTypeKey, web)] }),
    );
  t.strictSame(countsBy(planOf({ pods: pods(4) }), 'web', byCapacityType), {
    'on-demand': 2,
    spot: 2,
  });
  const spot = poolOf('spot', {
    requirements: [{ key: capacityTypeKey, operator: 'In', values: ['spot'] }],
  });
  const plan = planOf({ pods: pods(4), nodePools: [spot] });
  t.strictSame(countsBy(plan, 'web', byCapacityType), { spot: 4 });
});

t.test('zone, capacity type and hostname hold at once', async (t) => {
  const pods = podsOf(
    'web',
    12,
    specOf(small, {
      topologySpreadConstraints: [
        spreadOver(zoneKey, web),
        spreadOver(capacityTypeKey, web),
        spreadOver(hostKey, web, { maxSkew: 3 }),
      ],
    }),
  );
  const plan = planOf({ pods });
  t.strictSame(sortedCounts(countsBy(plan, 'web', byZone)), [4, 4, 4]);
  t.strictSame(sortedCounts(countsBy(plan, 'web', byCapacityType)), [6, 6]);
  t.ok(plan.bins.every((bin) => bin.pods.length <= 3));
  t.equal(plan.model.problem.classCount, 6);
});

t.test('values of a label that a pool leaves open are domains', async (t) => {
  const key = 'capacity-spread';
  const choice = (name: string, capacityType: string, values: string[]) =>
    poolOf(name, {
      requirements: [
        { key: capacityTypeKey, operator: 'In', values: [capacityType] },
        { key, operator: 'In', values },
      ],
    });
  const plan = planOf({
    pods: podsOf('web', 20, specOf(small, { topologySpreadConstraints: [spreadOver(key, web)] })),
    nodePools: [choice('spot', 'spot', ['2', '3', '4', '5']), choice('od', 'on-demand', ['1'])],
  });
  t.strictSame(countsBy(plan, 'web', byCapacityType), { 'on-demand': 4, spot: 16 });
  const labels = plan.bins.map(({ offering }) =>
    offering.kind === 'new' ? offering.chosenLabels : {},
  );
  t.strictSame(labels.map((one) => one[key] ?? '1').sort(), ['1', '2', '3', '4', '5']);
});

t.test('matchLabelKeys keep revisions apart', async (t) => {
  const spec = specOf(small, {
    topologySpreadConstraints: [
      spreadOver(hostKey, web, { matchLabelKeys: ['pod-template-hash', 'unknown'] }),
    ],
  });
  const revision = (hash: string) =>
    podsOf(`web-${hash}`, 2, spec, { labels: { ...web, 'pod-template-hash': hash } });
  t.equal(planOf({ pods: [...revision('x'), ...revision('y')] }).bins.length, 2);
});

t.test(
  'nodeAffinityPolicy decides whether nodes that the pod cannot use are domains',
  async (t) => {
    const labels = { team: 'other' };
    const nodes = [nodeOf('n', { zone: 'test-1z', labels })];
    const nodePools = [poolOf('team', { labels: { team: 'ours' }, ...onlyZones('test-1a') })];
    const count = (nodeAffinityPolicy: 'Honor' | 'Ignore') => {
      const pods = spreadPods(5, { nodeAffinityPolicy }, { nodeSelector: { team: 'ours' } });
      return sortedCounts(countsBy(planOf({ pods, nodes, nodePools }), 'web', byZone));
    };
    t.strictSame(count('Ignore'), [1]);
    t.strictSame(count('Honor'), [5]);
  },
);

t.test('nodeTaintsPolicy decides whether tainted nodes and pools are domains', async (t) => {
  const taints = [{ key: 'gpu', effect: 'NoSchedule' as const }];
  const open = poolOf('open', onlyZones('test-1a'));
  const byNode = { nodes: [nodeOf('n', { zone: 'test-1b', taints })], nodePools: [open] };
  const byPool = { nodePools: [open, poolOf('gpu', { taints, ...onlyZones('test-1b') })] };
  for (const cluster of [byNode, byPool]) {
    const count = (more: Spread) =>
      sortedCounts(countsBy(planOf({ pods: spreadPods(5, more), ...cluster }), 'web', byZone));
    t.strictSame(count({}), [1], 'Ignore is the default');
    t.strictSame(count({ nodeTaintsPolicy: 'Honor' }), [5]);
  }
});

t.test('a zone in the node selector or required affinity is the only domain', async (t) => {
  const selected = planOf({ pods: spreadPods(5, {}, { nodeSelector: { [zoneKey]: 'test-1b' } }) });
  t.strictSame(countsBy(selected, 'web', byZone), { 'test-1b': 5 });
  const term = { key: zoneKey, operator: 'In' as const, values: ['test-1a', 'test-1b'] };
  const affine = planOf({
    pods: spreadPods(
      6,
      {},
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [term] }],
            },
          },
        },
      },
    ),
  });
  t.strictSame(countsBy(affine, 'web', byZone), { 'test-1a': 3, 'test-1b': 3 });
});

t.test('a preferred zone and ScheduleAnyway do not limit domains, and are noted', async (t) => {
  const preference = { matchExpressions: [{ key: zoneKey, operator: 'Exists' as const }] };
  const plan = planOf({
    pods: podsOf(
      'web',
      6,
      specOf(small, {
        topologySpreadConstraints: [
          spreadOver(zoneKey, web),
          { ...spreadOver(hostKey, web), whenUnsatisfiable: 'ScheduleAnyway' },
        ],
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }],
          },
        },
      }),
    ),
  });
  t.strictSame(sortedCounts(countsBy(plan, 'web', byZone)), [2, 2, 2]);
  t.equal(plan.model.notes.filter((note) => note.includes('not weighed yet')).length, 2);
});

t.test('counted pods without the rule are spread too if they can be, else noted', async (t) => {
  const carriers = spreadPods(3);
  const free = podsOf('free', 6, specOf(small), { labels: web });
  const joint = planOf({ pods: [...carriers, ...free] });
  t.strictSame(sortedCounts(countsBy(joint, '', byZone)), [3, 3, 3]);
  t.strictSame(
    joint.model.problem.domainGroups.map(({ boundSafe }) => boundSafe),
    [false],
  );
  const pinnedSpec = specOf(small, { nodeSelector: { [zoneKey]: 'test-1a' } });
  const pinned = podsOf('pinned', 9, pinnedSpec, { labels: web });
  const apart = planOf({ pods: [...carriers, ...pinned] });
  t.strictSame(countsBy(apart, 'web', byZone), { 'test-1a': 1, 'test-1b': 1, 'test-1c': 1 });
  t.equal(apart.unserved.length + Object.keys(apart.reasons).length, 0);
  t.ok(apart.model.notes.some((note) => note.includes('bound after')));
});
