/**
 * Where a process kills itself: at its n-th call of a kind, right before or right after.
 *
 * In: ports, a crash point. Out: the same ports, of which one call ends the process with SIGKILL:
 * nothing is flushed, closed or said. "After" is after the server has answered and before anybody
 * here knows. Reads and watches can be crash points too.
 */
import type { CloudProvider } from '../../core/cloud-port.ts';
import type { ClusterClient } from '../../core/ports.ts';

export interface CrashPoint {
  /** A method of either port, such as `bind` or `launch`. */
  readonly verb: string;
  /** For calls that name a kind: which. */
  readonly kind?: string;
  /** What the call's arguments, as JSON, must contain. */
  readonly contains?: string;
  readonly moment: 'before' | 'after';
  /** The how manieth such call, from 1; of those answered, for a death after it. */
  readonly number: number;
}

/** In words, for messages. */
export function describeCrashPoint({ verb, kind, contains, moment, number }: CrashPoint): string {
  const what = [verb, kind, contains].filter((part) => part !== undefined).join(' ');
  return `${moment} ${what} number ${number}`;
}

/** The ports with a crash point; without one they are as they were. */
export function withCrashPoint<Port extends ClusterClient | CloudProvider>(
  port: Port,
  point: CrashPoint | undefined,
): Port {
  if (point === undefined) return port;
  let seen = 0;
  return new Proxy(port, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function' || name !== point.verb) return method;
      // A call that is refused has done nothing, so it does not count as one to die after.
      const isHere = (args: readonly unknown[], moment: CrashPoint['moment']): boolean =>
        moment === point.moment && matches(point, args) && (seen += 1) === point.number;
      return async (...args: readonly unknown[]): Promise<unknown> => {
        if (isHere(args, 'before')) await die();
        const answer: unknown = await Reflect.apply(method, target, args);
        if (isHere(args, 'after')) await die();
        return answer;
      };
    },
  });
}

function matches({ kind, contains }: CrashPoint, args: readonly unknown[]): boolean {
  if (kind !== undefined && args[0] !== kind) return false;
  return contains === undefined || JSON.stringify(args).includes(contains);
}

/** Never resolves: the signal is delivered before anything else of this process runs. */
async function die(): Promise<void> {
  process.kill(process.pid, 'SIGKILL');
  await new Promise<never>(() => undefined);
}
