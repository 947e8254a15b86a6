/**
 * One launch call, with an end.
 *
 * In: a request. Out: what became of it. A cloud that does not answer in time counts as unavailable,
 * so that a hanging call does not keep the place of others; the same token asked again finds what it
 * may have launched.
 */
import type { LaunchOutcome, LaunchRequest } from '../../../core/cloud-port.ts';
import { CloudError } from '../../../core/cloud-port.ts';
import type { ControllerContext } from '../context.ts';

export type FailedLaunch = Extract<LaunchOutcome, { readonly outcome: 'failed' }>;

/** A fleet answers within seconds, throttled retries of the adapter included. */
const callDeadlineMs = 60_000;

/** Never throws for the cloud's sake; rejects with the signal's reason when that is aborted. */
export async function callLaunch(
  { cloud, clock, signal }: Pick<ControllerContext, 'cloud' | 'clock' | 'signal'>,
  request: LaunchRequest,
): Promise<LaunchOutcome> {
  const deadline = new AbortController();
  const timer = clock.schedule(callDeadlineMs, () =>
    deadline.abort(new CloudError('unavailable', `no answer within ${callDeadlineMs / 1_000} s`)),
  );
  try {
    return await cloud.launch(request, { signal: AbortSignal.any([signal, deadline.signal]) });
  } catch (error) {
    signal.throwIfAborted();
    // However the adapter says that it was aborted.
    const cause: unknown = deadline.signal.aborted ? deadline.signal.reason : error;
    if (!(cause instanceof CloudError)) throw cause;
    const { code, message } = cause;
    return { outcome: 'failed', failure: code, message, exhausted: [], retryAfterMs: 0 };
  } finally {
    timer.cancel();
  }
}
