/**
 * A clock that runs faster than the one it is made from.
 *
 * In: a clock, a factor. Out: the Clock port for what shall not take its real time in a test (boots,
 * shutdowns, the lag of reads), and the way back to real time. Both start at the same moment.
 */
import type { Clock, Timer } from '../../core/ports.ts';

export interface ScaledClock extends Clock {
  /** When a time of this clock is on the clock it was made from. */
  toRealMs(timeMs: number): number;
  /** How long a duration of this clock takes. */
  readonly speed: number;
  /** Nothing that was scheduled happens any more: a process with open timers does not end. */
  stop(): void;
}

export function scaledClock(clock: Clock, speed: number): ScaledClock {
  const [startMs, monotonicStartMs] = [clock.nowMs(), clock.monotonicMs()];
  const timers = new Set<Timer>();
  let isStopped = false;
  return {
    speed,
    nowMs: () => startMs + (clock.nowMs() - startMs) * speed,
    monotonicMs: () => (clock.monotonicMs() - monotonicStartMs) * speed,
    sleep: async (durationMs, signal) => await clock.sleep(durationMs / speed, signal),
    schedule: (durationMs, run) => {
      if (isStopped) return { cancel: () => undefined };
      const timer = clock.schedule(durationMs / speed, () => {
        timers.delete(timer);
        run();
      });
      timers.add(timer);
      return {
        cancel: () => {
          timers.delete(timer);
          timer.cancel();
        },
      };
    },
    toRealMs: (timeMs) => startMs + (timeMs - startMs) / speed,
    stop: () => {
      isStopped = true;
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}
