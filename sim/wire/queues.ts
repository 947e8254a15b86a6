/**
 * SQS: what EventBridge has put into the account's queues.
 *
 * In: requests. Out: messages received, sent, deleted one by one or in batches, and the counts of a
 * queue. Deleting twice is no mistake.
 */
import { createHash } from 'node:crypto';
import { Ec2Error } from '../ec2-types.ts';
import type { Json, JsonHandler, WireContext } from './context.ts';
import { integerField, objectsField, textField } from './json-fields.ts';
import { MessageQueue, type QueuedMessage } from './message-queue.ts';

const receiveMax = 10;
const waitMaxSeconds = 20;
const visibilityMaxSeconds = 43_200;
const batchMax = 10;
const bodyMaxBytes = 262_144;
const queuesMax = 100;

export const createQueue: JsonHandler = (context, request) => {
  const name = textField(request, 'QueueName');
  const { queues } = context.account;
  if (!queues.has(name)) {
    if (queues.size >= queuesMax) throw new Ec2Error('OverLimit', 'There are too many queues.');
    queues.set(name, new MessageQueue(name, context.clock, context.random));
  }
  return { QueueUrl: urlOf(context, name) };
};

export const getQueueUrl: JsonHandler = (context, request) => {
  const name = textField(request, 'QueueName');
  if (!context.account.queues.has(name)) throw missing();
  return { QueueUrl: urlOf(context, name) };
};

export const getQueueAttributes: JsonHandler = (context, request) => {
  const queue = queueOf(context, request);
  const { visible, inFlight } = queue.counts();
  const { account } = context;
  return {
    Attributes: {
      QueueArn: `arn:aws:sqs:${account.region}:${account.accountId}:${queue.name}`,
      ApproximateNumberOfMessages: String(visible),
      ApproximateNumberOfMessagesNotVisible: String(inFlight),
      ApproximateNumberOfMessagesDelayed: '0',
      VisibilityTimeout: String(queue.visibilityMs / 1000),
      MessageRetentionPeriod: '300',
      CreatedTimestamp: String(Math.floor(queue.createdMs / 1000)),
    },
  };
};

export const sendMessage: JsonHandler = (context, request) => {
  const queue = queueOf(context, request);
  const body = textField(request, 'MessageBody');
  if (Buffer.byteLength(body) > bodyMaxBytes) {
    throw new Ec2Error('InvalidParameterValue', `A message has at most ${bodyMaxBytes} bytes.`);
  }
  const delaySeconds = integerField(request, 'DelaySeconds', 0, 900) ?? 0;
  return { MessageId: queue.send(body, delaySeconds * 1000), MD5OfMessageBody: md5(body) };
};

export const receiveMessage: JsonHandler = async (context, request) => {
  const queue = queueOf(context, request);
  const count = integerField(request, 'MaxNumberOfMessages', 1, receiveMax) ?? 1;
  const waitSeconds = integerField(request, 'WaitTimeSeconds', 0, waitMaxSeconds) ?? 0;
  const visibilitySeconds =
    integerField(request, 'VisibilityTimeout', 0, visibilityMaxSeconds) ??
    queue.visibilityMs / 1000;
  const found = await queue.receive(count, waitSeconds * 1000, visibilitySeconds * 1000);
  return found.length === 0 ? {} : { Messages: found.map(messageJson) };
};

export const deleteMessage: JsonHandler = (context, request) => {
  const queue = queueOf(context, request);
  if (!queue.delete(textField(request, 'ReceiptHandle'))) throw badReceipt();
  return {};
};

export const deleteMessageBatch: JsonHandler = (context, request) => {
  const queue = queueOf(context, request);
  const entries = objectsField(request, 'Entries');
  if (entries.length === 0) {
    throw new Ec2Error('AWS.SimpleQueueService.EmptyBatchRequest', 'There are no entries.');
  }
  if (entries.length > batchMax) {
    throw new Ec2Error(
      'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
      'There are too many.',
    );
  }
  const results = entries.map((entry) => ({
    id: textField(entry, 'Id'),
    isDone: queue.delete(textField(entry, 'ReceiptHandle')),
  }));
  const { code, text } = badReceipt();
  return {
    Successful: results.filter(({ isDone }) => isDone).map(({ id }) => ({ Id: id })),
    Failed: results
      .filter(({ isDone }) => !isDone)
      .map(({ id }) => ({ Id: id, Code: code, Message: text, SenderFault: true })),
  };
};

function queueOf({ account }: WireContext, request: Json): MessageQueue {
  const url = textField(request, 'QueueUrl');
  const queue = account.queues.get(url.slice(url.lastIndexOf('/') + 1));
  if (queue === undefined) throw missing();
  return queue;
}

/** The Query protocol's name of it, which the server adds to the answer, is in `json-errors.ts`. */
function missing(): Ec2Error {
  return new Ec2Error('QueueDoesNotExist', 'The specified queue does not exist.');
}

function badReceipt(): Ec2Error {
  return new Ec2Error('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');
}

function urlOf(context: WireContext, name: string): string {
  return `${context.endpoint()}/${context.account.accountId}/${name}`;
}

function messageJson({ messageId, body, sentMs, receiveCount, receipt }: QueuedMessage): Json {
  return {
    MessageId: messageId,
    ReceiptHandle: receipt,
    Body: body,
    MD5OfBody: md5(body),
    Attributes: {
      SentTimestamp: String(sentMs),
      ApproximateReceiveCount: String(receiveCount),
    },
  };
}

/** The SDK checks it. */
function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
