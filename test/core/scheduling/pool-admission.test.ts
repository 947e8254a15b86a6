/** Which offerings the requirements and labels of a NodePool admit. */
import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import type { NodePool, NodePoolRequirement } from '../../../core/api/nodepool.ts';
import { resolveInstanceType } from '../../../core/scheduling/allocatable.ts';
import { admittedOfferings, poolRequirements } from '../../../core/scheduling/pool-admission.ts';

const { types, zones } = loadCatalogue();
const zoneIds = new Map(zones.map(({ name, id }) => [name, id]));

function pool(
  requirements: readonly NodePoolRequirement[],
  labels: Record<string, string> = {},
): NodePool {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name: 'general' },
    spec: {
      template: {
        metadata: { labels },
        spec: {
          requirements: [...requirements],
          nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
        },
      },
    },
  };
}

/** `zoneLetter/capacityType` of what the pool admits. */
function admitted(name: string, nodePool: NodePool): string[] {
  const facts = types.find((type) => type.name === name);
  if (facts === undefined) throw new Error(`${name} is not in the catalogue`);
  const type = resolveInstanceType(facts, undefined, { memoryOverhead: 0.075, reservedEnis: 0 });
  return admittedOfferings(nodePool, poolRequirements(nodePool), type, zoneIds).map(
    ({ zone, capacityType }) => `${zone.slice(-1)}/${capacityType}`,
  );
}

const rule = (
  key: string,
  operator: NodePoolRequirement['operator'],
  ...values: string[]
): NodePoolRequirement => (values.length === 0 ? { key, operator } : { key, operator, values });

const aws = (name: string): string => `karpenter.k8s.aws/instance-${name}`;

t.test('a pool without requirements admits every offering', async (t) => {
  t.equal(admitted('m5.large', pool([])).length, 10);
});

t.test('requirements on the type admit all of its offerings or none', async (t) => {
  const all = (...requirements: NodePoolRequirement[]) =>
    admitted('m5.large', pool(requirements)).length;
  t.equal(all(rule(aws('category'), 'In', 'c', 'm', 'r')), 10);
  t.equal(all(rule(aws('category'), 'NotIn', 'm')), 0);
  t.equal(all(rule(aws('generation'), 'Gt', '4')), 10);
  t.equal(all(rule(aws('generation'), 'Gt', '5')), 0);
  t.equal(all(rule(aws('generation'), 'Gte', '5'), rule(aws('cpu'), 'Lte', '2')), 10);
  t.equal(all(rule(aws('gpu-count'), 'DoesNotExist')), 10);
  t.equal(all(rule(aws('local-nvme'), 'Exists')), 0);
  t.equal(all(rule('kubernetes.io/arch', 'In', 'arm64')), 0);
  t.equal(all(rule('beta.kubernetes.io/arch', 'In', 'amd64')), 10, 'an older spelling');
});

t.test('requirements on zone and capacity type admit offerings one by one', async (t) => {
  t.strictSame(
    admitted(
      'm5.large',
      pool([
        rule('topology.kubernetes.io/zone', 'In', 'us-east-1a', 'us-east-1e'),
        rule('karpenter.sh/capacity-type', 'NotIn', 'spot'),
      ]),
    ),
    ['a/on-demand'],
  );
  t.strictSame(admitted('m5.large', pool([rule('topology.k8s.aws/zone-id', 'In', 'use1-az4')])), [
    'b/on-demand',
    'b/spot',
  ]);
});

t.test('template labels narrow as requirements do', async (t) => {
  const spot = pool([rule(aws('category'), 'In', 'm')], { 'karpenter.sh/capacity-type': 'spot' });
  t.equal(admitted('m5.large', spot).length, 5);
  const torn = pool([rule('team', 'In', 'blue')], { team: 'red' });
  t.equal(admitted('m5.large', torn).length, 0, 'no node can have both');
});

t.test('a label that the pool itself gives its nodes stands against no type', async (t) => {
  t.equal(admitted('m5.large', pool([rule('team', 'In', 'red', 'blue')])).length, 10);
  t.equal(admitted('m5.large', pool([rule('team', 'Exists')])).length, 10);
});

t.test('a cloud label of which the catalogue has no fact admits nothing', async (t) => {
  t.equal(
    admitted('m5.large', pool([rule('karpenter.k8s.aws/nitro-sandbox', 'In', 'true')])).length,
    0,
  );
  t.equal(admitted('m5.large', pool([rule(aws('tenancy'), 'In', 'dedicated')])).length, 0);
});

t.test('the names of pool and node class are known', async (t) => {
  const named = (key: string, value: string) =>
    admitted('m5.large', pool([rule(key, 'In', value)])).length;
  t.equal(named('karpenter.k8s.aws/ec2nodeclass', 'default'), 10);
  t.equal(named('karpenter.k8s.aws/ec2nodeclass', 'other'), 0);
  t.equal(named('stowage.dev/ec2nodeclass', 'default'), 0, 'that is of another group');
  const theirs = pool([rule('stowage.dev/ec2nodeclass', 'In', 'default')]);
  const { template } = theirs.spec;
  const nodeClassRef = { ...template.spec.nodeClassRef, group: 'stowage.dev' };
  const ours = {
    ...theirs.spec,
    template: { ...template, spec: { ...template.spec, nodeClassRef } },
  };
  t.equal(admitted('m5.large', { ...theirs, spec: ours }).length, 10);
});
