// What a cluster does to a provisioner: budgets that hold a drain, an API server and an etcd that go
// away, a leader that dies, an extender that is gone or slow. The work gets done all the same.

import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import {
  budgetsPath,
  deployment,
  deploymentsPath,
  disruptionBudget,
  nodeClaimsPath,
  nodePool,
  nodePoolsPath,
} from './sample-objects.ts';
import {
  checkPromises,
  claimsOf,
  isBound,
  isRunning,
  podsOf,
  poll,
  untilEmpty,
  untilPods,
} from './scenario.ts';
import { deadlineMs } from './scene.ts';
import type { Service } from './service.ts';
import { openTestStage, type Stage } from './stage.ts';

const types = ['m7i.xlarge', 'm6i.xlarge', 'c7i.xlarge', 'r7i.xlarge'];
const leasePath = '/apis/coordination.k8s.io/v1/namespaces/stowage-system/leases/stowage-leader';
const etcdAwayMs = 30_000;
const apiAwayMs = 5_000;
/** A Lease that nobody renews is free after 15 s; then a look every 2 s, and a busy machine. */
const failoverMs = 60_000;
/** Long enough that a drain that does not respect a budget would be over. */
const heldMs = 6_000;

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 8 * deadlineMs);

interface World extends Stage {
  readonly services: readonly [Service, Service];
}

t.test('a real control plane with mishaps', { skip: reason ?? false }, async (t) => {
  const stage = await openTestStage(t);
  await stage.plane.client.expect(
    'POST',
    nodePoolsPath,
    nodePool('general', { instanceTypes: types }),
  );
  const first = await stage.startService('stowage-1');
  const second = await stage.startService('stowage-2');
  const world: World = { ...stage, services: [first, second] };
  // As in the Deployment: each scheduler asks the replica in its own pod, and one of them leads.
  await stage.startScheduler('scheduler-1', first.extenderUrl);
  await t.test('a drain waits for the disruption budget', async (t) => checkBudget(t, world));
  await t.test('the API server restarts during a burst', async (t) => checkApiServer(t, world));
  await t.test('etcd stands still for 30 s during a burst', async (t) => checkEtcd(t, world));
  await t.test('the leader dies during a burst', async (t) => checkFailover(t, world));
  await t.test('the leader is stopped and hands over', async (t) => checkHandOver(t, world));
  await t.test('the scheduler goes on while its extender is away', async (t) =>
    checkAway(t, world),
  );
  await t.test('the scheduler goes on while its extender hangs', async (t) => checkSlow(t, world));
  await t.test('nothing is left', async () => {
    await stage.plane.client.expect('DELETE', deploymentsPath);
    await untilEmpty(stage);
  });
  checkPromises(t, stage);
});

async function deploy({ plane }: Stage, name: string, replicas: number, cpu = '900m') {
  await plane.client.expect('POST', deploymentsPath, deployment(name, replicas, { cpu }));
}

async function checkBudget(t: Test, world: World): Promise<void> {
  const { plane, cluster, cloud } = world;
  await plane.client.expect('POST', budgetsPath, disruptionBudget('guarded', 2));
  await deploy(world, 'guarded', 2, '2500m');
  await untilPods(world, 'guarded', 2, isRunning);
  const [pod] = podsOf(world, 'guarded');
  const nodeName = pod?.spec.nodeName ?? '';
  const claim = await claimOf(world, nodeName);
  await plane.client.expect('DELETE', `${nodeClaimsPath}/${claim}`);
  const isTainted = (): boolean =>
    (cluster.nodes.get(nodeName)?.spec?.taints ?? []).some(
      ({ key }) => key === 'karpenter.sh/disrupted',
    );
  await cluster.until('the node is tainted', isTainted, deadlineMs);
  await delay(heldMs);
  t.equal(podsOf(world, 'guarded').filter(isRunning).length, 2, 'the budget holds');
  t.ok(cluster.nodes.has(nodeName));
  const living = cloud.living().map(({ privateDnsName }) => privateDnsName);
  t.ok(living.includes(nodeName), 'so does the instance');
  await plane.client.expect('PATCH', `${deploymentsPath}/guarded`, { spec: { replicas: 3 } });
  const isGone = (): boolean => !cluster.nodes.has(nodeName);
  await cluster.until('one more pod lets the node go', isGone, deadlineMs);
  await untilPods(world, 'guarded', 3, isRunning);
  await poll('the instance ends', deadlineMs, () =>
    cloud.living().every(({ privateDnsName }) => privateDnsName !== nodeName),
  );
}

async function checkApiServer(t: Test, world: World): Promise<void> {
  const { plane } = world;
  const launched = world.cloud.launches.length;
  await deploy(world, 'api-away', 24);
  await poll('a launch is under way', deadlineMs, () => world.cloud.launches.length > launched);
  await plane.apiServer.kill();
  await delay(apiAwayMs);
  await plane.apiServer.start();
  await untilPods(world, 'api-away', 24, isRunning);
  t.ok(world.services.every(({ component }) => component.pid !== undefined));
}

async function checkEtcd(t: Test, world: World): Promise<void> {
  const launched = world.cloud.launches.length;
  await deploy(world, 'etcd-away', 24);
  await poll('a launch is under way', deadlineMs, () => world.cloud.launches.length > launched);
  world.plane.etcd.suspend();
  await delay(etcdAwayMs);
  world.plane.etcd.resume();
  await untilPods(world, 'etcd-away', 24, isRunning);
  t.equal(world.plane.etcd.restarts, 0);
}

async function checkFailover(t: Test, world: World): Promise<void> {
  const [leader, other] = await leaderFirst(world);
  const launched = world.cloud.launches.length;
  await deploy(world, 'failover', 24);
  await poll('a launch is under way', deadlineMs, () => world.cloud.launches.length > launched);
  await leader.component.kill();
  const startMs = performance.now();
  const isHeld = async (): Promise<boolean> => (await holder(world)) === other.component.name;
  await poll('the other one leads', failoverMs, isHeld);
  t.comment(`${Math.round(performance.now() - startMs)} ms without a leader`);
  await untilPods(world, 'failover', 24, isRunning);
  await leader.component.start();
  t.equal(await holder(world), other.component.name, 'who comes back does not take over');
}

async function checkHandOver(t: Test, world: World): Promise<void> {
  const [leader, other] = await leaderFirst(world);
  const startMs = performance.now();
  await leader.component.stop();
  const stoppedMs = performance.now();
  const isHeld = async (): Promise<boolean> => (await holder(world)) === other.component.name;
  await poll('the other one leads', failoverMs, isHeld);
  t.comment(
    `stopped in ${Math.round(stoppedMs - startMs)} ms, led after ${Math.round(performance.now() - stoppedMs)} ms more`,
  );
  await leader.component.start();
}

/** Small pods fit where there is room: nothing need be launched for them. */
async function checkAway(t: Test, world: World): Promise<void> {
  for (const { component } of world.services) await component.kill();
  await deploy(world, 'extender-away', 4, '10m');
  await untilPods(world, 'extender-away', 4, isBound);
  t.pass('bound without the extender');
  for (const { component } of world.services) await component.start();
}

async function checkSlow(t: Test, world: World): Promise<void> {
  for (const { component } of world.services) component.suspend();
  await deploy(world, 'extender-hangs', 4, '10m');
  await untilPods(world, 'extender-hangs', 4, isBound);
  t.pass('bound though the extender does not answer');
  for (const { component } of world.services) component.resume();
}

async function holder({ plane }: Stage): Promise<string> {
  const { body } = await plane.client.send<{ spec?: { holderIdentity?: string } }>(
    'GET',
    leasePath,
  );
  return body.spec?.holderIdentity ?? '';
}

async function leaderFirst(world: World): Promise<readonly [Service, Service]> {
  const [first, second] = world.services;
  await poll('somebody leads', failoverMs, async () => (await holder(world)) !== '');
  return (await holder(world)) === first.component.name ? [first, second] : [second, first];
}

async function claimOf(stage: Stage, nodeName: string): Promise<string> {
  const found = (await claimsOf(stage)).find(({ status }) => status?.nodeName === nodeName);
  if (found === undefined) throw new Error(`no claim has the node ${nodeName}`);
  return found.metadata.name;
}
