/**
 * What `stowage doctor` looks at in AWS.
 *
 * In: where AWS is, the node classes of the cluster. Out: findings: who we are, what we may do, whether
 * the queue is there, what each EC2NodeClass finds. It changes nothing.
 */
import {
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import { CloudError } from '../../core/cloud-port.ts';
import { isNotFound } from '../../core/ec2/error-codes.ts';
import type { NodeClassCloud } from '../../core/ec2/node-class-port.ts';
import { type ApiCalls, AwsError } from '../adapters/ec2/api-calls.ts';
import type { AwsClients, ClientOptions } from '../adapters/ec2/clients.ts';
import { type Finding, fail, ok, warn } from './doctor-findings.ts';
import { checkPermissions } from './doctor-permissions.ts';

export interface CloudQuestion extends ClientOptions {
  readonly clusterName: string;
  readonly api: ApiCalls;
  readonly clients: AwsClients;
  readonly sqs: SQSClient;
  readonly queue: string | undefined;
  readonly cloud: NodeClassCloud;
  readonly nodeClasses: readonly EC2NodeClass[];
}

const makeQueue = 'aws cloudformation deploy --template-file manifests/iam/interruption-queue.yaml';

/** The first finding says whether the rest could be looked at. */
export async function checkCloud(question: CloudQuestion): Promise<readonly Finding[]> {
  const identity = await checkCredentials(question);
  if (identity.level === 'fail') return [identity];
  const findings = [
    identity,
    ...(await checkPermissions(question)),
    ...(await checkQueue(question)),
  ];
  for (const nodeClass of question.nodeClasses) {
    findings.push(...(await checkNodeClass(question, nodeClass)));
  }
  return findings;
}

async function checkCredentials({
  api,
  region,
  endpoint,
  credentials,
}: CloudQuestion): Promise<Finding> {
  const sts = new STSClient({
    region,
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
  });
  try {
    const { Arn = 'somebody' } = await api.call(
      'sts',
      'GetCallerIdentity',
      async () => await sts.send(new GetCallerIdentityCommand({})),
    );
    return ok('credentials', region, Arn);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const isRefused = error.class.failure === 'unauthorized';
    return fail(
      'credentials',
      region,
      error.message,
      isRefused
        ? 'renew the credentials: aws sts get-caller-identity tells the same'
        : 'look at --region, --endpoint and the network',
    );
  } finally {
    sts.destroy();
  }
}

async function checkQueue(question: CloudQuestion): Promise<readonly Finding[]> {
  const { queue, api, sqs } = question;
  if (queue === undefined) {
    const detail = 'none is named: spot nodes are lost without warning';
    const fix = `${makeQueue}, then --interruption-queue`;
    return [warn('queue', 'interruptions', detail, fix)];
  }
  try {
    const QueueUrl = queue.includes('://')
      ? queue
      : (
          await api.call(
            'sqs',
            'GetQueueUrl',
            async () => await sqs.send(new GetQueueUrlCommand({ QueueName: queue })),
          )
        ).QueueUrl;
    // Whoever receives with no timeout hides nothing from the service.
    await api.call(
      'sqs',
      'ReceiveMessage',
      async () =>
        await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: 1,
            WaitTimeSeconds: 0,
            VisibilityTimeout: 0,
          }),
        ),
    );
    // Of a receipt that is none nothing is deleted; that it is looked at is what counts.
    await api.call(
      'sqs',
      'DeleteMessageBatch',
      async () =>
        await sqs.send(
          new DeleteMessageBatchCommand({
            QueueUrl,
            Entries: [{ Id: '0', ReceiptHandle: 'stowage-doctor' }],
          }),
        ),
    );
    return [ok('queue', queue, 'can be read')];
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const isMissing = isNotFound(error.code) || error.code.endsWith('NonExistentQueue');
    const fix = isMissing ? makeQueue : 'allow what ReadInterruptions of the policy allows';
    return [fail('queue', queue, isMissing ? 'there is no such queue' : error.message, fix)];
  }
}

async function checkNodeClass(
  { cloud }: CloudQuestion,
  nodeClass: EC2NodeClass,
): Promise<readonly Finding[]> {
  const { name = '' } = nodeClass.metadata;
  const area = `class ${name}`;
  return [
    await found(area, 'subnets', 'subnetSelectorTerms', async () =>
      (await cloud.subnets(nodeClass)).map(
        ({ id, zone, freeAddresses }) => `${id} (${zone}, ${freeAddresses} free addresses)`,
      ),
    ),
    await found(area, 'security groups', 'securityGroupSelectorTerms', async () =>
      (await cloud.securityGroups(nodeClass)).map(({ id }) => id),
    ),
    await found(area, 'images', 'amiSelectorTerms', async () => {
      const { images, problem } = await cloud.images(nodeClass);
      if (images.length === 0 && problem !== undefined) {
        throw new CloudError('unavailable', problem.message);
      }
      return images.map(({ id }) => id);
    }),
  ];
}

async function found(
  area: string,
  subject: string,
  field: string,
  look: () => Promise<readonly string[]>,
): Promise<Finding> {
  try {
    const names = await look();
    return names.length > 0
      ? ok(area, subject, names.join(', '))
      : fail(area, subject, 'none', `spec.${field} matches nothing: look at its tags and ids`);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    return fail(area, subject, error.message, `look at spec.${field}, and at the permissions`);
  }
}
