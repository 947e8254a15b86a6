/**
 * One call of AWS: within its rate, measured, retried, its error understood.
 *
 * In: the service, the action, a function that makes the call. Out: the answer, or an `AwsError` whose
 * class says what to do. Calls wait for their token; transient refusals are asked again with growing
 * pauses, which the caller must be able to stand: reads, and writes under one client token. Waiting
 * and attempts are bounded.
 */
import { CloudError } from '../../../core/cloud-port.ts';
import {
  classifyError,
  type ErrorClass,
  isTransient,
  readErrorCode,
} from '../../../core/ec2/error-codes.ts';
import { AdaptiveBucket, rateLimitOf } from '../../../core/ec2/rate-limits.ts';
import type { Clock, Random } from '../../../core/ports.ts';

/** What AWS said instead of an answer. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  readonly action: string;
  readonly class: ErrorClass;

  constructor(action: string, code: string, message: string, status: number, cause: unknown) {
    super(`${action}: ${code}: ${message}`, { cause });
    this.action = action;
    this.code = code;
    this.class = classifyError(code, message, status);
  }
}

/** Counts calls; a call that failed carries its code. */
export interface CallMeter {
  called(service: string, action: string, code: string, seconds: number): void;
  waited(action: string, seconds: number): void;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** At most so many attempts; 1 where a repetition could do harm. */
  readonly attempts?: number;
}

export interface ApiCalls {
  /** @throws AwsError, or the signal's reason */
  call<T>(
    service: string,
    action: string,
    send: (signal: AbortSignal | undefined) => Promise<T>,
    options?: CallOptions,
  ): Promise<T>;
}

const attemptsDefault = 4;
const pauseFirstMs = 200;
const pauseMaxMs = 5_000;
/** A call that would wait longer for its token is refused as throttled. */
const waitMaxMs = 45_000;

export interface ApiCallsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly meter: CallMeter;
}

export function createApiCalls({ clock, random, meter }: ApiCallsOptions): ApiCalls {
  const buckets = new Map<string, AdaptiveBucket>();

  function bucketOf(action: string): AdaptiveBucket {
    let bucket = buckets.get(action);
    if (bucket === undefined) {
      bucket = new AdaptiveBucket(rateLimitOf(action), clock.monotonicMs());
      buckets.set(action, bucket);
    }
    return bucket;
  }

  async function waitForToken(action: string, signal: AbortSignal | undefined): Promise<void> {
    const bucket = bucketOf(action);
    const waitMs = bucket.reserveMs(clock.monotonicMs());
    if (waitMs > waitMaxMs) {
      bucket.giveBack();
      throw new AwsError(action, 'RequestLimitExceeded', 'too many calls wait here', 0, undefined);
    }
    meter.waited(action, waitMs / 1_000);
    if (waitMs === 0) return;
    try {
      await clock.sleep(waitMs, signal);
    } catch (error) {
      bucket.giveBack();
      throw error;
    }
  }

  async function attempt<T>(
    service: string,
    action: string,
    send: (signal: AbortSignal | undefined) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    await waitForToken(action, signal);
    const startedMs = clock.monotonicMs();
    let code = '';
    try {
      return await send(signal);
    } catch (error) {
      signal?.throwIfAborted();
      const failure = awsErrorOf(action, error);
      if (failure === undefined) throw error;
      code = failure.code;
      if (failure.class.failure === 'throttled') bucketOf(action).throttled(clock.monotonicMs());
      throw failure;
    } finally {
      meter.called(service, action, code, (clock.monotonicMs() - startedMs) / 1_000);
    }
  }

  return {
    call: async (service, action, send, { signal, attempts = attemptsDefault } = {}) => {
      for (let made = 1; ; made += 1) {
        signal?.throwIfAborted();
        try {
          return await attempt(service, action, send, signal);
        } catch (error) {
          const isWorthIt =
            error instanceof AwsError && isTransient(error.class) && isRepeatable(error);
          if (!isWorthIt || made >= attempts) throw error;
          const ceilingMs = Math.min(pauseFirstMs * 2 ** (made - 1), pauseMaxMs);
          await clock.sleep(ceilingMs * (0.5 + random.float() / 2), signal);
        }
      }
    },
  };
}

/** A template that is missing does not come back by itself. */
function isRepeatable({ class: { repair } }: AwsError): boolean {
  return repair === 'none';
}

/** What a failed call means, `undefined` for what is not an answer of AWS or a failed connection. */
function awsErrorOf(action: string, error: unknown): AwsError | undefined {
  if (error instanceof AwsError) return error;
  if (!(error instanceof Error)) return undefined;
  const { name, message, $metadata, code, Code } = error as Error & {
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly code?: unknown;
    readonly Code?: unknown;
  };
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return new AwsError(action, name, message, 0, error);
  }
  const status = $metadata?.httpStatusCode ?? 0;
  if (typeof Code === 'string') return new AwsError(action, Code, message, status, error);
  if (status > 0) {
    // An answer that is no AWS document, such as a proxy's page, counts by its status.
    const isUnknown = name === 'Error' || name === 'SyntaxError' || name === 'UnknownError';
    return new AwsError(action, isUnknown ? `Http${status}` : name, message, status, error);
  }
  if (typeof code === 'string' || name === 'TimeoutError' || name === 'AbortError') {
    return new AwsError(
      action,
      'NetworkingError',
      `${typeof code === 'string' ? code : name}: ${message}`,
      0,
      error,
    );
  }
  return undefined;
}

/** The port's error for a read that failed. */
export function cloudErrorOf(error: unknown): unknown {
  return error instanceof AwsError
    ? new CloudError(readErrorCode(error.class), error.message, error)
    : error;
}
