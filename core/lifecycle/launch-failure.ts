/**
 * What follows from a launch that failed.
 *
 * In: the kind of failure, since when it fails. Out: what to do, the reason as conditions tell it,
 * when to try again. Capacity that is not there is everyday life: the claim goes at once, so that its
 * pods are planned anew. What only people can repair is tried again for a minute before the claim
 * goes, so that a broken node class makes one claim a minute and not a hundred a second.
 */
import type { LaunchFailure } from '../cloud-port.ts';

/**
 * - `elsewhere`: other offerings may do; without any the claim ends.
 * - `again`: nothing is wrong with the request; ask the same again.
 * - `refused`: somebody must change something; try for {@link refusedMs}, then the claim ends.
 */
export type FailureVerdict = 'elsewhere' | 'again' | 'refused';

/** Attempts with other offerings before a claim ends, the first one included. */
export const launchAttemptsMax = 3;
/** For how long a launch that is refused is tried again. */
export const refusedMs = 60_000;
/** Pauses grow as the failure grows old, between these. */
const retryMinMs = 1_000;
const retryMaxMs = 30_000;

const verdicts: Readonly<Record<LaunchFailure, FailureVerdict>> = {
  'insufficient-capacity': 'elsewhere',
  'no-addresses': 'elsewhere',
  'quota-exceeded': 'elsewhere',
  throttled: 'again',
  unavailable: 'again',
  unauthorized: 'refused',
  invalid: 'refused',
};

const reasons: Readonly<Record<LaunchFailure, string>> = {
  'insufficient-capacity': 'InsufficientCapacity',
  'no-addresses': 'InsufficientAddresses',
  'quota-exceeded': 'QuotaExceeded',
  throttled: 'Throttled',
  unavailable: 'CloudUnavailable',
  unauthorized: 'Unauthorized',
  invalid: 'InvalidLaunch',
};

export function verdictOf(failure: LaunchFailure): FailureVerdict {
  return verdicts[failure];
}

/** Reason of the condition Launched. */
export function failureReason(failure: LaunchFailure): string {
  return reasons[failure];
}

/**
 * Pause before the next attempt: as long as it has been failing, within bounds, hence doubling.
 *
 * @param sinceMs wall clock at which it began to fail
 * @param spread in [0, 1), so that claims that failed together do not come back together
 */
export function retryDelayMs(
  sinceMs: number,
  nowMs: number,
  retryAfterMs: number,
  spread: number,
): number {
  const ownMs = Math.min(Math.max(nowMs - sinceMs, retryMinMs), retryMaxMs);
  return Math.round(Math.max(ownMs, Math.min(retryAfterMs, retryMaxMs)) * (1 + spread / 2));
}
