// The cloud of the end-to-end tests by itself: instances become Nodes of a real cluster and go again.

import t, { type Test } from 'tap';
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import type { LaunchRequest } from '../../core/cloud-port.ts';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import { hasCondition } from '../control-plane/objects.ts';
import { createRemoteCloud, type RemoteCloud } from './remote-cloud.ts';
import { nodeClass, nodeClassStatus, zones } from './sample-objects.ts';
import { deadlineMs } from './scene.ts';
import { openTestStage, type Stage } from './stage.ts';

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 5 * deadlineMs);

const readyClass = {
  ...nodeClass,
  status: nodeClassStatus('2026-01-01T00:00:00Z'),
} as unknown as EC2NodeClass;

function requestOf(nodeClaimName: string, instanceType = 'm7i.xlarge'): LaunchRequest {
  return {
    clientToken: `uid-of-${nodeClaimName}`,
    nodeClaimName,
    nodePoolName: 'pool',
    nodeClass: readyClass,
    offerings: zones.map((zone) => ({ instanceType, zone, capacityType: 'on-demand' as const })),
    tags: { 'karpenter.sh/nodeclaim': nodeClaimName },
    labels: { 'karpenter.sh/nodepool': 'pool' },
    taints: [{ key: 'stowage.dev/reserved', effect: 'NoSchedule' }],
  };
}

t.test('the cloud of the end-to-end tests', { skip: reason ?? false }, async (t) => {
  const stage = await openTestStage(t, { plane: { schedulers: [] }, hasDaemons: false });
  const cloud = createRemoteCloud(stage.cloud.url);
  t.teardown(() => cloud.close());
  await t.test('answers the same list of types until something changes', async (t) =>
    checkTypes(t, cloud),
  );
  await t.test('launches an instance that becomes a ready Node, once per token', async (t) =>
    checkLaunch(t, stage, cloud),
  );
  await t.test('has accelerators come later than the node', async (t) =>
    checkDevices(t, stage, cloud),
  );
  await t.test('joins machines that booted while the API server was away', async (t) =>
    checkOutage(t, stage, cloud),
  );
  await t.test('ends an instance, and its Node goes', async (t) => checkEnd(t, stage, cloud));
  await t.test('says that it is unavailable when nobody answers', async (t) => checkAway(t));
  t.strictSame(stage.cloud.machines.failures, []);
  t.strictSame(stage.cloud.doubles, []);
});

async function checkTypes(t: Test, cloud: RemoteCloud): Promise<void> {
  const types = await cloud.instanceTypes(readyClass);
  t.ok(types.length > 100);
  t.equal(await cloud.instanceTypes({ ...readyClass }), types);
}

async function checkLaunch(t: Test, { cluster, cloud: host }: Stage, cloud: RemoteCloud) {
  const outcome = await cloud.launch(requestOf('first'));
  if (outcome.outcome !== 'launched') throw new Error(outcome.message);
  const { providerID, launchedMs } = outcome.instance;
  t.ok(Math.abs(Date.now() - launchedMs) < 10_000, 'its time is our time');
  const again = await cloud.launch(requestOf('first'));
  t.match(again, { instance: { providerID } });
  const node = () => [...cluster.nodes.values()].find((one) => one.spec?.providerID === providerID);
  const isReady = (): boolean => {
    const found = node();
    return found !== undefined && hasCondition(found, 'Ready');
  };
  await cluster.until('the node is ready', isReady, deadlineMs);
  t.match(node()?.metadata.labels, {
    'karpenter.sh/nodepool': 'pool',
    'node.kubernetes.io/instance-type': 'm7i.xlarge',
    'topology.kubernetes.io/zone': outcome.instance.zone,
  });
  t.match(node()?.spec?.taints, [{ key: 'stowage.dev/reserved' }]);
  t.match(await cloud.get(providerID), { state: 'running' });
  t.match(await cloud.list(), [{ providerID }]);
  t.strictSame(
    host.launches.map(({ nodeClaimName }) => nodeClaimName),
    ['first', 'first'],
  );
}

async function checkDevices(t: Test, { cluster }: Stage, cloud: RemoteCloud): Promise<void> {
  const outcome = await cloud.launch(requestOf('with-devices', 'g5.xlarge'));
  if (outcome.outcome !== 'launched') throw new Error(outcome.message);
  const { providerID } = outcome.instance;
  const seen: string[] = [];
  const count = (): string | undefined =>
    [...cluster.nodes.values()].find((one) => one.spec?.providerID === providerID)?.status
      ?.allocatable?.['nvidia.com/gpu'];
  const hasDevice = (): boolean => {
    const found = count();
    if (found !== undefined && seen.at(-1) !== found) seen.push(found);
    return found === '1';
  };
  await cluster.until('the device is allocatable', hasDevice, deadlineMs);
  t.strictSame(seen, ['0', '1']);
}

async function checkOutage(t: Test, { plane, cluster, cloud: host }: Stage, cloud: RemoteCloud) {
  await plane.apiServer.kill();
  const outcome = await cloud.launch(requestOf('during-outage'));
  if (outcome.outcome !== 'launched') throw new Error(outcome.message);
  const { providerID } = outcome.instance;
  const isRunning = (): boolean =>
    [...host.engine.instances.values()].some(
      ({ instanceId, state }) => providerID.endsWith(instanceId) && state === 'running',
    );
  while (!isRunning()) await new Promise((resolve) => setTimeout(resolve, 50));
  await plane.apiServer.start();
  const hasJoined = (): boolean =>
    [...cluster.nodes.values()].some(({ spec }) => spec?.providerID === providerID);
  await cluster.until('the machine has joined', hasJoined, deadlineMs);
  t.equal(plane.apiServer.restarts, 0);
}

async function checkEnd(t: Test, { cluster, cloud: host }: Stage, cloud: RemoteCloud) {
  // Reads lag launches, so the list may be short of one at first.
  while (host.living().length > 0) {
    for (const { providerID } of await cloud.list()) {
      t.match(await cloud.terminate(providerID), /^(terminating|gone)$/);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await cluster.until('no node is left', () => cluster.nodes.size === 0, deadlineMs);
  t.equal(await cloud.terminate('aws:///us-east-1a/i-unknown'), 'gone');
}

async function checkAway(t: Test): Promise<void> {
  const nobody = createRemoteCloud('http://127.0.0.1:1');
  t.match(await nobody.launch(requestOf('nobody')), { outcome: 'failed', failure: 'unavailable' });
  await t.rejects(nobody.list(), { name: 'CloudError', code: 'unavailable' });
  nobody.close();
}
