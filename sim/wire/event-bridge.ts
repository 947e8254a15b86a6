/**
 * From what happens in EC2 to messages in a queue, as EventBridge rules put them there.
 *
 * In: the engine's events. Out: their bodies on the cluster's queue, a moment later, now and then
 * twice and in another order: SQS promises no more. Bodies are `event-bodies.ts`'s, those of
 * reservations are here.
 */

import type { ReservationEvent } from '../ec2-types.ts';
import { eventBody } from '../event-bodies.ts';
import type { SeededRandom } from '../random.ts';
import { type Account, reservationArn } from './account.ts';
import { isoTime, type WireContext } from './context.ts';

export interface EventBridgeOptions {
  /** Share of messages that come twice. */
  readonly duplicateShare: number;
}

const deliveryMinMs = 100;
const deliveryMaxMs = 1_500;

/** Every event of the engine from now on. */
export function startEventBridge(context: WireContext, options: EventBridgeOptions): void {
  const { engine, clock, account } = context;
  const random = context.random.branch('event-bridge');
  const [queueName] = account.queueNames;
  if (queueName === undefined) return;
  const deliver = (body: string): void => {
    const times = random.chance(options.duplicateShare) ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      const delayMs = deliveryMinMs + random.float() * (deliveryMaxMs - deliveryMinMs);
      clock.schedule(delayMs, () => account.queues.get(queueName)?.send(body));
    }
  };
  const { region, accountId } = account;
  engine.listen((event) => {
    const setting = { id: random.uuid(), nowMs: clock.nowMs(), region, accountId };
    const body = eventBody(event, setting);
    if (body !== undefined) deliver(body);
  });
  engine.listenReservations((event) => {
    deliver(reservationBody(event, account, clock.nowMs(), random));
  });
}

function reservationBody(
  { type, reservation }: ReservationEvent,
  account: Account,
  nowMs: number,
  random: SeededRandom,
): string {
  const { id, endMs } = reservation;
  return JSON.stringify({
    version: '0',
    id: random.uuid(),
    'detail-type':
      type === 'expiring'
        ? 'Capacity Block Reservation Expiration Warning'
        : 'Capacity Block Reservation Delivered',
    source: 'aws.ec2',
    account: account.accountId,
    time: isoTime(nowMs),
    region: account.region,
    resources: [reservationArn(account, reservation)],
    detail: {
      'capacity-reservation-id': id,
      ...(endMs === undefined ? {} : { 'end-date': isoTime(endMs) }),
    },
  });
}
