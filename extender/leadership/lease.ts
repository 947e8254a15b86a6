/**
 * Who leads: at most one replica at a time launches, binds and disrupts.
 *
 * In: a client, the settings, what is to be done while leading. Out: that work, begun when the Lease
 * is held and told to end before another can hold it. Leadership is counted from before the write
 * that won it was sent, so that a late answer is worth no more than it should be. What a process
 * does that was stopped as a whole (a debugger, a frozen machine) nothing here can prevent: every
 * write of the controllers carries a version for that. It does not know what is done.
 */
import { InvariantError } from '../../core/errors.ts';
import { type Clock, type ClusterClient, ClusterError, type Random } from '../../core/ports.ts';
import type { ServiceSettings } from '../settings.ts';
import { type LeaseHolder, LeaseLock, leaseTiming } from './lease-lock.ts';

/** Told of what happens, for metrics, logs and the dashboard. Must not throw. */
export interface ElectionObserver {
  /** The Lease was read or written; called for every change of holder. */
  holder?(holder: LeaseHolder, isSelf: boolean): void;
  leading?(): void;
  /** `lost`: the Lease could not be renewed in time. */
  ended?(why: 'stopped' | 'lost'): void;
  failed?(during: 'acquire' | 'renew' | 'release', error: Error): void;
}

export interface LeaderElectionOptions {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: Pick<
    ServiceSettings,
    'identity' | 'namespace' | 'leaseName' | 'leaderElection'
  >;
  /** Ends the candidacy, and leadership in good order. */
  readonly signal: AbortSignal;
  /** Runs while leading. Must end soon after its signal; its failure ends the election. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  readonly observer?: ElectionObserver;
}

/** One call of the API server; two of them fit into the renew deadline. */
const attemptMs = leaseTiming.renewDeadlineMs / 2;
/** Candidates come at different times, so that they do not all write at once. */
const retryJitter = 1.2;

/** The reason of `lead`'s signal where the Lease could not be renewed. */
export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

/**
 * Takes part until the signal: leads whenever it can, as often as it can. Resolves when `lead` has
 * ended and the Lease is given back.
 *
 * @throws what `lead` threw for any other reason than its signal
 * @throws InvariantError if `lead` still runs when another may lead: the process must end then
 */
export async function runLeaderElection(options: LeaderElectionOptions): Promise<void> {
  const { client, clock, settings, signal, lead, observer } = options;
  if (!settings.leaderElection) {
    observer?.leading?.();
    await endedBy(signal, lead(signal));
    observer?.ended?.('stopped');
    return;
  }
  const { namespace, leaseName: name, identity } = settings;
  const lock = new LeaseLock({ client, clock, namespace, name, identity });
  const election = new Election(options, lock);
  while (!signal.aborted) {
    const sentMs = await election.acquire();
    if (sentMs !== undefined) await election.lead(sentMs);
  }
}

class Election {
  readonly #options: LeaderElectionOptions;
  readonly #lock: LeaseLock;
  #toldHolder: string | undefined;

  constructor(options: LeaderElectionOptions, lock: LeaseLock) {
    this.#options = options;
    this.#lock = lock;
  }

  /** Tries until the Lease is held; answers since when. Undefined at the end of the candidacy. */
  async acquire(): Promise<number | undefined> {
    const { clock, random, signal } = this.#options;
    while (!signal.aborted) {
      const sentMs = await this.#attempt('acquire', signal);
      if (sentMs !== undefined && !isOver(clock, sentMs)) return sentMs;
      const waitMs = leaseTiming.retryMs * (1 + random.float() * retryJitter);
      await sleepQuietly(clock, waitMs, signal);
    }
    // A try that was cut short may have succeeded: nobody shall wait for that.
    await this.#release();
    return undefined;
  }

  /** Leads until the work has ended. */
  async lead(sentMs: number): Promise<void> {
    const { clock, signal, observer } = this.#options;
    const leadership = new AbortController();
    const stop = (): void => leadership.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    /** Ends the renewals: the work has ended, or the time is over. */
    const over = new AbortController();
    let isLost = false;
    const lose = (): void => {
      isLost = true;
      leadership.abort(new LeadershipLost('the Lease could not be renewed in time'));
      over.abort();
    };
    observer?.leading?.();
    const work = endedBy(leadership.signal, this.#options.lead(leadership.signal)).finally(() =>
      over.abort(),
    );
    // Awaited below; a failure meanwhile must not be taken for unhandled.
    work.catch(() => undefined);
    await this.#renewUntil(over.signal, sentMs, lose);
    signal.removeEventListener('abort', stop);
    this.#lock.forget();
    try {
      await (isLost ? endsInTime(clock, work) : work);
    } finally {
      observer?.ended?.(isLost ? 'lost' : 'stopped');
      if (!isLost) await this.#release();
    }
    // Work that ended by itself has nothing to go on with.
    if (!isLost && !signal.aborted) await this.#idle();
  }

  async #renewUntil(over: AbortSignal, sentMs: number, lose: () => void): Promise<void> {
    const { clock } = this.#options;
    const arm = (fromMs: number) =>
      clock.schedule(fromMs + leaseTiming.renewDeadlineMs - clock.monotonicMs(), lose);
    let timer = arm(sentMs);
    while (!over.aborted) {
      await sleepQuietly(clock, leaseTiming.retryMs, over);
      if (over.aborted) break;
      const renewedMs = await this.#attempt('renew', over);
      if (renewedMs === undefined || over.aborted) continue;
      timer.cancel();
      timer = arm(renewedMs);
    }
    timer.cancel();
  }

  /** When the write that holds the Lease was sent; undefined if it is not held or not certain. */
  async #attempt(during: 'acquire' | 'renew', signal: AbortSignal): Promise<number | undefined> {
    const { clock, observer } = this.#options;
    try {
      const attempt = await withDeadline(clock, attemptMs, signal, (limited) =>
        this.#lock.attempt({ signal: limited }),
      );
      this.#tellHolder();
      return attempt.isHeld ? attempt.sentMs : undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof ClusterError || error instanceof CallTimeout)) throw error;
      observer?.failed?.(during, error);
      return undefined;
    }
  }

  /** Best effort: who does not hear of it waits for the Lease to run out. */
  async #release(): Promise<void> {
    const { clock, observer } = this.#options;
    try {
      await withDeadline(clock, attemptMs, undefined, (limited) =>
        this.#lock.release({ signal: limited }),
      );
      this.#tellHolder();
    } catch (error) {
      if (!(error instanceof ClusterError || error instanceof CallTimeout)) throw error;
      observer?.failed?.('release', error);
    }
  }

  #tellHolder(): void {
    const { holder } = this.#lock;
    if (holder === undefined || holder.identity === this.#toldHolder) return;
    this.#toldHolder = holder.identity;
    this.#options.observer?.holder?.(holder, holder.identity === this.#options.settings.identity);
  }

  async #idle(): Promise<void> {
    const { signal } = this.#options;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

/** A call that has taken too long; whether it happened is not known. */
class CallTimeout extends Error {
  override readonly name = 'CallTimeout';
}

/** The time that a hold won by a write sent then is worth is over. */
function isOver(clock: Clock, sentMs: number): boolean {
  return clock.monotonicMs() >= sentMs + leaseTiming.renewDeadlineMs;
}

/** Work whose failure after its signal, with the signal's reason, is how it ends. */
async function endedBy(signal: AbortSignal, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
  }
}

/** @throws InvariantError when the work outlives the Lease */
async function endsInTime(clock: Clock, work: Promise<void>): Promise<void> {
  const { durationMs, renewDeadlineMs } = leaseTiming;
  await new Promise<void>((resolve, reject) => {
    const timer = clock.schedule(durationMs - renewDeadlineMs, () =>
      reject(new InvariantError('the work of a leader has not ended though another may lead now')),
    );
    void work.then(resolve, reject).finally(() => timer.cancel());
  });
}

async function sleepQuietly(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(durationMs, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** @throws CallTimeout after `durationMs` */
async function withDeadline<T>(
  clock: Clock,
  durationMs: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const timer = clock.schedule(durationMs, () =>
    deadline.abort(new CallTimeout(`no answer within ${durationMs} ms`)),
  );
  try {
    const signals = signal === undefined ? [deadline.signal] : [deadline.signal, signal];
    return await run(AbortSignal.any(signals));
  } finally {
    timer.cancel();
  }
}
