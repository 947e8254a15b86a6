/**
 * A queue as SQS has it.
 *
 * In: messages. Out: messages to whoever asks, each with a receipt that deletes it; what is not
 * deleted comes again after the visibility timeout; what nobody takes is gone after the retention.
 * At least once, in no promised order: duplicates can be asked for. It knows nothing of the wire.
 */
import type { Clock } from '../../core/ports.ts';
import type { SeededRandom } from '../random.ts';

export interface QueuedMessage {
  readonly messageId: string;
  readonly body: string;
  readonly sentMs: number;
  /** Hidden until then. */
  visibleMs: number;
  receiveCount: number;
  /** Of the last delivery. */
  receipt: string;
}

/** As Karpenter's guide sets its queue up. */
const retentionMs = 300_000;
const defaultVisibilityMs = 30_000;
/** Far above the 15,000 that have been seen after an outage. */
const messagesMax = 200_000;
const pollEveryMs = 100;

export class MessageQueue {
  readonly name: string;
  readonly createdMs: number;
  readonly visibilityMs = defaultVisibilityMs;
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #messages = new Map<string, QueuedMessage>();
  #sentCount = 0;

  constructor(name: string, clock: Clock, random: SeededRandom) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.createdMs = clock.nowMs();
  }

  /** Messages that are not deleted, those under way included. */
  get size(): number {
    return this.#messages.size;
  }

  /** Messages ever sent. */
  get sentCount(): number {
    return this.#sentCount;
  }

  /** How many can be had now, and how many are under way. */
  counts(): { readonly visible: number; readonly inFlight: number } {
    const nowMs = this.#clock.nowMs();
    let visible = 0;
    for (const message of this.#messages.values()) if (message.visibleMs <= nowMs) visible += 1;
    return { visible, inFlight: this.#messages.size - visible };
  }

  /** @throws RangeError when it is full */
  send(body: string, delayMs = 0): string {
    if (this.#messages.size >= messagesMax) throw new RangeError(`the queue ${this.name} is full`);
    const messageId = this.#random.uuid();
    const sentMs = this.#clock.nowMs();
    const visibleMs = sentMs + delayMs;
    this.#messages.set(messageId, {
      messageId,
      body,
      sentMs,
      visibleMs,
      receiveCount: 0,
      receipt: '',
    });
    this.#sentCount += 1;
    return messageId;
  }

  /** Up to `count` messages, hidden from others for a while. Waits for the first one. */
  async receive(
    count: number,
    waitMs: number,
    visibilityMs: number,
  ): Promise<readonly QueuedMessage[]> {
    const untilMs = this.#clock.nowMs() + waitMs;
    for (;;) {
      const found = this.#take(count, visibilityMs);
      const leftMs = untilMs - this.#clock.nowMs();
      if (found.length > 0 || leftMs <= 0) return found;
      await this.#clock.sleep(Math.min(pollEveryMs, leftMs));
    }
  }

  /** True if the receipt is one of this queue, whether the message is still there or not. */
  delete(receipt: string): boolean {
    const [queue, messageId] = Buffer.from(receipt, 'base64url').toString().split('/');
    if (queue !== this.name || messageId === undefined) return false;
    const message = this.#messages.get(messageId);
    // An old receipt does not delete what has been delivered again.
    if (message?.receipt === receipt) this.#messages.delete(messageId);
    return true;
  }

  #take(count: number, visibilityMs: number): readonly QueuedMessage[] {
    const nowMs = this.#clock.nowMs();
    const found: QueuedMessage[] = [];
    for (const message of this.#messages.values()) {
      if (message.sentMs + retentionMs <= nowMs) {
        this.#messages.delete(message.messageId);
      } else if (message.visibleMs <= nowMs) {
        message.visibleMs = nowMs + visibilityMs;
        message.receiveCount += 1;
        const text = `${this.name}/${message.messageId}/${message.receiveCount}`;
        message.receipt = Buffer.from(text).toString('base64url');
        found.push({ ...message });
        if (found.length === count) break;
      }
    }
    return found;
  }
}
