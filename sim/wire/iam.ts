/**
 * IAM and STS, as far as a node provisioner needs them.
 *
 * In: requests. Out: instance profiles made, told, given a role and deleted; roles; who the caller is.
 * Nothing is checked of what a role allows: denied actions are listed in the account.
 */
import { Ec2Error } from '../ec2-types.ts';
import type { InstanceProfile, Role } from './account.ts';
import { isoTime, type QueryHandler, type WireContext } from './context.ts';
import { type Form, tagsOf } from './form.ts';
import type { XmlValue } from './xml.ts';

const rolesPerProfile = 1;
const listMax = 1000;

export const createInstanceProfile: QueryHandler = (context, request) => {
  const { account, clock, random } = context;
  const name = request.text('InstanceProfileName');
  if (account.instanceProfiles.has(name)) {
    throw new Ec2Error('EntityAlreadyExists', `Instance Profile ${name} already exists.`);
  }
  const path = request.optional('Path') ?? '/';
  const profile: InstanceProfile = {
    name,
    path,
    arn: `arn:aws:iam::${account.accountId}:instance-profile${path}${name}`,
    profileId: `AIPA${random.uuid().replaceAll('-', '').slice(0, 17).toUpperCase()}`,
    createdMs: clock.nowMs(),
    roles: [],
    tags: tagsOf(request, 'Tags'),
  };
  account.instanceProfiles.set(name, profile);
  return { InstanceProfile: profileXml(profile) };
};

export const getInstanceProfile: QueryHandler = (context, request) => ({
  InstanceProfile: profileXml(profileOf(context, request)),
});

export const deleteInstanceProfile: QueryHandler = (context, request) => {
  const profile = profileOf(context, request);
  if (profile.roles.length > 0) {
    throw new Ec2Error('DeleteConflict', 'Cannot delete entity, must remove roles first.');
  }
  context.account.instanceProfiles.delete(profile.name);
  return {};
};

export const addRoleToInstanceProfile: QueryHandler = (context, request) => {
  const profile = profileOf(context, request);
  const role = roleOf(context, request);
  if (profile.roles.length >= rolesPerProfile) {
    throw new Ec2Error(
      'LimitExceeded',
      'Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1',
    );
  }
  profile.roles = [role];
  return {};
};

export const removeRoleFromInstanceProfile: QueryHandler = (context, request) => {
  const profile = profileOf(context, request);
  const { name } = roleOf(context, request);
  if (!profile.roles.some((role) => role.name === name)) {
    throw new Ec2Error('NoSuchEntity', `Role ${name} is not in instance profile ${profile.name}.`);
  }
  profile.roles = [];
  return {};
};

export const tagInstanceProfile: QueryHandler = (context, request) => {
  const profile = profileOf(context, request);
  profile.tags = { ...profile.tags, ...tagsOf(request, 'Tags') };
  return {};
};

export const listInstanceProfiles: QueryHandler = ({ account }, request) => {
  const prefix = request.optional('PathPrefix') ?? '/';
  return listed(
    request,
    [...account.instanceProfiles.values()].filter(({ path }) => path.startsWith(prefix)),
  );
};

export const listInstanceProfilesForRole: QueryHandler = (context, request) => {
  const { name } = roleOf(context, request);
  return listed(
    request,
    [...context.account.instanceProfiles.values()].filter(({ roles }) =>
      roles.some((role) => role.name === name),
    ),
  );
};

export const getRole: QueryHandler = (context, request) => ({
  Role: roleXml(roleOf(context, request), context.clock.nowMs()),
});

export const getCallerIdentity: QueryHandler = ({ account }) => ({
  Arn: `arn:aws:iam::${account.accountId}:user/simulated`,
  UserId: 'AIDA00000000000000001',
  Account: account.accountId,
});

function profileOf({ account }: WireContext, request: Form): InstanceProfile {
  const name = request.text('InstanceProfileName');
  const found = account.instanceProfiles.get(name);
  if (found !== undefined) return found;
  throw new Ec2Error('NoSuchEntity', `Instance Profile ${name} cannot be found.`);
}

function roleOf({ account }: WireContext, request: Form): Role {
  const name = request.text('RoleName');
  const found = account.roles.get(name);
  if (found !== undefined) return found;
  throw new Ec2Error('NoSuchEntity', `The role with name ${name} cannot be found.`);
}

function listed(request: Form, all: readonly InstanceProfile[]): { [name: string]: XmlValue } {
  const max = request.integer('MaxItems', 1, listMax) ?? 100;
  const start = Number(request.optional('Marker') ?? 0);
  const isTruncated = start + max < all.length;
  return {
    InstanceProfiles: all.slice(start, start + max).map(profileXml),
    IsTruncated: isTruncated,
    Marker: isTruncated ? String(start + max) : undefined,
  };
}

function profileXml(profile: InstanceProfile): XmlValue {
  return {
    Path: profile.path,
    InstanceProfileName: profile.name,
    InstanceProfileId: profile.profileId,
    Arn: profile.arn,
    CreateDate: isoTime(profile.createdMs),
    Roles: profile.roles.map((role) => roleXml(role, profile.createdMs)),
    Tags: Object.entries(profile.tags).map(([Key, Value]) => ({ Key, Value })),
  };
}

function roleXml({ name, arn, roleId }: Role, createdMs: number): XmlValue {
  const policy = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ],
  };
  return {
    Path: '/',
    RoleName: name,
    RoleId: roleId,
    Arn: arn,
    CreateDate: isoTime(createdMs),
    AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(policy)),
  };
}
