/**
 * A clock that runs as fast as its events do, or at a chosen speed.
 *
 * In: timers. Out: their callbacks, one at a time, each with all the promise continuations that it
 * causes before the next one, so that a run with one seed is one run. Time moves only from event to
 * event. What happens outside (a worker thread, a socket) is waited for with `hold`, during which
 * time stands still; paced running then goes on from there, so that a busy machine slows the world
 * down and changes nothing in it. It knows nothing of what it drives.
 */
import type { Clock, Timer } from '../core/ports.ts';
import { EventQueue } from './event-queue.ts';

export interface PaceOptions {
  /** Virtual milliseconds per real one. */
  readonly speed: number;
  readonly signal: AbortSignal;
}

export interface VirtualClock extends Clock {
  /** Events run so far. */
  readonly eventCount: number;
  /** Runs everything that is due within the next `durationMs`, and ends exactly then. */
  advance(durationMs: number): Promise<void>;
  /**
   * Runs until `work` settles.
   * @throws Error when `limitMs` of virtual time pass first, or nothing is left that could happen
   */
  settle<T>(work: Promise<T>, limitMs?: number): Promise<T>;
  /** Waits for work that is done outside; time stands still meanwhile. */
  hold<T>(work: Promise<T>): Promise<T>;
  /** Runs in step with real time until the signal is aborted. */
  pace(options: PaceOptions): Promise<void>;
}

/** 2026-01-01T00:00:00Z: a run without a start of its own begins here. */
export const defaultStartMs = 1_767_225_600_000;

/**
 * Events between two turns of Node's own loop. Callbacks of one turn have their continuations
 * drained between them, which costs a quarter of a turn of the loop.
 */
const eventsPerTurn = 64;
/** In paced running, how long events may keep the loop from sockets. */
const sliceMs = 8;
/** Longest real wait in one piece. */
const idleMaxMs = 60_000;
/** `settle` gives up after this much virtual time unless told otherwise. */
const settleLimitMs = 24 * 3_600_000;

/** A clock at `startMs` with nothing to do. */
export function createVirtualClock(startMs = defaultStartMs): VirtualClock {
  const queue = new EventQueue();
  let timeMs = startMs;
  let eventCount = 0;
  let isRunning = false;
  let holds = 0;
  let onRelease: (() => void) | undefined;
  let paced: (() => number) | undefined;
  let wake: (() => void) | undefined;
  /** Since when time stands still, and for how long it has stood still before; real. */
  let heldSinceMs: number | undefined;
  let heldMs = 0;

  /** In paced running time flows while nothing is due too, but never past the next event. */
  function now(): number {
    if (paced === undefined || wake === undefined) return timeMs;
    return Math.max(timeMs, Math.min(paced(), queue.peek()?.timeMs ?? Infinity));
  }

  function schedule(durationMs: number, run: () => void): Timer {
    const event = queue.push(now() + Math.max(0, durationMs), run);
    wake?.();
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  function runNext(untilMs: number): boolean {
    const next = queue.peek();
    if (next === undefined || next.timeMs > untilMs) return false;
    queue.pop();
    timeMs = Math.max(timeMs, next.timeMs);
    eventCount += 1;
    next.run?.();
    return true;
  }

  async function released(): Promise<void> {
    if (holds === 0) return;
    await new Promise<void>((resolve) => {
      onRelease = resolve;
    });
  }

  /** Runs events until `isDone`, or until there are none up to `untilMs`. */
  async function drive(untilMs: number, isDone: () => boolean): Promise<void> {
    if (isRunning) throw new Error('the clock is being driven already');
    isRunning = true;
    try {
      for (let hasMore = true; hasMore && !isDone(); ) {
        await released();
        hasMore = await turn(() => {
          if (holds > 0 || isDone()) return true;
          return runNext(untilMs);
        });
      }
    } finally {
      isRunning = false;
    }
  }

  return {
    get eventCount() {
      return eventCount;
    },
    nowMs: now,
    monotonicMs: () => now() - startMs,
    schedule,
    sleep: async (durationMs, signal) => {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const abort = (): void => {
          timer.cancel();
          reject(signal?.reason as Error);
        };
        const timer = schedule(durationMs, () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
    advance: async (durationMs) => {
      const untilMs = timeMs + durationMs;
      await drive(untilMs, () => false);
      timeMs = untilMs;
    },
    settle: async (work, limitMs = settleLimitMs) => {
      let isSettled = false;
      const settled = work.finally(() => {
        isSettled = true;
      });
      // Whoever asked for the work hears of its failure through the return below.
      settled.catch(() => undefined);
      await drive(timeMs + limitMs, () => isSettled);
      if (!isSettled) throw new Error(`not settled: ${stuckReason(queue.peek(), limitMs)}`);
      return await settled;
    },
    hold: async (work) => {
      if (holds === 0) heldSinceMs = performance.now();
      holds += 1;
      try {
        return await work;
      } finally {
        holds -= 1;
        if (holds === 0) {
          heldMs += performance.now() - (heldSinceMs ?? 0);
          heldSinceMs = undefined;
          onRelease?.();
          wake?.();
        }
      }
    },
    pace: async ({ speed, signal }) => {
      if (isRunning) throw new Error('the clock is being driven already');
      isRunning = true;
      const originMs = timeMs;
      const realOriginMs = performance.now() - heldMs;
      paced = () => {
        const realMs = (heldSinceMs ?? performance.now()) - heldMs - realOriginMs;
        return originMs + realMs * speed;
      };
      const giveUp = (): void => onRelease?.();
      signal.addEventListener('abort', giveUp, { once: true });
      try {
        while (!signal.aborted) {
          if (holds > 0) {
            await released();
            continue;
          }
          const sliceEndMs = performance.now() + sliceMs;
          const dueMs = paced();
          while (
            performance.now() < sliceEndMs &&
            (await turn(() => holds === 0 && runNext(dueMs)))
          );
          if (holds > 0) continue;
          const next = queue.peek();
          const realWaitMs = next === undefined ? Infinity : (next.timeMs - paced()) / speed;
          if (realWaitMs > 0 && !signal.aborted) await idle(realWaitMs, signal);
        }
      } finally {
        signal.removeEventListener('abort', giveUp);
        paced = undefined;
        isRunning = false;
      }
    },
  };

  /** Waits for real time, an earlier event, or the end. */
  async function idle(realWaitMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      // What comes from outside meanwhile comes at its own moment.
      const timer =
        realWaitMs === Infinity
          ? undefined
          : setTimeout(() => wake?.(), Math.min(realWaitMs, idleMaxMs));
      const finish = (): void => {
        timeMs = now();
        wake = undefined;
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      wake = finish;
      signal.addEventListener('abort', finish, { once: true });
    });
  }
}

/** One turn of Node's loop: up to {@link eventsPerTurn} steps, ended by one that answers false. */
async function turn(step: () => boolean): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    let hasMore = true;
    let left = eventsPerTurn;
    const next = (): void => {
      left -= 1;
      try {
        if (hasMore) hasMore = step();
      } catch (error) {
        hasMore = false;
        reject(error);
      }
      if (left === 0) resolve(hasMore);
    };
    for (let index = 0; index < eventsPerTurn; index += 1) setImmediate(next);
  });
}

function stuckReason(next: object | undefined, limitMs: number): string {
  return next === undefined
    ? 'nothing is left that could happen'
    : `${limitMs} ms of virtual time have passed`;
}
