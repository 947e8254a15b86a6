/** How selectors, affinity, taints and labels enter the problem. */
import t from 'tap';
import type { PodSpec } from '../../../core/api/kubernetes.ts';
import {
  capacityTypeKey,
  hostKey,
  modelOf,
  nodeOf,
  podsOf,
  poolKey,
  poolOf,
  reasonsOf,
  specOf,
  typeOf,
  zoneKey,
} from '../../support/cluster-builders.ts';
import { planOf } from '../../support/model-plan.ts';

const small = { cpu: '100m', memory: '64Mi' };
type Expression = {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  values?: string[];
};

function required(...terms: Expression[][]): Partial<PodSpec> {
  return {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: terms.map((matchExpressions) => ({ matchExpressions })),
        },
      },
    },
  };
}

/** What a single pod with this spec can be put on, as `pool type zone capacity-type`. */
function placesOf(spec: Partial<PodSpec>, cluster: Parameters<typeof modelOf>[0] = {}): string[] {
  const { offerings } = modelOf({ pods: podsOf('p', 1, specOf(small, spec)), ...cluster });
  return offerings.map((one) =>
    one.kind === 'new'
      ? `${one.nodePool} ${one.instanceType} ${one.zone} ${one.capacityType}`
      : one.nodes.join(),
  );
}

const types = [
  typeOf('a.large', { zones: ['test-1a', 'test-1b'], cpuMilli: 2000 }),
  typeOf('b.large', {
    zones: ['test-1b'],
    cpuMilli: 8000,
    labels: { 'kubernetes.io/arch': 'arm64', 'karpenter.k8s.aws/instance-gpu-count': '1' },
  }),
];

t.test(
  'a node selector over labels of type, zone and capacity type leaves what it admits',
  async (t) => {
    const places = (nodeSelector: Record<string, string>) => placesOf({ nodeSelector }, { types });
    t.equal(places({}).length, 6);
    t.strictSame(places({ [zoneKey]: 'test-1a', [capacityTypeKey]: 'spot' }), [
      'default a.large test-1a spot',
    ]);
    t.strictSame(places({ 'kubernetes.io/arch': 'arm64', [capacityTypeKey]: 'on-demand' }), [
      'default b.large test-1b on-demand',
    ]);
    t.equal(places({ 'failure-domain.beta.kubernetes.io/zone': 'test-1a' }).length, 2, 'alias');
    t.equal(
      places({ [poolKey]: 'default', 'karpenter.k8s.aws/ec2nodeclass': 'default' }).length,
      6,
    );
    t.equal(places({ [poolKey]: 'other' }).length, 0);
  },
);

t.test('every operator of node affinity is honoured', async (t) => {
  const cpu = 'karpenter.k8s.aws/instance-cpu';
  const gpu = 'karpenter.k8s.aws/instance-gpu-count';
  const cases: [Expression, number][] = [
    [{ key: zoneKey, operator: 'In', values: ['test-1a', 'x'] }, 2],
    [{ key: zoneKey, operator: 'NotIn', values: ['test-1a'] }, 4],
    [{ key: gpu, operator: 'Exists' }, 2],
    [{ key: gpu, operator: 'DoesNotExist' }, 4],
    [{ key: gpu, operator: 'NotIn', values: ['1'] }, 4],
    [{ key: cpu, operator: 'Gt', values: ['2'] }, 2],
    [{ key: cpu, operator: 'Gt', values: ['0'] }, 6],
    [{ key: cpu, operator: 'Lt', values: ['8'] }, 4],
    [{ key: 'kubernetes.io/arch', operator: 'Gt', values: ['1'] }, 0],
    [{ key: gpu, operator: 'Lt', values: ['5'] }, 2],
    [{ key: 'undefined-key', operator: 'Exists' }, 0],
    [{ key: 'undefined-key', operator: 'In', values: ['x'] }, 0],
    [{ key: 'undefined-key', operator: 'NotIn', values: ['x'] }, 6],
    [{ key: 'undefined-key', operator: 'DoesNotExist' }, 6],
    [{ key: hostKey, operator: 'In', values: ['n'] }, 0],
    [{ key: 'node.kubernetes.io/windows-build', operator: 'Exists' }, 0],
  ];
  for (const [expression, count] of cases) {
    t.equal(placesOf(required([expression]), { types }).length, count, JSON.stringify(expression));
  }
});

t.test('terms are alternatives, their expressions all hold', async (t) => {
  const inZone = (zone: string): Expression => ({ key: zoneKey, operator: 'In', values: [zone] });
  const spot: Expression = { key: capacityTypeKey, operator: 'In', values: ['spot'] };
  const gpu: Expression = { key: 'karpenter.k8s.aws/instance-gpu-count', operator: 'Exists' };
  t.strictSame(placesOf(required([inZone('test-1a'), spot], [gpu]), { types }), [
    'default a.large test-1a spot',
    'default b.large test-1b on-demand',
    'default b.large test-1b spot',
  ]);
  t.equal(
    placesOf(required([]), { types }).length,
    0,
    'a term without expressions selects nothing',
  );
});

t.test('os and zone id are requirements like others', async (t) => {
  t.equal(placesOf({ os: { name: 'linux' } }, { types }).length, 6);
  t.equal(placesOf({ os: { name: 'windows' } }, { types }).length, 0);
  const nodeSelector = { 'topology.k8s.aws/zone-id': 'use1-az1' };
  const options = { zoneIds: new Map([['test-1a', 'use1-az1']]) };
  t.equal(placesOf({ nodeSelector }, { types, options }).length, 2);
  t.equal(placesOf({ nodeSelector }, { types }).length, 0, 'unknown ids are not guessed');
});

t.test('a name in matchFields admits that existing node and no new one', async (t) => {
  const byName = (operator: 'In' | 'NotIn'): Partial<PodSpec> => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchFields: [{ key: 'metadata.name', operator, values: ['n1'] }] },
          ],
        },
      },
    },
  });
  const nodes = [nodeOf('n1'), nodeOf('n2')];
  t.strictSame(placesOf(byName('In'), { nodes }), ['n1']);
  const others = placesOf(byName('NotIn'), { nodes });
  t.strictSame(others.slice(0, 1), ['n2']);
  t.equal(others.length, 7);
});

t.test('taints of a pool keep out who does not tolerate them', async (t) => {
  const taint = (effect: 'NoSchedule' | 'NoExecute' | 'PreferNoSchedule') =>
    poolOf('tainted', { taints: [{ key: 'team', value: 'red', effect }] });
  const count = (tolerations: PodSpec['tolerations'], pool = taint('NoSchedule')) =>
    placesOf({ tolerations: tolerations ?? [] }, { nodePools: [pool] }).length;
  t.equal(count([]), 0);
  t.equal(count([], taint('NoExecute')), 0);
  t.equal(count([], taint('PreferNoSchedule')), 6);
  const soft = modelOf({ nodePools: [taint('PreferNoSchedule')] });
  t.match(soft.notes.join(), /PreferNoSchedule are a preference and not weighed yet/);
  t.equal(count([{ key: 'team', operator: 'Exists' }]), 6);
  t.equal(count([{ operator: 'Exists' }]), 6);
  t.equal(count([{ key: 'team', value: 'red' }]), 6);
  t.equal(count([{ key: 'team', value: 'blue' }]), 0);
  t.equal(count([{ key: 'team', operator: 'Exists', effect: 'NoExecute' }]), 0);
  const startup = poolOf('startup', { startupTaints: [{ key: 'cni', effect: 'NoSchedule' }] });
  t.equal(count([], startup), 6, 'startup taints go away before pods come');
});

t.test('labels of the user are matched by what the pool gives its nodes', async (t) => {
  const label = poolOf('fixed', { labels: { team: 'red' } });
  const choice = poolOf('choice', {
    requirements: [{ key: 'team', operator: 'In', values: ['red', 'blue'] }],
  });
  const any = poolOf('any', { requirements: [{ key: 'team', operator: 'Exists' }] });
  const count = (pool: typeof label, ...values: string[]) =>
    placesOf(required([{ key: 'team', operator: 'In', values }]), { nodePools: [pool] }).length;
  t.equal(count(label, 'red'), 6);
  t.equal(count(label, 'blue'), 0);
  t.equal(count(choice, 'blue'), 6);
  t.equal(count(choice, 'green'), 0);
  t.equal(count(any, 'green'), 6);
});

t.test('pods that need different values of an open label get different nodes', async (t) => {
  const nodePools = [poolOf('any', { requirements: [{ key: 'team', operator: 'Exists' }] })];
  const of = (team: string) => podsOf(team, 2, specOf(small, { nodeSelector: { team } }));
  const plan = planOf({ pods: [...of('red'), ...of('blue')], nodePools });
  t.equal(plan.bins.length, 2);
  for (const { offering, pods } of plan.bins) {
    const team = offering.kind === 'new' ? offering.chosenLabels['team'] : undefined;
    t.ok(pods.every((name) => name.startsWith(team ?? '?')));
  }
});

t.test('a hard rule that is not modelled is a reason that names it', async (t) => {
  const labelSelector = { matchLabels: { app: 'x' } };
  const term = { topologyKey: zoneKey, labelSelector };
  const cases: [string, Partial<PodSpec>, RegExp][] = [
    [
      'affinity',
      { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
      /required pod affinity/,
    ],
    [
      'claim',
      { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] },
      /persistentVolumeClaim/,
    ],
    ['ephemeral', { volumes: [{ name: 'data', ephemeral: {} }] }, /ephemeral volumes/],
    ['dra', { resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }] }, /resourceClaims/],
    ['gang', { schedulingGroup: { podGroupName: 'g' } }, /schedulingGroup/],
    ['gate', { schedulingGates: [{ name: 'example.com/wait' }] }, /example.com\/wait/],
  ];
  const pods = cases.flatMap(([name, spec]) => podsOf(name, 1, specOf(small, spec)));
  pods.push(
    ...podsOf('volcano', 1, specOf(small), {
      annotations: { 'scheduling.k8s.io/group-name': 'g' },
    }),
  );
  const model = modelOf({ pods });
  const reasons = reasonsOf(model);
  for (const [name, , reason] of cases) {
    t.match(reasons[`default/${name}-0`], reason);
  }
  t.match(reasons['default/volcano-0'], /all-or-nothing/);
  t.equal(model.problem.familyCount, 0);
  t.equal(model.problem.offeringCount, 0);
});

t.test('reasons count what each rule excludes and name the nearest miss', async (t) => {
  const reason = (spec: PodSpec, cluster: Parameters<typeof modelOf>[0] = {}) =>
    reasonsOf(modelOf({ pods: podsOf('p', 1, spec), types, ...cluster }))['default/p-0'];
  t.equal(
    reason(specOf({ cpu: '400' })),
    'fits nowhere: of 6 offerings 6 by resources (needs 400 cpu, the largest that admits it has 8 cpu)',
  );
  t.match(
    reason(specOf({ cpu: '5' }, { nodeSelector: { [zoneKey]: 'test-1a' } })),
    /4 excluded by node selector or affinity, 2 by resources \(needs 5 cpu, .* has 2 cpu\)/,
  );
  t.match(reason(specOf({ 'nvidia.com/gpu': '1' })), /needs 1 nvidia.com\/gpu, .* has 0/);
  t.match(
    reason(specOf(small, { nodeSelector: { disk: 'ssd' } })),
    /node selector or affinity excludes NodePool default \(disk\)/,
  );
  const nodePools = [
    poolOf('red', { taints: [{ key: 'team', value: 'red', effect: 'NoSchedule' }] }),
  ];
  t.match(reason(specOf(small), { nodePools }), /taints not tolerated \(team=red:NoSchedule\)/);
  t.match(reason(specOf(small), { nodePools: [] }), /no NodePool launches nodes/);
  t.match(
    reason(specOf({ cpu: '7' }), { nodes: [nodeOf('n')], nodePools: [] }),
    /of 1 existing node 1 admit it and none has room/,
  );
});

t.test('pods that are nobody’s to place have a reason or a place', async (t) => {
  const spec = specOf(small);
  const model = modelOf({
    nodes: [nodeOf('n')],
    pods: [
      ...podsOf('done', 1, spec, { phase: 'Succeeded' }),
      ...podsOf('agent', 1, spec, { ownerKind: 'DaemonSet' }),
      ...podsOf('static', 1, spec, { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
      ...podsOf('bound', 1, spec, { nodeName: 'n', phase: 'Running' }),
      ...podsOf('ended', 1, spec, { nodeName: 'n', phase: 'Failed' }),
      ...podsOf('lost', 1, spec, { nodeName: 'gone', phase: 'Running' }),
    ],
  });
  t.match(reasonsOf(model), {
    'default/done-0': /has finished/,
    'default/agent-0': /DaemonSet/,
    'default/static-0': /static pod/,
  });
  t.strictSame(
    [...model.placed],
    [
      ['n', [3, 4]],
      ['gone', [5]],
    ],
  );
});
