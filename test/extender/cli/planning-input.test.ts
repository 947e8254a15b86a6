/** What manifests do not tell is said, not guessed. */
import t from 'tap';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { reservationNotes } from '../../../extender/cli/planning-input.ts';

function classWith(...ids: readonly string[]): EC2NodeClass {
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'gpu' },
    spec: { amiSelectorTerms: [], subnetSelectorTerms: [], securityGroupSelectorTerms: [] },
    status: {
      capacityReservations: ids.map((id) => ({
        id,
        availabilityZone: 'us-east-1a',
        instanceMatchCriteria: 'targeted',
        instanceType: 'm5.large',
        ownerID: '123456789012',
      })),
    },
  };
}

t.test('reservations whose count is not known are left out, and the plan says so', async (t) => {
  t.strictSame(reservationNotes(classWith()), []);
  t.match(reservationNotes(classWith('cr-1')), [
    /^EC2NodeClass gpu: its capacity reservation is not planned with/,
  ]);
  t.match(reservationNotes(classWith('cr-1', 'cr-2')), [/its 2 capacity reservations are not/]);
});
