/**
 * Fleet requests as tests write them.
 *
 * In: a world of the AWS SDK, where and how many. Out: a launch template that is there, fleets asked
 * for, ids of what was launched.
 */
import {
  type _InstanceType,
  CreateFleetCommand,
  type CreateFleetCommandInput,
  type CreateFleetCommandOutput,
  CreateLaunchTemplateCommand,
  type RequestLaunchTemplateData,
} from '@aws-sdk/client-ec2';
import type { AwsWorld } from './aws-world.ts';

export interface FleetAsk {
  /** `type/zone letter`; earlier ones have the better priority. */
  readonly pools: readonly string[];
  readonly count?: number;
  readonly spot?: boolean;
  readonly strategy?: string;
  readonly template?: string;
  readonly token?: string;
  readonly more?: Partial<CreateFleetCommandInput>;
}

/** A template of an x86 image in the node group, by name. */
export async function makeTemplate(
  { ec2, account }: AwsWorld,
  name: string,
  data: RequestLaunchTemplateData = {},
): Promise<void> {
  const image = [...account.images.values()].find(({ architecture }) => architecture === 'x86_64');
  await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: name,
      LaunchTemplateData: { ImageId: image?.imageId, ...data },
    }),
  );
}

export function fleetInput({ account }: AwsWorld, ask: FleetAsk): CreateFleetCommandInput {
  const { pools, count = 1, spot = false, strategy, template = 'node', token } = ask;
  const options = strategy === undefined ? {} : { AllocationStrategy: strategy as never };
  return {
    Type: 'instant',
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateName: template, Version: '$Latest' },
        Overrides: pools.map((pool, index) => {
          const [type = '', letter = ''] = pool.split('/');
          const subnet = account.subnets.find(({ zone }) => zone.endsWith(letter));
          return {
            InstanceType: type as _InstanceType,
            SubnetId: subnet?.subnetId,
            Priority: index,
          };
        }),
      },
    ],
    TargetCapacitySpecification: {
      TotalTargetCapacity: count,
      DefaultTargetCapacityType: spot ? 'spot' : 'on-demand',
    },
    ...(spot ? { SpotOptions: options } : { OnDemandOptions: options }),
    ...(token === undefined ? {} : { ClientToken: token }),
    ...ask.more,
  };
}

export async function askFleet(world: AwsWorld, ask: FleetAsk): Promise<CreateFleetCommandOutput> {
  return await world.ec2.send(new CreateFleetCommand(fleetInput(world, ask)));
}

/** `type/zone letter x count` of what was launched, and `code type/zone letter` of what was not. */
export function told({ Instances = [], Errors = [] }: CreateFleetCommandOutput): {
  readonly launched: readonly string[];
  readonly failed: readonly string[];
} {
  return {
    launched: Instances.map(
      ({ InstanceType, AvailabilityZone, InstanceIds }) =>
        `${InstanceType}/${AvailabilityZone?.at(-1)} x${InstanceIds?.length}`,
    ),
    failed: Errors.map(
      ({ ErrorCode, LaunchTemplateAndOverrides }) =>
        `${ErrorCode} ${LaunchTemplateAndOverrides?.Overrides?.InstanceType}`,
    ),
  };
}

export function idsOf({ Instances = [] }: CreateFleetCommandOutput): readonly string[] {
  return Instances.flatMap(({ InstanceIds = [] }) => InstanceIds);
}
