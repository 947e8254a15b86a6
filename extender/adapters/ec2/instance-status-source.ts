/**
 * DescribeInstanceStatus as a source of events, for what no queue tells, or where there is none.
 *
 * In: EC2. Out: the EventSource port: instances whose checks fail and changes that are scheduled, once
 * a minute, all of them each time. Nothing is acknowledged: EC2 says the same until it is over, and
 * whoever acts on it remembers.
 */
import { DescribeInstanceStatusCommand, type InstanceStatus } from '@aws-sdk/client-ec2';
import {
  type InstanceStatusFacts,
  statusMessages,
} from '../../../core/interruption/instance-status.ts';
import type { CloudMessage, EventSource } from '../../../core/interruption-port.ts';
import { cloudErrorOf } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';
import { pages } from './paging.ts';

const pollEveryMs = 60_000;
/** Polls of several clusters of one account should not come together. */
const jitterShare = 0.1;
const pageSize = 1_000;

/** The first poll comes at once. */
export function createInstanceStatusSource(
  connection: Pick<Ec2Connection, 'api' | 'clients' | 'clock' | 'random'>,
): EventSource {
  const { api, clients, clock, random } = connection;
  let nextMs = clock.monotonicMs();

  async function poll(signal: AbortSignal): Promise<CloudMessage[]> {
    const messages: CloudMessage[] = [];
    const all = pages(
      api,
      'ec2',
      'DescribeInstanceStatus',
      async (token, options) =>
        await clients.ec2.send(
          new DescribeInstanceStatusCommand({ MaxResults: pageSize, NextToken: token }),
          options,
        ),
      signal,
    );
    for await (const { InstanceStatuses = [] } of all) {
      for (const status of InstanceStatuses) {
        for (const message of statusMessages(factsOf(status), clock.nowMs())) {
          messages.push({ ...message, receipt: message.id });
        }
      }
    }
    return messages;
  }

  return {
    name: 'instance status',
    // However many there are, the next poll says nothing new.
    batchMax: Number.MAX_SAFE_INTEGER,
    receive: async (signal) => {
      const waitMs = nextMs - clock.monotonicMs();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      nextMs = clock.monotonicMs() + pollEveryMs * (1 + jitterShare * random.float());
      try {
        return await poll(signal);
      } catch (error) {
        throw cloudErrorOf(error);
      }
    },
    acknowledge: async () => undefined,
  };
}

function factsOf(status: InstanceStatus): InstanceStatusFacts {
  const summaries = [status.InstanceStatus, status.SystemStatus];
  return {
    instanceId: status.InstanceId ?? '',
    checks: summaries.map((summary) => {
      const since = (summary?.Details ?? []).flatMap(
        ({ ImpairedSince }) => ImpairedSince?.getTime() ?? [],
      );
      return {
        status: summary?.Status ?? '',
        ...(since.length === 0 ? {} : { impairedSinceMs: Math.min(...since) }),
      };
    }),
    scheduled: (status.Events ?? []).map((event) => ({
      code: event.Code ?? '',
      description: event.Description ?? '',
      notBeforeMs: event.NotBefore?.getTime(),
      eventId: event.InstanceEventId ?? '',
    })),
  };
}
