/**
 * The interruption queue as a source of events.
 *
 * In: an SQS queue by name or URL. Out: the EventSource port: long polls of ten messages, read by the
 * core; deleted in batches. A queue that is not there is a CloudError that says what to do; it is
 * looked up again with every attempt, so that it may be made while we run.
 */
import {
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { CloudError } from '../../../core/cloud-port.ts';
import { isNotFound } from '../../../core/ec2/error-codes.ts';
import { readEventMessage } from '../../../core/interruption/event-message.ts';
import type { CloudMessage, EventSource } from '../../../core/interruption-port.ts';
import { type ApiCalls, AwsError, cloudErrorOf } from './api-calls.ts';
import type { ClientOptions } from './clients.ts';

/** SQS hands out ten at most, and waits for 20 seconds at most. */
const batchMax = 10;
const waitSeconds = 20;
/** What is not acted on by then comes again. */
const visibilitySeconds = 20;
const connectTimeoutMs = 3_000;
/** Longer than a long poll. */
const answerTimeoutMs = 30_000;

/** A client for the queue alone; long polls would keep others waiting. */
export function createQueueClient({ region, endpoint, credentials }: ClientOptions): SQSClient {
  return new SQSClient({
    region,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: answerTimeoutMs,
      // Without it the SDK only warns, and a poll that hangs ends all news.
      throwOnRequestTimeout: true,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
  });
}

export interface QueueSourceOptions {
  readonly api: ApiCalls;
  readonly client: SQSClient;
  /** Name or URL. */
  readonly queue: string;
}

/** Asks nobody until it is used. */
export function createQueueSource({ api, client, queue }: QueueSourceOptions): EventSource {
  let known: string | undefined = queue.includes('://') ? queue : undefined;

  async function urlOf(signal: AbortSignal): Promise<string> {
    if (known !== undefined) return known;
    const { QueueUrl } = await api.call(
      'sqs',
      'GetQueueUrl',
      async () =>
        await client.send(new GetQueueUrlCommand({ QueueName: queue }), optionsOf(signal)),
      { signal },
    );
    if (QueueUrl === undefined) throw new CloudError('unavailable', `queue ${queue} has no URL`);
    known = QueueUrl;
    return QueueUrl;
  }

  /** @throws CloudError */
  async function asked<T>(signal: AbortSignal, ask: (url: string) => Promise<T>): Promise<T> {
    try {
      return await ask(await urlOf(signal));
    } catch (error) {
      if (error instanceof AwsError && isMissing(error)) {
        if (!queue.includes('://')) known = undefined;
        throw new CloudError(
          'unavailable',
          `there is no queue ${queue}: create it with manifests/iam/interruption-queue.yaml, or name another`,
          error,
        );
      }
      throw cloudErrorOf(error);
    }
  }

  return {
    name: 'queue',
    batchMax,
    receive: async (signal) => {
      const answer = await asked(signal, async (url) => {
        const command = new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: batchMax,
          WaitTimeSeconds: waitSeconds,
          VisibilityTimeout: visibilitySeconds,
        });
        const send = async () => await client.send(command, optionsOf(signal));
        return await api.call('sqs', 'ReceiveMessage', send, { signal });
      });
      return (answer.Messages ?? []).flatMap(cloudMessage);
    },
    acknowledge: async (receipts, signal) => {
      for (let first = 0; first < receipts.length; first += batchMax) {
        const some = receipts.slice(first, first + batchMax);
        const entries = some.map((receipt, index) => ({ Id: `${index}`, ReceiptHandle: receipt }));
        await asked(signal, async (url) => {
          const command = new DeleteMessageBatchCommand({ QueueUrl: url, Entries: entries });
          const send = async () => await client.send(command, optionsOf(signal));
          return await api.call('sqs', 'DeleteMessageBatch', send, { signal });
        });
      }
    },
  };
}

function cloudMessage({ Body = '', ReceiptHandle }: Message): readonly CloudMessage[] {
  return ReceiptHandle === undefined ? [] : [{ ...readEventMessage(Body), receipt: ReceiptHandle }];
}

function isMissing({ code }: AwsError): boolean {
  return isNotFound(code) || code === 'AWS.SimpleQueueService.NonExistentQueue';
}

function optionsOf(signal: AbortSignal): { abortSignal: AbortSignal } {
  return { abortSignal: signal };
}
