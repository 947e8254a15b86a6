/** What goes wrong on the wire: limits, lost answers, lag, scenarios, the admin endpoint, messages. */
import {
  CreateFleetCommand,
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeSubnetsCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import t, { type Test } from 'tap';
import { InputError } from '../../../core/errors.ts';
import { defaultCapacityModel } from '../../../sim/ec2-capacity.ts';
import { playScenario, readScenario } from '../../../sim/wire/scenario.ts';
import { type AwsWorld, clientsOf, errorOf, startAwsWorld } from '../../support/aws-world.ts';
import { askFleet, fleetInput, idsOf, makeTemplate, told } from '../../support/fleet-calls.ts';

const pools = ['m7i.large/a'];

async function world(t: Test, options: Parameters<typeof startAwsWorld>[0] = {}) {
  const made = await startAwsWorld(options);
  t.teardown(async () => await made.close());
  await makeTemplate(made, 'node');
  return made;
}

async function bodies({ account, clock }: AwsWorld): Promise<readonly Body[]> {
  await clock.advance(2_000);
  const found: Body[] = [];
  for (;;) {
    const some = await account.queues.get('simulated')?.receive(10, 0, 600_000);
    if (some === undefined || some.length === 0) return found;
    for (const { body } of some) found.push(JSON.parse(body) as Body);
  }
}

interface Body {
  readonly 'detail-type': string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

async function admin(w: AwsWorld, actions: unknown) {
  const response = await fetch(`${w.wire.endpoint}/admin/actions`, {
    method: 'POST',
    body: JSON.stringify(actions),
  });
  const body = (await response.json()) as { touched?: readonly number[]; error?: string };
  return { status: response.status, ...body };
}

t.test('fifty calls of CreateFleet at once are let in, then five a second', async (t) => {
  const w = await world(t, { ec2: { isThrottled: true } });
  const input = fleetInput(w, { pools });
  const errors = [];
  for (let count = 0; count < 52; count += 1) {
    const call = w.ec2.send(new CreateFleetCommand({ ...input, ClientToken: String(count) }));
    errors.push(await errorOf(call));
  }
  t.equal(errors.filter(({ name }) => name === 'none').length, 50);
  t.match(errors.at(-1), { name: 'RequestLimitExceeded', status: 503 });
  await w.clock.advance(1000);
  t.equal((await errorOf(w.ec2.send(new CreateFleetCommand(input)))).name, 'none');
  t.equal(
    (await errorOf(w.ec2.send(new DescribeSubnetsCommand({})))).name,
    'none',
    'its own bucket',
  );
});

t.test('the inner limit of launches is told inside Errors', async (t) => {
  const w = await world(t, { ec2: { isThrottled: true } });
  const result = told(await askFleet(w, { pools, count: 1100 }));
  t.strictSame(result, {
    launched: ['m7i.large/a x1000'],
    failed: ['RequestLimitExceeded m7i.large'],
  });
});

t.test('a retry after a lost answer finds what was launched', async (t) => {
  const w = await world(t);
  for (const type of ['lose-answer', 'lose-request'] as const) {
    w.faults.add({ action: 'ec2:CreateFleet', fault: { type } });
  }
  const { ec2 } = clientsOf(w.wire.endpoint, 3);
  t.teardown(() => ec2.destroy());
  const result = await ec2.send(new CreateFleetCommand(fleetInput(w, { pools, token: 'once' })));
  t.equal(result.$metadata.attempts, 3);
  t.strictSame([...w.engine.instances.keys()], idsOf(result));
  const ends = w.wire.calls.map(({ action, error }) => `${action} ${error}`).slice(-3);
  t.strictSame(ends, ['CreateFleet no answer', 'CreateFleet no answer', 'CreateFleet ']);
});

t.test('a refusal has the code and the status that it was given', async (t) => {
  const w = await world(t);
  const fault = { type: 'refuse', code: 'InternalError', status: 502, message: 'oh' } as const;
  w.faults.add({ action: 'ec2:*', fault, times: 2 });
  const call = async () => await errorOf(w.ec2.send(new DescribeSubnetsCommand({})));
  t.strictSame(await call(), { name: 'InternalError', status: 502, message: 'oh' });
  t.equal(w.faults.pending, 1);
  await call();
  t.equal((await call()).name, 'none');
});

t.test('what is new is not seen at once', async (t) => {
  const w = await startAwsWorld({ ec2: { isConsistent: false }, seed: 3 });
  t.teardown(async () => await w.close());
  await makeTemplate(w, 'node');
  const names = { LaunchTemplateNames: ['node'] };
  const ask = async () => await errorOf(w.ec2.send(new DescribeLaunchTemplatesCommand(names)));
  t.equal((await ask()).name, 'InvalidLaunchTemplateName.NotFoundException');
  await w.clock.advance(3_000);
  t.equal((await ask()).name, 'none');
  const ids = idsOf(await askFleet(w, { pools, count: 50 }));
  const find = async () =>
    await errorOf(w.ec2.send(new DescribeInstancesCommand({ InstanceIds: [...ids] })));
  t.match(await find(), { name: 'InvalidInstanceID.NotFound', message: /do not exist/ });
  await w.clock.advance(30_000);
  t.equal((await find()).name, 'none');
  const { Reservations = [], NextToken } = await w.ec2.send(
    new DescribeInstancesCommand({ MaxResults: 30 }),
  );
  t.equal(Reservations.length, 30);
  const rest = await w.ec2.send(new DescribeInstancesCommand({ MaxResults: 30, NextToken }));
  t.strictSame([rest.Reservations?.length, rest.NextToken], [20, undefined]);
});

t.test('a storm refuses its share, in its pools, for its time', async (t) => {
  const w = await world(t);
  const storm = `events:
  - {at: 10s, do: drain, instanceType: m7i.*, zone: us-east-1a, capacityType: spot, share: 88%, for: 90m}
  - {at: 10s, do: fault, action: 'ec2:DescribeSubnets', fault: refuse, code: Unavailable}
  - {at: 1h, every: 30m, until: 3h, do: send, body: {hello: 1}}`;
  const failures: unknown[] = [];
  playScenario(readScenario(storm, 'storm.yaml'), w.wire, (error) => failures.push(error));
  const failedOf = async (calls: number, pool: string): Promise<number> => {
    let failed = 0;
    for (let count = 0; count < calls; count += 1) {
      failed += told(await askFleet(w, { pools: [pool], spot: true })).failed.length;
    }
    return failed;
  };
  t.equal(await failedOf(5, 'm7i.large/a'), 0, 'before');
  await w.clock.advance(10_001);
  const failed = await failedOf(50, 'm7i.large/a');
  t.ok(failed >= 37 && failed < 50, `${failed} of 50`);
  t.equal(await failedOf(5, 'm7i.large/b'), 0, 'another zone');
  t.match(await errorOf(w.ec2.send(new DescribeSubnetsCommand({}))), {
    name: 'Unavailable',
    status: 503,
  });
  await w.clock.advance(5_400_000);
  t.equal(await failedOf(5, 'm7i.large/a'), 0, 'after');
  t.ok((await bodies(w)).some((body) => 'hello' in body));
  t.strictSame(failures, []);
});

t.test('a wrong scenario is refused with event and field', async (t) => {
  for (const [text, expected] of [
    ['events: [{do: dance}]', /events\[0\]\.do: expected one of drain/],
    ['events: [{do: drain}, {do: drain, share: 3}]', /events\[1\]\.share: expected a share/],
    ['events: [{at: soon, do: recover}]', /events\[0\]\.at: expected a duration/],
    ['events: [{do: fault, action: a, fault: refuse}]', /events\[0\]\.code/],
    ['{', /expected YAML or JSON/],
    ['nothing: 1', /events: expected a list/],
  ] as const) {
    t.throws(() => readScenario(text, 'file.yaml'), { name: 'InputError', message: expected });
  }
  t.ok(new InputError({}, '') instanceof Error);
});

t.test(
  'what the admin endpoint does to instances is told in the queue and in their status',
  async (t) => {
    const w = await world(t);
    const spot = idsOf(await askFleet(w, { pools, count: 10, spot: true }));
    const [held = ''] = idsOf(await askFleet(w, { pools }));
    await w.clock.advance(100_000);
    await bodies(w);
    const answer = await admin(w, [
      { do: 'reclaim', capacityType: 'spot', count: 3 },
      { do: 'rebalance', instance: spot[0] },
      { do: 'maintain', instance: held, in: '30m' },
      { do: 'impair', instance: held, check: 'system' },
      {
        do: 'reserve',
        id: 'cr-0123456789abcdef0',
        instanceType: 'p5.48xlarge',
        zone: 'us-east-1a',
        count: 2,
        kind: 'capacity-block',
        for: '24h',
      },
      { do: 'hold-addresses', subnet: w.account.subnets[1]?.subnetId, leave: 2 },
    ]);
    t.strictSame(answer, { status: 200, touched: [3, 1, 1, 1, 1, 4089] });
    const heard = await bodies(w);
    const counts = Object.groupBy(heard, (body) => body['detail-type']);
    t.equal(counts['EC2 Spot Instance Interruption Warning']?.length, 3);
    t.equal(counts['EC2 Instance Rebalance Recommendation']?.[0]?.detail['instance-id'], spot[0]);
    t.equal(counts['AWS Health Event']?.length, 1);
    t.equal(counts['Capacity Block Reservation Delivered']?.length, 1);
    const { InstanceStatuses } = await w.ec2.send(
      new DescribeInstanceStatusCommand({ InstanceIds: [held] }),
    );
    t.match(InstanceStatuses, [
      { SystemStatus: { Status: 'impaired' }, Events: [{ Code: 'system-maintenance' }] },
    ]);
    await w.clock.advance(190_000);
    const ended = [...w.engine.instances.values()].filter(({ state }) => state === 'terminated');
    t.equal(ended.length, 3);
    t.ok(ended.every(({ stateReason }) => stateReason === 'Server.SpotInstanceTermination'));
    const state = await fetch(`${w.wire.endpoint}/admin/state`).then((response) => response.json());
    t.match(state, { instances: { running: 8, terminated: 3 }, launchTemplates: 1 });
    t.match(await admin(w, { do: 'reclaim', share: '200%' }), { status: 400, error: /share/ });
    t.equal((await fetch(`${w.wire.endpoint}/admin/none`)).status, 404);
  },
);

t.test('ended instances are told with their reason until they are forgotten', async (t) => {
  const w = await world(t);
  const [id = ''] = idsOf(await askFleet(w, { pools }));
  await w.clock.advance(100_000);
  await w.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  await w.clock.advance(61_000);
  const find = new DescribeInstancesCommand({ InstanceIds: [id] });
  const { Reservations } = await w.ec2.send(find);
  t.match(Reservations?.[0]?.Instances?.[0], {
    State: { Name: 'terminated' },
    StateReason: { Code: 'Client.UserInitiatedShutdown' },
  });
  await w.clock.advance(3_600_000);
  t.equal((await errorOf(w.ec2.send(find))).name, 'InvalidInstanceID.NotFound');
});

t.test(
  'pools of the default model dry up under a demand, and give again what was returned',
  async (t) => {
    const capacity = {
      ...defaultCapacityModel,
      onDemandMedianVcpu: 40,
      sigma: 0,
      spellEveryMs: Infinity,
    };
    const w = await world(t, { ec2: { capacity } });
    const result = await askFleet(w, { pools, count: 30 });
    t.strictSame(told(result), {
      launched: ['m7i.large/a x20'],
      failed: ['InsufficientInstanceCapacity m7i.large'],
    });
    await w.ec2.send(new TerminateInstancesCommand({ InstanceIds: idsOf(result).slice(0, 5) }));
    await w.clock.advance(61_000);
    t.strictSame(told(await askFleet(w, { pools, count: 30 })).launched, ['m7i.large/a x5']);
  },
);

t.test('a page of a thousand instances is put together in milliseconds', async (t) => {
  const w = await world(t);
  await askFleet(w, { pools, count: 1000 });
  const body = 'Action=DescribeInstances&Version=2016-11-15&MaxResults=1000';
  const call = async (): Promise<number> => {
    const before = process.cpuUsage();
    const response = await fetch(w.wire.endpoint, { method: 'POST', body });
    t.ok((await response.text()).length > 1_000_000);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  const times = [await call(), await call(), await call(), await call(), await call()];
  const best = Math.min(...times);
  t.comment(`processor time, client included: ${times.map((ms) => ms.toFixed(1)).join(', ')} ms`);
  t.ok(best < 60, `${best} ms`);
});
