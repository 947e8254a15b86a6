/** The wire front under the unmodified AWS SDK: what a provisioner discovers, and how mistakes look. */
import {
  type _InstanceType,
  CreateTagsCommand,
  DescribeAvailabilityZonesCommand,
  DescribeCapacityReservationsCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribePlacementGroupsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeSubnetsCommand,
  paginateDescribeInstanceTypeOfferings,
  paginateDescribeInstanceTypes,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DescribeClusterCommand } from '@aws-sdk/client-eks';
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  DeleteInstanceProfileCommand,
  GetInstanceProfileCommand,
  GetRoleCommand,
  ListInstanceProfilesCommand,
  RemoveRoleFromInstanceProfileCommand,
} from '@aws-sdk/client-iam';
import { paginateGetProducts } from '@aws-sdk/client-pricing';
import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import {
  GetParameterCommand,
  GetParametersCommand,
  paginateGetParametersByPath,
} from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import { errorOf, startAwsWorld } from '../../support/aws-world.ts';

const reservation = {
  id: 'cr-0123456789abcdef0',
  instanceType: 'm7i.large',
  zone: 'us-east-1a',
  totalCount: 3,
  match: 'targeted',
  kind: 'default',
  tags: { team: 'a' },
} as const;
const world = await startAwsWorld({
  ec2: { reservations: [reservation], movesSpotPrices: true },
  prepare: ({ placementGroups }) => {
    placementGroups.push({ groupId: 'pg-1', name: 'spread', strategy: 'spread', tags: {} });
  },
});
const { ec2, iam, sqs, ssm } = world;
t.teardown(async () => await world.close());
const { types, zones } = loadCatalogue();

t.test(
  'every type of the catalogue is told, page by page, with what a node is made of',
  async (t) => {
    const found = [];
    for await (const page of paginateDescribeInstanceTypes({ client: ec2, pageSize: 100 }, {})) {
      found.push(...(page.InstanceTypes ?? []));
    }
    t.strictSame(
      found.map(({ InstanceType }) => InstanceType),
      types.map(({ name }) => name),
    );
    const told = found.map(({ InstanceType, VCpuInfo, NetworkInfo, ...info }) => ({
      name: InstanceType,
      vcpuCount: VCpuInfo?.DefaultVCpus,
      memoryMiB: info.MemoryInfo?.SizeInMiB,
      interfaces: NetworkInfo?.MaximumNetworkInterfaces,
      addresses: NetworkInfo?.Ipv4AddressesPerInterface,
      bareMetal: info.BareMetal,
      architecture: info.ProcessorInfo?.SupportedArchitectures?.[0],
      nvmeGB: info.InstanceStorageInfo?.TotalSizeInGB ?? 0,
      gpus: info.GpuInfo?.Gpus?.map(({ Name, Count }) => `${Count} ${Name}`) ?? [],
    }));
    const expected = types.map((facts) => ({
      name: facts.name,
      vcpuCount: facts.vcpuCount,
      memoryMiB: facts.memoryMiB,
      interfaces: facts.eniCountDefaultCard,
      addresses: facts.ipv4PerEni,
      bareMetal: facts.bareMetal,
      architecture: facts.architecture === 'amd64' ? 'x86_64' : 'arm64',
      nvmeGB: facts.localNvmeGB,
      gpus: facts.gpus.map(({ name, count }) => `${count} ${name}`),
    }));
    t.equal(JSON.stringify(told), JSON.stringify(expected));
  },
);

t.test('offerings are those of the catalogue, by zone and by region', async (t) => {
  const found = [];
  const request = { LocationType: 'availability-zone' as const };
  for await (const page of paginateDescribeInstanceTypeOfferings({ client: ec2 }, request)) {
    found.push(...(page.InstanceTypeOfferings ?? []));
  }
  const expected = types.flatMap(({ name, offerings }) =>
    zones
      .filter((zone) => offerings.some((one) => one.zone === zone.name))
      .map((zone) => `${name}/${zone.name}`),
  );
  t.strictSame(
    found.map(({ InstanceType, Location }) => `${InstanceType}/${Location}`),
    expected,
  );
  const { InstanceTypeOfferings = [] } = await ec2.send(
    new DescribeInstanceTypeOfferingsCommand({
      Filters: [{ Name: 'instance-type', Values: ['m7i.*'] }],
    }),
  );
  t.ok(InstanceTypeOfferings.length > 5);
  t.ok(InstanceTypeOfferings.every(({ Location }) => Location === 'us-east-1'));
});

t.test('spot prices differ by zone and move within the spread of the real sample', async (t) => {
  const names = types.filter(({ name }) => name.endsWith('.2xlarge')).slice(0, 90);
  const nowMs = world.clock.nowMs();
  const ask = async (StartTime: Date) =>
    (
      await ec2.send(
        new DescribeSpotPriceHistoryCommand({
          InstanceTypes: names.map(({ name }) => name as _InstanceType),
          ProductDescriptions: ['Linux/UNIX'],
          StartTime,
        }),
      )
    ).SpotPriceHistory ?? [];
  const now = await ask(new Date(nowMs));
  const ratios: number[] = [];
  for (const { name } of names) {
    const prices = now
      .filter(({ InstanceType }) => InstanceType === name)
      .map(({ SpotPrice }) => Number(SpotPrice));
    if (prices.length > 2) ratios.push(Math.max(...prices) / Math.min(...prices));
  }
  ratios.sort((a, b) => a - b);
  const median = ratios[Math.floor(ratios.length / 2)] ?? 0;
  t.ok(median > 1.1 && median < 1.35, `median spread ${median}, 1.18 in the sample`);
  t.ok((ratios.at(-1) ?? 9) <= 2, `widest spread ${ratios.at(-1)}, 1.9 in the sample`);
  const ago = (await ask(new Date(nowMs - 86_400_000))).filter(
    ({ InstanceType, AvailabilityZone }) =>
      InstanceType === now[0]?.InstanceType && AvailabilityZone === now[0]?.AvailabilityZone,
  );
  t.ok(ago.length >= 4, `${ago.length} changes in a day`);
  t.ok(new Set(ago.map(({ SpotPrice }) => SpotPrice)).size > 1, 'it moves');
});

t.test('subnets and groups are found by tag, name and id', async (t) => {
  const discovery = [{ Name: 'tag:karpenter.sh/discovery', Values: ['simulated'] }];
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ Filters: discovery }));
  t.equal(Subnets.length, zones.length);
  t.match(Subnets[0], { AvailableIpAddressCount: 4091, AvailabilityZoneId: 'use1-az2' });
  const groups = await ec2.send(new DescribeSecurityGroupsCommand({ Filters: discovery }));
  t.equal(groups.SecurityGroups?.length, 2);
  const named = [{ Name: 'group-name', Values: ['*-node'] }];
  const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters: named }));
  t.match(SecurityGroups, [{ GroupName: 'simulated-node' }]);
  const wrong = new DescribeSubnetsCommand({ SubnetIds: ['subnet-00000000000000000'] });
  t.match(await errorOf(ec2.send(wrong)), { name: 'InvalidSubnetID.NotFound', status: 400 });
  const unknown = [{ Name: 'colour', Values: ['red'] }];
  t.match(await errorOf(ec2.send(new DescribeSubnetsCommand({ Filters: unknown }))), {
    name: 'InvalidParameterValue',
  });
});

t.test(
  'images of every family are named by parameters and found by id, name and owner',
  async (t) => {
    const path = '/aws/service/eks/optimized-ami/1.32/amazon-linux-2023/';
    const parameters = [];
    const request = { Path: path, Recursive: true };
    for await (const page of paginateGetParametersByPath({ client: ssm }, request)) {
      parameters.push(...(page.Parameters ?? []));
    }
    t.equal(parameters.length, 15, 'five kinds, two releases and the recommended one');
    const names = [
      `${path}arm64/standard/recommended/image_id`,
      '/aws/service/bottlerocket/aws-k8s-1.32/x86_64/latest/image_id',
      '/aws/service/eks/optimized-ami/1.32/amazon-linux-2-gpu/recommended/image_id',
      '/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.32/image_id',
      '/none',
    ];
    const answer = await ssm.send(new GetParametersCommand({ Names: names }));
    t.strictSame(answer.InvalidParameters, ['/none']);
    const ids = (answer.Parameters ?? []).map(({ Value = '' }) => Value);
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: ids }));
    t.strictSame(
      Images.map(({ Architecture, Platform }) => [Architecture, Platform]),
      [
        ['arm64', undefined],
        ['x86_64', undefined],
        ['x86_64', undefined],
        ['x86_64', 'windows'],
      ],
    );
    const byName = new DescribeImagesCommand({
      Owners: ['amazon'],
      Filters: [{ Name: 'name', Values: ['bottlerocket-aws-k8s-1.32-x86_64-*'] }],
    });
    t.equal((await ec2.send(byName)).Images?.length, 2);
    t.equal(
      (await errorOf(ssm.send(new GetParameterCommand({ Name: '/none' })))).name,
      'ParameterNotFound',
    );
  },
);

t.test('reservations and placement groups are told with what is left', async (t) => {
  const { CapacityReservations } = await ec2.send(
    new DescribeCapacityReservationsCommand({
      Filters: [{ Name: 'state', Values: ['active'] }],
    }),
  );
  t.match(CapacityReservations, [
    { CapacityReservationId: reservation.id, AvailableInstanceCount: 3, State: 'active' },
  ]);
  const wrong = ['cr-00000000000000000'];
  const call = ec2.send(new DescribeCapacityReservationsCommand({ CapacityReservationIds: wrong }));
  t.equal((await errorOf(call)).name, 'InvalidCapacityReservationId.NotFound');
  const groups = await ec2.send(new DescribePlacementGroupsCommand({ GroupNames: ['spread'] }));
  t.match(groups.PlacementGroups, [{ Strategy: 'spread', State: 'available' }]);
});

t.test('on-demand prices are those of the catalogue', async (t) => {
  const found = new Map<string, number>();
  const request = {
    ServiceCode: 'AmazonEC2',
    Filters: [
      { Type: 'TERM_MATCH' as const, Field: 'regionCode', Value: 'us-east-1' },
      { Type: 'TERM_MATCH' as const, Field: 'tenancy', Value: 'Shared' },
    ],
  };
  for await (const page of paginateGetProducts({ client: world.pricing }, request)) {
    for (const text of page.PriceList ?? []) {
      const { product, terms } = JSON.parse(String(text)) as {
        product: { attributes: { instanceType: string } };
        terms: { OnDemand: Record<string, { priceDimensions: Record<string, Price> }> };
      };
      const [term] = Object.values(terms.OnDemand);
      const [price] = Object.values(term?.priceDimensions ?? {});
      found.set(product.attributes.instanceType, Number(price?.pricePerUnit.USD));
    }
  }
  for (const { name, offerings } of types) {
    const one = offerings.find(({ capacityType }) => capacityType === 'on-demand');
    const usd = one && one.priceNanoUsdPerHour / 1e9;
    if (found.get(name) !== usd) t.equal(found.get(name), usd, name);
  }
  t.ok(found.size > 1000);
});

interface Price {
  readonly pricePerUnit: { readonly USD: string };
}

t.test('instance profiles are made, given a role, listed and deleted', async (t) => {
  const InstanceProfileName = 'profile-1';
  const RoleName = 'StowageNodeRole-simulated';
  const create = new CreateInstanceProfileCommand({
    InstanceProfileName,
    Path: '/stowage/',
    Tags: [{ Key: 'cluster', Value: 'a' }],
  });
  await iam.send(create);
  t.match(await errorOf(iam.send(create)), { name: /EntityAlreadyExists/, status: 409 });
  await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
  const { InstanceProfile } = await iam.send(
    new GetInstanceProfileCommand({ InstanceProfileName }),
  );
  t.match(InstanceProfile, {
    Arn: 'arn:aws:iam::123456789012:instance-profile/stowage/profile-1',
    Roles: [{ RoleName }],
    Tags: [{ Key: 'cluster', Value: 'a' }],
  });
  const doomed = new DeleteInstanceProfileCommand({ InstanceProfileName });
  t.match(await errorOf(iam.send(doomed)), { name: /DeleteConflict/, status: 409 });
  const listed = await iam.send(new ListInstanceProfilesCommand({ PathPrefix: '/stowage/' }));
  t.equal(listed.InstanceProfiles?.length, 1);
  await iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName }));
  await iam.send(doomed);
  t.match(await errorOf(iam.send(doomed)), { name: /NoSuchEntity/, status: 404 });
  t.match(await errorOf(iam.send(new GetRoleCommand({ RoleName: 'none' }))), {
    name: /NoSuchEntity/,
  });
});

t.test('the cluster and the caller are told', async (t) => {
  const { cluster } = await world.eks.send(new DescribeClusterCommand({ name: 'simulated' }));
  t.match(cluster, { version: '1.32', status: 'ACTIVE' });
  t.ok(cluster?.resourcesVpcConfig?.clusterSecurityGroupId);
  const wrong = world.eks.send(new DescribeClusterCommand({ name: 'none' }));
  t.match(await errorOf(wrong), { name: 'ResourceNotFoundException', status: 404 });
  t.equal((await world.sts.send(new GetCallerIdentityCommand({}))).Account, '123456789012');
});

t.test(
  'messages come again unless they are deleted, and are gone after five minutes',
  async (t) => {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'simulated' }));
    for (const MessageBody of ['one', 'two', 'three']) {
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    }
    const receive = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 20,
    });
    const first = (await sqs.send(receive)).Messages ?? [];
    t.strictSame(first.map(({ Body = '' }) => Body).sort(), ['one', 'three', 'two']);
    t.equal((await sqs.send(receive)).Messages, undefined, 'hidden from others');
    const Entries = first.slice(0, 2).map(({ ReceiptHandle }, index) => ({
      Id: String(index),
      ReceiptHandle,
    }));
    const deletion = new DeleteMessageBatchCommand({ QueueUrl, Entries });
    t.equal((await sqs.send(deletion)).Successful?.length, 2);
    t.equal((await sqs.send(deletion)).Successful?.length, 2, 'twice is no mistake');
    await world.clock.advance(20_001);
    t.match((await sqs.send(receive)).Messages, [{ Body: first[2]?.Body }]);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    t.equal(Attributes?.['ApproximateNumberOfMessagesNotVisible'], '1');
    await world.clock.advance(300_000);
    t.equal((await sqs.send(receive)).Messages, undefined);
    const missing = sqs.send(new GetQueueUrlCommand({ QueueName: 'none' }));
    t.match(await errorOf(missing), { name: 'QueueDoesNotExist', status: 400 });
  },
);

t.test('what is not there or not allowed is refused in the words of EC2', async (t) => {
  const unknown = new TerminateInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] });
  t.match(await errorOf(ec2.send(unknown)), { name: 'InvalidInstanceID.NotFound', status: 400 });
  const malformed = new DescribeInstancesCommand({ InstanceIds: ['x'] });
  t.equal((await errorOf(ec2.send(malformed))).name, 'InvalidInstanceID.Malformed');
  const type = ['m99.large' as _InstanceType];
  const types = new DescribeInstanceTypesCommand({ InstanceTypes: type });
  t.equal((await errorOf(ec2.send(types))).name, 'InvalidInstanceType');
  const tags = new CreateTagsCommand({
    Resources: ['i-0123456789abcdef0'],
    Tags: [{ Key: 'a', Value: 'b' }],
  });
  t.equal((await errorOf(ec2.send(tags))).name, 'InvalidInstanceID.NotFound');
  const trial = new DescribeAvailabilityZonesCommand({ DryRun: true });
  t.match(await errorOf(ec2.send(trial)), { name: 'DryRunOperation', status: 412 });
  const token = new DescribeSubnetsCommand({ NextToken: 'nonsense' });
  t.equal((await errorOf(ec2.send(token))).name, 'InvalidNextToken');
  world.account.denied.add('ec2:DescribeSubnets');
  world.account.denied.add('iam:*');
  const denied = ec2.send(new DescribeSubnetsCommand({ DryRun: true }));
  t.match(await errorOf(denied), { name: 'UnauthorizedOperation', status: 403 });
  t.match(await errorOf(iam.send(new GetRoleCommand({ RoleName: 'a' }))), {
    name: /AccessDenied/,
    status: 403,
  });
  world.account.denied.clear();
});
