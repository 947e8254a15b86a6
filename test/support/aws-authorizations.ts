/**
 * What AWS asks of policies for a call, read off the wire.
 *
 * In: an HTTP request to AWS as the SDK sends it, the account as it is. Out: the authorizations that
 * the call needs: action, resources, tags of the request and of resources. Source: the Service
 * Authorization Reference of EC2, IAM, SQS, SSM, EKS and Pricing, as far as we call them.
 */
import type { AwsWorld } from './aws-world.ts';
import type { Authorization } from './iam-policy.ts';

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** `X-Amz-Target`, for services that speak JSON. */
  readonly target: string;
  readonly body: string;
}

type Tags = Readonly<Record<string, string>>;

/** EC2's resources that a launch makes or uses, whatever the request names. */
const madeByLaunch = ['instance', 'volume', 'network-interface'] as const;
const usedByLaunch = ['security-group', 'subnet'] as const;

export function authorizationsOf(
  request: WireRequest,
  world: AwsWorld,
): { readonly call: string; readonly needs: readonly Authorization[] } {
  const { account } = world;
  const arn = (service: string, rest: string): string =>
    `arn:aws:${service}:${account.region}:${account.accountId}:${rest}`;
  const region = { 'aws:RequestedRegion': account.region };
  if (request.target !== '') {
    const [prefix = '', name = ''] = request.target.split('.');
    const fields = JSON.parse(request.body) as Record<string, string>;
    if (prefix === 'AmazonSQS') {
      const queue = fields['QueueName'] ?? fields['QueueUrl']?.split('/').at(-1) ?? '';
      const action = `sqs:${name.replace(/Batch$/, '')}`;
      return {
        call: `sqs:${name}`,
        needs: [{ action, resource: arn('sqs', queue), keys: region }],
      };
    }
    if (prefix === 'AmazonSSM') {
      const resource = `arn:aws:ssm:${account.region}::parameter${fields['Name'] ?? ''}`;
      return { call: `ssm:${name}`, needs: [{ action: `ssm:${name}`, resource, keys: region }] };
    }
    return {
      call: `pricing:${name}`,
      needs: [{ action: `pricing:${name}`, resource: '*', keys: {} }],
    };
  }
  if (request.method === 'GET' && request.path.startsWith('/clusters/')) {
    const resource = arn('eks', `cluster/${request.path.slice('/clusters/'.length)}`);
    const action = 'eks:DescribeCluster';
    return { call: action, needs: [{ action, resource, keys: region }] };
  }
  const form = new URLSearchParams(request.body);
  const action = form.get('Action') ?? '';
  const isIam = form.get('Version') === '2010-05-08';
  const call = `${isIam ? 'iam' : 'ec2'}:${action}`;
  return { call, needs: isIam ? ofIam(form, call, world) : ofEc2(form, call, world) };
}

function ofEc2(form: URLSearchParams, action: string, world: AwsWorld): readonly Authorization[] {
  const { account, engine } = world;
  const region = { 'aws:RequestedRegion': account.region };
  const arn = (type: string, id = 'new'): string =>
    type === 'image'
      ? `arn:aws:ec2:${account.region}::image/${id}`
      : `arn:aws:ec2:${account.region}:${account.accountId}:${type}/${id}`;
  const made = (type: string, tags: Tags): Authorization[] => [
    { action, resource: arn(type), keys: { ...region, ...requestTags(tags) } },
    // Tags that come with what is made need a right of their own.
    {
      action: 'ec2:CreateTags',
      resource: arn(type),
      keys: {
        ...region,
        ...requestTags(tags),
        'ec2:CreateAction': action.slice('ec2:'.length),
      },
    },
  ];
  const template = (): Tags => {
    const found = [...account.launchTemplates.values()].find(({ name, id }) =>
      [...form.values()].some((value) => value === name || value === id),
    );
    return found?.tags ?? {};
  };
  switch (action) {
    case 'ec2:CreateLaunchTemplate':
      return made('launch-template', tagsIn(form, 'launch-template'));
    case 'ec2:DeleteLaunchTemplate':
      return [
        {
          action,
          resource: arn('launch-template', 'lt-1'),
          keys: { ...region, ...resourceTags(template()) },
        },
      ];
    case 'ec2:CreateTags': {
      const tags = Object.fromEntries(
        listIn(form, 'Tag', '.Key').map((key, index) => [
          key,
          form.get(`Tag.${index + 1}.Value`) ?? '',
        ]),
      );
      return listIn(form, 'ResourceId').map((id) => ({
        action,
        resource: arn('instance', id),
        keys: {
          ...region,
          ...requestTags(tags),
          ...resourceTags(engine.instances.get(id)?.tags ?? {}),
        },
        lists: { 'aws:TagKeys': Object.keys(tags) },
      }));
    }
    case 'ec2:TerminateInstances':
      return listIn(form, 'InstanceId').map((id) => ({
        action,
        resource: arn('instance', id),
        keys: { ...region, ...resourceTags(engine.instances.get(id)?.tags ?? {}) },
      }));
    case 'ec2:CreateFleet':
    case 'ec2:RunInstances': {
      const instanceTags = tagsIn(form, 'instance');
      const types = action === 'ec2:CreateFleet' ? ['fleet', ...madeByLaunch] : madeByLaunch;
      return [
        ...types.flatMap((type) =>
          made(type, type === 'fleet' ? tagsIn(form, 'fleet') : instanceTags),
        ),
        ...[arn('image', 'ami-1'), ...usedByLaunch.map((type) => arn(type, 'id-1'))].map(
          (resource) => ({ action, resource, keys: region }),
        ),
        {
          action,
          resource: arn('launch-template', 'lt-1'),
          keys: { ...region, ...resourceTags(template()) },
        },
        // The profile in the template carries the nodes' role.
        ...[...account.instanceProfiles.values()].flatMap(({ roles }) =>
          roles.map(({ name }) => passRole(world, name)),
        ),
      ];
    }
    default:
      return [{ action, resource: '*', keys: region }];
  }
}

function ofIam(form: URLSearchParams, action: string, world: AwsWorld): readonly Authorization[] {
  const { account } = world;
  const name = form.get('InstanceProfileName') ?? '';
  const known = account.instanceProfiles.get(name);
  const path = form.get('Path') ?? known?.path ?? '/';
  const resource = `arn:aws:iam::${account.accountId}:instance-profile${path}${name}`;
  const tags: Record<string, string> = {};
  for (let index = 1; form.has(`Tags.member.${index}.Key`); index += 1) {
    tags[form.get(`Tags.member.${index}.Key`) ?? ''] = form.get(`Tags.member.${index}.Value`) ?? '';
  }
  const keys = { ...requestTags(tags), ...resourceTags(known?.tags ?? {}) };
  const role = form.get('RoleName');
  return [
    { action, resource, keys },
    ...(Object.keys(tags).length === 0
      ? []
      : [{ action: 'iam:TagInstanceProfile', resource, keys }]),
    ...(action === 'iam:AddRoleToInstanceProfile' && role !== null ? [passRole(world, role)] : []),
  ];
}

function passRole({ account }: AwsWorld, role: string): Authorization {
  return {
    action: 'iam:PassRole',
    resource: `arn:aws:iam::${account.accountId}:role/${role}`,
    keys: { 'iam:PassedToService': 'ec2.amazonaws.com' },
  };
}

function tagsIn(form: URLSearchParams, resourceType: string): Tags {
  const tags: Record<string, string> = {};
  for (let index = 1; form.has(`TagSpecification.${index}.ResourceType`); index += 1) {
    const prefix = `TagSpecification.${index}`;
    if (form.get(`${prefix}.ResourceType`) !== resourceType) continue;
    for (let tag = 1; form.has(`${prefix}.Tag.${tag}.Key`); tag += 1) {
      tags[form.get(`${prefix}.Tag.${tag}.Key`) ?? ''] =
        form.get(`${prefix}.Tag.${tag}.Value`) ?? '';
    }
  }
  return tags;
}

function listIn(form: URLSearchParams, name: string, field = ''): readonly string[] {
  const values: string[] = [];
  for (let index = 1; form.has(`${name}.${index}${field}`); index += 1) {
    values.push(form.get(`${name}.${index}${field}`) ?? '');
  }
  return values;
}

function requestTags(tags: Tags): Record<string, string> {
  return prefixed('aws:RequestTag', tags);
}

function resourceTags(tags: Tags): Record<string, string> {
  return prefixed('aws:ResourceTag', tags);
}

function prefixed(prefix: string, tags: Tags): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags).map(([key, value]) => [`${prefix}/${key}`, value]),
  );
}
