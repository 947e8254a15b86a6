/**
 * The rate limit of one API action: a bucket that refills.
 *
 * In: tokens wanted. Out: whether there were enough. Figures per action: `reference/ec2.md` C3.
 */
import type { Clock } from '../core/ports.ts';

export interface TokenBucket {
  /** Takes tokens if there are enough; otherwise none, and false. */
  take(count?: number): boolean;
}

export function createTokenBucket(
  clock: Clock,
  size: number,
  refillPerSecond: number,
): TokenBucket {
  let tokens = size;
  let filledMs = clock.monotonicMs();
  return {
    take: (count = 1) => {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(size, tokens + ((nowMs - filledMs) / 1000) * refillPerSecond);
      filledMs = nowMs;
      if (tokens < count) return false;
      tokens -= count;
      return true;
    },
  };
}
