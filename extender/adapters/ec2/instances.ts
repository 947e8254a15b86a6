/**
 * Our instances: listing, finding, tagging, ending them.
 *
 * In: a connection. Out: instances of this cluster that we launched, by their tags and nothing else;
 * whatever lacks them is not seen and never ended. Single reads and terminations that come together
 * are one call. It remembers nothing.
 */
import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  type Filter,
  type Instance,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { CloudInstance, InstanceState } from '../../../core/cloud-port.ts';
import { isNotFound } from '../../../core/ec2/error-codes.ts';
import { tagList } from '../../../core/ec2/launch-template.ts';
import { tagLaunch, tagNodeClaimUid } from '../../../core/lifecycle/launch-request.ts';
import type { CapacityType } from '../../../core/state/instance-type.ts';
import { createBatcher } from '../../batcher.ts';
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';
import { pages } from './paging.ts';

export interface Instances {
  /** All that are not terminated. @throws AwsError */
  list(signal: AbortSignal | undefined): Promise<readonly CloudInstance[]>;
  /** Those that were launched for one claim and live. @throws AwsError */
  ofClaim(uid: string, signal: AbortSignal | undefined): Promise<readonly CloudInstance[]>;
  /** All that calls under one token launched, also those that have ended. @throws AwsError */
  ofLaunch(token: string, signal: AbortSignal | undefined): Promise<readonly CloudInstance[]>;
  /** @throws AwsError */
  tag(
    instanceId: string,
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<void>;
  /** @throws AwsError */
  get(instanceId: string, signal: AbortSignal | undefined): Promise<CloudInstance | undefined>;
  /** @throws AwsError */
  terminate(instanceId: string, signal: AbortSignal | undefined): Promise<'terminating' | 'gone'>;
}

type PriceOf = (
  instanceType: string,
  zone: string,
  capacityType: CapacityType,
) => number | undefined;

const instancesPerPage = 1_000;
/** Instances named in one call. */
const idsMax = 200;
const batchIdleMs = 50;
const batchMaxMs = 500;
const allButTerminated: InstanceState[] = [
  'pending',
  'running',
  'shutting-down',
  'stopping',
  'stopped',
];

export function createInstances(connection: Ec2Connection, priceOf: PriceOf): Instances {
  const { clients, api, clusterName } = connection;
  const oursFilters: Filter[] = [
    { Name: `tag:kubernetes.io/cluster/${clusterName}`, Values: ['owned'] },
    { Name: 'tag-key', Values: [tagNodeClaimUid, tagLaunch] },
  ];

  async function describe(
    Filters: Filter[],
    signal: AbortSignal | undefined,
  ): Promise<CloudInstance[]> {
    const found: CloudInstance[] = [];
    const answers = pages(
      api,
      'ec2',
      'DescribeInstances',
      async (NextToken, options) =>
        await clients.ec2.send(
          new DescribeInstancesCommand({ Filters, NextToken, MaxResults: instancesPerPage }),
          options,
        ),
      signal,
    );
    for await (const page of answers) {
      for (const instance of page.Reservations?.flatMap(({ Instances = [] }) => Instances) ?? []) {
        const one = cloudInstance(instance, priceOf);
        if (one !== undefined) found.push(one);
      }
    }
    return found;
  }

  const reads = createBatcher<string, CloudInstance | undefined>(connection.clock, {
    idleMs: batchIdleMs,
    maxMs: batchMaxMs,
    sizeMax: idsMax,
    run: async (ids) => {
      // By filter: an id that is not known, or not yet, is then no error for the others.
      const found = await describe([{ Name: 'instance-id', Values: [...ids] }], undefined);
      const byId = new Map(found.map((one) => [instanceIdOf(one.providerID), one]));
      return ids.map((id) => byId.get(id));
    },
  });

  async function terminateAll(ids: readonly string[]): Promise<('terminating' | 'gone')[]> {
    try {
      const { TerminatingInstances = [] } = await api.call(
        'ec2',
        'TerminateInstances',
        async () =>
          await clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [...ids] })),
      );
      const states = new Map(
        TerminatingInstances.map((one) => [one.InstanceId, one.CurrentState?.Name]),
      );
      return ids.map((id) => (states.get(id) === 'terminated' ? 'gone' : 'terminating'));
    } catch (error) {
      if (!(error instanceof AwsError && isNotFound(error.code))) throw error;
      // One unknown id makes EC2 refuse them all.
      if (ids.length === 1) return ['gone'];
      const half = Math.ceil(ids.length / 2);
      const parts = [ids.slice(0, half), ids.slice(half)];
      return (await Promise.all(parts.map(terminateAll))).flat();
    }
  }

  const terminations = createBatcher<string, 'terminating' | 'gone'>(connection.clock, {
    idleMs: batchIdleMs,
    maxMs: batchMaxMs,
    sizeMax: idsMax,
    run: terminateAll,
  });

  return {
    list: async (signal) =>
      await describe(
        [...oursFilters, { Name: 'instance-state-name', Values: allButTerminated }],
        signal,
      ),
    ofClaim: async (uid, signal) =>
      await describe(
        [
          ...oursFilters,
          { Name: `tag:${tagNodeClaimUid}`, Values: [uid] },
          { Name: 'instance-state-name', Values: ['pending', 'running'] },
        ],
        signal,
      ),
    ofLaunch: async (token, signal) =>
      await describe(
        [...oursFilters, { Name: `tag:${tagLaunch}`, Values: [`${token}-*`] }],
        signal,
      ),
    tag: async (instanceId, tags, signal) => {
      const input = { Resources: [instanceId], Tags: tagList(tags) };
      await api.call(
        'ec2',
        'CreateTags',
        async (abortSignal) =>
          await clients.ec2.send(
            new CreateTagsCommand(input),
            abortSignal === undefined ? {} : { abortSignal },
          ),
        { signal },
      );
    },
    get: async (instanceId, signal) => await reads.add(instanceId, signal),
    terminate: async (instanceId, signal) => await terminations.add(instanceId, signal),
  };
}

/** `aws:///zone/id`, as nodes carry it. */
export function providerIdOf(zone: string, instanceId: string): string {
  return `aws:///${zone}/${instanceId}`;
}

export function instanceIdOf(providerID: string): string {
  return providerID.slice(providerID.lastIndexOf('/') + 1);
}

function cloudInstance(instance: Instance, priceOf: PriceOf): CloudInstance | undefined {
  const { InstanceId, InstanceType, Placement, State, LaunchTime, ImageId, Tags } = instance;
  const zone = Placement?.AvailabilityZone;
  if (InstanceId === undefined || InstanceType === undefined || zone === undefined) {
    return undefined;
  }
  const capacityType = capacityTypeOf(instance);
  const reservationId = capacityType === 'reserved' ? instance.CapacityReservationId : undefined;
  return {
    providerID: providerIdOf(zone, InstanceId),
    instanceType: InstanceType,
    zone,
    capacityType,
    ...(reservationId === undefined ? {} : { reservationId }),
    state: State?.Name ?? 'pending',
    imageId: ImageId ?? '',
    ...(instance.SubnetId === undefined ? {} : { subnetId: instance.SubnetId }),
    ...(instance.SecurityGroups === undefined
      ? {}
      : { securityGroupIds: instance.SecurityGroups.flatMap(({ GroupId }) => GroupId ?? []) }),
    priceNanoUsdPerHour: priceOf(InstanceType, zone, capacityType) ?? 0,
    launchedMs: LaunchTime?.getTime() ?? 0,
    tags: Object.fromEntries((Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
  };
}

function capacityTypeOf(instance: Instance): CapacityType {
  if (instance.InstanceLifecycle === 'spot') return 'spot';
  return instance.CapacityReservationId === undefined ? 'on-demand' : 'reserved';
}
