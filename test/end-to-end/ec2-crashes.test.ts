// kill -9 at every call of EC2 and every write of the API server, on a real control plane with the
// command line and AWS's SDK: it starts again, and nothing is lost, doubled or left behind.

import t, { type Test } from 'tap';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import {
  checkEc2Promises,
  type Ec2Stage,
  openTestEc2Stage,
  untilNodeClassReady,
} from './ec2-stage.ts';
import { describeKillPoint, type KillPoint } from './kill-switch.ts';
import { deployment, deploymentsPath, nodePool, nodePoolsPath } from './sample-objects.ts';
import { isRunning, poll, untilPods } from './scenario.ts';
import { deadlineMs } from './scene.ts';
import type { ServeProcess } from './serve-command.ts';
import { checkRest, stirUntilDead, takeNodesAway } from './stirring.ts';

const app = 'steady';
const replicas = 12;
const types = ['m7i.xlarge', 'm6i.xlarge', 'c7i.xlarge', 'r7i.xlarge'];
/** Nodes are taken away together; those that come for them are alike. */
const stirredAtOnce = 3;
/** NodeClaims and their status are written in so many steps; each is a place to die. */
const writesPerObject = 3;

const before = (call: string, number = 1): KillPoint => ({ call, moment: 'before', number });
const after = (call: string, number = 1): KillPoint => ({ call, moment: 'after', number });
const writes = Array.from({ length: writesPerObject }, (_, index) => index + 1);
/** While the first nodes are launched; templates are made once. */
const firstPoints: readonly KillPoint[] = [
  before('ec2:CreateLaunchTemplate'),
  after('ec2:CreateLaunchTemplate'),
];
const points: readonly KillPoint[] = [
  before('POST nodeclaims'),
  after('POST nodeclaims'),
  before('ec2:CreateFleet'),
  after('ec2:CreateFleet'),
  after('ec2:CreateFleet', 2),
  before('ec2:CreateTags'),
  after('ec2:CreateTags'),
  after('ec2:DescribeInstances'),
  ...writes.map((number) => after('PATCH nodeclaims', number)),
  ...writes.map((number) => after('PATCH nodeclaims/status', number)),
  ...writes.map((number) => after('PATCH nodes', number)),
  before('POST pods/binding'),
  after('POST pods/binding'),
  before('POST pods/eviction'),
  after('POST pods/eviction'),
  before('ec2:TerminateInstances'),
  after('ec2:TerminateInstances'),
];

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 5 * deadlineMs);

t.test('a process that is killed at every call', { skip: reason ?? false }, async (t) => {
  const stage = await openTestEc2Stage(t);
  const { client } = stage.plane;
  // A container that starts again has its name and its Lease; a process of its own had to wait for it.
  const serve = await stage.startServe('stowage-1', ['--no-leader-elect'], { isGated: true });
  await untilNodeClassReady(stage);
  await client.expect('POST', nodePoolsPath, nodePool('general', { instanceTypes: types }));
  await stage.startScheduler('stowage-scheduler', serve.extenderUrl);
  let isDeployed = false;
  const isKilled = await checkPoints(t, stage, serve, firstPoints, async () => {
    if (isDeployed) return;
    isDeployed = true;
    await client.expect('POST', deploymentsPath, deployment(app, replicas, { cpu: '900m' }));
  });
  await untilPods(stage, app, replicas, isRunning);
  if (isKilled)
    await checkPoints(t, stage, serve, points, async () => takeNodesAway(stage, stirredAtOnce));
  stage.killSwitch.disarm();
  await serve.component.waitUntilReady();
  await checkRest(t, stage, app, replicas);
  checkEc2Promises(t, stage);
  checkRestarts(t, stage, serve);
});

/** One after the other, each in a process that runs again by itself; false if one was not reached. */
async function checkPoints(
  t: Test,
  { killSwitch }: Ec2Stage,
  { component }: ServeProcess,
  some: readonly KillPoint[],
  act: () => Promise<void>,
): Promise<boolean> {
  for (const point of some) {
    await t.test(describeKillPoint(point), async (t) => {
      const { kills } = killSwitch;
      // What the dead process had sent still arrives; only its successor's calls count.
      await poll('its end was seen', deadlineMs, () => component.restarts === kills);
      killSwitch.arm(point);
      await stirUntilDead(act, () => killSwitch.kills > kills);
      t.pass('it was reached');
    });
    // The others would wait in vain.
    if (!t.passing()) return false;
  }
  return true;
}

function checkRestarts(t: Test, { killSwitch }: Ec2Stage, { component }: ServeProcess): void {
  t.equal(killSwitch.kills, firstPoints.length + points.length);
  t.equal(component.restarts, killSwitch.kills, 'it never ended but when it was killed');
}
