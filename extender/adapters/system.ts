/**
 * The real clock and the real dice.
 *
 * In: nothing. Out: the Clock and Random ports of a process that runs in the world.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Random } from '../../core/ports.ts';

/** Node's timers fire at once beyond this; longer waits are made of several. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (durationMs, signal) => {
    const endMs = performance.now() + durationMs;
    signal?.throwIfAborted();
    for (let leftMs = durationMs; leftMs > 0; leftMs = endMs - performance.now()) {
      try {
        await delay(
          Math.min(leftMs, longestTimerMs),
          undefined,
          signal === undefined ? {} : { signal },
        );
      } catch (error) {
        // Timers reject with an error of their own; the port promises the signal's reason.
        signal?.throwIfAborted();
        throw error;
      }
    }
  },
  schedule: (durationMs, run) => {
    const endMs = performance.now() + durationMs;
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      timer = setTimeout(
        () => {
          const restMs = endMs - performance.now();
          // A timer may fire up to a millisecond early.
          if (restMs > 1) arm(restMs);
          else run();
        },
        Math.min(Math.max(0, leftMs), longestTimerMs),
      );
    };
    arm(durationMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const systemRandom: Random = {
  float: () => Math.random(),
  integer: (below) => Math.floor(Math.random() * below),
};
