/**
 * What the API server's refusals mean.
 *
 * In: an HTTP status with its body, or an error of the connection. Out: a ClusterError. This is the
 * only place that looks at reasons and messages of the API server
 * (`k8s.io/apimachinery/pkg/api/errors`, `metav1.Status`).
 */
import { ClusterError, type ClusterErrorCode } from '../../../core/ports.ts';

/** `metav1.Status`, as far as we read it. */
export interface StatusBody {
  readonly kind?: string;
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly {
      readonly reason?: string;
      readonly message?: string;
      readonly field?: string;
    }[];
  };
}

/** Longest part of a server's message that goes into an error. */
const messageCharsMax = 2_000;

/** The error for an answer that is not 2xx. `isWrite`: whether the call was to change something. */
export function errorOfAnswer(
  call: string,
  httpStatus: number,
  body: StatusBody | string,
  retryAfterHeader: string | undefined,
  isWrite: boolean,
): ClusterError {
  const status = typeof body === 'string' ? { message: body } : body;
  const code = codeOf(httpStatus, status);
  const message = `${call}: ${httpStatus} ${status.message ?? ''}`.trim().slice(0, messageCharsMax);
  return new ClusterError(code, message, {
    retryAfterMs: retryAfterMs(status, retryAfterHeader),
    mayHaveHappened: code === 'Unavailable' && isWrite,
    cause: new StatusCause(httpStatus, status),
  });
}

/** The status behind an error, for the few callers that need more than its code. */
export class StatusCause extends Error {
  override readonly name = 'StatusCause';
  readonly httpStatus: number;
  readonly status: StatusBody;

  constructor(httpStatus: number, status: StatusBody) {
    super(status.reason ?? String(httpStatus));
    this.httpStatus = httpStatus;
    this.status = status;
  }
}

/** The error for a call that got no answer. */
export function errorOfConnection(call: string, cause: unknown, isWrite: boolean): ClusterError {
  const text = cause instanceof Error ? cause.message : String(cause);
  // Refused before anything was sent: whatever was asked for has not been done.
  const isUnsent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'].includes(nodeErrorCode(cause));
  return new ClusterError('Unavailable', `${call}: ${text}`, {
    mayHaveHappened: isWrite && !isUnsent,
    cause,
  });
}

/** True if a 429 to an eviction comes from a disruption budget, not from an overloaded server. */
export function isBudgetRefusal(error: ClusterError): boolean {
  const causes = statusOf(error)?.details?.causes ?? [];
  return causes.some(({ reason }) => reason === 'DisruptionBudget');
}

/** True if an eviction failed because several budgets cover the pod (a 500 with only a message). */
export function isBudgetMisuse(error: ClusterError): boolean {
  return /more than one PodDisruptionBudget/i.test(statusOf(error)?.message ?? '');
}

function statusOf(error: ClusterError): StatusBody | undefined {
  return error.cause instanceof StatusCause ? error.cause.status : undefined;
}

function codeOf(httpStatus: number, status: StatusBody): ClusterErrorCode {
  switch (httpStatus) {
    case 401:
      return 'Unauthorized';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return status.reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 410:
      return 'Expired';
    case 422:
      // A patch that names another UID is a lost race, though the server calls it a bad field.
      return isUidMismatch(status) ? 'Conflict' : 'Invalid';
    case 429:
      return 'TooManyRequests';
    default:
      return httpStatus >= 500 ? 'Unavailable' : 'Invalid';
  }
}

function isUidMismatch(status: StatusBody): boolean {
  const causes = status.details?.causes ?? [];
  return causes.length > 0 && causes.every(({ field }) => field === 'metadata.uid');
}

function retryAfterMs(status: StatusBody, header: string | undefined): number {
  const seconds = Math.max(Number(header ?? 0) || 0, status.details?.retryAfterSeconds ?? 0);
  return seconds * 1000;
}

function nodeErrorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
