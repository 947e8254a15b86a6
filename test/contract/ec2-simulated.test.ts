/** EC2's contract on the simulated EC2. */
import t from 'tap';
import { startAwsWorld } from '../support/aws-world.ts';
import { testInstances, testOthers, testPlaces, testTemplates } from './ec2-calls.ts';

const world = await startAwsWorld();
const { account } = world;
const image = [...account.images.values()].find(({ architecture }) => architecture === 'x86_64');
const peer = {
  ...world,
  imageId: image?.imageId ?? '',
  subnetId: account.subnets[0]?.subnetId ?? '',
  groupId: account.securityGroups[2]?.groupId ?? '',
  roleName: [...account.roles.keys()][0] ?? '',
};
t.teardown(async () => await world.close());
for (const suite of [testPlaces, testTemplates, testInstances, testOthers]) suite(t, peer);
