/**
 * Events on objects: merged, throttled, written behind the work.
 *
 * In: what is to be said of an object. Out: Event objects, one per (object, reason, message) with a
 * count. A message that is repeated within two minutes is only counted; the count is written with
 * the next. An object that is spoken of too often, and a queue that is too long, lose what comes
 * last. Nobody waits for an Event and none is worth an outage, so that one that cannot be written
 * after a few attempts is given up. Whatever is lost is counted.
 */
import type { ClusterEvent, ObjectReference } from '../../core/api/control-objects.ts';
import {
  type Clock,
  type ClusterClient,
  ClusterError,
  isClusterError,
  type Random,
} from '../../core/ports.ts';
import { fieldManager } from '../controllers/context.ts';
import { TokenBucket } from './token-bucket.ts';

/** Events that wait to be written. */
export const queueMax = 5_000;
/** Different Events remembered, for merging; those not heard of for longest are forgotten. */
export const knownMax = 10_000;
/** A repetition is not written sooner than this after the last time (Karpenter's figure). */
export const repeatMs = 120_000;
/** Of one object: so many at once, then one a minute. */
export const objectBurst = 25;
const objectPerSecond = 1 / 60;
/** Objects whose rate is remembered. */
const objectsMax = 10_000;
/** Of all objects together: a burst of pods is told at once, a storm in time. */
const overallBurst = 500;
const overallPerSecond = 50;
/** Written side by side. */
const writersMax = 4;
const attemptsMax = 3;
const retryFirstMs = 500;
const retryMaxMs = 10_000;
const messageCharsMax = 1_024;
const nameCharsMax = 253;
const suffixDigits = 16;

export type EventType = 'Normal' | 'Warning';

export interface EventWriterOptions {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Name of this replica. */
  readonly identity: string;
  readonly onDropped: () => void;
}

interface Known {
  readonly regarding: ObjectReference;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  readonly firstMs: number;
  lastMs: number;
  count: number;
  /** Of the Event object, there already or to be. */
  name: string;
  isStored: boolean;
  isQueued: boolean;
  /** When it was last put into the queue. */
  queuedMs: number;
}

export class EventWriter {
  readonly #options: EventWriterOptions;
  readonly #known = new Map<string, Known>();
  readonly #objects = new Map<string, TokenBucket>();
  readonly #queue: Known[] = [];
  readonly #overall: TokenBucket;
  #writers = 0;
  #onIdle: (() => void) | undefined;
  /** On the way out the overall rate gives way to the deadline. */
  readonly #hurry = new AbortController();
  readonly #ended = new AbortController();
  readonly #settle: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(options: EventWriterOptions) {
    this.#options = options;
    this.#overall = new TokenBucket(overallBurst, overallPerSecond, options.clock.monotonicMs());
    // Awaited by whoever runs the process; an early failure must not be taken for unhandled.
    this.#settle.promise.catch(() => undefined);
  }

  /** Resolves after {@link flush}; rejects on a bug. */
  get done(): Promise<void> {
    return this.#settle.promise;
  }

  /** Takes it or drops it, at once. */
  add(regarding: ObjectReference, type: EventType, reason: string, text: string): void {
    const { clock, onDropped } = this.#options;
    const { kind, namespace = '', name, uid = '' } = regarding;
    const message = text.slice(0, messageCharsMax);
    const nowMs = clock.nowMs();
    const objectKey = `${kind}/${namespace}/${name}/${uid}`;
    const key = `${objectKey} ${type} ${reason} ${message}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.count += 1;
      known.lastMs = nowMs;
      if (known.isQueued || nowMs - known.queuedMs < repeatMs) return;
    }
    if (this.#isFull() || !this.#bucketOf(objectKey).take(clock.monotonicMs())) {
      onDropped();
      return;
    }
    const told = known ?? this.#newEvent({ regarding, type, reason, message }, nowMs);
    told.queuedMs = nowMs;
    told.isQueued = true;
    remember(this.#known, key, told, knownMax);
    this.#queue.push(told);
    this.#pump();
  }

  /** Writes what waits, for so long at most; after that nothing is taken or written any more. */
  async flush(limitMs: number): Promise<void> {
    this.#hurry.abort();
    if (this.#writers > 0) {
      const timer = this.#options.clock.schedule(limitMs, () => this.#ended.abort());
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      timer.cancel();
    }
    this.#ended.abort();
    for (const _left of this.#queue.splice(0)) this.#options.onDropped();
    this.#settle.resolve();
  }

  #isFull(): boolean {
    return this.#ended.signal.aborted || this.#queue.length >= queueMax;
  }

  #bucketOf(objectKey: string): TokenBucket {
    const nowMs = this.#options.clock.monotonicMs();
    const bucket =
      this.#objects.get(objectKey) ?? new TokenBucket(objectBurst, objectPerSecond, nowMs);
    remember(this.#objects, objectKey, bucket, objectsMax);
    return bucket;
  }

  #newEvent(what: Pick<Known, 'regarding' | 'type' | 'reason' | 'message'>, nowMs: number): Known {
    return {
      ...what,
      firstMs: nowMs,
      lastMs: nowMs,
      count: 1,
      name: this.#newName(what.regarding),
      isStored: false,
      isQueued: false,
      queuedMs: nowMs,
    };
  }

  #newName({ name = '' }: ObjectReference): string {
    const digits = Array.from({ length: suffixDigits }, () =>
      this.#options.random.integer(16).toString(16),
    );
    return `${name.slice(0, nameCharsMax - suffixDigits - 1)}.${digits.join('')}`;
  }

  #pump(): void {
    if (this.#writers >= writersMax) return;
    this.#writers += 1;
    void this.#work();
  }

  async #work(): Promise<void> {
    const { signal } = this.#ended;
    try {
      for (;;) {
        await this.#overallTurn();
        const known = signal.aborted ? undefined : this.#queue.shift();
        if (known === undefined) break;
        known.isQueued = false;
        await this.#write(known);
      }
    } catch (error) {
      if (!signal.aborted) this.#settle.reject(error);
    }
    this.#writers -= 1;
    if (this.#writers === 0) this.#onIdle?.();
  }

  async #overallTurn(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#hurry;
    while (!signal.aborted && this.#queue.length > 0 && !this.#overall.take(clock.monotonicMs())) {
      try {
        await clock.sleep(Math.ceil(this.#overall.waitMs(clock.monotonicMs())), signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  async #write(known: Known): Promise<void> {
    const { clock, onDropped } = this.#options;
    const { signal } = this.#ended;
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      try {
        await this.#send(known, signal);
        return;
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof ClusterError)) throw error;
        if (!isClusterError(error, 'Unavailable', 'TooManyRequests', 'Conflict')) break;
        const waitMs = Math.max(retryFirstMs * 2 ** attempt, error.retryAfterMs);
        await clock.sleep(Math.min(waitMs, retryMaxMs), signal);
      }
    }
    onDropped();
  }

  async #send(known: Known, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const { namespace = 'default' } = known.regarding;
    const { count } = known;
    const lastTimestamp = timeOf(known.lastMs);
    const options = { fieldManager, signal };
    if (known.isStored) {
      try {
        const body = { count, lastTimestamp };
        const name = { namespace, name: known.name };
        await client.patch('Event', name, { type: 'merge', body }, options);
        return;
      } catch (error) {
        if (!isClusterError(error, 'NotFound')) throw error;
        // API servers keep Events for an hour.
        known.isStored = false;
        known.name = this.#newName(known.regarding);
      }
    }
    try {
      await client.create('Event', this.#objectOf(known, namespace), options);
    } catch (error) {
      // An earlier attempt of ours whose answer was lost: nobody else makes up this name.
      if (!isClusterError(error, 'AlreadyExists')) throw error;
    }
    known.isStored = true;
  }

  #objectOf(known: Known, namespace: string): ClusterEvent {
    const { identity } = this.#options;
    const { regarding, type, reason, message, count } = known;
    return {
      metadata: { namespace, name: known.name },
      involvedObject: regarding,
      type,
      reason,
      message,
      count,
      firstTimestamp: timeOf(known.firstMs),
      lastTimestamp: timeOf(known.lastMs),
      source: { component: fieldManager, host: identity },
      reportingComponent: fieldManager,
      reportingInstance: identity,
    };
  }
}

/** Makes it the last to be forgotten. Forgets in one go, which is cheaper than one by one. */
function remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return;
  let excess = Math.ceil(max / 10);
  for (const oldest of map.keys()) {
    if (excess === 0) return;
    map.delete(oldest);
    excess -= 1;
  }
}

/** RFC 3339 in whole seconds. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
