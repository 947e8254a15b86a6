// The simulated world as a whole: what it takes from a pending pod to a finished one, by itself.

import { createHash } from 'node:crypto';
import t from 'tap';
import { loadCatalogue } from '../../catalogue/loader.ts';
import type { LaunchRequest } from '../../core/cloud-port.ts';
import { startLiveState } from '../../extender/controllers/live-state.ts';
import { endlessCapacity } from '../../sim/ec2-capacity.ts';
import { watchInvariants } from '../../sim/invariants.ts';
import { installSamples } from '../../sim/sample-objects.ts';
import { batchShapes, deployService, startBatch, steady, submitJob } from '../../sim/workloads.ts';
import { createWorld, type ProcessPorts, type World } from '../../sim/world.ts';

const zones = ['us-east-1a', 'us-east-1b'];
const { types: catalogueTypes } = loadCatalogue();
const types = catalogueTypes.filter(({ name }) => ['m7i.2xlarge', 'g5.2xlarge'].includes(name));
const [lint] = batchShapes;
if (lint === undefined) throw new Error('there is no shape');

function world(seed: number | string, isEndless = true): World {
  const made = createWorld({
    seed,
    types,
    isFrozen: true,
    absentKinds: ['EC2NodeClass.stowage.dev'],
    ec2: isEndless ? { capacity: endlessCapacity } : {},
  });
  installSamples(made.cluster, zones);
  return made;
}

function requestOf(ports: ProcessPorts, nodeClaimName: string, instanceType = 'm7i.2xlarge') {
  return async (): Promise<LaunchRequest> => {
    const nodeClass = await ports.client.get('EC2NodeClass', { name: 'default' });
    if (nodeClass === undefined) throw new Error('there is no node class');
    return {
      clientToken: nodeClaimName,
      nodeClaimName,
      nodePoolName: 'general',
      nodeClass,
      offerings: zones.map((zone) => ({ instanceType, zone, capacityType: 'on-demand' as const })),
      tags: { 'karpenter.sh/nodeclaim': nodeClaimName },
      labels: { 'karpenter.sh/nodepool': 'general' },
      taints: [],
    };
  };
}

/** The simplest provisioner: as long as pods are unschedulable, one more node every 20 s. */
async function provision(ports: ProcessPorts, nodesMax: number): Promise<void> {
  const { client, clock, cloud, random } = ports;
  const { signal } = new AbortController();
  const { view, synced } = startLiveState({ client, clock, random, signal });
  await synced;
  for (let number = 0; number < nodesMax; ) {
    await clock.sleep(20_000);
    const isWaiting = [...view.unboundPods.values()].some(
      ({ unscheduledReason, ownerKind }) =>
        unscheduledReason === 'Unschedulable' && ownerKind !== 'DaemonSet',
    );
    if (!isWaiting) continue;
    number += 1;
    await cloud.launch(await requestOf(ports, `claim-${number}`)());
  }
}

t.test('a Job goes from pending over a booted node to its end, and leaves nothing', async (t) => {
  const w = world(1);
  const invariants = watchInvariants(w, 'karpenter.sh/nodeclaim');
  const scheduler = w.startScheduler({ schedulerNames: ['default-scheduler'] });
  const ports = w.startProcess('provisioner');
  void provision(ports, 3);
  submitJob(w.cluster, lint, { pods: 5, runMs: 30_000 });
  await w.clock.advance(15_000);
  const pending = [...w.cluster.all('Pod')];
  t.equal(pending.length, 5);
  t.match(pending[0]?.status?.conditions, [{ type: 'PodScheduled', reason: 'Unschedulable' }]);
  await w.clock.advance(240_000);
  const [node] = [...w.cluster.all('Node')];
  t.match(node?.metadata.labels, {
    'node.kubernetes.io/instance-type': 'm7i.2xlarge',
    'karpenter.sh/nodepool': 'general',
    'kubernetes.io/arch': 'amd64',
  });
  t.match(node?.spec?.providerID, /^aws:\/\/\/us-east-1[ab]\/i-/);
  t.match(node?.status?.conditions, [{ type: 'Ready', status: 'True' }]);
  const [job] = [...w.cluster.all('Job')];
  t.match(job?.status, { succeeded: 5, active: 0, conditions: [{ type: 'Complete' }] });
  const daemons = [...w.cluster.all('Pod')].filter(
    ({ metadata }) => metadata.namespace === 'kube-system',
  );
  t.equal(daemons.length, 2 * w.cluster.count('Node'), 'one of each DaemonSet on every node');
  t.ok(daemons.every(({ status }) => status?.phase === 'Running'));
  t.ok(scheduler.bound >= 7);
  t.strictSame(invariants.violations, []);
  t.ok(invariants.comparisons > 0);

  if (job === undefined) throw new Error('there is no job');
  await w.clock.settle(ports.client.delete('Job', job.metadata));
  await w.clock.advance(5_000);
  t.equal([...w.cluster.all('Pod')].length, daemons.length, 'its pods are gone with it');
});

t.test('an instance that is terminated takes its node along, and its pods come back', async (t) => {
  const w = world(2);
  w.startScheduler({ schedulerNames: ['default-scheduler'] });
  const ports = w.startProcess('provisioner');
  void provision(ports, 4);
  deployService(w.cluster, 'web', { replicas: 3, cpuMilli: 500, memoryMiB: 512 });
  await w.clock.advance(240_000);
  const before = [...w.cluster.all('Pod')].filter(
    ({ metadata }) => metadata.labels?.['app'] === 'web',
  );
  t.equal(before.filter(({ status }) => status?.phase === 'Running').length, 3);
  const instances = await w.clock.settle(ports.cloud.list());
  for (const { providerID } of instances) {
    t.equal(await w.clock.settle(ports.cloud.terminate(providerID)), 'terminating');
  }
  await w.clock.advance(600_000);
  for (const { providerID } of instances) {
    t.equal(await w.clock.settle(ports.cloud.terminate(providerID)), 'gone');
  }
  const after = [...w.cluster.all('Pod')].filter(
    ({ metadata }) => metadata.labels?.['app'] === 'web',
  );
  t.equal(after.filter(({ status }) => status?.phase === 'Running').length, 3);
  t.notOk(after.some(({ metadata }) => before.some((old) => old.metadata.uid === metadata.uid)));
});

t.test('a dry pool fails a launch with the offerings it concerns, and is remembered', async (t) => {
  const w = world(3);
  const ports = w.startProcess('provisioner');
  const request = requestOf(ports, 'a');
  w.engine.drain(({ zone }) => zone === 'us-east-1a', w.clock.nowMs() + 60_000);
  const other = await w.clock.settle(request().then(async (r) => await ports.cloud.launch(r)));
  t.match(other, {
    outcome: 'launched',
    instance: { zone: 'us-east-1b' },
    exhausted: [{ zone: 'us-east-1a' }],
  });
  const nodeClass = (await w.clock.settle(request())).nodeClass;
  const seen = await w.clock.settle(ports.cloud.instanceTypes(nodeClass));
  const offerings = seen.find(({ name }) => name === 'm7i.2xlarge')?.offerings ?? [];
  const dry = offerings.find(
    ({ zone, capacityType }) => zone === 'us-east-1a' && capacityType === 'on-demand',
  );
  t.equal(dry?.available, false);
  w.engine.drain(() => true, w.clock.nowMs() + 60_000);
  const none = await w.clock.settle(
    requestOf(ports, 'b')().then(async (r) => await ports.cloud.launch(r)),
  );
  t.match(none, { outcome: 'failed', failure: 'insufficient-capacity', exhausted: [{}, {}] });
  await w.clock.advance(200_000);
  const later = await w.clock.settle(ports.cloud.instanceTypes(nodeClass));
  const again = later.find(({ name }) => name === 'm7i.2xlarge')?.offerings ?? [];
  t.ok(again.filter(({ zone }) => zones.includes(zone)).every(({ available }) => available));
});

t.test('a launch repeated under one token is one instance', async (t) => {
  const w = world(4);
  const ports = w.startProcess('provisioner');
  const launch = async () => {
    const outcome = await ports.cloud.launch(await requestOf(ports, 'a')());
    return outcome.outcome === 'launched' ? outcome.instance.providerID : outcome.message;
  };
  const ids = await w.clock.settle(Promise.all([launch(), launch(), launch()]));
  t.equal(new Set(ids).size, 1);
  t.equal(w.engine.instances.size, 1);
});

t.test('devices are allocatable only after their plugin is up', async (t) => {
  const w = world(5);
  const ports = w.startProcess('provisioner');
  const launched = requestOf(ports, 'a', 'g5.2xlarge')().then(
    async (request) => await ports.cloud.launch(request),
  );
  await w.clock.settle(launched);
  const gpus: string[] = [];
  w.cluster.listen('Node', ({ object }) => {
    const ready = object.status?.conditions?.[0]?.status ?? '';
    gpus.push(`${ready} ${object.status?.allocatable?.['nvidia.com/gpu']}`);
  });
  await w.clock.advance(300_000);
  t.strictSame([...new Set(gpus)], ['False 0', 'True 0', 'True 1']);
});

t.test('a killed process does nothing any more; another takes over', async (t) => {
  const w = world(6);
  w.startScheduler({ schedulerNames: ['default-scheduler'] });
  let deaths = 0;
  const first = w.startProcess('one', {
    crashPoint: { matches: ({ verb }) => verb === 'get', moment: 'before' },
    onDeath: () => {
      deaths += 1;
    },
  });
  void provision(first, 10);
  submitJob(w.cluster, lint, { pods: 3, runMs: 10_000 });
  await w.clock.advance(300_000);
  t.equal(deaths, 1);
  t.equal(first.process.isAlive, false);
  t.equal(w.engine.instances.size, 0);
  void provision(w.startProcess('two'), 10);
  await w.clock.advance(300_000);
  t.ok(w.engine.instances.size > 0);
});

t.test('one seed is one run, another seed another', async (t) => {
  async function traceOf(seed: string): Promise<string> {
    const w = world(seed, false);
    const hash = createHash('sha256');
    w.cluster.listen('Pod', ({ version, type, object }) => {
      hash.update(`${w.clock.nowMs()} ${version} ${type} ${JSON.stringify(object)}\n`);
    });
    w.engine.listen(({ type, instance }) => {
      hash.update(`${w.clock.nowMs()} ${type} ${JSON.stringify(instance)}\n`);
    });
    w.startScheduler({ schedulerNames: ['default-scheduler'] });
    void provision(w.startProcess('provisioner'), 30);
    const shapes = batchShapes.slice(0, 2);
    startBatch(w.cluster, w.random.branch('batch'), { shapes, jobsPerHour: 120, profile: steady });
    await w.clock.advance(1_800_000);
    return hash.digest('hex');
  }
  const first = await traceOf('a');
  t.equal(await traceOf('a'), first);
  t.not(await traceOf('b'), first);
});
