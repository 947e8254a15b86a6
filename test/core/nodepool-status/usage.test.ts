/** What the nodes of a pool add up to, and which of them count. */
import t from 'tap';
import type { Node } from '../../../core/api/kubernetes.ts';
import type { NodeClaim } from '../../../core/api/nodeclaim.ts';
import { poolUsage, usageQuantities } from '../../../core/nodepool-status/usage.ts';

const capacity = { cpu: '4', memory: '16Gi', 'ephemeral-storage': '20Gi', pods: '58' };
const deletionTimestamp = '2026-01-01T00:00:00Z';

function claim(
  status: NonNullable<NodeClaim['status']>,
  metadata: NodeClaim['metadata'] = {},
): NodeClaim {
  const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata,
    spec: { requirements: [], nodeClassRef },
    status,
  };
}

const node = (amounts: Record<string, string>, metadata: Node['metadata'] = {}): Node => ({
  metadata,
  status: { capacity: amounts },
});
const launched = claim({ providerID: 'aws:///a/i-1', capacity });

t.test('a pool without nodes has nothing of everything', async (t) => {
  t.strictSame(usageQuantities(poolUsage([])), {
    cpu: '0',
    'ephemeral-storage': '0',
    memory: '0',
    nodes: '0',
    pods: '0',
  });
});

t.test('launched claims, their nodes and nodes without a claim count once each', async (t) => {
  const usage = poolUsage([
    { claim: launched, node: undefined },
    { claim: launched, node: node(capacity) },
    { claim: undefined, node: node({ ...capacity, cpu: '500m', 'nvidia.com/gpu': '1' }) },
  ]);
  t.strictSame(usageQuantities(usage), {
    cpu: '8500m',
    'ephemeral-storage': '60Gi',
    memory: '48Gi',
    nodes: '3',
    'nvidia.com/gpu': '1',
    pods: '174',
  });
});

t.test('what is wanted or going does not count', async (t) => {
  const usage = poolUsage([
    { claim: claim({}), node: undefined },
    { claim: claim({ providerID: 'x', capacity }, { deletionTimestamp }), node: undefined },
    { claim: launched, node: node(capacity, { deletionTimestamp }) },
  ]);
  t.equal(usage.nodes, 0);
  t.equal(usage.resources['cpu'], 0);
});

t.test(
  'until a node is initialized its claim speaks for devices that it does not show',
  async (t) => {
    const promised = { ...capacity, 'nvidia.com/gpu': '8' };
    const shown = node({ ...capacity, cpu: '3', 'nvidia.com/gpu': '0' });
    const conditions = [{ type: 'Initialized', status: 'True' as const }];
    const starting = claim({ providerID: 'x', capacity: promised });
    const started = claim({ providerID: 'x', capacity: promised, conditions });
    t.match(poolUsage([{ claim: starting, node: shown }]).resources, {
      cpu: 3000,
      'nvidia.com/gpu': 8,
    });
    t.match(poolUsage([{ claim: started, node: shown }]).resources, { 'nvidia.com/gpu': 0 });
  },
);
