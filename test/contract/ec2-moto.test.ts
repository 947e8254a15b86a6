/** EC2's contract on moto: what holds for us holds for somebody who has not read our code. */
import {
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import t from 'tap';
import { clientsOf } from '../support/aws-world.ts';
import { startMoto } from '../support/moto.ts';
import { testInstances, testOthers, testPlaces, testTemplates } from './ec2-calls.ts';

t.setTimeout(900_000);
const moto = await startMoto();
if (typeof moto === 'string') {
  t.comment(`skipped: ${moto}`);
  t.pass('skipped', { skip: moto });
} else {
  const clients = clientsOf(moto.endpoint);
  t.teardown(async () => {
    for (const client of Object.values(clients)) client.destroy();
    await moto.close();
  });
  const { ec2, iam } = clients;
  const { ImageId = '' } = await ec2.send(
    new RegisterImageCommand({ Name: 'contract', Architecture: 'x86_64' }),
  );
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
  await iam.send(new CreateRoleCommand({ RoleName: 'contract', AssumeRolePolicyDocument: '{}' }));
  const peer = {
    ...clients,
    imageId: ImageId,
    subnetId: Subnets[0]?.SubnetId ?? '',
    groupId: SecurityGroups[0]?.GroupId ?? '',
    roleName: 'contract',
  };
  for (const suite of [testPlaces, testTemplates, testInstances, testOthers]) suite(t, peer);
}
