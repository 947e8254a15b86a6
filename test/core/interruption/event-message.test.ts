/** Messages of EventBridge, word for word as AWS writes them, and as others do. */
import { assert, constantFrom, jsonValue, property, string } from 'fast-check';
import t from 'tap';
import { readEventMessage } from '../../../core/interruption/event-message.ts';
import type { MessageContent } from '../../../core/interruption-port.ts';

const instance = 'i-0b662ef9931388ba0';
const time = '2026-11-22T03:00:00Z';
const sentMs = Date.parse(time);

function read(detailType: string, detail: unknown, more: object = {}): MessageContent {
  const envelope = { version: '0', id: 'a-1', 'detail-type': detailType, time, detail, ...more };
  return readEventMessage(JSON.stringify(envelope)).content;
}

t.test('a spot warning ends the instance two minutes later', async (t) => {
  t.strictSame(
    read('EC2 Spot Instance Interruption Warning', {
      'instance-id': instance,
      'instance-action': 'terminate',
    }),
    {
      type: 'event',
      event: {
        kind: 'spot_interrupted',
        instanceIds: [instance],
        endsMs: sentMs + 120_000,
        message: 'spot takes the instance back (terminate)',
      },
    },
  );
});

t.test('a recommendation says nothing of when', async (t) => {
  const content = read('EC2 Instance Rebalance Recommendation', { 'instance-id': instance });
  t.match(content, { event: { kind: 'rebalance_recommendation', endsMs: undefined } });
});

t.test('of states only ends are acted on', async (t) => {
  const kinds = ['stopping', 'stopped', 'shutting-down', 'terminated', 'pending', 'running'].map(
    (state) => {
      const detail = { 'instance-id': instance, state };
      const content = read('EC2 Instance State-change Notification', detail);
      return content.type === 'event' ? content.event.kind : content.type;
    },
  );
  t.strictSame(kinds, [
    'instance_stopped',
    'instance_stopped',
    'instance_terminated',
    'instance_terminated',
    'ignored',
    'ignored',
  ]);
});

t.test('an event of AWS Health may name many instances, and has dates of its own', async (t) => {
  const detail = {
    service: 'EC2',
    eventTypeCode: 'AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED',
    eventTypeCategory: 'scheduledChange',
    startTime: 'Sat, 05 Dec 2026 15:10:09 GMT',
    affectedEntities: [{ entityValue: instance }, { entityValue: 'vol-1' }, {}],
  };
  const content = read('AWS Health Event', detail, {
    resources: ['i-0000000000000000f', instance],
  });
  t.match(content, {
    event: {
      kind: 'scheduled_change',
      instanceIds: [instance, 'i-0000000000000000f'],
      endsMs: Date.parse('2026-12-05T15:10:09Z'),
    },
  });
  const ignored = [
    read('AWS Health Event', { ...detail, service: 'RDS' }),
    read('AWS Health Event', { ...detail, eventTypeCategory: 'issue' }),
    read('AWS Health Event', { ...detail, affectedEntities: [] }),
  ];
  t.strictSame(new Set(ignored.map(({ type }) => type)), new Set(['ignored']));
});

t.test(
  'reservations: an instance of one, or all of a block half an hour before its end',
  async (t) => {
    t.match(
      read('EC2 Capacity Reservation Instance Interruption Warning', {
        'instance-id': instance,
        'instance-termination-time': '2026-11-22T04:00:00Z',
      }),
      { event: { kind: 'capacity_reservation_interrupted', endsMs: sentMs + 3_600_000 } },
    );
    const detail = { 'capacity-reservation-id': 'cr-1', 'end-date': '2026-11-22T04:00:00Z' };
    const underscored = JSON.stringify({
      id: 'a',
      detail_type: 'Capacity Block Reservation Expiration Warning',
      time,
      detail,
    });
    t.match(readEventMessage(underscored).content, {
      event: {
        kind: 'capacity_block_expiring',
        instanceIds: [],
        reservationId: 'cr-1',
        endsMs: sentMs + 1_800_000,
      },
    });
    t.equal(read('Capacity Block Reservation Delivered', detail).type, 'ignored');
  },
);

t.test('what cannot be read says why, and is never thrown', async (t) => {
  const problems = [
    readEventMessage('hello').content,
    readEventMessage('[]').content,
    readEventMessage('{}').content,
    read('EC2 Spot Instance Interruption Warning', {}),
    read('EC2 Spot Instance Interruption Warning', undefined),
    read('EC2 Spot Instance Interruption Warning', { 'instance-id': instance }, { time: 'soon' }),
    read('EC2 Instance State-change Notification', { 'instance-id': instance, state: 'odd' }),
  ];
  t.strictSame(
    problems.map((content) => (content.type === 'malformed' ? content.problem : content.type)),
    [
      'not JSON',
      'not JSON',
      'detail-type: expected a string',
      'detail.instance-id: expected i-...',
      'detail: expected an object',
      'time: expected a date',
      'detail.state: expected the state of an instance',
    ],
  );
  t.strictSame(read('toString', {}), { type: 'unknown', detailType: 'toString' });
});

t.test('any JSON is read to something', async (t) => {
  const types = [
    'EC2 Spot Instance Interruption Warning',
    'AWS Health Event',
    'Capacity Block Reservation Expiration Warning',
  ];
  assert(
    property(constantFrom(...types), jsonValue(), (detailType, detail) => {
      const content = read(detailType, detail);
      return ['event', 'ignored', 'malformed'].includes(content.type);
    }),
  );
  assert(property(string(), (text) => readEventMessage(text).content.type !== 'event'));
  t.pass('none was thrown at');
});
