/**
 * One CreateFleet call of type instant, and what it answered.
 *
 * In: a prepared request. Out: instances and refusals, each with the offering that it is about. It
 * interprets no codes and repeats nothing beyond what `api-calls.ts` does under the same token.
 */
import {
  CreateFleetCommand,
  type CreateFleetCommandInput,
  type CreateFleetCommandOutput,
  type FleetLaunchTemplateOverrides,
} from '@aws-sdk/client-ec2';
import type { LaunchOffering } from '../../../core/cloud-port.ts';
import type { FleetAsk } from '../../../core/ec2/fleet-asks.ts';
import { tagList } from '../../../core/ec2/launch-template.ts';
import type { Ec2Connection } from './connection.ts';

/** An offering with where and from what it would be launched. */
export interface PreparedOffering {
  readonly offering: LaunchOffering;
  readonly subnetId: string;
  readonly template: string;
  readonly imageId: string;
  /** A capacity block is asked for by a target of its own, and by nothing beside it. */
  readonly isOfBlock: boolean;
}

export interface PreparedFleet {
  readonly ask: FleetAsk;
  readonly clientToken: string;
  /** Instances that are wanted. */
  readonly count: number;
  /** In order of preference. */
  readonly offerings: readonly PreparedOffering[];
  readonly tags: Readonly<Record<string, string>>;
  readonly context: string | undefined;
}

export interface FleetInstance {
  readonly instanceId: string;
  readonly prepared: PreparedOffering;
}

export interface FleetRefusal {
  /** Undefined where EC2 does not say which offering it means. */
  readonly prepared: PreparedOffering | undefined;
  readonly code: string;
  readonly message: string;
}

export interface FleetResult {
  readonly instances: readonly FleetInstance[];
  readonly refusals: readonly FleetRefusal[];
}

/** @throws AwsError: nothing was launched, or it is not known */
export async function createFleet(
  { clients, api }: Ec2Connection,
  fleet: PreparedFleet,
  signal: AbortSignal | undefined,
): Promise<FleetResult> {
  const input = fleetInput(fleet);
  const output = await api.call(
    'ec2',
    'CreateFleet',
    async (abortSignal) =>
      await clients.ec2.send(
        new CreateFleetCommand(input),
        abortSignal === undefined ? {} : { abortSignal },
      ),
    { signal },
  );
  return fleetResult(fleet, output);
}

/** The request; equal fleets make equal requests, as their token promises. */
export function fleetInput(fleet: PreparedFleet): CreateFleetCommandInput {
  const { ask, clientToken, count, offerings, context } = fleet;
  const isSpot = ask.capacityType === 'spot';
  const isBlock = offerings.some(({ isOfBlock }) => isOfBlock);
  const templates = Map.groupBy(offerings, ({ template }) => template);
  const tags = tagList(fleet.tags);
  return {
    ClientToken: clientToken,
    Type: 'instant',
    ...(context === undefined ? {} : { Context: context }),
    TargetCapacitySpecification: {
      TotalTargetCapacity: count,
      DefaultTargetCapacityType: isBlock ? 'capacity-block' : isSpot ? 'spot' : 'on-demand',
    },
    ...(isSpot ? { SpotOptions: { AllocationStrategy: 'price-capacity-optimized' } } : {}),
    ...(isSpot || isBlock ? {} : { OnDemandOptions: { AllocationStrategy: 'prioritized' } }),
    LaunchTemplateConfigs: [...templates].map(([LaunchTemplateName, group]) => ({
      LaunchTemplateSpecification: { LaunchTemplateName, Version: '$Latest' },
      Overrides: group.map((one) => ({
        InstanceType: one.offering.instanceType as never,
        SubnetId: one.subnetId,
        // price-capacity-optimized takes no priorities.
        ...(isSpot || isBlock ? {} : { Priority: offerings.indexOf(one) }),
      })),
    })),
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags },
      { ResourceType: 'volume', Tags: tags },
      { ResourceType: 'fleet', Tags: tags },
    ],
  };
}

function fleetResult(
  { offerings }: PreparedFleet,
  { Instances = [], Errors = [] }: CreateFleetCommandOutput,
): FleetResult {
  const preparedOf = (
    overrides: FleetLaunchTemplateOverrides | undefined,
    instanceType: string | undefined,
  ): PreparedOffering | undefined =>
    offerings.find(
      ({ offering, subnetId }) =>
        offering.instanceType === (overrides?.InstanceType ?? instanceType) &&
        (overrides?.SubnetId === undefined
          ? overrides?.AvailabilityZone === undefined ||
            overrides.AvailabilityZone === offering.zone
          : overrides.SubnetId === subnetId),
    );
  return {
    instances: Instances.flatMap(({ LaunchTemplateAndOverrides, InstanceIds = [], InstanceType }) =>
      InstanceIds.flatMap((instanceId) => {
        const prepared = preparedOf(LaunchTemplateAndOverrides?.Overrides, InstanceType);
        return prepared === undefined ? [] : [{ instanceId, prepared }];
      }),
    ),
    refusals: Errors.map(({ LaunchTemplateAndOverrides, ErrorCode = '', ErrorMessage = '' }) => ({
      prepared: preparedOf(LaunchTemplateAndOverrides?.Overrides, undefined),
      code: ErrorCode,
      message: ErrorMessage,
    })),
  };
}
