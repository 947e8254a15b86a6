/**
 * A process in the simulated world: it can be killed at any moment.
 *
 * In: the world's clock. Out: a clock for the process, and a lifeline that everything it calls goes
 * through. After a kill no timer of it fires, no call of it is answered and none is made: its
 * promises stay open for ever, which is what the rest of the world sees of a dead process.
 */
import type { Clock } from '../core/ports.ts';
import type { ApiCall } from './faults.ts';

export interface Lifeline {
  readonly isAlive: boolean;
  /**
   * To be awaited at every border: before a call takes effect and before its answer is given.
   * Settles at once for the living, never for the dead.
   */
  pass(call: ApiCall, moment: 'before' | 'after'): Promise<void> | undefined;
}

export interface SimulatedProcess extends Lifeline {
  readonly name: string;
  readonly clock: Clock;
  /** Ends it as `kill -9` does. */
  kill(): void;
}

/** Where a process dies of itself: right before or right after a call takes effect. */
export interface CrashPoint {
  readonly matches: (call: ApiCall) => boolean;
  readonly moment: 'before' | 'after';
}

/** A new one each time: what waits for it can be forgotten, and with it a whole world. */
function never(): Promise<void> {
  return new Promise<void>(() => undefined);
}

/**
 * @param onDeath called once, inside whatever killed the process
 */
export function createProcess(
  name: string,
  clock: Clock,
  crashPoint?: CrashPoint,
  onDeath?: () => void,
): SimulatedProcess {
  let isAlive = true;
  const kill = (): void => {
    if (!isAlive) return;
    isAlive = false;
    onDeath?.();
  };
  return {
    name,
    get isAlive() {
      return isAlive;
    },
    kill,
    pass: (call, moment) => {
      if (isAlive && crashPoint?.moment === moment && crashPoint.matches(call)) kill();
      return isAlive ? undefined : never();
    },
    clock: {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: async (durationMs, signal) => {
        await clock.sleep(durationMs, signal);
        if (!isAlive) await never();
      },
      schedule: (durationMs, run) =>
        clock.schedule(durationMs, () => {
          if (isAlive) run();
        }),
    },
  };
}
