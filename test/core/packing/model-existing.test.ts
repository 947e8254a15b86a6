/** How nodes that stand already, with their pods, enter the problem. */
import t from 'tap';
import type { Node, PodSpec } from '../../../core/api/kubernetes.ts';
import {
  antiAffinity,
  daemonSetOf,
  hostKey,
  modelOf,
  nodeOf,
  podsOf,
  poolKey,
  poolOf,
  reasonsOf,
  specOf,
  spreadOver,
  typeOf,
} from '../../support/cluster-builders.ts';
import { planOf } from '../../support/model-plan.ts';

const small = { cpu: '100m', memory: '64Mi' };
const running = { phase: 'Running' };
const pods = podsOf('p', 1, specOf(small));

/** Names of existing nodes that may take the pods. */
function openNodes(nodes: readonly Node[], more: Parameters<typeof modelOf>[0] = {}): string[] {
  const { offerings } = modelOf({ pods, nodes, ...more });
  return offerings.flatMap((one) => (one.kind === 'existing' ? one.nodes : []));
}

t.test('existing nodes cost nothing and are used first', async (t) => {
  const plan = planOf({ pods: podsOf('p', 3, specOf({ cpu: '3' })), nodes: [nodeOf('n')] });
  t.equal(plan.bins.filter(({ node }) => node === 'n').length, 1);
  t.equal(plan.bins.length, 3);
  t.equal(plan.costNano, 2 * 100_000_000);
});

t.test('free room is what bound pods and missing DaemonSets leave', async (t) => {
  const daemonSets = [
    daemonSetOf('here', specOf({ cpu: '200m' })),
    daemonSetOf('coming', specOf({ cpu: '300m', memory: '1Gi' })),
    daemonSetOf('elsewhere', specOf({ cpu: '1' }, { nodeSelector: { disk: 'ssd' } })),
  ];
  const bound = [
    ...podsOf('web', 2, specOf({ cpu: '500m', memory: '1Gi' }), { ...running, nodeName: 'n' }),
    ...podsOf('done', 1, specOf({ cpu: '2' }), { phase: 'Succeeded', nodeName: 'n' }),
    ...podsOf('here', 1, specOf({ cpu: '200m' }), {
      ...running,
      nodeName: 'n',
      namespace: 'kube-system',
      ownerKind: 'DaemonSet',
    }),
  ];
  const model = modelOf({ pods: [...pods, ...bound], nodes: [nodeOf('n')], daemonSets });
  t.strictSame(
    model.problem.capacity.slice(0, 4),
    Float64Array.of(4000 - 1000 - 200 - 300, 16384 - 2048 - 1024, 0, 58 - 2 - 1 - 1),
  );
  t.strictSame(model.placed.get('n'), [1, 2, 3, 4]);
});

t.test('a node is closed by its taints, cordon, disruption and deletion', async (t) => {
  const taint = (key: string) => ({ taints: [{ key, effect: 'NoSchedule' as const }] });
  const nodes = [
    nodeOf('open'),
    nodeOf('tainted', taint('team')),
    nodeOf('cordoned', { unschedulable: true }),
    nodeOf('not-ready', taint('node.kubernetes.io/not-ready')),
    nodeOf('unreachable', taint('node.kubernetes.io/unreachable')),
    nodeOf('disrupted', taint('karpenter.sh/disrupted')),
    nodeOf('leaving', { metadata: { name: 'leaving', deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    nodeOf('full', { allocatable: { pods: '0' } }),
    nodeOf('small', { allocatable: { cpu: '50m' } }),
  ];
  t.strictSame(openNodes(nodes), ['open']);
  const tolerant = podsOf('p', 1, specOf(small, { tolerations: [{ operator: 'Exists' }] }));
  t.strictSame(openNodes(nodes, { pods: tolerant }).sort(), [
    'cordoned',
    'not-ready',
    'open',
    'tainted',
    'unreachable',
  ]);
});

t.test('a starting node of a pool is not held to taints that it will shed', async (t) => {
  const nodePools = [poolOf('default', { startupTaints: [{ key: 'cni', effect: 'NoSchedule' }] })];
  const taints = [
    { key: 'karpenter.sh/unregistered', effect: 'NoExecute' as const },
    { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' as const },
    { key: 'cni', effect: 'NoSchedule' as const },
  ];
  const node = (labels: Record<string, string>) => nodeOf('n', { taints, labels });
  t.strictSame(openNodes([node({ [poolKey]: 'default' })], { nodePools }), ['n']);
  const initialized = { [poolKey]: 'default', 'karpenter.sh/initialized': 'true' };
  t.strictSame(openNodes([node(initialized)], { nodePools }), []);
  t.strictSame(openNodes([node({})], { nodePools }), [], 'a node of nobody’s pool');
});

t.test('a starting node has what its type has until it says so itself', async (t) => {
  const type = typeOf('g5.xlarge', { resources: { 'nvidia.com/gpu': 1 } });
  const labels = { [poolKey]: 'default', 'node.kubernetes.io/instance-type': 'g5.xlarge' };
  const gpu = podsOf('p', 1, specOf({ 'nvidia.com/gpu': '1' }));
  const allocatable = { 'nvidia.com/gpu': '0' };
  const count = (more: Record<string, string>) =>
    openNodes([nodeOf('n', { labels: { ...labels, ...more }, allocatable })], {
      pods: gpu,
      types: [type],
    });
  t.strictSame(count({}), ['n']);
  t.strictSame(count({ 'karpenter.sh/initialized': 'true' }), []);
});

t.test('real labels are matched strictly', async (t) => {
  const nodes = [nodeOf('n', { labels: { disk: 'ssd' } })];
  const of = (nodeSelector: Record<string, string>) =>
    openNodes(nodes, { pods: podsOf('p', 1, specOf(small, { nodeSelector })) });
  t.strictSame(of({ disk: 'ssd' }), ['n']);
  t.strictSame(of({ [hostKey]: 'n' }), ['n']);
  t.strictSame(of({ 'node.kubernetes.io/instance-type': 'm5.xlarge' }), [], 'label is not there');
});

t.test(
  'pods of a node that is being deleted are placed anew, DaemonSet pods are not',
  async (t) => {
    const node = nodeOf('leaving', {
      metadata: { name: 'leaving', deletionTimestamp: '2026-01-01T00:00:00Z' },
    });
    const model = modelOf({
      nodes: [node],
      pods: [
        ...podsOf('web', 1, specOf(small), { ...running, nodeName: 'leaving' }),
        ...podsOf('agent', 1, specOf(small), {
          ...running,
          nodeName: 'leaving',
          ownerKind: 'DaemonSet',
        }),
      ],
    });
    t.strictSame(
      model.families.map(({ pods: own }) => own),
      [[0]],
    );
    t.strictSame(model.placed.get('leaving'), [1]);
    t.match(model.notes.join(), /1 pods of nodes that are being deleted/);
  },
);

t.test(
  'alike nodes are one offering; more kinds than allowed merge by what they share',
  async (t) => {
    const alike = ['a', 'b', 'c'].map((name) => nodeOf(name));
    const one = modelOf({ pods, nodes: alike, nodePools: [] });
    t.equal(one.problem.offeringCount, 1);
    t.strictSame([...one.problem.available], [3]);
    const nodes = Array.from({ length: 40 }, (_, index) =>
      nodeOf(`n${index}`, {
        allocatable: { cpu: String(1 + (index % 20)), memory: `${1 + (index % 7)}Gi` },
        labels: index % 10 === 0 ? { disk: 'ssd' } : {},
      }),
    );
    const more = podsOf('ssd', 1, specOf(small, { nodeSelector: { disk: 'ssd' } }));
    const limited = { pods: [...pods, ...more], nodes, nodePools: [] };
    const apart = modelOf(limited);
    t.ok(apart.problem.offeringCount > 20);
    const merged = modelOf({ ...limited, options: { maxExistingGroups: 8 } });
    t.ok(merged.problem.offeringCount <= 8);
    const names = merged.offerings.flatMap((offering) =>
      offering.kind === 'existing' ? offering.nodes : [],
    );
    t.equal(new Set(names).size, 40, 'every node is in one group');
    merged.offerings.forEach((offering, o) => {
      for (const name of offering.kind === 'existing' ? offering.nodes : []) {
        const index = Number(name.slice(1));
        const cpu = (1 + (index % 20)) * 1000;
        t.ok(merged.problem.capacity[o * 4]! <= cpu && cpu <= merged.problem.boundCapacity[o * 4]!);
        if (index % 10 !== 0) {
          const mask = merged.problem.maskOf[o]! * merged.problem.classCount;
          const ssd = merged.families.findIndex(({ pods: own }) => own.includes(1));
          t.equal(merged.problem.masks[mask + ssd], 0, 'no plan puts an ssd pod there');
        }
      }
    });
  },
);

t.test('rounding makes plans a little stricter and bounds a little looser', async (t) => {
  const model = modelOf({
    pods: podsOf('p', 1, specOf({ cpu: '1', memory: '500M' })),
    nodes: [nodeOf('n', { allocatable: { memory: '1G' } })],
  });
  const { request, boundRequest, capacity, boundCapacity } = model.problem;
  t.strictSame([request[1], boundRequest[1]], [477, 476]);
  t.strictSame([capacity[1], boundCapacity[1]], [953, 954]);
  const whole = modelOf({ pods, nodes: [nodeOf('n')] });
  t.equal(whole.problem.request, whole.problem.boundRequest, 'one array where both agree');
  t.equal(whole.problem.capacity, whole.problem.boundCapacity);
  t.equal(whole.problem.masks, whole.problem.boundMasks);
  const odd = modelOf({ pods, nodes: [nodeOf('n', { allocatable: { memory: '1G' } })] });
  t.equal(
    odd.problem.capacity[1],
    953,
    'pods that ask for whole MiB have no use for a part of one',
  );
  t.equal(odd.problem.capacity, odd.problem.boundCapacity);
});

t.test('a pod that fits an existing node needs no pool', async (t) => {
  const plan = planOf({ pods, nodes: [nodeOf('n')], nodePools: [] });
  t.strictSame(
    plan.bins.map(({ node }) => node),
    ['n'],
  );
  const none = modelOf({ pods, nodePools: [] });
  t.match(reasonsOf(none)['default/p-0'], /no NodePool launches nodes/);
});

t.test('a pod that is being deleted holds its node and is not planned for', async (t) => {
  const going = { deletionMs: Date.UTC(2026, 0) };
  const bound = podsOf('old', 1, specOf({ cpu: '3' }), { ...running, nodeName: 'n', ...going });
  const unbound = podsOf('lost', 1, specOf({ cpu: '1' }), going);
  const plan = planOf({
    pods: [...podsOf('p', 1, specOf({ cpu: '2' })), ...bound, ...unbound],
    nodes: [nodeOf('n')],
  });
  t.strictSame(
    plan.bins.map(({ node, pods: names }) => [node, names]),
    [['', ['p-0']]],
    'the node has one cpu left',
  );
  t.strictSame(plan.reasons, { 'default/lost-0': 'is being deleted' });
  t.strictSame(plan.model.placed, new Map([['n', [1]]]));
});

t.test('a pod that is being deleted does not move off a node that goes', async (t) => {
  const metadata = { name: 'n', deletionTimestamp: '2026-01-01T00:00:00Z' };
  const onNode = { ...running, nodeName: 'n' };
  const { families, placed, notes } = modelOf({
    pods: [
      ...podsOf('stays', 1, specOf(small), { ...onNode, deletionMs: 1 }),
      ...podsOf('moves', 1, specOf(small), onNode),
    ],
    nodes: [nodeOf('n', { metadata })],
  });
  t.strictSame(
    families.map((family) => family.pods),
    [[1]],
  );
  t.strictSame(placed, new Map([['n', [0]]]));
  t.ok(notes.includes('1 pods of nodes that are being deleted are placed anew'));
});

t.test('spread rules do not count pods that are being deleted, anti-affinity does', async (t) => {
  const web = { app: 'web' };
  const old = (deletionMs: number) =>
    podsOf('web-old', 1, specOf(small), { ...running, nodeName: 'n', labels: web, deletionMs });
  const nodeFor = (spec: PodSpec, deletionMs: number) =>
    planOf({
      pods: [...podsOf('web', 1, spec), ...old(deletionMs)],
      nodes: [nodeOf('n')],
    }).bins[0]?.node;
  const spread = specOf(small, { topologySpreadConstraints: [spreadOver(hostKey, web)] });
  t.equal(nodeFor(spread, 0), '');
  t.equal(nodeFor(spread, 1), 'n');
  const apart = specOf(small, { affinity: antiAffinity(hostKey, web) });
  t.equal(nodeFor(apart, 1), '');
});
