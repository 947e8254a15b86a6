/**
 * What holds for EC2's wire whoever speaks it: our simulated EC2, and moto for what it does right.
 *
 * In: clients, and a few things that are there. Out: tests. Left out is what moto does not do as AWS
 * does (`reference/ec2.md` B2): fleets, prices, capacity, limits, parameters of EKS images.
 */
import {
  type _InstanceType,
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  CreateTagsCommand,
  DeleteLaunchTemplateCommand,
  DescribeAvailabilityZonesCommand,
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  paginateDescribeInstances,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DescribeClusterCommand } from '@aws-sdk/client-eks';
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  DeleteInstanceProfileCommand,
  GetInstanceProfileCommand,
  ListInstanceProfilesForRoleCommand,
  RemoveRoleFromInstanceProfileCommand,
} from '@aws-sdk/client-iam';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { GetParameterCommand, GetParametersCommand } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { Test } from 'tap';
import { type AwsClients, errorOf } from '../support/aws-world.ts';

export interface Ec2Peer extends AwsClients {
  readonly imageId: string;
  readonly subnetId: string;
  readonly groupId: string;
  /** A role that is there. */
  readonly roleName: string;
}

const instanceType = 'm5.large';
const tagged = (value: string) => [
  { ResourceType: 'instance' as const, Tags: [{ Key: 'contract', Value: value }] },
];

export function testPlaces(t: Test, { ec2, subnetId, groupId }: Ec2Peer): void {
  t.test('zones, subnets and groups have ids and are found by them', async (t) => {
    const { AvailabilityZones = [] } = await ec2.send(new DescribeAvailabilityZonesCommand({}));
    t.equal(AvailabilityZones.length, 6);
    t.match(AvailabilityZones[0], { ZoneId: /^use1-az\d$/, State: 'available' });
    const subnets = await ec2.send(new DescribeSubnetsCommand({ SubnetIds: [subnetId] }));
    t.match(subnets.Subnets, [{ SubnetId: subnetId, AvailabilityZoneId: /^use1-az\d$/ }]);
    const filter = [{ Name: 'group-id', Values: [groupId] }];
    const groups = await ec2.send(new DescribeSecurityGroupsCommand({ Filters: filter }));
    t.match(groups.SecurityGroups, [{ GroupId: groupId }]);
  });

  t.test('tags can be put on subnets and groups, and select them', async (t) => {
    const Tags = [{ Key: 'contract', Value: 'place' }];
    await ec2.send(new CreateTagsCommand({ Resources: [subnetId, groupId], Tags }));
    for (const filter of [
      { Name: 'tag:contract', Values: ['place'] },
      { Name: 'tag-key', Values: ['contract'] },
    ]) {
      const { Subnets } = await ec2.send(new DescribeSubnetsCommand({ Filters: [filter] }));
      t.strictSame(
        Subnets?.map((subnet) => subnet.SubnetId),
        [subnetId],
      );
    }
    const missing = new DescribeSubnetsCommand({ SubnetIds: ['subnet-00000000'] });
    t.match(await errorOf(ec2.send(missing)), { name: 'InvalidSubnetID.NotFound', status: 400 });
  });

  t.test('types are described, unknown ones refused', async (t) => {
    const types = await ec2.send(
      new DescribeInstanceTypesCommand({ InstanceTypes: [instanceType] }),
    );
    t.match(types.InstanceTypes, [
      {
        VCpuInfo: { DefaultVCpus: 2 },
        MemoryInfo: { SizeInMiB: 8192 },
        NetworkInfo: { MaximumNetworkInterfaces: 3, Ipv4AddressesPerInterface: 10 },
        ProcessorInfo: { SupportedArchitectures: ['x86_64'] },
        BareMetal: false,
        Hypervisor: 'nitro',
      },
    ]);
    const unknown = ['m99.large' as _InstanceType];
    const call = ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: unknown }));
    t.match(await errorOf(call), { name: 'InvalidInstanceType', status: 400 });
  });
}

export function testTemplates(t: Test, { ec2, imageId, groupId }: Ec2Peer): void {
  t.test('a launch template is made once, found by name and tag, and deleted', async (t) => {
    const name = 'contract-template';
    const create = new CreateLaunchTemplateCommand({
      LaunchTemplateName: name,
      LaunchTemplateData: {
        ImageId: imageId,
        SecurityGroupIds: [groupId],
        UserData: Buffer.from('hello').toString('base64'),
        BlockDeviceMappings: [
          { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 30, Encrypted: true } },
        ],
        MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
        TagSpecifications: tagged('of-template'),
      },
      TagSpecifications: [
        { ResourceType: 'launch-template', Tags: [{ Key: 'contract', Value: 'template' }] },
      ],
    });
    const { LaunchTemplate } = await ec2.send(create);
    t.match(LaunchTemplate, { LaunchTemplateId: /^lt-/, LatestVersionNumber: 1 });
    t.match(await errorOf(ec2.send(create)), {
      name: 'InvalidLaunchTemplateName.AlreadyExistsException',
      status: 400,
    });
    const Filters = [{ Name: 'tag:contract', Values: ['template'] }];
    const byTag = await ec2.send(new DescribeLaunchTemplatesCommand({ Filters }));
    t.match(byTag.LaunchTemplates, [{ LaunchTemplateName: name }]);
    const versions = new DescribeLaunchTemplateVersionsCommand({
      LaunchTemplateName: name,
      Versions: ['$Latest'],
    });
    const { LaunchTemplateVersions } = await ec2.send(versions);
    t.match(LaunchTemplateVersions, [
      {
        VersionNumber: 1,
        DefaultVersion: true,
        LaunchTemplateData: {
          ImageId: imageId,
          SecurityGroupIds: [groupId],
          UserData: Buffer.from('hello').toString('base64'),
          BlockDeviceMappings: [
            { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 30, Encrypted: true } },
          ],
          MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
          TagSpecifications: tagged('of-template'),
        },
      },
    ]);
    await ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateName: name }));
    const missing = new DescribeLaunchTemplatesCommand({ LaunchTemplateNames: [name] });
    t.match(await errorOf(ec2.send(missing)), {
      name: 'InvalidLaunchTemplateName.NotFoundException',
      status: 400,
    });
  });

  t.test('a trial says that it would have been done, and does nothing', async (t) => {
    const template = new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'contract-trial',
      LaunchTemplateData: { ImageId: imageId },
    });
    await ec2.send(template);
    const trial = { name: 'DryRunOperation', status: 412 };
    const fleet = new CreateFleetCommand({
      Type: 'instant',
      DryRun: true,
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: { LaunchTemplateName: 'contract-trial', Version: '$Latest' },
          Overrides: [{ InstanceType: instanceType }],
        },
      ],
      TargetCapacitySpecification: { TotalTargetCapacity: 1 },
    });
    t.match(await errorOf(ec2.send(fleet)), trial);
    const run = { MinCount: 1, MaxCount: 1, ImageId: imageId, InstanceType: instanceType } as const;
    t.match(await errorOf(ec2.send(new RunInstancesCommand({ ...run, DryRun: true }))), trial);
    const other = new CreateLaunchTemplateCommand({
      ...template.input,
      LaunchTemplateName: 'contract-trial-2',
      DryRun: true,
    });
    t.match(await errorOf(ec2.send(other)), trial);
    const { LaunchTemplates } = await ec2.send(new DescribeLaunchTemplatesCommand({}));
    t.equal(
      LaunchTemplates?.filter(({ LaunchTemplateName }) => LaunchTemplateName?.endsWith('-2'))
        .length,
      0,
    );
  });
}

export function testInstances(t: Test, { ec2, imageId, subnetId }: Ec2Peer): void {
  const run = async (value: string, count: number) => {
    const { Instances = [] } = await ec2.send(
      new RunInstancesCommand({
        MinCount: count,
        MaxCount: count,
        ImageId: imageId,
        InstanceType: instanceType,
        SubnetId: subnetId,
        TagSpecifications: tagged(value),
      }),
    );
    return Instances.map(({ InstanceId = '' }) => InstanceId);
  };

  t.test('instances are found by id, tag and state, with where and what they are', async (t) => {
    const [id = ''] = await run('found', 1);
    for (const input of [
      { InstanceIds: [id] },
      { Filters: [{ Name: 'tag:contract', Values: ['found'] }] },
      {
        Filters: [
          { Name: 'tag:contract', Values: ['f*'] },
          { Name: 'instance-state-name', Values: ['pending', 'running'] },
        ],
      },
    ]) {
      const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand(input));
      t.match(
        Reservations.flatMap(({ Instances = [] }) => Instances),
        [
          {
            InstanceId: id,
            InstanceType: instanceType,
            ImageId: imageId,
            SubnetId: subnetId,
            PrivateDnsName: /^ip-[\d-]+\.ec2\.internal$/,
            Tags: [{ Key: 'contract', Value: 'found' }],
          },
        ],
      );
    }
    await ec2.send(
      new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'Name', Value: 'node-1' }] }),
    );
    const byName = [{ Name: 'tag:Name', Values: ['node-1'] }];
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ Filters: byName }));
    t.equal(Reservations?.[0]?.Instances?.[0]?.InstanceId, id);
    const status = await ec2.send(
      new DescribeInstanceStatusCommand({ InstanceIds: [id], IncludeAllInstances: true }),
    );
    t.match(status.InstanceStatuses, [{ InstanceId: id }]);
    const missing = new DescribeInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] });
    t.match(await errorOf(ec2.send(missing)), { name: 'InvalidInstanceID.NotFound', status: 400 });
  });

  t.test('pages together are the whole list, each instance once', async (t) => {
    const ids = [
      ...(await run('paged', 4)),
      ...(await run('paged', 1)),
      ...(await run('paged', 3)),
    ];
    for (let count = 0; count < 4; count += 1) ids.push(...(await run('paged', 1)));
    const found: string[] = [];
    const input = { Filters: [{ Name: 'tag:contract', Values: ['paged'] }] };
    for await (const page of paginateDescribeInstances({ client: ec2, pageSize: 5 }, input)) {
      for (const { Instances = [] } of page.Reservations ?? []) {
        found.push(...Instances.map(({ InstanceId = '' }) => InstanceId));
      }
    }
    t.strictSame(found.sort(), ids.sort());
  });

  t.test('the end of instances is asked for all or none, and again without harm', async (t) => {
    const ids = await run('ended', 2);
    const wrong = { InstanceIds: [...ids, 'i-0123456789abcdef0'] };
    t.match(await errorOf(ec2.send(new TerminateInstancesCommand(wrong))), {
      name: 'InvalidInstanceID.NotFound',
      status: 400,
    });
    const alive = [
      { Name: 'tag:contract', Values: ['ended'] },
      { Name: 'instance-state-name', Values: ['pending', 'running'] },
    ];
    const count = async (): Promise<number> =>
      (await ec2.send(new DescribeInstancesCommand({ Filters: alive }))).Reservations?.flatMap(
        ({ Instances = [] }) => Instances,
      ).length ?? 0;
    t.equal(await count(), 2, 'none has ended');
    for (const again of [false, true]) {
      const { TerminatingInstances = [] } = await ec2.send(
        new TerminateInstancesCommand({ InstanceIds: ids }),
      );
      t.strictSame(
        TerminatingInstances.map(({ InstanceId = '' }) => InstanceId).sort(),
        ids.toSorted(),
      );
      t.match(TerminatingInstances[0]?.CurrentState, { Name: /^(shutting-down|terminated)$/ });
      t.ok(again || TerminatingInstances[0]?.PreviousState?.Name !== 'terminated');
    }
    t.equal(await count(), 0);
  });
}

export function testOthers(t: Test, { iam, sqs, ssm, sts, eks, roleName }: Ec2Peer): void {
  t.test('an instance profile has its life', async (t) => {
    const profile = { InstanceProfileName: 'contract-profile' };
    await iam.send(new CreateInstanceProfileCommand(profile));
    t.match(await errorOf(iam.send(new CreateInstanceProfileCommand(profile))), {
      name: /EntityAlreadyExists/,
      status: 409,
    });
    await iam.send(new AddRoleToInstanceProfileCommand({ ...profile, RoleName: roleName }));
    const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand(profile));
    t.match(InstanceProfile, {
      Arn: /:instance-profile\/contract-profile$/,
      Roles: [{ RoleName: roleName }],
    });
    const listed = await iam.send(new ListInstanceProfilesForRoleCommand({ RoleName: roleName }));
    t.match(listed.InstanceProfiles, [profile]);
    const removal = { ...profile, RoleName: roleName };
    await iam.send(new RemoveRoleFromInstanceProfileCommand(removal));
    await iam.send(new DeleteInstanceProfileCommand(profile));
    t.match(await errorOf(iam.send(new GetInstanceProfileCommand(profile))), {
      name: /NoSuchEntity/,
      status: 404,
    });
  });

  t.test('a queue delivers what was sent until it is deleted', async (t) => {
    const { QueueUrl: made } = await sqs.send(new CreateQueueCommand({ QueueName: 'contract' }));
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'contract' }));
    t.equal(QueueUrl, made);
    const body = JSON.stringify({ 'detail-type': 'EC2 "Spot" <Warning> & ü' });
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
    const receive = { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 30 };
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(receive));
    t.strictSame(
      Messages.map(({ Body }) => Body),
      [body],
    );
    const Entries = [{ Id: '0', ReceiptHandle: Messages[0]?.ReceiptHandle }];
    const deletion = new DeleteMessageBatchCommand({ QueueUrl, Entries });
    t.match(await sqs.send(deletion), { Successful: [{ Id: '0' }] });
    const missing = sqs.send(new GetQueueUrlCommand({ QueueName: 'none' }));
    t.match(await errorOf(missing), { name: 'QueueDoesNotExist', status: 400 });
  });

  t.test('parameters, clusters and callers are told, missing ones refused', async (t) => {
    const missing = ssm.send(new GetParameterCommand({ Name: '/contract/none' }));
    t.match(await errorOf(missing), { name: 'ParameterNotFound', status: 400 });
    const some = await ssm.send(new GetParametersCommand({ Names: ['/contract/none'] }));
    t.match(some, { Parameters: [], InvalidParameters: ['/contract/none'] });
    const cluster = eks.send(new DescribeClusterCommand({ name: 'none' }));
    t.match(await errorOf(cluster), { name: 'ResourceNotFoundException', status: 404 });
    t.match(await sts.send(new GetCallerIdentityCommand({})), {
      Account: /^\d{12}$/,
      Arn: /^arn:/,
    });
  });
}
