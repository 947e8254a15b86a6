/** CreateFleet on the wire: strategies, partial fulfilment, every error of a pool, tokens. */
import {
  CreateFleetCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import t, { type Test } from 'tap';
import type { Ec2Options } from '../../../sim/ec2-types.ts';
import { type AwsWorld, errorOf, startAwsWorld } from '../../support/aws-world.ts';
import {
  askFleet,
  type FleetAsk,
  fleetInput,
  idsOf,
  makeTemplate,
  told,
} from '../../support/fleet-calls.ts';

async function world(t: Test, options: Parameters<typeof startAwsWorld>[0] = {}) {
  const made = await startAwsWorld(options);
  t.teardown(async () => await made.close());
  await makeTemplate(made, 'node');
  return made;
}

function fill({ engine }: AwsWorld, pools: Readonly<Record<string, number>>): void {
  for (const [pool, count] of Object.entries(pools)) {
    const [type, letter = ''] = pool.split('/');
    const matches = (key: { instanceType: string; zone: string }): boolean =>
      key.instanceType === type && key.zone.endsWith(letter);
    engine.launcher.pools.fill(matches, count);
  }
}

t.test('each strategy asks the pools in its own order', async (t) => {
  const w = await world(t);
  fill(w, { 'm7i.large/a': 3, 'm7i.xlarge/a': 100, 'c7i.large/a': 9 });
  const pools = ['m7i.xlarge/a', 'm7i.large/a', 'c7i.large/a'];
  const first = async (ask: Partial<FleetAsk>): Promise<string | undefined> =>
    told(await askFleet(w, { pools, ...ask })).launched[0];
  t.equal(await first({ strategy: 'lowest-price' }), 'c7i.large/a x1');
  t.equal(await first({ strategy: 'prioritized' }), 'm7i.xlarge/a x1');
  t.equal(await first({ spot: true, strategy: 'capacity-optimized' }), 'm7i.xlarge/a x1');
  t.equal(await first({ spot: true, strategy: 'lowest-price' }), 'c7i.large/a x1');
  const optimized = 'price-capacity-optimized';
  t.equal(await first({ spot: true, strategy: optimized, count: 2 }), 'c7i.large/a x2');
  t.equal(await first({ spot: true, strategy: optimized, count: 6 }), 'm7i.xlarge/a x6');
  const prioritized = 'capacity-optimized-prioritized';
  t.equal(await first({ spot: true, strategy: prioritized }), 'm7i.xlarge/a x1');
  const diversified = await askFleet(w, { pools, spot: true, strategy: 'diversified', count: 6 });
  t.equal(told(diversified).launched.length, 3);
  const wrong = fleetInput(w, { pools, strategy: 'diversified' });
  t.equal((await errorOf(w.ec2.send(new CreateFleetCommand(wrong)))).name, 'InvalidParameterValue');
});

t.test('what one pool cannot give the next ones do, and errors say which were dry', async (t) => {
  const w = await world(t);
  fill(w, { 'm7i.large/a': 2, 'm7i.large/b': 1, 'm7i.xlarge/b': 0 });
  const pools = ['m7i.large/a', 'm7i.xlarge/b', 'm7i.large/b'];
  const result = told(await askFleet(w, { pools, strategy: 'prioritized', count: 5 }));
  t.strictSame(result.launched, ['m7i.large/a x2', 'm7i.large/b x1']);
  t.strictSame(result.failed, [
    'InsufficientInstanceCapacity m7i.large',
    'InsufficientInstanceCapacity m7i.xlarge',
    'InsufficientInstanceCapacity m7i.large',
  ]);
  const none = await askFleet(w, { pools });
  t.strictSame([told(none).launched, none.$metadata.httpStatusCode], [[], 200]);
  const min = { SingleAvailabilityZone: true, MinTargetCapacity: 3 };
  fill(w, { 'm7i.large/a': 2, 'm7i.xlarge/b': 4 });
  const more = { OnDemandOptions: { AllocationStrategy: 'prioritized' as const, ...min } };
  const whole = await askFleet(w, { pools: ['m7i.large/a', 'm7i.xlarge/b'], count: 4, more });
  t.strictSame(told(whole).launched, ['m7i.xlarge/b x4'], 'two would have been too few');
});

t.test('the same token is the same fleet, with other words a mistake', async (t) => {
  const w = await world(t);
  const ask = { pools: ['m7i.large/a'], count: 2, token: 'intent-1' };
  const [one, two] = [await askFleet(w, ask), await askFleet(w, ask)];
  t.strictSame([one.FleetId, idsOf(one)], [two.FleetId, idsOf(two)]);
  t.equal(w.engine.instances.size, 2);
  t.equal((await errorOf(askFleet(w, { ...ask, count: 3 }))).name, 'IdempotentParameterMismatch');
  const trial = fleetInput(w, { ...ask, token: 'intent-2', more: { DryRun: true } });
  t.match(await errorOf(w.ec2.send(new CreateFleetCommand(trial))), { name: 'DryRunOperation' });
  t.equal(w.engine.instances.size, 2);
});

const reservation = {
  id: 'cr-0123456789abcdef0',
  instanceType: 'm7i.large',
  zone: 'us-east-1a',
  totalCount: 1,
  match: 'targeted',
  kind: 'default',
  tags: {},
} as const;
const template = {
  named: {
    CapacityReservationSpecification: {
      CapacityReservationTarget: { CapacityReservationId: reservation.id },
    },
  },
  spread: { Placement: { GroupName: 'spread' } },
  profile: { IamInstanceProfile: { Name: 'nobody' } },
  group: { SecurityGroupIds: ['sg-00000000000000000'] },
};
const pools = ['m7i.large/a'];
const codes: readonly (readonly [
  string,
  FleetAsk,
  Partial<Ec2Options>,
  (keyof typeof template)?,
])[] = [
  ['VcpuLimitExceeded', { pools, count: 3 }, { quotaVcpu: { Standard: 4 } }],
  ['MaxSpotInstanceCountExceeded', { pools, count: 3, spot: true }, { quotaVcpu: { Standard: 4 } }],
  ['InsufficientFreeAddressesInSubnet', { pools, count: 12 }, {}],
  ['ReservationCapacityExceeded', { pools, count: 2 }, {}, 'named'],
  ['InsufficientInstanceCapacity', { pools, count: 8 }, {}, 'spread'],
  ['Unsupported', { pools: ['m7i.large/e'] }, {}],
  ['InvalidParameterValue', { pools: ['m7g.large/a'] }, {}],
  ['InvalidParameterValue', { pools }, {}, 'profile'],
  ['InvalidGroup.NotFound', { pools }, {}, 'group'],
  ['SpotMaxPriceTooLow', { pools, spot: true, more: { LaunchTemplateConfigs: [] } }, {}],
  ['AuthFailure.ServiceLinkedRoleCreationNotPermitted', { pools, spot: true }, {}],
];

for (const [code, ask, ec2, kind] of codes) {
  t.test(`${code} is an entry of Errors${kind === undefined ? '' : ` (${kind})`}`, async (t) => {
    const w = await world(t, {
      ec2: { reservations: [reservation], ...ec2 },
      account: code.includes('Addresses') ? { subnetBits: 28 } : {},
      prepare: (account) => {
        account.placementGroups.push({
          groupId: 'pg-1',
          name: 'spread',
          strategy: 'spread',
          tags: {},
        });
        account.hasSpotRole = !code.startsWith('AuthFailure');
      },
    });
    if (kind !== undefined) await makeTemplate(w, kind, template[kind]);
    const input = fleetInput(w, { ...ask, template: kind ?? 'node' });
    if (code === 'SpotMaxPriceTooLow') {
      const [config] = fleetInput(w, { pools }).LaunchTemplateConfigs ?? [];
      input.LaunchTemplateConfigs = [
        { ...config, Overrides: config?.Overrides?.map((one) => ({ ...one, MaxPrice: '0.001' })) },
      ];
    }
    const result = await w.ec2.send(new CreateFleetCommand(input));
    t.equal(result.Errors?.[0]?.ErrorCode, code);
    t.ok(result.Errors?.[0]?.ErrorMessage);
    if (code.includes('Addresses')) {
      t.equal(idsOf(result).length, 11, 'a /28 has eleven');
      const { Subnets } = await w.ec2.send(new DescribeSubnetsCommand({}));
      t.equal(Subnets?.[0]?.AvailableIpAddressCount, 0);
    }
  });
}

t.test('a mistake in the request as a whole launches nothing', async (t) => {
  const w = await world(t);
  const nameOf = async (ask: FleetAsk): Promise<string> => (await errorOf(askFleet(w, ask))).name;
  t.equal(await nameOf({ pools: ['m7i.large/a', 'm7i.large/a'] }), 'InvalidFleetConfig');
  t.equal(await nameOf({ pools, template: 'none' }), 'InvalidLaunchTemplateName.NotFoundException');
  t.equal(await nameOf({ pools, more: { LaunchTemplateConfigs: [] } }), 'MissingParameter');
  t.equal(await nameOf({ pools, more: { Type: 'maintain' } }), 'UnsupportedOperation');
  const both = {
    TotalTargetCapacity: 2,
    OnDemandTargetCapacity: 1,
    DefaultTargetCapacityType: 'capacity-block' as const,
  };
  t.equal(
    await nameOf({ pools, more: { TargetCapacitySpecification: both } }),
    'InvalidTargetCapacitySpecification',
  );
  t.equal(w.engine.instances.size, 0);
});

t.test('instances carry the tags of template, fleet and EC2, and their lifecycle', async (t) => {
  const w = await world(t);
  const specification = { ResourceType: 'instance' as const, Tags: [{ Key: 'owner', Value: 'a' }] };
  await makeTemplate(w, 'tagged', {
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'from', Value: 'template' }] }],
  });
  const more = { TagSpecifications: [specification] };
  await askFleet(w, { pools, spot: true, template: 'tagged', more });
  const { Reservations = [] } = await w.ec2.send(
    new DescribeInstancesCommand({ Filters: [{ Name: 'tag:owner', Values: ['a'] }] }),
  );
  const [instance] = Reservations[0]?.Instances ?? [];
  const tags = new Map(instance?.Tags?.map(({ Key = '', Value }) => [Key, Value]));
  t.equal(tags.get('from'), 'template');
  for (const key of [
    'aws:ec2:fleet-id',
    'aws:ec2launchtemplate:id',
    'aws:ec2launchtemplate:version',
  ]) {
    t.ok(tags.has(key), key);
  }
  t.match(instance, { InstanceLifecycle: 'spot', SpotInstanceRequestId: /^sir-/ });
});

t.test('a capacity block launches as one, and is warned of before it ends', async (t) => {
  const nowMs = Date.UTC(2026, 10, 22);
  const block = { ...reservation, kind: 'capacity-block', endMs: nowMs + 3 * 3_600_000 } as const;
  const w = await world(t, { ec2: { reservations: [block] } });
  await makeTemplate(w, 'named', template.named);
  const target = { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'capacity-block' as const };
  const more = { TargetCapacitySpecification: target };
  const result = await askFleet(w, { pools, template: 'named', more });
  const [id = ''] = idsOf(result);
  t.equal(result.Instances?.[0]?.Lifecycle, 'capacity-block');
  await w.clock.advance(2 * 3_600_000 + 21 * 60_000);
  t.equal(w.engine.instances.get(id)?.state, 'running');
  const bodies = (await w.account.queues.get('simulated')?.receive(10, 0, 1000))?.map(
    ({ body }) => (JSON.parse(body) as { 'detail-type': string })['detail-type'],
  );
  t.ok(bodies?.includes('EC2 Capacity Reservation Instance Interruption Warning'));
  t.ok(bodies?.includes('Capacity Block Reservation Expiration Warning'));
  await w.clock.advance(11 * 60_000);
  t.equal(w.engine.instances.get(id)?.state, 'terminated');
});

t.test(
  'RunInstances is all or nothing, and says so with the status of a server fault',
  async (t) => {
    const w = await world(t);
    fill(w, { 'm7i.large/a': 2 });
    const run = (MinCount: number, MaxCount: number) =>
      w.ec2.send(
        new RunInstancesCommand({
          MinCount,
          MaxCount,
          InstanceType: 'm7i.large',
          LaunchTemplate: { LaunchTemplateName: 'node' },
        }),
      );
    t.match(await errorOf(run(3, 3)), { name: 'InsufficientInstanceCapacity', status: 500 });
    t.equal(w.engine.instances.size, 0);
    t.equal((await run(1, 3)).Instances?.length, 2);
  },
);
