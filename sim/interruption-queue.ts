/**
 * The simulated cloud's news, as a process hears of them.
 *
 * In: an engine, a clock, chance. Out: the EventSource port. Messages are delivered at least once:
 * what is not acknowledged comes again after the visibility timeout, and now and then a message
 * comes twice. The queue outlives the processes that read it.
 */
import { readEventMessage } from '../core/interruption/event-message.ts';
import type { CloudMessage, EventSource } from '../core/interruption-port.ts';
import type { Clock } from '../core/ports.ts';
import type { Ec2Engine } from './ec2-engine.ts';
import { eventBody } from './event-bodies.ts';
import type { SeededRandom } from './random.ts';

export interface InterruptionQueueOptions {
  readonly engine: Ec2Engine;
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** Share of messages that come twice. */
  readonly duplicateShare?: number;
}

interface Message {
  readonly body: string;
  visibleMs: number;
}

export interface InterruptionQueue {
  /** Messages that nobody has acknowledged. */
  readonly size: number;
  /** Puts any body on the queue. */
  send(body: string): void;
  /** The port, for a process with a clock of its own. */
  source(clock: Clock): EventSource;
}

/** As Karpenter sets its queue up. */
const visibilityMs = 20_000;
const longPollMs = 20_000;
const batchMax = 10;
/** From the engine's event to the message. */
const deliveryMs = 200;
const region = 'us-east-1';
const accountId = '123456789012';

export function createInterruptionQueue(options: InterruptionQueueOptions): InterruptionQueue {
  const { engine, clock, random, duplicateShare = 0 } = options;
  const messages = new Map<number, Message>();
  const waiting = new Set<AbortController>();
  let sent = 0;

  function send(body: string): void {
    sent += 1;
    messages.set(sent, { body, visibleMs: clock.nowMs() });
    for (const waiter of waiting) waiter.abort();
  }

  engine.listen((event) => {
    const body = eventBody(event, { id: random.uuid(), nowMs: clock.nowMs(), region, accountId });
    if (body === undefined) return;
    clock.schedule(deliveryMs, () => {
      send(body);
      if (duplicateShare > 0 && random.chance(duplicateShare)) send(body);
    });
  });

  function take(nowMs: number): CloudMessage[] {
    const taken: CloudMessage[] = [];
    for (const [number, message] of messages) {
      if (message.visibleMs > nowMs) continue;
      message.visibleMs = nowMs + visibilityMs;
      taken.push({ ...readEventMessage(message.body), receipt: String(number) });
      if (taken.length === batchMax) break;
    }
    return taken;
  }

  return {
    get size() {
      return messages.size;
    },
    send,
    source: (own) => ({
      name: 'queue',
      batchMax,
      receive: async (signal) => {
        const endMs = own.nowMs() + longPollMs;
        for (;;) {
          signal.throwIfAborted();
          const nowMs = own.nowMs();
          const taken = take(nowMs);
          if (taken.length > 0 || nowMs >= endMs) return taken;
          const nextMs = Math.min(endMs, ...Array.from(messages.values(), (one) => one.visibleMs));
          const news = new AbortController();
          waiting.add(news);
          try {
            await own.sleep(Math.max(1, nextMs - nowMs), AbortSignal.any([signal, news.signal]));
          } catch (error) {
            // Woken by a message, unless the caller has gone.
            if (!news.signal.aborted) throw error;
          } finally {
            waiting.delete(news);
          }
        }
      },
      acknowledge: async (receipts) => {
        for (const receipt of receipts) messages.delete(Number(receipt));
      },
    }),
  };
}
