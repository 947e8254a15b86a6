/**
 * HTTP statuses of AWS's error codes.
 *
 * In: a code. Out: the status that it comes with. Sources: `reference/ec2.md` B3 and C2; a code that is
 * not listed is the caller's mistake, hence 400. Statuses that nobody has seen on the real service can
 * be set otherwise by a fault.
 */

const statuses: Readonly<Record<string, number>> = {
  AuthFailure: 401,
  InvalidClientTokenId: 403,
  SignatureDoesNotMatch: 403,
  AccessDenied: 403,
  AccessDeniedException: 403,
  ExpiredToken: 403,
  UnauthorizedOperation: 403,
  NoSuchEntity: 404,
  ResourceNotFoundException: 404,
  EntityAlreadyExists: 409,
  DeleteConflict: 409,
  LimitExceeded: 409,
  DryRunOperation: 412,
  InternalError: 500,
  InternalFailure: 500,
  ServerInternal: 500,
  InsufficientInstanceCapacity: 500,
  InsufficientCapacity: 500,
  InsufficientAddressCapacity: 500,
  InsufficientReservedInstanceCapacity: 500,
  ReservationCapacityExceeded: 400,
  RequestLimitExceeded: 503,
  Unavailable: 503,
  ServiceUnavailable: 503,
};

export function statusOf(code: string): number {
  return statuses[code] ?? 400;
}
