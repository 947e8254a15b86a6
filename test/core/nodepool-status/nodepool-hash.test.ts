/** The hash of a NodePool's template: what changes it and what does not. */
import t from 'tap';
import type { NodePool, NodePoolTemplateSpec } from '../../../core/api/nodepool.ts';
import { nodePoolHash } from '../../../core/nodepool-status/nodepool-hash.ts';
import { poolOf } from '../../support/cluster-builders.ts';

const taint = { key: 'dedicated', value: 'batch', effect: 'NoSchedule' } as const;
const other = { key: 'team', effect: 'NoExecute' } as const;
const base = poolOf('batch', { labels: { team: 'a', tier: 'b' }, taints: [taint, other] });

function withTemplate(change: Partial<NodePoolTemplateSpec>): NodePool {
  const { template } = base.spec;
  const spec = { ...template.spec, ...change };
  return { ...base, spec: { ...base.spec, template: { ...template, spec } } };
}

t.test('it is an unsigned decimal, and the same for the same', async (t) => {
  t.match(nodePoolHash(base), /^[0-9]{10,20}$/);
  t.equal(nodePoolHash(structuredClone(base)), nodePoolHash(base));
});

t.test(
  'order of labels and taints does not matter, nor does the mention of defaults',
  async (t) => {
    t.equal(
      nodePoolHash(poolOf('batch', { labels: { tier: 'b', team: 'a' }, taints: [other, taint] })),
      nodePoolHash(base),
    );
    t.equal(nodePoolHash(withTemplate({ startupTaints: [] })), nodePoolHash(base));
    t.equal(nodePoolHash(withTemplate({ taints: [taint, other, taint] })), nodePoolHash(base));
  },
);

t.test('requirements, budgets, limits and weight never make a node drift', async (t) => {
  const free: NodePool = withTemplate({
    requirements: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['arm64'] }],
  });
  free.spec.limits = { cpu: '10' };
  free.spec.weight = 7;
  free.spec.disruption = { budgets: [{ nodes: '0' }], consolidateAfter: '1h' };
  t.equal(nodePoolHash(free), nodePoolHash(base));
});

const changes: Readonly<Record<string, NodePool>> = {
  'a label': poolOf('batch', { labels: { team: 'a', tier: 'c' }, taints: [taint, other] }),
  'a taint': withTemplate({ taints: [taint] }),
  "a taint's value": withTemplate({ taints: [{ ...taint, value: 'web' }, other] }),
  'a startup taint': withTemplate({ startupTaints: [taint] }),
  expireAfter: withTemplate({ expireAfter: '24h' }),
  terminationGracePeriod: withTemplate({ terminationGracePeriod: '1h' }),
  'the node class': withTemplate({
    nodeClassRef: { ...base.spec.template.spec.nodeClassRef, name: 'another' },
  }),
};
t.test('what nodes are made from changes it, each thing in its own way', async (t) => {
  const hashes = Object.entries(changes).map(([name, pool]) => {
    t.not(nodePoolHash(pool), nodePoolHash(base), name);
    return nodePoolHash(pool);
  });
  t.equal(new Set(hashes).size, hashes.length);
});
