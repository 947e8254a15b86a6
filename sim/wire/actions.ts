/**
 * Every action that the wire front serves, by service.
 *
 * In: nothing. Out: tables of handlers. What is not in them is answered as AWS answers an action that
 * it does not know.
 */
import type { JsonHandler, QueryHandler } from './context.ts';
import { createFleet } from './create-fleet.ts';
import {
  addRoleToInstanceProfile,
  createInstanceProfile,
  deleteInstanceProfile,
  getCallerIdentity,
  getInstanceProfile,
  getRole,
  listInstanceProfiles,
  listInstanceProfilesForRole,
  removeRoleFromInstanceProfile,
  tagInstanceProfile,
} from './iam.ts';
import {
  describeAvailabilityZones,
  describeInstanceTypeOfferings,
  describeInstanceTypes,
  describeSpotPriceHistory,
} from './instance-types.ts';
import {
  createTags,
  deleteTags,
  describeInstanceStatus,
  describeInstances,
  terminateInstances,
} from './instances.ts';
import {
  createLaunchTemplate,
  createLaunchTemplateVersion,
  deleteLaunchTemplate,
  describeLaunchTemplates,
  describeLaunchTemplateVersions,
} from './launch-templates.ts';
import {
  describeCapacityReservations,
  describeImages,
  describePlacementGroups,
  describeSecurityGroups,
  describeSubnets,
} from './network.ts';
import { getParameter, getParameters, getParametersByPath } from './parameters.ts';
import { getProducts } from './pricing.ts';
import {
  createQueue,
  deleteMessage,
  deleteMessageBatch,
  getQueueAttributes,
  getQueueUrl,
  receiveMessage,
  sendMessage,
} from './queues.ts';
import { runInstances } from './run-instances.ts';

export type QueryService = 'ec2' | 'iam' | 'sts';
export type JsonService = 'sqs' | 'ssm' | 'pricing';
export type Service = QueryService | JsonService | 'eks';

export const queryActions: Readonly<Record<QueryService, Readonly<Record<string, QueryHandler>>>> =
  {
    ec2: {
      CreateFleet: createFleet,
      CreateLaunchTemplate: createLaunchTemplate,
      CreateLaunchTemplateVersion: createLaunchTemplateVersion,
      CreateTags: createTags,
      DeleteLaunchTemplate: deleteLaunchTemplate,
      DeleteTags: deleteTags,
      DescribeAvailabilityZones: describeAvailabilityZones,
      DescribeCapacityReservations: describeCapacityReservations,
      DescribeImages: describeImages,
      DescribeInstanceStatus: describeInstanceStatus,
      DescribeInstanceTypeOfferings: describeInstanceTypeOfferings,
      DescribeInstanceTypes: describeInstanceTypes,
      DescribeInstances: describeInstances,
      DescribeLaunchTemplateVersions: describeLaunchTemplateVersions,
      DescribeLaunchTemplates: describeLaunchTemplates,
      DescribePlacementGroups: describePlacementGroups,
      DescribeSecurityGroups: describeSecurityGroups,
      DescribeSpotPriceHistory: describeSpotPriceHistory,
      DescribeSubnets: describeSubnets,
      RunInstances: runInstances,
      TerminateInstances: terminateInstances,
    },
    iam: {
      AddRoleToInstanceProfile: addRoleToInstanceProfile,
      CreateInstanceProfile: createInstanceProfile,
      DeleteInstanceProfile: deleteInstanceProfile,
      GetInstanceProfile: getInstanceProfile,
      GetRole: getRole,
      ListInstanceProfiles: listInstanceProfiles,
      ListInstanceProfilesForRole: listInstanceProfilesForRole,
      RemoveRoleFromInstanceProfile: removeRoleFromInstanceProfile,
      TagInstanceProfile: tagInstanceProfile,
    },
    sts: { GetCallerIdentity: getCallerIdentity },
  };

export const jsonActions: Readonly<Record<JsonService, Readonly<Record<string, JsonHandler>>>> = {
  sqs: {
    CreateQueue: createQueue,
    DeleteMessage: deleteMessage,
    DeleteMessageBatch: deleteMessageBatch,
    GetQueueAttributes: getQueueAttributes,
    GetQueueUrl: getQueueUrl,
    ReceiveMessage: receiveMessage,
    SendMessage: sendMessage,
  },
  ssm: {
    GetParameter: getParameter,
    GetParameters: getParameters,
    GetParametersByPath: getParametersByPath,
  },
  pricing: { GetProducts: getProducts },
};
