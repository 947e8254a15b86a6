/**
 * What DescribeInstanceStatus says of an instance, as events.
 *
 * In: one instance's status checks and scheduled events, the time. Out: the events to act on. Checks
 * count once they have failed for two minutes; checks of attached volumes do not count, for they say
 * nothing of the instance. Source: Karpenter's `controllers/interruption` (instance status part).
 */
import type { CloudMessage } from '../interruption-port.ts';

/** A check or an event of one instance, as EC2 has it. */
export interface InstanceStatusFacts {
  readonly instanceId: string;
  /** `ok`, `impaired`, `initializing`, ...; and since when it is impaired, if it is told. */
  readonly checks: readonly { readonly status: string; readonly impairedSinceMs?: number }[];
  readonly scheduled: readonly {
    readonly code: string;
    readonly description: string;
    readonly notBeforeMs: number | undefined;
    /** Tells one event from another of the same code; '' if it has none. */
    readonly eventId: string;
  }[];
}

/** Shorter failures mend themselves. */
export const impairedGraceMs = 120_000;

const actedOn: ReadonlySet<string> = new Set([
  'instance-reboot',
  'system-reboot',
  'system-maintenance',
  'instance-retirement',
  'instance-stop',
]);
/** EC2 keeps events that are over, for a week. */
const overPattern = /^\[(Completed|Canceled)\]/;

/** Messages in the form of a queue's; their IDs stay the same from one poll to the next. */
export function statusMessages(
  { instanceId, checks, scheduled }: InstanceStatusFacts,
  nowMs: number,
): readonly Omit<CloudMessage, 'receipt'>[] {
  const messages: Omit<CloudMessage, 'receipt'>[] = [];
  const impaired = checks.filter(
    ({ status, impairedSinceMs = nowMs }) =>
      status === 'impaired' && nowMs - impairedSinceMs >= impairedGraceMs,
  );
  if (impaired.length > 0) {
    const sinceMs = Math.min(...impaired.map(({ impairedSinceMs = nowMs }) => impairedSinceMs));
    messages.push({
      id: `status/${instanceId}/impaired/${sinceMs}`,
      sentMs: sinceMs + impairedGraceMs,
      content: {
        type: 'event',
        event: {
          kind: 'instance_unhealthy',
          instanceIds: [instanceId],
          endsMs: undefined,
          message: `status checks fail since ${new Date(sinceMs).toISOString()}`,
        },
      },
    });
  }
  for (const { code, description, notBeforeMs, eventId } of scheduled) {
    if (!actedOn.has(code) || overPattern.test(description)) continue;
    messages.push({
      id: `status/${instanceId}/${code}/${eventId}`,
      sentMs: nowMs,
      content: {
        type: 'event',
        event: {
          kind: 'scheduled_change',
          instanceIds: [instanceId],
          endsMs: notBeforeMs,
          message: `a change is scheduled for the instance: ${code}`,
        },
      },
    });
  }
  return messages;
}
