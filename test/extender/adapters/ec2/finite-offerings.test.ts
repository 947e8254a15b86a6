/** From what EC2 tells to plans and back: reservations, blocks and addresses are never overdrawn. */
import t from 'tap';
import type { EC2NodeClass } from '../../../../core/api/ec2nodeclass.ts';
import type { LaunchOffering } from '../../../../core/cloud-port.ts';
import type { Plan, PlannedNode } from '../../../../core/packing/plan.ts';
import type { Ec2Cloud } from '../../../../extender/adapters/ec2/cloud.ts';
import type { CapacityReservation } from '../../../../sim/ec2-reservations.ts';
import { podsOf, poolOf, specOf } from '../../../support/cluster-builders.ts';
import { type Ec2World, startEc2World } from '../../../support/ec2-cloud.ts';
import { planCluster } from '../../../support/planned-cluster.ts';

const hour = 3_600_000;
/** One to a node of the types that are planned with here. */
const large = specOf({ cpu: '1500m', memory: '4Gi' });
const plannedTypes = new Set(['m5.large', 'c5.xlarge']);
const owned: CapacityReservation = {
  id: 'cr-0123456789abcdef0',
  instanceType: 'm5.large',
  zone: 'us-east-1b',
  totalCount: 3,
  match: 'targeted',
  kind: 'default',
  tags: { team: 'red' },
};
const block: CapacityReservation = {
  ...owned,
  id: 'cr-0123456789abcdef1',
  kind: 'capacity-block',
  totalCount: 1,
  endMs: Date.UTC(2026, 10, 22) + 24 * hour,
};

interface World {
  readonly ec2: Ec2World;
  readonly cloud: Ec2Cloud;
  /** The class as its controller keeps it: what the terms select is in its status. */
  look(): Promise<EC2NodeClass>;
}

async function start(reservations: readonly CapacityReservation[]): Promise<World> {
  const ec2 = await startEc2World({ ec2: { reservations } });
  const { cloud } = ec2.provider();
  const { nodeClass } = ec2;
  const capacityReservationSelectorTerms = [{ tags: { team: 'red' } }];
  const spec = { ...nodeClass.spec, capacityReservationSelectorTerms };
  const look = async () => {
    const found = await cloud.nodeClasses.capacityReservations({ ...nodeClass, spec });
    const status = { ...nodeClass.status, capacityReservations: [...found] };
    return { ...nodeClass, spec, status };
  };
  return { ec2, cloud, look };
}

async function plan(cloud: Ec2Cloud, nodeClass: EC2NodeClass, pods: number): Promise<Plan> {
  const types = (await cloud.instanceTypes(nodeClass)).filter(({ name }) => plannedTypes.has(name));
  const snapshot = {
    pods: podsOf('web', pods, large),
    nodes: [],
    daemonSets: [],
    nodePools: [poolOf('general')],
    nodeClasses: [nodeClass],
    namespaceLabels: new Map(),
  };
  const addresses = cloud.addressSupplies?.([nodeClass]) ?? [];
  return planCluster(snapshot, types, { addresses }).plan;
}

/** Launches a planned node as its claim would be. */
async function launch({ ec2, cloud }: World, nodeClass: EC2NodeClass, node: PlannedNode) {
  const offerings = [node, ...node.substitutes].map(
    ({ instanceType, zone, capacityType, reservationId }): LaunchOffering => ({
      instanceType,
      zone,
      capacityType: capacityType as LaunchOffering['capacityType'],
      ...(reservationId === undefined ? {} : { reservationId }),
    }),
  );
  const uid = `uid-${ec2.world.engine.instances.size}-${node.name}`;
  return await cloud.launch({ ...ec2.request(uid, []), offerings, nodeClass });
}

const reservedOf = ({ nodes }: Plan): PlannedNode[] =>
  nodes.filter(({ capacityType }) => capacityType === 'reserved');

t.test('reservations that the class selects are planned up to their count', async (t) => {
  const others = { ...owned, id: 'cr-0123456789abcdef2', tags: { team: 'blue' } };
  const w = await start([owned, others]);
  t.teardown(w.ec2.close);
  const nodeClass = await w.look();
  t.match(nodeClass.status?.capacityReservations, [{ id: owned.id, instanceType: 'm5.large' }]);
  t.notOk(
    JSON.stringify(nodeClass.status).includes('availableCount'),
    'Karpenter has no such field',
  );
  const first = await plan(w.cloud, nodeClass, 5);
  t.equal(first.nodes.length, 5);
  t.strictSame(
    reservedOf(first).map(({ reservationId, zone }) => [reservationId, zone]),
    [0, 1, 2].map(() => [owned.id, 'us-east-1b']),
  );

  const [one, two] = reservedOf(first);
  for (const node of [one!, two!]) {
    t.match(await launch(w, nodeClass, node), {
      outcome: 'launched',
      instance: { capacityType: 'reserved', reservationId: owned.id, zone: 'us-east-1b' },
    });
  }
  const { reservations } = w.ec2.world.engine.launcher;
  t.equal(reservations.available(owned.id), 1, 'EC2 has counted them');
  t.equal(reservedOf(await plan(w.cloud, nodeClass, 5)).length, 1, 'before EC2 is asked again');
  const asked = await w.look();
  t.equal(reservedOf(await plan(w.cloud, asked, 5)).length, 1, 'and no less after');
  t.match(await w.cloud.list(), [{ reservationId: owned.id }, { reservationId: owned.id }]);
});

t.test('an interruptible reservation is told of and not planned with', async (t) => {
  const w = await start([{ ...owned, isInterruptible: true }]);
  t.teardown(w.ec2.close);
  const nodeClass = await w.look();
  t.match(nodeClass.status?.capacityReservations, [{ id: owned.id, interruptible: true }]);
  t.equal(reservedOf(await plan(w.cloud, nodeClass, 2)).length, 0);
});

t.test('a reservation that somebody else has filled gives way to substitutes', async (t) => {
  const w = await start([{ ...owned, totalCount: 1 }]);
  t.teardown(w.ec2.close);
  const nodeClass = await w.look();
  const [node] = reservedOf(await plan(w.cloud, nodeClass, 2));
  w.ec2.world.engine.launcher.reservations.take(owned.id);
  const outcome = await launch(w, nodeClass, node!);
  t.match(outcome, { outcome: 'launched', exhausted: [{ reservationId: owned.id }] });
  t.ok(outcome.outcome === 'launched' && outcome.instance.capacityType !== 'reserved');
  t.equal(reservedOf(await plan(w.cloud, nodeClass, 2)).length, 0, 'plans keep away from it');
});

t.test('a capacity block is asked for as one, and not near its end', async (t) => {
  const w = await start([block]);
  t.teardown(w.ec2.close);
  const nodeClass = await w.look();
  const planned = reservedOf(await plan(w.cloud, nodeClass, 2));
  t.equal(planned.length, 1);
  t.match(await launch(w, nodeClass, planned[0]!), { outcome: 'launched' });
  const fleet = w.ec2.world.wire.calls.find(({ action }) => action.endsWith('CreateFleet'));
  t.ok(fleet !== undefined && fleet.error === '');
  const [instance] = w.ec2.world.engine.instances.values();
  t.match(instance?.spec, { isCapacityBlock: true, reservationId: block.id });
});

t.test('a block that is about to end is not planned with', async (t) => {
  const endMs = Date.UTC(2026, 10, 22) + 30 * 60_000;
  const w = await start([{ ...block, endMs }]);
  t.teardown(w.ec2.close);
  t.equal(reservedOf(await plan(w.cloud, await w.look(), 2)).length, 0);
});

t.test(
  'two subnets of 27 addresses: the plan takes one node each, and names what is short',
  async (t) => {
    const ec2 = await startEc2World({ account: { subnetBits: 27 } });
    t.teardown(ec2.close);
    const { cloud } = ec2.provider();
    const subnets = ec2.nodeClass.status?.subnets?.filter(({ zone }) => /[ab]$/.test(zone)) ?? [];
    const nodeClass = { ...ec2.nodeClass, status: { ...ec2.nodeClass.status, subnets } };
    t.strictSame(cloud.addressSupplies?.([nodeClass]), [], 'nobody has told yet');
    await cloud.nodeClasses.subnets(nodeClass);
    const first = await plan(cloud, nodeClass, 6);
    t.strictSame(first.nodes.map(({ zone }) => zone).toSorted(), ['us-east-1a', 'us-east-1b']);
    t.equal(first.unschedulable.length, 4);
    t.match(
      first.unschedulable[0]?.reason,
      /subnets subnet-.* in us-east-1a: 27 free IP addresses/,
    );
    const w = { ec2, cloud, look: async () => nodeClass };
    for (const node of first.nodes) {
      t.match(await launch(w, nodeClass, node), { outcome: 'launched' });
    }
    const second = await plan(cloud, nodeClass, 4);
    t.strictSame(second.nodes, [], 'what was launched has taken its addresses');
    t.match(second.unschedulable[0]?.reason, /by limits \(subnets subnet-.*free IP addresses/);
  },
);

t.test('addresses that launches under way hold are waited for, not given up', async (t) => {
  const ec2 = await startEc2World({ account: { subnetBits: 27 } });
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  // Each subnet has room for one, and EC2 alone decides which of the two it takes.
  const [first, second] = await Promise.all(
    ['uid-1', 'uid-2'].map(async (uid) => {
      const places = ['m5.large/a/on-demand', 'm5.large/b/on-demand'];
      return await cloud.launch(ec2.request(uid, places));
    }),
  );
  t.match(first, { outcome: 'launched' });
  t.match(second, { outcome: 'failed', failure: 'throttled', exhausted: [] });
  t.match(second, { message: /launches under way hold the addresses/ });
  const again = ec2.request('uid-2', ['m5.large/a/on-demand', 'm5.large/b/on-demand']);
  t.match(await cloud.launch(again), { outcome: 'launched' });
  const third = await cloud.launch(ec2.request('uid-3', ['m5.large/a/on-demand']));
  t.match(third, { outcome: 'failed', failure: 'no-addresses' }, 'what instances have is gone');
});

t.test('of a reservation whose count is not known nothing is planned', async (t) => {
  const w = await start([owned]);
  t.teardown(w.ec2.close);
  const nodeClass = await w.look();
  const other = w.ec2.provider('second').cloud;
  t.equal(reservedOf(await plan(other, nodeClass, 2)).length, 0);
});
