/**
 * Reads what EventBridge puts on a queue.
 *
 * In: the body of a message. Out: a typed event, or that there is nothing to act on, or that it
 * cannot be read and why. It never throws: a queue is written to by others. Source: the bodies in
 * `reference/ec2.md` C5 (AWS's documentation of EC2 and Health events); for capacity blocks that
 * documentation spells `detail_type`, so both spellings are taken.
 */
import type { CloudMessage, MessageContent } from '../interruption-port.ts';
import type { CloudEvent } from './cloud-event.ts';

/** From a spot warning to the end of the instance. */
const spotWarningMs = 120_000;
/** Instances of a capacity block are taken back so long before it ends. */
const blockReclaimMs = 30 * 60_000;
/** Longest part of a foreign text that is passed on. */
const textCharsMax = 100;
const instanceIdPattern = /^i-[0-9a-f]{8,17}$/;

type Fields = Readonly<Record<string, unknown>>;
type Read = (detail: Fields, envelope: Envelope) => MessageContent;

interface Envelope {
  readonly sentMs: number;
  readonly resources: readonly string[];
}

const readers: Readonly<Record<string, Read>> = {
  'EC2 Spot Instance Interruption Warning': readSpotInterruption,
  'EC2 Instance Rebalance Recommendation': (detail) =>
    ofInstance(detail, {
      kind: 'rebalance_recommendation',
      endsMs: undefined,
      message: 'spot may take the instance back soon',
    }),
  'EC2 Instance State-change Notification': readStateChange,
  'AWS Health Event': readHealthEvent,
  'EC2 Capacity Reservation Instance Interruption Warning': readReservationInterruption,
  'Capacity Block Reservation Expiration Warning': readBlockExpiration,
  'Capacity Block Reservation Delivered': () => ignored('a capacity block begins'),
};

/** O(length of the body). */
export function readEventMessage(body: string): Omit<CloudMessage, 'receipt'> {
  const fields = fieldsOf(parsed(body));
  if (fields === undefined) return { id: '', sentMs: undefined, content: malformed('not JSON') };
  const id = textOf(fields['id']) ?? '';
  const sentMs = timeOf(fields['time']);
  return { id, sentMs, content: contentOf(fields, sentMs) };
}

function contentOf(fields: Fields, sentMs: number | undefined): MessageContent {
  const detailType = textOf(fields['detail-type']) ?? textOf(fields['detail_type']);
  if (detailType === undefined) return malformed('detail-type: expected a string');
  const read = Object.hasOwn(readers, detailType) ? readers[detailType] : undefined;
  if (read === undefined) return { type: 'unknown', detailType: shortened(detailType) };
  if (sentMs === undefined) return malformed('time: expected a date');
  const detail = fieldsOf(fields['detail']);
  if (detail === undefined) return malformed('detail: expected an object');
  return read(detail, { sentMs, resources: textsOf(fields['resources']) });
}

function readSpotInterruption(detail: Fields, { sentMs }: Envelope): MessageContent {
  const action = textOf(detail['instance-action']) ?? 'terminate';
  return ofInstance(detail, {
    kind: 'spot_interrupted',
    endsMs: sentMs + spotWarningMs,
    message: `spot takes the instance back (${shortened(action)})`,
  });
}

function readStateChange(detail: Fields): MessageContent {
  const state = textOf(detail['state']);
  switch (state) {
    case 'stopping':
    case 'stopped':
      return ofInstance(detail, {
        kind: 'instance_stopped',
        endsMs: undefined,
        message: `the instance is ${state}`,
      });
    case 'shutting-down':
    case 'terminated':
      return ofInstance(detail, {
        kind: 'instance_terminated',
        endsMs: undefined,
        message: `the instance is ${state}`,
      });
    case 'pending':
    case 'running':
      return ignored(`the instance is ${state}`);
    case undefined:
    default:
      return malformed('detail.state: expected the state of an instance');
  }
}

function readHealthEvent(detail: Fields, { resources }: Envelope): MessageContent {
  const service = textOf(detail['service']) ?? '';
  const category = textOf(detail['eventTypeCategory']) ?? '';
  if (service !== 'EC2' || category !== 'scheduledChange') {
    return ignored(`an AWS Health event about ${shortened(service)}, ${shortened(category)}`);
  }
  const affected = Array.isArray(detail['affectedEntities']) ? detail['affectedEntities'] : [];
  const named = affected.flatMap((one) => textOf(fieldsOf(one)?.['entityValue']) ?? []);
  const instanceIds = [...new Set([...named, ...resources])].filter(isInstanceId);
  if (instanceIds.length === 0) return ignored('a scheduled change that names no instance');
  const code = textOf(detail['eventTypeCode']) ?? 'of no stated kind';
  return {
    type: 'event',
    event: {
      kind: 'scheduled_change',
      instanceIds,
      endsMs: timeOf(detail['startTime']),
      message: `a change is scheduled for the instance: ${shortened(code)}`,
    },
  };
}

function readReservationInterruption(detail: Fields): MessageContent {
  return ofInstance(detail, {
    kind: 'capacity_reservation_interrupted',
    endsMs: timeOf(detail['instance-termination-time']),
    message: 'the capacity reservation takes the instance back',
  });
}

function readBlockExpiration(detail: Fields): MessageContent {
  const reservationId = textOf(detail['capacity-reservation-id']);
  if (reservationId === undefined || !reservationId.startsWith('cr-')) {
    return malformed('detail.capacity-reservation-id: expected cr-...');
  }
  const endMs = timeOf(detail['end-date']);
  if (endMs === undefined) return malformed('detail.end-date: expected a date');
  return {
    type: 'event',
    event: {
      kind: 'capacity_block_expiring',
      instanceIds: [],
      reservationId,
      endsMs: endMs - blockReclaimMs,
      message: `capacity block ${reservationId} ends at ${new Date(endMs).toISOString()}`,
    },
  };
}

function ofInstance(detail: Fields, event: Omit<CloudEvent, 'instanceIds'>): MessageContent {
  const instanceId = textOf(detail['instance-id']) ?? '';
  if (!isInstanceId(instanceId)) return malformed('detail.instance-id: expected i-...');
  return { type: 'event', event: { ...event, instanceIds: [instanceId] } };
}

function isInstanceId(text: string): boolean {
  return instanceIdPattern.test(text);
}

function ignored(why: string): MessageContent {
  return { type: 'ignored', why };
}

function malformed(problem: string): MessageContent {
  return { type: 'malformed', problem };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** ISO in envelopes, RFC 1123 in Health events. */
function timeOf(value: unknown): number | undefined {
  const timeMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

function shortened(text: string): string {
  return text.length > textCharsMax ? `${text.slice(0, textCharsMax)}...` : text;
}
