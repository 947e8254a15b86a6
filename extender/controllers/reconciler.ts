/**
 * A queue of keys and the workers that bring each to what it should be.
 *
 * In: keys as changes name them, a function that looks at one key and acts. Out: every key that was
 * added is looked at again, never by two workers at once, however often it was added meanwhile once
 * more; outages and lost races are tried again with back-off, per key and without end; a bug ends
 * the controller. Keys are names: the function reads the present state, so that nothing is lost by
 * merging. The queue holds at most one entry per key, hence no more than there are objects.
 */
import { CloudError } from '../../core/cloud-port.ts';
import { type Clock, ClusterError, type Random, type Timer } from '../../core/ports.ts';
import type { Controller, ControllerContext } from './context.ts';

/** What a look at a key ends with; without `againAfterMs` only a change brings the key back. */
export interface Reconciled {
  readonly againAfterMs?: number;
}

export interface ReconcilerOptions {
  readonly name: string;
  /** Keys looked at side by side. */
  readonly concurrency: number;
  /**
   * Looks at one key. ClusterError and CloudError are tried again; anything else is a bug.
   * Must end soon after `signal`.
   */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Reconciled | undefined>;
  /** Subscribes to what adds keys; what it returns is called at the end. Also adds what is there now. */
  readonly watch: (add: (key: string, afterMs?: number) => void) => () => void;
}

/** Keys that a worker looks at before it lets others have the event loop. */
const keysPerTurn = 16;
const backoffFirstMs = 100;
/**
 * After a lost race: the view is behind, and the news that it lacks brings the key back as soon as it
 * comes. Whoever asks again before loses again.
 */
const backoffLostMs = 1_000;
const backoffMaxMs = 30_000;

/** Starts at once; ends with the context's signal. */
export function startReconciler(
  context: Pick<ControllerContext, 'clock' | 'random' | 'log' | 'signal'>,
  options: ReconcilerOptions,
): Controller {
  const queue = new KeyQueue(context.clock);
  const stopWatching = options.watch((key, afterMs = 0) => queue.add(key, afterMs));
  const workers = Array.from({ length: options.concurrency }, () => work(context, options, queue));
  const done = Promise.all(workers)
    .then(() => undefined)
    .finally(() => {
      stopWatching();
      queue.close();
    });
  if (context.signal.aborted) queue.close();
  context.signal.addEventListener('abort', () => queue.close(), { once: true });
  // Awaited by whoever runs the process; an early failure must not be taken for unhandled.
  done.catch(() => undefined);
  return { name: options.name, done };
}

async function work(
  { clock, random, log, signal }: Pick<ControllerContext, 'clock' | 'random' | 'log' | 'signal'>,
  { name, reconcile }: ReconcilerOptions,
  queue: KeyQueue,
): Promise<void> {
  for (let handled = 0; ; ) {
    const key = await queue.take();
    if (key === undefined) return;
    try {
      const result = await reconcile(key, signal);
      queue.succeeded(key);
      queue.release(key, result?.againAfterMs);
    } catch (error) {
      if (signal.aborted) {
        queue.release(key, undefined);
        return;
      }
      if (!(error instanceof ClusterError || error instanceof CloudError)) {
        queue.close();
        throw error;
      }
      const waitMs = queue.backoffMs(key, random, error);
      const level = isEveryday(error) ? 'debug' : 'warn';
      log[level]({ controller: name, key, code: error.code, waitMs }, error.message);
      queue.release(key, waitMs);
    }
    handled += 1;
    // Many keys in a row must not keep the extender's verbs waiting.
    if (handled % keysPerTurn === 0) {
      await new Promise<void>((resolve) => void clock.schedule(0, resolve));
    }
  }
}

/** Lost races are how optimistic concurrency works. */
function isEveryday(error: ClusterError | CloudError): boolean {
  return error.code === 'Conflict' || error.code === 'NotFound' || error.code === 'throttled';
}

class KeyQueue {
  readonly #clock: Clock;
  readonly #ready = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { readonly atMs: number; readonly timer: Timer }>();
  readonly #failures = new Map<string, number>();
  readonly #waiting: ((key: string | undefined) => void)[] = [];
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(key: string, afterMs: number): void {
    if (this.#isClosed) return;
    if (afterMs > 0) {
      this.#schedule(key, afterMs);
      return;
    }
    if (this.#busy.has(key)) {
      this.#again.add(key);
      return;
    }
    const waiter = this.#waiting.shift();
    if (waiter === undefined) {
      this.#ready.add(key);
      return;
    }
    this.#busy.add(key);
    waiter(key);
  }

  /** The next key, when there is one; undefined at the end. */
  take(): Promise<string | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    for (const key of this.#ready) {
      this.#ready.delete(key);
      this.#busy.add(key);
      return Promise.resolve(key);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(key: string, afterMs: number | undefined): void {
    this.#busy.delete(key);
    if (this.#again.delete(key)) this.add(key, 0);
    if (afterMs !== undefined) this.add(key, Math.max(1, afterMs));
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  backoffMs(key: string, random: Random, error: ClusterError | CloudError): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const firstMs = error.code === 'Conflict' ? backoffLostMs : backoffFirstMs;
    const ceilingMs = Math.min(firstMs * 2 ** failures, backoffMaxMs);
    const askedMs = error instanceof ClusterError ? error.retryAfterMs : 0;
    return Math.max(ceilingMs * (0.5 + random.float() / 2), Math.min(askedMs, backoffMaxMs));
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#ready.clear();
    for (const waiter of this.#waiting.splice(0)) waiter(undefined);
  }

  /** The earliest of several appointments of a key is the one that counts. */
  #schedule(key: string, afterMs: number): void {
    const atMs = this.#clock.monotonicMs() + afterMs;
    const known = this.#timers.get(key);
    if (known !== undefined && known.atMs <= atMs) return;
    known?.timer.cancel();
    const timer = this.#clock.schedule(afterMs, () => {
      this.#timers.delete(key);
      this.add(key, 0);
    });
    this.#timers.set(key, { atMs, timer });
  }
}
