/**
 * Tries the rights that the service needs in AWS, without changing anything.
 *
 * In: clients, an image and a subnet to try with. Out: per action allowed, refused, or not to be told.
 * EC2 answers a dry run that would go well with DryRunOperation; what has no dry run is tried by a
 * read, or with names that do not exist. `manifests/iam/controller-policy.json` grants what is tried
 * here and what is in {@link untriedActions}: a test compares.
 */
import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  DeleteLaunchTemplateCommand,
  DescribeCapacityReservationsCommand,
  DescribeImagesCommand,
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeLaunchTemplatesCommand,
  DescribePlacementGroupsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeSubnetsCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DescribeClusterCommand } from '@aws-sdk/client-eks';
import { GetInstanceProfileCommand } from '@aws-sdk/client-iam';
import { GetProductsCommand } from '@aws-sdk/client-pricing';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import type { ApiCalls } from '../adapters/ec2/api-calls.ts';
import { AwsError } from '../adapters/ec2/api-calls.ts';
import type { AwsClients } from '../adapters/ec2/clients.ts';
import { type Finding, fail, ok, warn } from './doctor-findings.ts';

export interface PermissionTrial {
  readonly clients: AwsClients;
  readonly api: ApiCalls;
  readonly clusterName: string;
}

/** Cannot be tried without doing them; EC2NodeClasses say so in their condition ValidationSucceeded. */
export const untriedActions: readonly string[] = [
  'ec2:CreateTags',
  'iam:AddRoleToInstanceProfile',
  'iam:CreateInstanceProfile',
  'iam:DeleteInstanceProfile',
  'iam:PassRole',
  'iam:RemoveRoleFromInstanceProfile',
  'iam:TagInstanceProfile',
];

type Try = (trial: PermissionTrial) => Promise<unknown>;

const dry = { DryRun: true } as const;
const sampleType = 'm5.large';
/** Well-formed, and of nobody. */
const noInstance = 'i-00000000000000000';
const noTemplate = 'lt-00000000000000000';
const noImage = 'ami-00000000000000000';
const publishedParameter =
  '/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended/image_id';

/** `service:Action` as policies name it -> a try. */
export const triedActions: Readonly<Record<string, Try>> = {
  'ec2:DescribePlacementGroups': ({ clients }) =>
    clients.ec2.send(new DescribePlacementGroupsCommand(dry)),
  'ec2:DescribeCapacityReservations': ({ clients }) =>
    clients.ec2.send(new DescribeCapacityReservationsCommand(dry)),
  'ec2:DescribeImages': ({ clients }) =>
    clients.ec2.send(new DescribeImagesCommand({ ...dry, ImageIds: [noImage] })),
  'ec2:DescribeInstanceStatus': ({ clients }) =>
    clients.ec2.send(new DescribeInstanceStatusCommand({ ...dry, MaxResults: 5 })),
  'ec2:DescribeInstanceTypeOfferings': ({ clients }) =>
    clients.ec2.send(new DescribeInstanceTypeOfferingsCommand({ ...dry, MaxResults: 5 })),
  'ec2:DescribeInstanceTypes': ({ clients }) =>
    clients.ec2.send(new DescribeInstanceTypesCommand({ ...dry, InstanceTypes: [sampleType] })),
  'ec2:DescribeInstances': ({ clients }) =>
    clients.ec2.send(new DescribeInstancesCommand({ ...dry, MaxResults: 5 })),
  'ec2:DescribeLaunchTemplates': ({ clients }) =>
    clients.ec2.send(new DescribeLaunchTemplatesCommand({ ...dry, MaxResults: 5 })),
  'ec2:DescribeSecurityGroups': ({ clients }) =>
    clients.ec2.send(new DescribeSecurityGroupsCommand({ ...dry, MaxResults: 5 })),
  'ec2:DescribeSpotPriceHistory': ({ clients }) =>
    clients.ec2.send(
      new DescribeSpotPriceHistoryCommand({ ...dry, InstanceTypes: [sampleType], MaxResults: 5 }),
    ),
  'ec2:DescribeSubnets': ({ clients }) =>
    clients.ec2.send(new DescribeSubnetsCommand({ ...dry, MaxResults: 5 })),
  'ec2:CreateLaunchTemplate': ({ clients, clusterName }) =>
    clients.ec2.send(
      new CreateLaunchTemplateCommand({
        ...dry,
        LaunchTemplateName: `stowage/${clusterName}/doctor`,
        LaunchTemplateData: { ImageId: noImage, InstanceType: sampleType },
        TagSpecifications: [tagged('launch-template', clusterName)],
      }),
    ),
  'ec2:CreateFleet': ({ clients, clusterName }) =>
    clients.ec2.send(
      new CreateFleetCommand({
        ...dry,
        Type: 'instant',
        LaunchTemplateConfigs: [
          { LaunchTemplateSpecification: { LaunchTemplateId: noTemplate, Version: '$Latest' } },
        ],
        TargetCapacitySpecification: {
          TotalTargetCapacity: 1,
          DefaultTargetCapacityType: 'on-demand',
        },
        TagSpecifications: [
          tagged('fleet', clusterName),
          tagged('instance', clusterName),
          tagged('volume', clusterName),
        ],
      }),
    ),
  'ec2:RunInstances': ({ clients, clusterName }) =>
    clients.ec2.send(
      new RunInstancesCommand({
        ...dry,
        MinCount: 1,
        MaxCount: 1,
        ImageId: noImage,
        InstanceType: sampleType,
        TagSpecifications: [
          tagged('instance', clusterName),
          tagged('volume', clusterName),
          tagged('network-interface', clusterName),
        ],
      }),
    ),
  'ec2:TerminateInstances': ({ clients }) =>
    clients.ec2.send(new TerminateInstancesCommand({ ...dry, InstanceIds: [noInstance] })),
  'ec2:DeleteLaunchTemplate': ({ clients }) =>
    clients.ec2.send(new DeleteLaunchTemplateCommand({ ...dry, LaunchTemplateId: noTemplate })),
  'eks:DescribeCluster': ({ clients, clusterName }) =>
    clients.eks.send(new DescribeClusterCommand({ name: clusterName })),
  'iam:GetInstanceProfile': ({ clients }) =>
    clients.iam.send(new GetInstanceProfileCommand({ InstanceProfileName: 'stowage-doctor' })),
  'pricing:GetProducts': ({ clients }) =>
    clients.pricing.send(new GetProductsCommand({ ServiceCode: 'AmazonEC2', MaxResults: 1 })),
  'ssm:GetParameter': ({ clients }) =>
    clients.ssm.send(new GetParameterCommand({ Name: publishedParameter })),
};

const triesAtOnce = 4;

/** One finding per refused action, and one for the rest. */
export async function checkPermissions(trial: PermissionTrial): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let allowed = 0;
  const waiting = Object.entries(triedActions);
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const finding = await tryOne(trial, ...next);
      if (finding === undefined) allowed += 1;
      else findings.push(finding);
    }
  };
  await Promise.all(Array.from({ length: triesAtOnce }, work));
  findings.sort((a, b) => (a.subject < b.subject ? -1 : 1));
  if (allowed > 0) {
    const detail = `${allowed} of ${Object.keys(triedActions).length} actions; not tried, because they have no dry run: ${untriedActions.length}`;
    findings.unshift(ok('permissions', 'allowed', detail));
  }
  return findings;
}

/** Undefined for an action that is allowed, as far as can be told. */
async function tryOne(
  trial: PermissionTrial,
  name: string,
  attempt: Try,
): Promise<Finding | undefined> {
  const [service = '', action = ''] = name.split(':');
  try {
    await trial.api.call(service, action, async () => await attempt(trial));
    return undefined;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const { failure, scope } = error.class;
    if (error.code === 'DryRunOperation') return undefined;
    if (name === 'eks:DescribeCluster' && error.code === 'ResourceNotFoundException') {
      const fix = 'name the cluster with --cluster-name, and the service likewise';
      return fail('permissions', name, `EKS has no cluster ${trial.clusterName}`, fix);
    }
    if (failure === 'unauthorized' && scope !== 'spot') {
      const fix = `allow ${name} as manifests/iam/controller-policy.json does`;
      return fail('permissions', name, error.message, fix);
    }
    if (failure === 'throttled' || failure === 'unavailable') {
      // A template that is not there is "unavailable" to a launch; here it says that we may look.
      if (error.class.repair === 'recreate-template') return undefined;
      return warn('permissions', name, error.message, 'run the doctor again');
    }
    // It was looked for, or looked at: so it was allowed.
    return undefined;
  }
}

function tagged<T extends string>(ResourceType: T, clusterName: string) {
  const Tags = [{ Key: `kubernetes.io/cluster/${clusterName}`, Value: 'owned' }];
  return { ResourceType, Tags };
}
