/** The simulated EC2: capacity, limits, tokens and lives of instances. */
import t from 'tap';
import { loadCatalogue } from '../../catalogue/loader.ts';
import { endlessCapacity } from '../../sim/ec2-capacity.ts';
import { Ec2Engine } from '../../sim/ec2-engine.ts';
import {
  Ec2Error,
  type Ec2Event,
  type Ec2Options,
  type FleetRequest,
} from '../../sim/ec2-types.ts';
import { createRandom } from '../../sim/random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';

const { types: all } = loadCatalogue();
const types = all.filter(({ name }) =>
  ['m7i.large', 'm7i.xlarge', 'g5.xlarge', 'm7i.metal-24xl'].includes(name),
);
const zone = 'us-east-1a';

interface World {
  readonly clock: VirtualClock;
  readonly engine: Ec2Engine;
  readonly events: Ec2Event[];
}

function world(options: Partial<Ec2Options> = {}, seed = 1): World {
  const clock = createVirtualClock();
  const capacity = endlessCapacity;
  const engine = new Ec2Engine(clock, createRandom(seed), { types, capacity, ...options });
  const events: Ec2Event[] = [];
  engine.listen((event) => events.push(event));
  return { clock, engine, events };
}

function fleet(clientToken: string, over: Partial<FleetRequest> = {}): FleetRequest {
  return {
    clientToken,
    capacityType: 'on-demand',
    strategy: 'prioritized',
    overrides: [{ instanceType: 'm7i.large', zone }],
    targetCapacity: 1,
    imageId: 'ami-1',
    userData: '',
    tags: { owner: 'test' },
    ...over,
  };
}

function codeOf(call: () => unknown): string {
  try {
    call();
    return 'no error';
  } catch (error) {
    if (error instanceof Ec2Error) return error.code;
    throw error;
  }
}

t.test('the same token gives the same instances, with other words it is a mistake', async (t) => {
  const { engine } = world();
  const one = engine.createFleet(fleet('a'));
  const two = engine.createFleet(fleet('a'));
  t.equal(one.instances[0]?.instanceId, two.instances[0]?.instanceId);
  t.equal(engine.instances.size, 1);
  t.equal(
    codeOf(() => engine.createFleet(fleet('a', { imageId: 'ami-2' }))),
    'IdempotentParameterMismatch',
  );
  t.equal(
    codeOf(() => engine.createFleet(fleet('b', { overrides: [] }))),
    'MissingParameter',
  );
});

t.test('a fleet takes from the pools in order and tells which were dry', async (t) => {
  const { clock, engine } = world();
  engine.drain(({ instanceType }) => instanceType === 'm7i.large', clock.nowMs() + 60_000);
  const overrides = ['m7i.large', 'm7i.xlarge'].map((instanceType) => ({ instanceType, zone }));
  const { instances, errors } = engine.createFleet(fleet('a', { overrides, targetCapacity: 2 }));
  t.strictSame(
    instances.map(({ instanceType }) => instanceType),
    ['m7i.xlarge', 'm7i.xlarge'],
  );
  t.match(errors, [{ code: 'InsufficientInstanceCapacity', instanceType: 'm7i.large', zone }]);
  await clock.advance(60_001);
  const byPrice = fleet('b', { overrides: overrides.toReversed(), strategy: 'lowest-price' });
  t.equal(engine.createFleet(byPrice).instances[0]?.instanceType, 'm7i.large');
});

t.test('a pool that is used up is dry until something is given back', async (t) => {
  const capacity = { ...endlessCapacity, onDemandMedianVcpu: 5 };
  const { clock, engine } = world({ capacity });
  const { instances, errors } = engine.createFleet(fleet('a', { targetCapacity: 3 }));
  t.equal(instances.length, 2, 'two of 2 vCPUs fit into 5');
  t.equal(errors[0]?.code, 'InsufficientInstanceCapacity');
  engine.terminateInstances([instances[0]?.instanceId ?? '']);
  await clock.advance(120_000);
  t.equal(engine.createFleet(fleet('b')).instances.length, 1);
});

t.test('other limits have codes of their own', async (t) => {
  const overrides = [{ instanceType: 'm7i.large', zone: 'nowhere-1a' }];
  const errorOf = (options: Partial<Ec2Options>, over: Partial<FleetRequest> = {}) =>
    world(options).engine.createFleet(fleet('a', { targetCapacity: 2, ...over })).errors[0]?.code;
  t.equal(errorOf({}, { overrides }), 'Unsupported');
  t.equal(errorOf({ quotaVcpu: 3 }), 'VcpuLimitExceeded');
  t.equal(errorOf({ quotaVcpu: 3 }, { capacityType: 'spot' }), 'MaxSpotInstanceCountExceeded');
  t.equal(errorOf({ addressesPerZone: 1 }), 'InsufficientFreeAddressesInSubnet');
});

t.test('an instance boots step by step, in about 40 s, with a tail', async (t) => {
  const { clock, engine, events } = world();
  const joinedMs: number[] = [];
  engine.listen((event) => {
    if (event.type !== 'kubelet') return;
    joinedMs.push(clock.monotonicMs() + event.boot.readyMs);
  });
  engine.createFleet(fleet('a', { targetCapacity: 1000 }));
  await clock.advance(900_000);
  t.ok(joinedMs.length >= 990 && joinedMs.length < 1000, `${joinedMs.length} of 1000 joined`);
  joinedMs.sort((a, b) => a - b);
  const at = (share: number): number => (joinedMs[Math.floor(share * joinedMs.length)] ?? 0) / 1000;
  t.ok(at(0.5) > 37 && at(0.5) < 43, `median ${at(0.5)} s`);
  t.ok(at(0.95) > 65 && at(0.95) < 85, `p95 ${at(0.95)} s`);
  const [first] = events;
  t.match(first, { type: 'state', instance: { state: 'running' } });
});

t.test('bare metal takes minutes, devices come after the node', async (t) => {
  const { clock, engine, events } = world();
  const overrides = [{ instanceType: 'm7i.metal-24xl', zone }];
  engine.createFleet(fleet('a', { overrides }));
  await clock.advance(290_000);
  t.strictSame(events, []);
  await clock.advance(600_000);
  t.ok(events.some(({ type }) => type === 'kubelet'));
});

t.test('ending takes a while; the instance stays listed for an hour, its name rests', async (t) => {
  const { clock, engine } = world({ isConsistent: true });
  const [instance] = engine.createFleet(fleet('a')).instances;
  if (instance === undefined) throw new Error('there is no instance');
  await clock.advance(30_000);
  engine.terminateInstances([instance.instanceId]);
  const stateOf = () => engine.describeInstances([instance.instanceId])[0]?.state;
  t.equal(stateOf(), 'shutting-down');
  t.equal(
    codeOf(() => engine.terminateInstances([instance.instanceId])),
    'no error',
  );
  await clock.advance(61_000);
  t.equal(stateOf(), 'terminated');
  t.not(engine.createFleet(fleet('b')).instances[0]?.privateDnsName, instance.privateDnsName);
  await clock.advance(3_600_000);
  t.equal(stateOf(), undefined);
  t.equal(
    codeOf(() => engine.terminateInstances(['i-unknown'])),
    'InvalidInstanceID.NotFound',
  );
});

t.test('reads lag writes by seconds', async (t) => {
  const { clock, engine } = world();
  engine.createFleet(fleet('a', { targetCapacity: 200 }));
  const seen = () => engine.describeInstances().length;
  t.ok(seen() < 20);
  await clock.advance(5_000);
  t.ok(seen() >= 190 && seen() < 200, `${seen()} seen after 5 s`);
  await clock.advance(25_000);
  t.equal(seen(), 200);
});

t.test('too many calls are throttled until the bucket has filled', async (t) => {
  const { clock, engine } = world({ isThrottled: true });
  const codes = Array.from({ length: 60 }, (_, index) =>
    codeOf(() => engine.createFleet(fleet(`t${index}`))),
  );
  t.equal(codes.filter((code) => code === 'no error').length, 50);
  t.equal(codes.at(-1), 'RequestLimitExceeded');
  await clock.advance(1000);
  const later = Array.from({ length: 10 }, (_, index) =>
    codeOf(() => engine.createFleet(fleet(`u${index}`))),
  );
  t.equal(later.filter((code) => code === 'no error').length, 5);
});

t.test('a lost answer has launched; the token finds what it launched', async (t) => {
  let isLost = true;
  const faults = { on: () => (isLost ? ({ type: 'lose-answer' } as const) : undefined) };
  const { engine } = world({ faults });
  t.equal(
    codeOf(() => engine.createFleet(fleet('a'))),
    'RequestTimeout',
  );
  t.equal(engine.instances.size, 1);
  isLost = false;
  engine.createFleet(fleet('a'));
  t.equal(engine.instances.size, 1);
  const refusing = world({
    faults: { on: () => ({ type: 'refuse', code: 'UnauthorizedOperation' }) },
  });
  t.equal(
    codeOf(() => refusing.engine.createFleet(fleet('a'))),
    'UnauthorizedOperation',
  );
  t.equal(refusing.engine.instances.size, 0);
});

t.test(
  'spot warns two minutes before it takes an instance back; a host fails without a word',
  async (t) => {
    const { clock, engine, events } = world();
    const [instance] = engine.createFleet(fleet('a', { capacityType: 'spot' })).instances;
    const [other] = engine.createFleet(fleet('b')).instances;
    if (instance === undefined || other === undefined) throw new Error('there are no instances');
    await clock.advance(100_000);
    events.length = 0;
    engine.reclaim(instance.instanceId);
    await clock.advance(119_000);
    t.strictSame(
      events.map(({ type }) => type),
      ['interruption'],
    );
    await clock.advance(2_000);
    t.match(events[1], { instance: { state: 'shutting-down', stateReason: /Spot/ } });
    engine.fail(other.instanceId);
    t.match(events.at(-1), { instance: { instanceId: other.instanceId, state: 'shutting-down' } });
  },
);

t.test('money runs by the hour of each instance, until it ends', async (t) => {
  const { clock, engine } = world();
  const [instance] = engine.createFleet(fleet('a')).instances;
  const price = instance?.priceNanoUsdPerHour ?? 0;
  t.ok(price > 0);
  await clock.advance(1_800_000);
  t.equal(engine.spentNanoUsd(), price / 2);
  engine.terminateInstances([instance?.instanceId ?? '']);
  await clock.advance(60_000);
  const ended = engine.spentNanoUsd();
  t.ok(ended > price / 2 && ended < price * 0.52);
  await clock.advance(7_200_000);
  t.equal(engine.spentNanoUsd(), ended);
});
