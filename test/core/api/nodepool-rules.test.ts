/** The rules that tie the fields of a NodePool together, as the API server applies them. */
import t from 'tap';
import type { NodePool, NodePoolRequirement, NodePoolSpec } from '../../../core/api/nodepool.ts';
import { nodePoolProblems } from '../../../core/api/nodepool-rules.ts';

interface Changes extends Partial<Omit<NodePoolSpec, 'template'>> {
  readonly requirements?: NodePoolRequirement[];
  readonly template?: Partial<NodePoolSpec['template']['spec']>;
  readonly labels?: Record<string, string>;
}

function fieldsOf({ requirements = [], template = {}, labels = {}, ...spec }: Changes): string[] {
  const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
  const pool: NodePool = {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name: 'p' },
    spec: {
      ...spec,
      template: { metadata: { labels }, spec: { nodeClassRef, requirements, ...template } },
    },
  };
  return nodePoolProblems(pool).map(({ field }) => field);
}

const requirement = (
  key: string,
  operator: NodePoolRequirement['operator'],
  ...values: string[]
): NodePoolRequirement => ({ key, operator, values });

const at = 'spec.template.spec.requirements[0]';

t.test('a pool like those of the getting-started guides is in order', async (t) => {
  t.strictSame(
    fieldsOf({
      weight: 10,
      limits: { cpu: 1000, nodes: 5 },
      labels: { team: 'a', 'karpenter.sh/capacity-type': 'spot' },
      disruption: {
        budgets: [{ nodes: '10%' }, { nodes: '0', schedule: '@daily', duration: '8h' }],
      },
      requirements: [
        requirement('kubernetes.io/arch', 'In', 'amd64', 'arm64'),
        requirement('karpenter.k8s.aws/instance-generation', 'Gt', '2'),
        requirement('karpenter.k8s.aws/instance-cpu', 'Lte', '64'),
        requirement('karpenter.sh/capacity-type', 'In', 'spot', 'on-demand'),
        requirement('example.com/rack', 'Exists'),
        {
          ...requirement('node.kubernetes.io/instance-type', 'In', 'm5.large', 'm5.xlarge'),
          minValues: 2,
        },
      ],
      template: {
        taints: [{ key: 'a', effect: 'NoSchedule' }],
        startupTaints: [{ key: 'a', effect: 'NoExecute' }],
      },
    }),
    [],
  );
});

t.test('labels that belong to the controllers are refused', async (t) => {
  for (const key of [
    'karpenter.sh/nodepool',
    'karpenter.sh/initialized',
    'karpenter.k8s.aws/made-up',
    'sub.karpenter.sh/x',
    'kubernetes.io/hostname',
  ]) {
    t.strictSame(fieldsOf({ labels: { [key]: 'x' } }), [`spec.template.metadata.labels["${key}"]`]);
    t.strictSame(fieldsOf({ requirements: [requirement(key, 'Exists')] }), [`${at}.key`]);
  }
  t.strictSame(fieldsOf({ labels: { 'node.kubernetes.io/anything': 'x' } }), []);
});

t.test('operators need the values that belong to them', async (t) => {
  t.strictSame(fieldsOf({ requirements: [requirement('a', 'In')] }), [`${at}.values`]);
  for (const operator of ['Gt', 'Lt', 'Gte', 'Lte'] as const) {
    t.strictSame(fieldsOf({ requirements: [requirement('a', operator)] }), [`${at}.values`]);
    t.strictSame(fieldsOf({ requirements: [requirement('a', operator, '1', '2')] }), [
      `${at}.values`,
    ]);
    t.strictSame(fieldsOf({ requirements: [requirement('a', operator, '-1')] }), [`${at}.values`]);
    t.strictSame(fieldsOf({ requirements: [requirement('a', operator, '1.5')] }), [`${at}.values`]);
  }
});

t.test('a capacity type or tenancy must be one that exists', async (t) => {
  t.strictSame(
    fieldsOf({ requirements: [requirement('karpenter.sh/capacity-type', 'In', 'Spot')] }),
    [`${at}.values`],
  );
  t.strictSame(
    fieldsOf({ requirements: [requirement('karpenter.k8s.aws/instance-tenancy', 'In', 'host')] }),
    [`${at}.values`],
  );
});

t.test('minValues cannot ask for more values than are listed', async (t) => {
  t.strictSame(fieldsOf({ requirements: [{ ...requirement('a', 'In', 'x'), minValues: 2 }] }), [
    `${at}.minValues`,
  ]);
});

t.test('a taint may not stand twice, in either list', async (t) => {
  const taint = { key: 'a', effect: 'NoSchedule' } as const;
  t.strictSame(fieldsOf({ template: { taints: [taint, { ...taint, value: 'x' }] } }), [
    'spec.template.spec.taints[1]',
  ]);
  t.strictSame(fieldsOf({ template: { taints: [taint], startupTaints: [taint] } }), [
    'spec.template.spec.startupTaints[0]',
  ]);
});

t.test('a static pool has no weight and limits only its nodes', async (t) => {
  t.strictSame(fieldsOf({ replicas: 3, limits: { nodes: 5 } }), []);
  t.strictSame(fieldsOf({ replicas: 3, weight: 1, limits: { cpu: 5 } }), [
    'spec.limits.cpu',
    'spec.weight',
  ]);
});

t.test('a budget has a schedule and a duration, or neither', async (t) => {
  t.strictSame(fieldsOf({ disruption: { budgets: [{ nodes: '1', duration: '1h' }] } }), [
    'spec.disruption.budgets[0].schedule',
  ]);
  t.strictSame(fieldsOf({ disruption: { budgets: [{ nodes: '1', schedule: '@daily' }] } }), [
    'spec.disruption.budgets[0].duration',
  ]);
});
