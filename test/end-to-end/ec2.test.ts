// The command line as it is shipped, with AWS's SDK against the simulated EC2, on a real control
// plane: burst, churn, a dry pool, throttling, a spot instance taken back, the end.

import { type _InstanceType, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import t, { type Test } from 'tap';
import { sweepEveryMs } from '../../extender/controllers/nodeclaims/garbage-collection.ts';
import type { PoolKey } from '../../sim/ec2-capacity.ts';
import { createRandom } from '../../sim/random.ts';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import {
  checkEc2Promises,
  type Ec2Stage,
  openTestEc2Stage,
  untilNodeClassReady,
} from './ec2-stage.ts';
import {
  deployment,
  deploymentsPath,
  job,
  jobsPath,
  nodePool,
  nodePoolsPath,
  type PodOptions,
} from './sample-objects.ts';
import {
  hasSucceeded,
  isBound,
  isRunning,
  podsOf,
  poll,
  quantile,
  removeJob,
  untilEmpty,
  untilNodesAreInstances,
  untilPods,
  watchTimeline,
} from './scenario.ts';
import { clusterName, deadlineMs } from './scene.ts';
import type { ServeProcess } from './serve-command.ts';

const sizes = ['250m', '900m', '1500m'] as const;
const podsPerSize = 80;
const stormPods = 30;
const throttledCalls = 6;
const churnJobs = 12;
const churnEveryMs = 500;
const churnRunMs = [1_000, 4_000] as const;
const spot = { capacity: 'spot' };
const spotPods = 2;
/** An instance may be so young and its claim not be known yet. */
const strayGraceMs = 30_000;
/** The second look may be on its way. */
const sweepSlackMs = 5_000;
/** What kubelets are told to wait is longer. */
const stopMs = 25_000;

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 5 * deadlineMs);

t.test('the EC2 provider on a real control plane', { skip: reason ?? false }, async (t) => {
  const stage = await openTestEc2Stage(t);
  const { client } = stage.plane;
  const free = freeAddresses(stage);
  const serve = await stage.startServe('stowage-1');
  await untilNodeClassReady(stage);
  await client.expect('POST', nodePoolsPath, nodePool('general'));
  await stage.startScheduler('stowage-scheduler', serve.extenderUrl);
  await t.test('a burst runs, each pod where it was planned', async (t) => checkBurst(t, stage));
  await t.test('a pod that nothing can hold has a stated reason', async (t) =>
    checkReason(t, stage),
  );
  await t.test('the pools that were cheapest are dry', async (t) => checkDrought(t, stage));
  await t.test('CreateFleet is throttled', async (t) => checkThrottling(t, stage));
  await t.test('Jobs come and go, each pod once', async (t) => checkChurn(t, stage));
  await t.test('spot takes an instance back: its replacement comes first', async (t) =>
    checkReclaim(t, stage),
  );
  await t.test('SIGTERM ends it in good order, and it goes on from there', async (t) =>
    checkStop(t, serve),
  );
  await t.test('an instance that belongs to no claim is ended', async (t) => checkStray(t, stage));
  await t.test('nothing is left two collection periods after nobody needs it any more', async (t) =>
    checkEnd(t, stage, free),
  );
  checkEc2Promises(t, stage);
  t.equal(serve.component.restarts, 0, 'it ran through');
});

async function checkBurst(t: Test, stage: Ec2Stage): Promise<void> {
  const { plane, cloud } = stage;
  const timelines = sizes.map((cpu) => watchTimeline(stage, `burst-${cpu}`));
  const startMs = performance.now();
  await Promise.all(
    sizes.map(async (cpu) => {
      const object = deployment(`burst-${cpu}`, podsPerSize, { cpu });
      await plane.client.expect('POST', deploymentsPath, object);
    }),
  );
  for (const cpu of sizes) await untilPods(stage, `burst-${cpu}`, podsPerSize, isRunning);
  const elapsedMs = performance.now() - startMs;
  const waits = timelines.flatMap(({ createdMs, runningMs }) =>
    [...runningMs].map(([uid, ms]) => ms - (createdMs.get(uid) ?? ms)),
  );
  const [p50, p99] = [0.5, 0.99].map((share) => seconds(quantile(waits, share)));
  t.comment(`${waits.length} pods run after ${seconds(elapsedMs)}: p50 ${p50}, p99 ${p99}`);
  const fleets = cloud.wire.calls.filter(({ action }) => action === 'CreateFleet').length;
  t.comment(`${cloud.engine.instances.size} instances by ${fleets} calls of CreateFleet`);
  // One whose pods found another place in time comes when all run, and soon goes.
  await untilNodesAreInstances(stage);
}

/** Bound or with a stated reason: the scheduler's condition, and ours as an Event. */
async function checkReason(t: Test, stage: Ec2Stage): Promise<void> {
  const { plane } = stage;
  const options = { cpu: '500m', nodeSelector: { 'topology.kubernetes.io/zone': 'nowhere' } };
  await plane.client.expect('POST', deploymentsPath, deployment('impossible', 1, options));
  let said: readonly EventObject[] = [];
  await poll('an Event says why', deadlineMs, async () => {
    // The scheduler of our profile reports under the same name as we.
    said = (await eventsOf(stage, 'impossible')).filter(({ message }) =>
      message.startsWith('fits nowhere'),
    );
    return said.length > 0;
  });
  t.match(said[0]?.message, /nothing offers topology.kubernetes.io\/zone in \(nowhere\)/);
  t.comment(`${said[0]?.reason}: ${said[0]?.message}`);
  t.notOk(podsOf(stage, 'impossible').some(isBound));
  await plane.client.expect('DELETE', `${deploymentsPath}/impossible`);
}

async function checkDrought(t: Test, stage: Ec2Stage): Promise<void> {
  const { engine } = stage.cloud;
  const before = new Set(engine.instances.keys());
  const dry = new Set([...engine.instances.values()].map(poolOf));
  engine.drain((key) => dry.has(poolOf(key)), Number.POSITIVE_INFINITY);
  await deploy(stage, 'storm', stormPods, '1900m');
  const launched = [...engine.instances.values()].filter(
    ({ instanceId }) => !before.has(instanceId),
  );
  t.ok(launched.length > 0, `${launched.length} instances beside ${dry.size} dry pools`);
  t.strictSame(
    launched.map(poolOf).filter((pool) => dry.has(pool)),
    [],
  );
  engine.launcher.pools.recover();
}

async function checkThrottling(t: Test, stage: Ec2Stage): Promise<void> {
  const { faults, calls } = stage.cloud.wire;
  const from = calls.length;
  const fault = { type: 'refuse', code: 'RequestLimitExceeded' } as const;
  faults.add({ action: 'ec2:CreateFleet', fault, times: throttledCalls });
  await deploy(stage, 'throttled', stormPods, '2900m');
  const refused = calls.slice(from).filter(({ error }) => error === 'RequestLimitExceeded');
  t.ok(refused.length > 0, `${refused.length} calls were refused`);
  faults.clear();
}

async function checkChurn(t: Test, stage: Ec2Stage): Promise<void> {
  const { client } = stage.plane;
  const random = createRandom('churn');
  const counts = new Map<string, number>();
  const [leastMs, mostMs] = churnRunMs;
  for (let number = 1; number <= churnJobs; number += 1) {
    const [name, pods] = [`churn-${number}`, 1 + random.integer(12)];
    counts.set(name, pods);
    const runMs = leastMs + random.integer(mostMs - leastMs);
    await client.expect('POST', jobsPath, job(name, pods, runMs, { cpu: random.pick(sizes) }));
    await new Promise((resolve) => setTimeout(resolve, churnEveryMs));
  }
  for (const [name, pods] of counts) {
    await untilPods(stage, name, pods, hasSucceeded);
    t.equal(podsOf(stage, name).length, pods, 'no pod of it had to be made twice');
    await removeJob(stage, name);
  }
}

async function checkReclaim(t: Test, stage: Ec2Stage): Promise<void> {
  const { plane, cloud, cluster } = stage;
  const taints = [{ key: 'spot', effect: 'NoSchedule' }];
  const pool = nodePool('spot', { capacityType: 'spot', labels: spot, taints });
  await plane.client.expect('POST', nodePoolsPath, pool);
  // Not everything: what tolerates the taint of nodes that leave is not drained.
  const tolerations = [{ key: 'spot', operator: 'Exists' }];
  await deploy(stage, 'spot', spotPods, '2900m', { nodeSelector: spot, tolerations });
  const [taken] = cloud.living().filter(({ capacityType }) => capacityType === 'spot');
  if (taken === undefined) throw new Error('no spot instance runs');
  const startMs = performance.now();
  const steps: string[] = [];
  const note = (step: string): void => {
    if (steps.includes(step)) return;
    steps.push(step);
    t.comment(`${step} after ${seconds(performance.now() - startMs)}`);
  };
  cluster.listen({
    onNode: ({ object: { metadata, spec } }) => {
      const isDisrupted = spec?.taints?.some(({ key }) => key === 'karpenter.sh/disrupted');
      if (metadata.name === taken.privateDnsName && isDisrupted === true) note('cordoned');
    },
    onPod: () => undefined,
  });
  cloud.engine.listen(({ type, instance: { instanceId, capacityType, state } }) => {
    if (type !== 'state' || capacityType !== 'spot') return;
    if (instanceId !== taken.instanceId) note(`another is ${state}`);
    else if (state === 'shutting-down') note('it ends');
  });
  cloud.engine.reclaim(taken.instanceId);
  await poll('the instance ends', deadlineMs, () => steps.includes('it ends'));
  await untilPods(stage, 'spot', spotPods, isRunning);
  t.strictSame(steps.slice(0, 3), ['cordoned', 'another is running', 'it ends'], 'in this order');
  const { stateReason } = cloud.engine.instances.get(taken.instanceId) ?? taken;
  t.equal(stateReason, 'Client.UserInitiatedShutdown', 'by us, before EC2 takes it');
}

async function checkStop(t: Test, { component }: ServeProcess): Promise<void> {
  const startMs = performance.now();
  await component.stop();
  const elapsedMs = performance.now() - startMs;
  t.equal(component.lastEnd, 0, `exit code 0 after ${seconds(elapsedMs)}`);
  t.ok(elapsedMs < stopMs);
  await component.start();
}

/** As a process leaves it that died between a launch and whatever it had to write about it. */
async function checkStray(t: Test, { cloud }: Ec2Stage): Promise<void> {
  const { account, endpoint } = cloud.wire;
  const region = account.region;
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  const client = new EC2Client({ region, endpoint, credentials });
  const tags = {
    [`kubernetes.io/cluster/${clusterName}`]: 'owned',
    'karpenter.k8s.aws/ec2nodeclass': 'default',
    'karpenter.sh/nodepool': 'general',
    'karpenter.sh/nodeclaim': 'general-nobody',
    'stowage.dev/nodeclaim-uid': '00000000-0000-4000-8000-000000000000',
  };
  const [like] = cloud.living();
  const startMs = performance.now();
  const { Instances = [] } = await client.send(
    new RunInstancesCommand({
      LaunchTemplate: { LaunchTemplateId: like?.tags['aws:ec2launchtemplate:id'] },
      InstanceType: like?.instanceType as _InstanceType,
      SubnetId: account.subnets[0]?.subnetId,
      MinCount: 1,
      MaxCount: 1,
      TagSpecifications: [
        {
          ResourceType: 'instance',
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        },
      ],
    }),
  );
  client.destroy();
  const id = Instances[0]?.InstanceId ?? '';
  const isLiving = (): boolean => cloud.living().some(({ instanceId }) => instanceId === id);
  t.ok(isLiving(), id);
  await poll('the stray instance is ended', deadlineMs, () => !isLiving());
  const tookMs = performance.now() - startMs;
  t.ok(tookMs > strayGraceMs, `not before it can be told from one that is being launched`);
  t.comment(`ended after ${seconds(tookMs)}`);
}

async function checkEnd(t: Test, stage: Ec2Stage, free: FreeAddresses): Promise<void> {
  const { plane, cloud } = stage;
  await plane.client.expect('DELETE', deploymentsPath);
  await untilEmpty(stage);
  const launched = cloud.engine.instances.size;
  const startMs = performance.now();
  const listed = cloud.wire.calls.length;
  await new Promise((resolve) => setTimeout(resolve, sweepEveryMs * 2 + sweepSlackMs));
  const sweeps = cloud.wire.calls
    .slice(listed)
    .filter(({ action }) => action === 'DescribeInstances');
  t.ok(sweeps.length >= 2, `it looked ${sweeps.length} times for what is left`);
  t.equal(cloud.engine.instances.size, launched, 'nothing was launched for nobody');
  await untilEmpty(stage, 1);
  t.strictSame(freeAddresses(stage), free, 'every address is free again');
  t.comment(`quiet for ${seconds(performance.now() - startMs)}`);
  const [stray] = [...cloud.engine.instances.values()].filter(
    ({ state }) => state !== 'terminated',
  );
  t.equal(stray?.state ?? 'shutting-down', 'shutting-down', 'none costs money');
  t.comment(`${launched} instances were launched, none is left`);
}

async function deploy(
  stage: Ec2Stage,
  name: string,
  replicas: number,
  cpu: string,
  options: Omit<PodOptions, 'cpu'> = {},
): Promise<void> {
  const object = deployment(name, replicas, { cpu, ...options });
  await stage.plane.client.expect('POST', deploymentsPath, object);
  await untilPods(stage, name, replicas, isRunning);
}

interface EventObject {
  readonly involvedObject: { readonly name: string };
  readonly reportingComponent?: string;
  readonly reason: string;
  readonly message: string;
}

async function eventsOf({ plane }: Ec2Stage, app: string): Promise<readonly EventObject[]> {
  const path = '/api/v1/namespaces/default/events';
  const { items } = await plane.client.expect<{ readonly items: readonly EventObject[] }>(
    'GET',
    path,
  );
  return items.filter(({ involvedObject }) => involvedObject.name.startsWith(`${app}-`));
}

/** By subnet. */
type FreeAddresses = readonly (readonly [string, number])[];

function freeAddresses({ cloud: { engine, wire } }: Ec2Stage): FreeAddresses {
  const { addresses } = engine.launcher;
  return wire.account.subnets.map(({ zone, subnetId }) => [
    subnetId,
    addresses.free(zone, subnetId),
  ]);
}

function poolOf({ instanceType, zone, capacityType }: PoolKey): string {
  return `${instanceType}/${zone}/${capacityType}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
