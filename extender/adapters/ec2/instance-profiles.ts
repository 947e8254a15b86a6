/**
 * The instance profile that gives nodes their role.
 *
 * In: an EC2NodeClass. Out: the name of its profile: the one it states, or ours for its role, made if
 * there is none. Ours carries cluster, class and role in its name, so that a class whose role changes
 * gets another one and nothing is taken from running nodes. It makes no roles.
 */
import { createHash } from 'node:crypto';
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  DeleteInstanceProfileCommand,
  GetInstanceProfileCommand,
  type IAMClient,
  RemoveRoleFromInstanceProfileCommand,
} from '@aws-sdk/client-iam';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { isNotFound } from '../../../core/ec2/error-codes.ts';
import { tagList } from '../../../core/ec2/launch-template.ts';
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';

const knownMs = 15 * 60_000;
const profilesMax = 1_000;
const nameCharsMax = 128;
const hashChars = 20;

export interface InstanceProfiles {
  /** @throws AwsError */
  ensure(nodeClass: EC2NodeClass, signal: AbortSignal | undefined): Promise<string>;
  /** Removes ours. Idempotent. @throws AwsError */
  forget(nodeClass: EC2NodeClass, signal: AbortSignal | undefined): Promise<void>;
}

export function createInstanceProfiles(connection: Ec2Connection): InstanceProfiles {
  const { clients, api, clock, clusterName, region } = connection;
  const knownUntilMs = new Map<string, number>();

  async function call<T>(
    action: string,
    send: (iam: IAMClient, options: { abortSignal?: AbortSignal }) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return await api.call(
      'iam',
      action,
      async (abortSignal) =>
        await send(clients.iam, abortSignal === undefined ? {} : { abortSignal }),
      { signal },
    );
  }

  async function rolesOf(
    InstanceProfileName: string,
    signal: AbortSignal | undefined,
  ): Promise<readonly string[] | undefined> {
    try {
      const { InstanceProfile } = await call(
        'GetInstanceProfile',
        async (iam, options) =>
          await iam.send(new GetInstanceProfileCommand({ InstanceProfileName }), options),
        signal,
      );
      return (InstanceProfile?.Roles ?? []).map(({ RoleName }) => RoleName ?? '');
    } catch (error) {
      if (error instanceof AwsError && isNotFound(error.code)) return undefined;
      throw error;
    }
  }

  async function create(
    InstanceProfileName: string,
    nodeClass: EC2NodeClass,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const Tags = tagList({
      ...nodeClass.spec.tags,
      [`kubernetes.io/cluster/${clusterName}`]: 'owned',
      'stowage.dev/nodeclass': classKey(nodeClass),
    });
    try {
      await call(
        'CreateInstanceProfile',
        async (iam, options) =>
          await iam.send(
            new CreateInstanceProfileCommand({
              InstanceProfileName,
              Path: `/stowage/${region}/${clusterName}/`,
              Tags,
            }),
            options,
          ),
        signal,
      );
    } catch (error) {
      const isThere = error instanceof AwsError && error.code.startsWith('EntityAlreadyExists');
      if (!isThere) throw error;
    }
  }

  return {
    ensure: async (nodeClass, signal) => {
      const { instanceProfile, role = '' } = nodeClass.spec;
      if (instanceProfile !== undefined) return instanceProfile;
      const name = profileName(clusterName, region, nodeClass);
      const nowMs = clock.monotonicMs();
      if ((knownUntilMs.get(name) ?? 0) > nowMs) return name;
      const roles = await rolesOf(name, signal);
      if (roles === undefined) await create(name, nodeClass, signal);
      if (!(roles ?? []).includes(roleNameOf(role))) {
        await call(
          'AddRoleToInstanceProfile',
          async (iam, options) =>
            await iam.send(
              new AddRoleToInstanceProfileCommand({
                InstanceProfileName: name,
                RoleName: roleNameOf(role),
              }),
              options,
            ),
          signal,
        );
      }
      if (knownUntilMs.size >= profilesMax) knownUntilMs.clear();
      knownUntilMs.set(name, nowMs + knownMs);
      return name;
    },

    forget: async (nodeClass, signal) => {
      if (nodeClass.spec.instanceProfile !== undefined) return;
      const name = profileName(clusterName, region, nodeClass);
      knownUntilMs.delete(name);
      const roles = await rolesOf(name, signal);
      if (roles === undefined) return;
      for (const RoleName of roles) {
        await call(
          'RemoveRoleFromInstanceProfile',
          async (iam, options) =>
            await iam.send(
              new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: name, RoleName }),
              options,
            ),
          signal,
        );
      }
      await call(
        'DeleteInstanceProfile',
        async (iam, options) =>
          await iam.send(new DeleteInstanceProfileCommand({ InstanceProfileName: name }), options),
        signal,
      );
    },
  };
}

function classKey({ apiVersion, metadata }: EC2NodeClass): string {
  return `${apiVersion.split('/')[0]}/${metadata.name}`;
}

/** Roles may be stated with their path. */
function roleNameOf(role: string): string {
  return role.slice(role.lastIndexOf('/') + 1);
}

function profileName(clusterName: string, region: string, nodeClass: EC2NodeClass): string {
  const text = `${region} ${classKey(nodeClass)} ${nodeClass.spec.role ?? ''}`;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, hashChars);
  return `stowage_${clusterName.slice(0, nameCharsMax - hashChars - 9)}_${hash}`;
}
