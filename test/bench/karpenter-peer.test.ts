/** Karpenter's own scheduler answers what it is asked, to the byte and to the price. */
import t from 'tap';
import { nodePool, oneOf, podGroup, workload } from '../../bench/cases/parts.ts';
import type { InstanceTypeJson } from '../../bench/instance-types.ts';
import {
  askKarpenter,
  findKarpenterPeer,
  type KarpenterAnswer,
} from '../../bench/peers/karpenter.ts';
import { toPodManifests, type Workload } from '../../bench/workload.ts';

const timeoutMs = 60_000;

function type(name: string, cpu: string, prices: readonly number[]): InstanceTypeJson {
  return {
    name,
    labels: {
      'kubernetes.io/arch': 'amd64',
      'karpenter.k8s.aws/instance-category': name.slice(0, 1),
    },
    capacity: { cpu, memory: '8Gi', pods: '20' },
    allocatable: { cpu: `${Number(cpu) * 1000 - 70}m`, memory: '7Gi', pods: '20' },
    offerings: prices.map((pricePerHour, i) => ({
      zone: `zone-${i}`,
      capacityType: 'on-demand',
      pricePerHour,
      available: true,
    })),
  };
}

const types = [type('m1.small', '2', [0.1, 0.08]), type('c1.large', '4', [0.15, 0.17])];
const onDemand = oneOf('karpenter.sh/capacity-type', 'on-demand');

// Building takes minutes and Go; `npm run bench -- --peer karpenter` does it once.
const binary = await findKarpenterPeer();
const skip = binary === undefined ? 'the Karpenter peer is not built' : false;

async function ask({ nodePools, ...rest }: Workload): Promise<KarpenterAnswer> {
  const pods = toPodManifests({ nodePools, ...rest });
  const question = { instanceTypes: types, nodePools, pods, daemonSetPods: [] };
  return await askKarpenter(binary ?? '', question, { timeoutMs });
}

t.test(
  'a pod of exactly the allocatable fits, one of a millicore more does not',
  { skip },
  async (t) => {
    const pool = [nodePool({ name: 'only', requirements: [onDemand] })];
    const fits = await ask(workload([podGroup('a', 1, { cpuMilli: 3930, memoryMiB: 7168 })], pool));
    t.equal(fits.nodes.length, 1);
    t.strictSame(fits.unschedulable, []);
    const tooLarge = await ask(
      workload([podGroup('a', 1, { cpuMilli: 3931, memoryMiB: 7168 })], pool),
    );
    t.equal(tooLarge.nodes.length, 0);
    t.strictSame(
      tooLarge.unschedulable.map(({ pod }) => pod),
      ['bench/a-0'],
    );
  },
);

t.test('a node is charged its cheapest offering', { skip }, async (t) => {
  const pool = [nodePool({ name: 'only', requirements: [onDemand] })];
  const answer = await ask(workload([podGroup('a', 2, { cpuMilli: 900, memoryMiB: 100 })], pool));
  t.strictSame(answer.nodes, [
    {
      nodePool: 'only',
      instanceType: 'm1.small',
      zone: 'zone-1',
      capacityType: 'on-demand',
      pricePerHour: 0.08,
      pods: ['bench/a-0', 'bench/a-1'],
    },
  ]);
  t.equal(answer.cost, 0.08);
  t.match(answer.karpenter, /^v1\.14\./);
});

t.test('labels of types, pins and pool requirements bind', { skip }, async (t) => {
  const category = oneOf('karpenter.k8s.aws/instance-category', 'c');
  const pinned = podGroup(
    'a',
    1,
    { cpuMilli: 100, memoryMiB: 100 },
    {
      nodeSelector: { 'topology.kubernetes.io/zone': 'zone-1' },
    },
  );
  const pool = [nodePool({ name: 'only', requirements: [onDemand, category] })];
  const answer = await ask(workload([pinned], pool));
  t.strictSame(
    answer.nodes.map(({ instanceType, zone }) => [instanceType, zone]),
    [['c1.large', 'zone-1']],
  );
});

t.test('the pool of higher weight goes first where its taint is tolerated', { skip }, async (t) => {
  const pools = [
    nodePool({ name: 'plain', requirements: [onDemand] }),
    nodePool({ name: 'special', requirements: [onDemand], taintKey: 'example.com/x', weight: 5 }),
  ];
  const groups = [
    podGroup('free', 1, { cpuMilli: 100, memoryMiB: 100 }),
    podGroup(
      'tolerant',
      1,
      { cpuMilli: 3900, memoryMiB: 100 },
      {
        tolerations: [{ key: 'example.com/x', operator: 'Exists' }],
      },
    ),
  ];
  const answer = await ask(workload(groups, pools));
  const poolOf = new Map(
    answer.nodes.flatMap((node) => node.pods.map((pod) => [pod, node.nodePool])),
  );
  t.equal(poolOf.get('bench/free-0'), 'plain');
  t.equal(poolOf.get('bench/tolerant-0'), 'special');
});

t.test('a broken question is refused in words', { skip }, async (t) => {
  const empty = { instanceTypes: [], nodePools: [], pods: [], daemonSetPods: [] };
  await t.rejects(askKarpenter(binary ?? '', empty, { timeoutMs }), /at least one instance type/);
});
