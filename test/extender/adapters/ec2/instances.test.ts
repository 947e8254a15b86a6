/** What EC2 tells of an instance. */
import t from 'tap';
import { instanceDrift } from '../../../../core/lifecycle/drift.ts';
import { liveClaim } from '../../../support/claim-world.ts';
import { startEc2World } from '../../../support/ec2-cloud.ts';

t.test('an instance tells its image, subnet and groups: those of its class at first', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  const outcome = await cloud.launch(ec2.request('uid-1', ['m5.large/a/on-demand']));
  if (outcome.outcome !== 'launched') throw new Error(outcome.message);
  const instance = await cloud.get(outcome.instance.providerID);
  if (instance === undefined) throw new Error('the instance is not known');
  const { status } = ec2.nodeClass;
  t.ok(status?.subnets?.some(({ id }) => id === instance.subnetId));
  t.strictSame(
    [...(instance.securityGroupIds ?? [])].sort(),
    status?.securityGroups?.map(({ id }) => id).sort(),
  );
  const claim = liveClaim({ labels: { 'kubernetes.io/arch': 'amd64' } });
  t.equal(instanceDrift(claim, ec2.nodeClass, instance), undefined);
  const elsewhere = {
    ...ec2.nodeClass,
    status: { ...status, subnets: [{ id: 'subnet-9', zone: 'a' }] },
  };
  t.equal(instanceDrift(claim, elsewhere, instance)?.reason, 'SubnetDrift');
});
