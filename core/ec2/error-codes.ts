/**
 * EC2's error codes, by what the caller should do.
 *
 * In: a code as EC2 sends it, its message, the HTTP status. Out: the port's kind of failure, what the
 * refusal is about (an offering, a subnet, a quota, a reservation, all of spot), whether asking again
 * helps. The one place that interprets codes; source: `reference/ec2.md` C2 and B3, Karpenter's list
 * of capacity errors. It knows no SDK.
 */
import type { CloudError, LaunchFailure } from '../cloud-port.ts';

/**
 * What is not to be asked for again for a while:
 * - `offering`: the type in the zone with the capacity type; other offerings may do.
 * - `subnet`: the subnet has no addresses; another one of the zone may do.
 * - `quota`: of the account, for all types of the group under the capacity type.
 * - `reservation`: it is used up.
 * - `spot`: the account cannot launch spot instances at all.
 * - `nothing`: the refusal says nothing of capacity.
 */
export type RefusalScope = 'offering' | 'subnet' | 'quota' | 'reservation' | 'spot' | 'nothing';

/** What the call may be repeated with. */
export type Repair =
  /** The launch template is gone, or not visible yet: make it again, once. */
  | 'recreate-template'
  /** The token was used with other parameters: look for the instance by its tags. */
  | 'find-by-tag'
  | 'none';

export interface ErrorClass {
  readonly failure: LaunchFailure;
  readonly scope: RefusalScope;
  readonly repair: Repair;
}

function error(
  failure: LaunchFailure,
  scope: RefusalScope = 'nothing',
  repair: Repair = 'none',
): ErrorClass {
  return { failure, scope, repair };
}

const dry = error('insufficient-capacity', 'offering');
const quota = error('quota-exceeded', 'quota');
const throttled = error('throttled');
const unauthorized = error('unauthorized');
const invalid = error('invalid');
const unavailable = error('unavailable');
const noTemplate = error('unavailable', 'nothing', 'recreate-template');

const classes: ReadonlyMap<string, ErrorClass> = new Map([
  ['InsufficientInstanceCapacity', dry],
  ['InsufficientHostCapacity', dry],
  ['UnfulfillableCapacity', dry],
  ['Unsupported', dry],
  ['SpotMaxPriceTooLow', dry],
  ['InsufficientCapacityOnOutpost', dry],
  ['ReservationCapacityExceeded', error('insufficient-capacity', 'reservation')],
  ['InsufficientFreeAddressesInSubnet', error('no-addresses', 'subnet')],
  ['InsufficientCidrBlocks', error('no-addresses', 'subnet')],
  ['MaxSpotInstanceCountExceeded', quota],
  ['VcpuLimitExceeded', quota],
  ['InstanceLimitExceeded', quota],
  // Of fleets, not of instances: any offering meets it, and it passes.
  ['MaxFleetCountExceeded', throttled],
  ['AuthFailure.ServiceLinkedRoleCreationNotPermitted', error('unauthorized', 'spot')],
  // Throttling, as the SDK knows it.
  ['RequestLimitExceeded', throttled],
  ['BandwidthLimitExceeded', throttled],
  ['EC2ThrottledException', throttled],
  ['LimitExceededException', throttled],
  ['PriorRequestNotComplete', throttled],
  ['ProvisionedThroughputExceededException', throttled],
  ['RequestThrottled', throttled],
  ['RequestThrottledException', throttled],
  ['ResourceCountExceeded', throttled],
  ['SlowDown', throttled],
  ['ThrottledException', throttled],
  ['Throttling', throttled],
  ['ThrottlingException', throttled],
  ['TooManyRequestsException', throttled],
  ['TransactionInProgressException', throttled],
  // Rights and credentials.
  ['UnauthorizedOperation', unauthorized],
  ['AccessDenied', unauthorized],
  ['AccessDeniedException', unauthorized],
  ['AuthFailure', unauthorized],
  ['Blocked', unauthorized],
  ['CredentialsProviderError', unauthorized],
  ['ExpiredToken', unauthorized],
  ['ExpiredTokenException', unauthorized],
  ['IncompleteSignature', unauthorized],
  ['InvalidClientTokenId', unauthorized],
  ['InvalidSignatureException', unauthorized],
  ['MissingAuthenticationToken', unauthorized],
  ['NotAuthorized', unauthorized],
  ['OptInRequired', unauthorized],
  ['PendingVerification', unauthorized],
  ['RequestExpired', unauthorized],
  ['SignatureDoesNotMatch', unauthorized],
  ['TokenProviderError', unauthorized],
  ['UnrecognizedClientException', unauthorized],
  // What was just made may not be visible yet.
  ['InvalidLaunchTemplateId.NotFound', noTemplate],
  ['InvalidLaunchTemplateId.NotFoundException', noTemplate],
  ['InvalidLaunchTemplateName.NotFoundException', noTemplate],
  ['InvalidLaunchTemplateId.VersionNotFound', noTemplate],
  ['IdempotentParameterMismatch', error('invalid', 'nothing', 'find-by-tag')],
  // No answer.
  ['InternalError', unavailable],
  ['InternalFailure', unavailable],
  ['RequestTimeout', unavailable],
  ['RequestTimeoutException', unavailable],
  ['ServiceUnavailable', unavailable],
  ['TimeoutError', unavailable],
  ['Unavailable', unavailable],
  ['NetworkingError', unavailable],
]);

/** Codes that say that something which was named is not there. */
const notFound: ReadonlySet<string> = new Set([
  'NoSuchEntity',
  'NoSuchEntityException',
  'ParameterNotFound',
  'QueueDoesNotExist',
  'ResourceNotFoundException',
]);

const serverFault = 500;
const tooManyRequests = 429;

/**
 * What a code means. Unknown codes are faults of the request, unless the status says that it was the
 * server's.
 *
 * @param status HTTP status, 0 where none came or the code stood inside an answer
 */
export function classifyError(code: string, message: string, status: number): ErrorClass {
  const known = classes.get(code);
  if (code === 'UnauthorizedOperation' && /ServiceLinkedRole/i.test(message)) {
    return error('unauthorized', 'spot');
  }
  if (known !== undefined) return known;
  if (status === tooManyRequests) return throttled;
  return status >= serverFault ? unavailable : invalid;
}

/** True for a code by which AWS says that what was named does not exist. */
export function isNotFound(code: string): boolean {
  return (
    notFound.has(code) ||
    code.endsWith('.NotFound') ||
    code.endsWith('.NotFoundException') ||
    code.endsWith('.Unknown')
  );
}

/** How a read says the same. */
export function readErrorCode({ failure }: ErrorClass): CloudError['code'] {
  return failure === 'throttled' || failure === 'unauthorized' ? failure : 'unavailable';
}

/** True where the call may go better when it is simply made again. */
export function isTransient({ failure }: ErrorClass): boolean {
  return failure === 'throttled' || failure === 'unavailable';
}
