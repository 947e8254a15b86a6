/**
 * Why a launch brought nothing, in the words of the port.
 *
 * In: a prepared fleet without offerings, classes of EC2's errors. Out: the failure to report, which of
 * several says most, what is to be remembered of an offering. It calls nothing and remembers nothing.
 */
import type { LaunchFailure } from '../../../core/cloud-port.ts';
import { classifyError, type ErrorClass } from '../../../core/ec2/error-codes.ts';
import type { UnavailableReason } from '../../../core/ec2/unavailable-offerings.ts';
import type { Preparation } from './fleet-preparation.ts';

/** A launch that brought nothing, or less than was wanted. */
export interface Failed {
  readonly failure: LaunchFailure;
  readonly message: string;
}

/** Why a prepared fleet has no offering. */
export function problemOf({
  withoutAddresses,
  awaitingAddresses,
  impossible,
}: Preparation): Failed {
  if (awaitingAddresses.length > 0) return addressesHeld;
  const { message } = impossible;
  return withoutAddresses.length > 0 || message === ''
    ? { failure: 'no-addresses', message: 'no subnet of these zones has room' }
    : { failure: classifyError('InvalidParameterValue', message, 0).failure, message };
}

const addressesHeld: Failed = {
  failure: 'throttled',
  message: 'launches under way hold the addresses of these zones',
};
export const noRoom: Failed = { failure: 'no-addresses', message: 'no subnet has room' };
export const unfulfilledFailure: Failed = {
  failure: 'insufficient-capacity',
  message: 'the fleet launched nothing and gave no reason',
};

/** Of several refusals the one that decides what to do next. */
export const weightiest: readonly LaunchFailure[] = [
  'unauthorized',
  'throttled',
  'unavailable',
  'no-addresses',
  'insufficient-capacity',
  'quota-exceeded',
  'invalid',
];

export const unavailableReasons: Readonly<
  Record<ErrorClass['scope'], UnavailableReason | undefined>
> = {
  offering: 'capacity',
  quota: 'quota',
  reservation: 'reservation',
  spot: 'spot-role',
  // The ledger knows the subnet; the zone may have others.
  subnet: undefined,
  nothing: undefined,
};

/** Other offerings may do. */
export function isOfCapacity(failure: LaunchFailure): boolean {
  return (
    failure === 'insufficient-capacity' ||
    failure === 'no-addresses' ||
    failure === 'quota-exceeded'
  );
}
