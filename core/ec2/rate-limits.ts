/**
 * How often each EC2 action may be called, from the caller's side.
 *
 * In: the time, calls, throttling as it is met. Out: how long to wait before a call. One bucket per
 * action, filled a little slower than the account's (`reference/ec2.md` C3), because others use the
 * account too. A throttled call halves the pace, calls that go well bring it back. It neither waits
 * nor calls.
 */

export interface RateLimit {
  /** Tokens that may be saved up. */
  readonly size: number;
  readonly refillPerSecond: number;
}

/** Share of the account's limits that is ours. */
const ownShare = 0.9;
const describe: RateLimit = { size: 100, refillPerSecond: 20 };
const mutate: RateLimit = { size: 50, refillPerSecond: 5 };

/** Limits of the account that differ from those of their class; `reference/ec2.md` C3. */
const exceptions: ReadonlyMap<string, RateLimit> = new Map([
  ['RunInstances', { size: 5, refillPerSecond: 2 }],
  ['TerminateInstances', { size: 100, refillPerSecond: 5 }],
  ['CreateTags', { size: 100, refillPerSecond: 10 }],
  ['DeleteTags', { size: 100, refillPerSecond: 10 }],
  ['CreateLaunchTemplateVersion', { size: 100, refillPerSecond: 5 }],
  // Of other services, whose limits are lower than EC2's.
  ['GetParameter', { size: 40, refillPerSecond: 40 }],
  ['GetProducts', { size: 10, refillPerSecond: 5 }],
  ['GetInstanceProfile', { size: 20, refillPerSecond: 10 }],
  // SQS takes thousands a second.
  ['ReceiveMessage', { size: 500, refillPerSecond: 500 }],
  ['DeleteMessageBatch', { size: 500, refillPerSecond: 500 }],
]);

/** The share of an action's limit that we use. */
export function rateLimitOf(action: string): RateLimit {
  const isRead = /^(Describe|Get|List)/.test(action);
  const { size, refillPerSecond } = exceptions.get(action) ?? (isRead ? describe : mutate);
  return { size: Math.floor(size * ownShare), refillPerSecond: refillPerSecond * ownShare };
}

/** Slowest pace, as a share of the limit's. */
const paceMin = 1 / 16;
/** After this long without throttling the pace doubles. */
const recoverMs = 10_000;

/** A bucket whose pace follows what the server takes. Times are of a monotonic clock. */
export class AdaptiveBucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #filledMs: number;
  #pace = 1;
  #pacedMs: number;

  constructor(limit: RateLimit, nowMs: number) {
    this.#limit = limit;
    this.#tokens = limit.size;
    this.#filledMs = nowMs;
    this.#pacedMs = nowMs;
  }

  /** Takes a token, which may be one of the future: the answer is how long to wait for it. */
  reserveMs(nowMs: number): number {
    this.#fill(nowMs);
    this.#tokens -= 1;
    if (this.#tokens >= 0) return 0;
    return Math.ceil((-this.#tokens / this.#refillPerSecond) * 1_000);
  }

  /** Gives back a token whose owner does not want to wait for it. */
  giveBack(): void {
    this.#tokens = Math.min(this.#limit.size, this.#tokens + 1);
  }

  /** The server refused: the account's bucket is empty, whatever ours holds. */
  throttled(nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens = Math.min(this.#tokens, 0);
    // Calls that were on their way together count as one refusal.
    if (this.#pace < 1 && nowMs - this.#pacedMs < 1_000) return;
    this.#pace = Math.max(paceMin, this.#pace / 2);
    this.#pacedMs = nowMs;
  }

  /** Present pace, as a share of the limit's. */
  get pace(): number {
    return this.#pace;
  }

  get #refillPerSecond(): number {
    return this.#limit.refillPerSecond * this.#pace;
  }

  #fill(nowMs: number): void {
    while (this.#pace < 1 && nowMs - this.#pacedMs >= recoverMs) {
      this.#pacedMs += recoverMs;
      this.#pace = Math.min(1, this.#pace * 2);
    }
    const elapsedMs = Math.max(0, nowMs - this.#filledMs);
    const filled = this.#tokens + (elapsedMs / 1_000) * this.#refillPerSecond;
    this.#tokens = Math.min(this.#limit.size, filled);
    this.#filledMs = nowMs;
  }
}
