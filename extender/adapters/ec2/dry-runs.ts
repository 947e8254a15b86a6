/**
 * Tries the calls of a launch without launching.
 *
 * In: a prepared fleet of one node class. Out: which call was refused and what to do, or nothing. EC2
 * answers a dry run that would go well with DryRunOperation. It changes nothing but the template that
 * was made for it.
 */
import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { LaunchTemplateContent } from '../../../core/ec2/launch-template.ts';
import { tagList } from '../../../core/ec2/launch-template.ts';
import type { ValidationProblem } from '../../../core/ec2/node-class-port.ts';
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';
import { fleetInput, type PreparedFleet } from './fleet-call.ts';

type Action = 'CreateLaunchTemplate' | 'CreateFleet' | 'RunInstances';

const reasons: Readonly<Record<Action, string>> = {
  CreateLaunchTemplate: 'CreateLaunchTemplateAuthCheckFailed',
  CreateFleet: 'CreateFleetAuthCheckFailed',
  RunInstances: 'RunInstancesAuthCheckFailed',
};

/** The first of the calls that would be refused. @throws AwsError where EC2 cannot be asked */
export async function tryTemplate(
  connection: Ec2Connection,
  content: LaunchTemplateContent,
  tags: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<ValidationProblem | undefined> {
  const { ec2 } = connection.clients;
  return await tried(connection, 'CreateLaunchTemplate', signal, async (options) => {
    await ec2.send(
      new CreateLaunchTemplateCommand({
        DryRun: true,
        LaunchTemplateName: `stowage/${connection.clusterName}/dry-run`,
        LaunchTemplateData: content,
        TagSpecifications: [{ ResourceType: 'launch-template', Tags: tagList(tags) }],
      }),
      options,
    );
  });
}

/** The same for what is launched from a template that exists. @throws AwsError */
export async function tryLaunch(
  connection: Ec2Connection,
  fleet: PreparedFleet,
  signal: AbortSignal | undefined,
): Promise<ValidationProblem | undefined> {
  const { ec2 } = connection.clients;
  const [first] = fleet.offerings;
  if (first === undefined) return undefined;
  const { ClientToken: _, ...input } = fleetInput(fleet);
  return (
    (await tried(connection, 'CreateFleet', signal, async (options) => {
      await ec2.send(new CreateFleetCommand({ ...input, DryRun: true }), options);
    })) ??
    (await tried(connection, 'RunInstances', signal, async (options) => {
      await ec2.send(
        new RunInstancesCommand({
          DryRun: true,
          MinCount: 1,
          MaxCount: 1,
          InstanceType: first.offering.instanceType as never,
          SubnetId: first.subnetId,
          LaunchTemplate: { LaunchTemplateName: first.template, Version: '$Latest' },
          TagSpecifications: [
            { ResourceType: 'instance', Tags: tagList(fleet.tags) },
            { ResourceType: 'volume', Tags: tagList(fleet.tags) },
          ],
        }),
        options,
      );
    }))
  );
}

async function tried(
  { api }: Ec2Connection,
  action: Action,
  signal: AbortSignal | undefined,
  send: (options: { abortSignal?: AbortSignal }) => Promise<void>,
): Promise<ValidationProblem | undefined> {
  try {
    await api.call(
      'ec2',
      action,
      async (abortSignal) => await send(abortSignal === undefined ? {} : { abortSignal }),
      { signal },
    );
    return undefined;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    if (error.code === 'DryRunOperation') return undefined;
    const { failure, repair } = error.class;
    // Says nothing of rights: it is there for the next try, or the account is dry at the moment.
    if (repair === 'recreate-template' || failure === 'insufficient-capacity') return undefined;
    if (failure === 'throttled' || failure === 'unavailable') throw error;
    if (failure === 'unauthorized') {
      return {
        reason: reasons[action],
        message: `not allowed: ${error.message}; give the controller's role ec2:${action} (and iam:PassRole on the node role)`,
      };
    }
    const isProfile = /iamInstanceProfile|instance profile/i.test(error.message);
    return {
      reason: isProfile ? 'InstanceProfileNotFound' : 'LaunchParametersRefused',
      message: error.message,
    };
  }
}
