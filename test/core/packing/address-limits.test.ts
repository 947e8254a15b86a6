/** Private addresses: a plan takes no more than subnets have, and goes where there are some. */
import t from 'tap';
import type { Node } from '../../../core/api/kubernetes.ts';
import { type AddressSupply, addressSlots } from '../../../core/ec2/node-addresses.ts';
import { firstFit } from '../../../core/packing/first-fit.ts';
import { verifyUnprovenPlan } from '../../../core/packing/verify-solution.ts';
import {
  capacityTypeKey,
  modelOf,
  nodeOf,
  podsOf,
  poolKey,
  poolOf,
  specOf,
  typeOf,
} from '../../support/cluster-builders.ts';
import { byZone, countsBy, planOf } from '../../support/model-plan.ts';
import { planCluster } from '../../support/planned-cluster.ts';
import { Dice } from '../../support/random-problem.ts';

/** One to a node. */
const large = specOf({ cpu: '3', memory: '8Gi' });
/** 20 addresses a node. */
const types = [typeOf('m5.xlarge', { ipv4PerEni: 10, capacityTypes: ['on-demand'] })];

function supply(zone: string, ...free: number[]): AddressSupply {
  const subnetIds = free.map((_, index) => `subnet-${zone.at(-1)}${index}`);
  return { zone, subnetIds, free, nodeClasses: new Set(['default']) };
}

t.test(
  'two subnets of 27 addresses: one node each, and the pods beyond are told why',
  async (t) => {
    const addresses = [supply('test-1a', 27), supply('test-1b', 27), supply('test-1c', 0)];
    const pods = podsOf('a', 5, large);
    const shape = { pods, types, options: { addresses } };
    const plan = planOf(shape);
    t.strictSame(countsBy(plan, '', byZone), { 'test-1a': 1, 'test-1b': 1 });
    t.equal(plan.unserved.length, 3);
    const { plan: told } = planCluster(plan.model.snapshot, types, { addresses });
    t.equal(
      told.unschedulable[0]?.reason,
      'another node would exceed subnets subnet-a0 in test-1a: 27 free IP addresses and subnets subnet-b0 in test-1b: 27 free IP addresses',
    );
    t.equal(told.unschedulable.length, 3);
    const none = ['test-1a', 'test-1b', 'test-1c'].map((zone) => supply(zone, 19));
    const { plan: empty } = planCluster(plan.model.snapshot, types, { addresses: none });
    t.strictSame(empty.nodes, []);
    t.match(
      empty.unschedulable[0]?.reason,
      /3 by limits \(subnets subnet-a0 in test-1a 19 free IP/,
    );
  },
);

t.test('zones with room are used instead', async (t) => {
  const addresses = [supply('test-1a', 27), supply('test-1b', 27), supply('test-1c', 90)];
  const plan = planOf({ pods: podsOf('a', 6, large), types, options: { addresses } });
  t.strictSame(countsBy(plan, '', byZone), { 'test-1a': 1, 'test-1b': 1, 'test-1c': 4 });
  t.strictSame(plan.unserved, []);
});

t.test('pools share the addresses of their subnets, whatever their capacity type', async (t) => {
  const common = { ...types[0]!, offerings: typeOf('m5.xlarge', { zones: ['test-1a'] }).offerings };
  const nodePools = ['on-demand', 'spot'].map((one) =>
    poolOf(one, {
      labels: { wants: one },
      requirements: [{ key: capacityTypeKey, operator: 'In', values: [one] }],
    }),
  );
  const pods = ['on-demand', 'spot'].flatMap((one) =>
    podsOf(one, 3, specOf({ cpu: '3' }, { nodeSelector: { wants: one } })),
  );
  const addresses = [supply('test-1a', 99)];
  const plan = planOf({ pods, nodePools, types: [common], options: { addresses } });
  t.equal(plan.bins.length, 4);
  t.equal(plan.unserved.length, 2);
});

t.test('claims that nothing was launched for yet take their addresses', async (t) => {
  const labels = { [poolKey]: 'default', 'node.kubernetes.io/instance-type': 'm5.xlarge' };
  const coming = nodeOf('coming', { labels, allocatable: { cpu: '0', pods: '0' } });
  const running = { ...coming, spec: { providerID: 'aws:///test-1a/i-1' } };
  const addresses = [supply('test-1a', 67), supply('test-1b', 0), supply('test-1c', 0)];
  const shape = { pods: podsOf('a', 4, large), types, options: { addresses } };
  const launches = (node: Node): number =>
    planOf({ ...shape, nodes: [node] }).bins.filter(({ offering }) => offering.kind === 'new')
      .length;
  t.equal(launches(coming), 2);
  t.equal(launches(running), 3);
});

t.test(
  'subnets with enough for all are no rule at all, and one that binds is verified',
  async (t) => {
    const pods = podsOf('a', 5, large);
    const zones = ['test-1a', 'test-1b', 'test-1c'];
    const roomy = modelOf({
      pods,
      types,
      options: { addresses: zones.map((z) => supply(z, 100)) },
    });
    t.strictSame(roomy.problem.limits, []);
    const packed = firstFit(roomy.problem);
    const addresses = zones.map((zone) => supply(zone, 25));
    const tight = modelOf({ pods, types, options: { addresses } });
    t.equal(tight.problem.limits.length, 3);
    t.match(verifyUnprovenPlan(tight.problem, packed), {
      ok: false,
      violations: [{ code: 'limit-exceeded' }],
    });
  },
);

t.test('whatever is promised of several subnets is found, in any order and anywhere', async (t) => {
  t.strictSame(addressSlots([27], [20]), { size: 1, count: 27 });
  t.strictSame(addressSlots([27, 27], [20]), { size: 20, count: 2 }, 'equal nodes waste nothing');
  t.strictSame(addressSlots([27, 15], [20]), { size: 1, count: 27 });
  t.strictSame(addressSlots([], [20]).count, 0);
  let filled = 0;
  for (let seed = 0; seed < 3_000; seed++) {
    const dice = new Dice(seed);
    const free = Array.from({ length: dice.between(1, 4) }, () => dice.between(0, 60));
    const needs = Array.from({ length: dice.between(1, 3) }, () => dice.between(1, 40));
    const { size, count } = addressSlots(free, needs);
    const left = [...free];
    let slots = count;
    for (;;) {
      const takes = needs.filter(
        (need) => need <= Math.max(...free) && Math.ceil(need / size) <= slots,
      );
      if (takes.length === 0) break;
      const need = takes[dice.between(0, takes.length - 1)]!;
      const fitting = [...left.keys()].filter((subnet) => left[subnet]! >= need);
      if (fitting.length === 0) {
        t.fail(`no subnet for ${need}: ${JSON.stringify({ free, needs, size, count, left })}`);
        return;
      }
      left[fitting[dice.between(0, fitting.length - 1)]!]! -= need;
      slots -= Math.ceil(need / size);
      filled += 1;
    }
  }
  t.ok(filled > 3_000, `${filled} nodes`);
});
