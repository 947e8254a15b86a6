/**
 * What may go wrong between a process and the API server.
 *
 * In: calls as they arrive. Out: what becomes of each. The same interface serves hand-made faults
 * in tests (`scriptedFaults`) and random ones by seed (`randomFaults`). Which faults count as which
 * promise to callers is the port's: a lost answer may have happened, a refusal has not.
 */
import type { Kind } from '../core/api/kinds.ts';
import { ClusterError } from '../core/ports.ts';
import type { SeededRandom } from './random.ts';

export type ApiVerb =
  | 'list'
  | 'watch'
  | 'get'
  | 'create'
  | 'replace'
  | 'patch'
  | 'apply'
  | 'delete'
  | 'bind'
  | 'evict'
  | 'serves'
  | 'probe';

/** A call as the server sees it come. */
export interface ApiCall {
  /** Which process makes it. */
  readonly actor: string;
  readonly verb: ApiVerb;
  readonly kind: Kind | undefined;
  /** `namespace/name`, or '' for a collection. */
  readonly object: string;
}

export type ApiFault =
  /** Nothing is done and the caller is told. */
  | { readonly type: 'refuse'; readonly error: ClusterError }
  /** Nothing is done, but the caller cannot know. */
  | { readonly type: 'lose-request' }
  /** It is done, but the caller cannot know. */
  | { readonly type: 'lose-answer' }
  | { readonly type: 'delay'; readonly delayMs: number }
  /** A watch that breaks after a while. */
  | { readonly type: 'cut'; readonly afterMs: number }
  /** A watch that tells everything this much later. */
  | { readonly type: 'lag'; readonly delayMs: number };

export interface ApiFaults {
  /** Asked once per call, when it arrives; `undefined`: all is well. */
  on(call: ApiCall): ApiFault | undefined;
}

/** A fault for the next calls that match, and how many of them. */
export interface ScriptedFault {
  readonly matches: (call: ApiCall) => boolean;
  readonly fault: ApiFault;
  /** 1 unless given. */
  readonly times?: number;
}

export interface FaultScript extends ApiFaults {
  /** Adds a fault; earlier ones are asked first. */
  add(fault: ScriptedFault): void;
  /** Faults that have not been used up. */
  readonly pending: number;
}

/** Faults at chosen calls. */
export function scriptedFaults(): FaultScript {
  const script: { matches: (call: ApiCall) => boolean; fault: ApiFault; left: number }[] = [];
  return {
    add: ({ matches, fault, times = 1 }) => {
      script.push({ matches, fault, left: times });
    },
    get pending() {
      return script.filter(({ left }) => left > 0).length;
    },
    on: (call) => {
      const found = script.find(({ matches, left }) => left > 0 && matches(call));
      if (found === undefined) return undefined;
      found.left -= 1;
      return found.fault;
    },
  };
}

/** How often each thing goes wrong, as probabilities per call. */
export interface FaultRates {
  readonly refuse: number;
  readonly loseRequest: number;
  readonly loseAnswer: number;
  readonly delay: number;
  /** Per watch that is opened. */
  readonly cut: number;
  readonly lag: number;
}

/** Longest delay that {@link randomFaults} makes up. */
const delayMaxMs = 20_000;
const lagMaxMs = 10_000;
const cutMaxMs = 60_000;

/** Faults by chance, until `stop` is called: the tail of a run without faults must converge. */
export function randomFaults(
  random: SeededRandom,
  rates: FaultRates,
): ApiFaults & { readonly counts: ReadonlyMap<string, number>; stop(): void } {
  const counts = new Map<string, number>();
  let isStopped = false;
  const count = (fault: ApiFault): ApiFault => {
    const name = fault.type === 'refuse' ? `refuse ${fault.error.code}` : fault.type;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return fault;
  };
  return {
    counts,
    stop: () => {
      isStopped = true;
    },
    on: ({ verb }) => {
      if (isStopped) return undefined;
      if (verb === 'watch') {
        if (random.chance(rates.cut)) {
          return count({ type: 'cut', afterMs: random.float() * cutMaxMs });
        }
        if (random.chance(rates.lag)) {
          return count({ type: 'lag', delayMs: random.float() * lagMaxMs });
        }
        return undefined;
      }
      if (random.chance(rates.refuse)) return count({ type: 'refuse', error: refusal(random) });
      if (random.chance(rates.loseRequest)) return count({ type: 'lose-request' });
      if (random.chance(rates.loseAnswer)) return count({ type: 'lose-answer' });
      if (random.chance(rates.delay)) {
        return count({ type: 'delay', delayMs: random.float() * delayMaxMs });
      }
      return undefined;
    },
  };
}

function refusal(random: SeededRandom): ClusterError {
  switch (random.integer(3)) {
    case 0:
      return new ClusterError('TooManyRequests', 'too many requests, please try again later', {
        retryAfterMs: 1000,
      });
    case 1:
      return new ClusterError('Unavailable', 'connect ECONNREFUSED');
    default:
      return new ClusterError('Unavailable', 'etcdserver: request timed out', {
        mayHaveHappened: true,
      });
  }
}
