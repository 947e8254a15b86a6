/** The list of instance types as a user's pools see them. */
import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import type { EC2NodeClass, EC2NodeClassSpec } from '../../../core/api/ec2nodeclass.ts';
import type { NodeOverlay } from '../../../core/api/nodeoverlay.ts';
import type { NodePool, NodePoolRequirement } from '../../../core/api/nodepool.ts';
import {
  type InstanceTypesInput,
  instanceTypesReport,
  type ReportedInstanceType,
  renderInstanceTypes,
} from '../../../extender/cli/instance-types.ts';

const catalogue = loadCatalogue();

function nodeClass(name: string, spec: Partial<EC2NodeClassSpec> = {}): EC2NodeClass {
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name },
    spec: {
      subnetSelectorTerms: [{ id: 'subnet-1' }],
      securityGroupSelectorTerms: [{ id: 'sg-1' }],
      amiSelectorTerms: [{ alias: 'al2023@latest' }],
      role: 'node',
      ...spec,
    },
  };
}

function pool(name: string, className: string, requirements: NodePoolRequirement[]): NodePool {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name },
    spec: {
      template: {
        spec: {
          requirements,
          nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: className },
        },
      },
    },
  };
}

function report(
  nodePools: readonly NodePool[],
  nodeClasses: readonly EC2NodeClass[],
  memoryOverhead: InstanceTypesInput['memoryOverhead'] = 0.075,
) {
  const snapshot = { nodePools, nodeClasses };
  return instanceTypesReport({ catalogue, snapshot, memoryOverhead, reservedEnis: 0 });
}

const only = (...names: string[]): NodePoolRequirement => ({
  key: 'node.kubernetes.io/instance-type',
  operator: 'In',
  values: names,
});
const onDemand: NodePoolRequirement = {
  key: 'karpenter.sh/capacity-type',
  operator: 'In',
  values: ['on-demand'],
};

t.test('without input the whole catalogue is listed, small before large', async (t) => {
  const { types } = instanceTypesReport({
    catalogue,
    snapshot: undefined,
    memoryOverhead: 'measured',
    reservedEnis: 0,
  });
  t.equal(types.length, catalogue.types.length);
  t.strictSame(
    types.filter(({ name }) => name.startsWith('m5.')).map(({ name }) => name.slice(3)),
    [
      'large',
      'xlarge',
      '2xlarge',
      '4xlarge',
      '8xlarge',
      '12xlarge',
      '16xlarge',
      '24xlarge',
      'metal',
    ],
  );
  t.notOk(types.some((type) => 'nodePools' in type));
});

t.test('an entry has quantities, labels and prices in USD', async (t) => {
  const [type] = report([pool('p', 'c', [only('m5.large'), onDemand])], [nodeClass('c')]).types;
  t.strictSame(type?.capacity, {
    cpu: '2',
    memory: '7577Mi',
    'ephemeral-storage': '20Gi',
    pods: '29',
    'vpc.amazonaws.com/pod-eni': '9',
  });
  t.strictSame(type?.allocatable, {
    cpu: '1930m',
    memory: '6903Mi',
    'ephemeral-storage': '17Gi',
    pods: '29',
    'vpc.amazonaws.com/pod-eni': '9',
  });
  t.equal(type?.labels['karpenter.k8s.aws/instance-memory'], '8192');
  t.strictSame(type?.offerings[0], {
    zone: 'us-east-1a',
    capacityType: 'on-demand',
    pricePerHour: 0.096,
    available: true,
  });
  t.equal(type?.offerings.length, 5);
  t.strictSame(type?.nodePools, ['p']);
});

t.test('measured memory is used where it is asked for', async (t) => {
  const { types } = report([pool('p', 'c', [only('m5.large')])], [nodeClass('c')], 'measured');
  t.equal(types[0]?.capacity['memory'], '7811Mi');
});

t.test('pools that admit the same type the same way share its entry', async (t) => {
  const spot: NodePoolRequirement = { ...onDemand, values: ['spot'] };
  const { types } = report(
    [pool('p', 'c', [only('m5.large'), onDemand]), pool('q', 'c', [only('m5.large'), spot])],
    [nodeClass('c')],
  );
  t.equal(types.length, 1);
  t.strictSame(types[0]?.nodePools, ['p', 'q']);
  t.equal(types[0]?.offerings.length, 10);
});

t.test('a type that node classes size differently has an entry for each', async (t) => {
  const { types } = report(
    [pool('p', 'c', [only('m5.large')]), pool('q', 'd', [only('m5.large')])],
    [nodeClass('c'), nodeClass('d', { kubelet: { maxPods: 110 } })],
  );
  t.strictSame(
    types.map(({ allocatable, nodePools }) => [allocatable['pods'], nodePools]),
    [
      ['29', ['p']],
      ['110', ['q']],
    ],
  );
});

t.test('a node class that is not in the input is assumed, and the reader is told', async (t) => {
  const { types, notes } = report([pool('p', 'absent', [only('m5.large')])], [nodeClass('c')]);
  t.equal(types[0]?.allocatable['pods'], '29');
  t.ok(
    notes.some((note) => note.startsWith('NodePool p: EC2NodeClass absent is not in the input')),
  );
});

t.test('a node class of the other group is another object', async (t) => {
  const ours = {
    ...nodeClass('c', { kubelet: { maxPods: 5 } }),
    apiVersion: 'stowage.dev/v1' as const,
  };
  const { types } = report([pool('p', 'c', [only('m5.large')])], [ours]);
  t.equal(types[0]?.allocatable['pods'], '29');
});

t.test('a pool that admits nothing is named', async (t) => {
  const { types, notes } = report([pool('p', 'c', [only('m99.large')])], [nodeClass('c')]);
  t.strictSame(types, []);
  t.ok(notes.includes('NodePool p admits no instance type.'));
});

t.test('what cannot be launched is not admitted', async (t) => {
  const { types } = report([pool('p', 'c', [only('a1.large', 'm5.large')])], [nodeClass('c')]);
  t.strictSame(
    types.map(({ name }) => name),
    ['m5.large'],
  );
});

t.test('node classes without pools are applied to the whole catalogue', async (t) => {
  const { types, notes } = report([], [nodeClass('c', { kubelet: { maxPods: 7 } })]);
  t.equal(types.length, catalogue.types.length);
  t.ok(types.every(({ allocatable }) => allocatable['pods'] === '7'));
  t.ok(notes.includes('EC2NodeClass c: 6 types not available: AL2023 does not run on a1.'));
});

t.test('JSON is the list of types and nothing else', async (t) => {
  const made = report([pool('p', 'c', [only('m5.large', 'c5.large')])], [nodeClass('c')]);
  const text = renderInstanceTypes(made, 'json');
  t.strictSame(JSON.parse(text) as readonly ReportedInstanceType[], made.types);
  t.ok(text.endsWith(']\n'));
});

t.test('the table has a row for each type and the notes below', async (t) => {
  const requirements = [only('m5.large', 'g4dn.xlarge'), onDemand];
  const made = report([pool('p', 'c', requirements)], [nodeClass('c')]);
  const lines = renderInstanceTypes(made, 'table').split('\n');
  t.match(lines[0], /^TYPE +ARCH +CPU +GIB +PODS +DEVICES +ZONES +\$\/H +\$\/H SPOT$/);
  t.match(lines[1], /^g4dn\.xlarge +amd64 +3\.92 +\d+\.\d\d +29 +1 gpu +abcdf +0\.5260 +-$/);
  t.match(lines[2], /^m5\.large +amd64 +1\.93 +6\.74 +29 +abcdf +0\.0960 +-$/);
  t.match(lines[4], /^2 types; /);
  t.ok(lines.some((line) => line.startsWith('- Spot prices are region-wide')));
});

t.test('overlays are in the list, pool by pool, with their names', async (t) => {
  const overlay = (name: string, spec: Partial<NodeOverlay['spec']>): NodeOverlay => ({
    apiVersion: 'karpenter.sh/v1alpha1',
    kind: 'NodeOverlay',
    metadata: { name },
    spec: { requirements: [], ...spec },
  });
  const requirements: NodeOverlay['spec']['requirements'] = [
    { key: 'karpenter.sh/nodepool', operator: 'In', values: ['a'] },
  ];
  const nodeOverlays = [
    overlay('rate', { requirements, price: '0.01' }),
    overlay('lost', { requirements, price: '0.02' }),
    overlay('cards', { capacity: { 'example.com/card': '2' } }),
  ];
  const nodePools = ['a', 'b'].map((name) => pool(name, 'c', [only('m5.large'), onDemand]));
  const snapshot = { nodePools, nodeClasses: [nodeClass('c')] };
  const options = { catalogue, memoryOverhead: 0.075, reservedEnis: 0, nodeOverlays };
  const { types, notes } = instanceTypesReport({ ...options, snapshot });
  t.strictSame(
    types.map((one) => [one.nodePools, one.offerings[0]?.pricedBy]),
    [
      [['a'], 'rate'],
      [['b'], undefined],
    ],
  );
  t.ok(types.every(({ allocatable }) => allocatable['example.com/card'] === '2'));
  t.equal(types[0]?.offerings[0]?.pricePerHour, 0.01);
  t.match(
    notes.filter((note) => note.includes('NodeOverlay')),
    [/^NodeOverlay lost is left out: NodeOverlay rate of the same weight \(0\)/],
  );
  const whole = instanceTypesReport({ ...options, snapshot: undefined });
  t.equal(whole.types[0]?.allocatable['example.com/card'], '2', 'also without pools');
});
