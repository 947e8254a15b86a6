/**
 * When a call is made again by itself.
 *
 * In: a call and whether it only reads. Out: its answer, or its last error. Reads are repeated after
 * an outage; writes only where the server certainly did nothing (it refused the connection, or said
 * 429), because a write without an answer is for its caller to judge.
 */
import { type Clock, ClusterError, type Random } from '../../../core/ports.ts';
import { isBudgetRefusal } from './status-error.ts';

export const attemptsMax = 3;
const waitFirstMs = 100;
const waitLongestMs = 2_000;

/** Runs `call` up to {@link attemptsMax} times; between attempts it waits, with jitter. */
export async function withRetry<T>(
  clock: Clock,
  random: Random,
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt === attemptsMax || !isHarmless(error)) throw error;
      const ceilingMs = Math.min(waitFirstMs * 2 ** attempt, waitLongestMs);
      const waitMs = Math.max(error.retryAfterMs, ceilingMs * (0.5 + random.float() / 2));
      // The server asks for more patience than fits into one call: its caller has a queue.
      if (waitMs > waitLongestMs) throw error;
      await clock.sleep(waitMs, signal);
    }
  }
}

/** A read never may have happened, so an outage of one qualifies; a budget will not change soon. */
function isHarmless(error: unknown): error is ClusterError {
  if (!(error instanceof ClusterError) || error.mayHaveHappened) return false;
  return (
    error.code === 'Unavailable' || (error.code === 'TooManyRequests' && !isBudgetRefusal(error))
  );
}
