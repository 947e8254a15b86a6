/** Every code of EC2 that is known means one thing, in one place. */
import t from 'tap';
import {
  classifyError,
  isNotFound,
  isTransient,
  readErrorCode,
} from '../../../core/ec2/error-codes.ts';

t.test('codes of a fleet say what not to ask for again', async (t) => {
  const told = (code: string, status = 0) => {
    const { failure, scope } = classifyError(code, '', status);
    return `${failure}/${scope}`;
  };
  t.equal(told('InsufficientInstanceCapacity', 500), 'insufficient-capacity/offering');
  t.equal(told('UnfulfillableCapacity'), 'insufficient-capacity/offering');
  t.equal(told('Unsupported'), 'insufficient-capacity/offering');
  t.equal(told('InsufficientFreeAddressesInSubnet'), 'no-addresses/subnet');
  t.equal(told('VcpuLimitExceeded'), 'quota-exceeded/quota');
  t.equal(told('MaxSpotInstanceCountExceeded'), 'quota-exceeded/quota');
  t.equal(told('ReservationCapacityExceeded'), 'insufficient-capacity/reservation');
  t.equal(told('AuthFailure.ServiceLinkedRoleCreationNotPermitted'), 'unauthorized/spot');
  t.equal(told('RequestLimitExceeded', 503), 'throttled/nothing');
  t.equal(told('UnauthorizedOperation', 403), 'unauthorized/nothing');
  t.equal(told('InvalidParameterValue', 400), 'invalid/nothing');
  t.equal(told('NobodyKnowsThis', 400), 'invalid/nothing');
  t.equal(told('NobodyKnowsThis', 500), 'unavailable/nothing');
  t.equal(told('NobodyKnowsThis', 429), 'throttled/nothing');
});

t.test('some codes ask for a repair', async (t) => {
  t.equal(
    classifyError('InvalidLaunchTemplateName.NotFoundException', '', 400).repair,
    'recreate-template',
  );
  t.equal(classifyError('IdempotentParameterMismatch', '', 400).repair, 'find-by-tag');
});

t.test('reads tell apart who must act', async (t) => {
  t.equal(readErrorCode(classifyError('ExpiredToken', '', 400)), 'unauthorized');
  t.equal(readErrorCode(classifyError('Throttling', '', 400)), 'throttled');
  t.equal(readErrorCode(classifyError('Http502', '', 502)), 'unavailable');
  t.ok(isTransient(classifyError('InternalError', '', 500)));
  t.notOk(isTransient(classifyError('UnauthorizedOperation', '', 403)));
  t.ok(isNotFound('InvalidInstanceID.NotFound'));
  t.ok(isNotFound('NoSuchEntityException'));
  t.notOk(isNotFound('InvalidParameterValue'));
});
