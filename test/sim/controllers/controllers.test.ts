// The simulated controllers and kubelets: what of their ways the product rests on.

import t from 'tap';
import type { Live } from '../../../core/api/kinds.ts';
import type { Taint } from '../../../core/api/kubernetes.ts';
import { deleteObject } from '../../../sim/cluster/deletion.ts';
import { evictPod } from '../../../sim/cluster/pod-verbs.ts';
import { trackingFinalizer } from '../../../sim/controllers/job.ts';
import { deployService, submitJob } from '../../../sim/workloads.ts';
import { createWorld, type World } from '../../../sim/world.ts';

const shape = {
  name: 'work',
  cpuMilli: 500,
  memoryMiB: 256,
  podsMin: 1,
  podsMax: 1,
  runMedianMs: 1,
  runSigma: 0,
  weight: 1,
};

/** A world whose scheduler runs, with machines of 4 CPUs. */
function world(...nodes: string[]): World {
  const w = createWorld({ seed: 1, types: [], isFrozen: true });
  for (const name of nodes) join(w, name);
  w.startScheduler({ schedulerNames: ['default-scheduler'] });
  return w;
}

function join(w: World, nodeName: string, taints: readonly Taint[] = [], cpu = '4'): void {
  const allocatable = { cpu, memory: '16Gi', pods: '20' };
  const providerID = `aws:///z/${nodeName}`;
  const machine = { nodeName, providerID, labels: {}, taints, capacity: allocatable, allocatable };
  w.kubelets.join({ ...machine, devices: {} }, { readyMs: 1000, devicesMs: 0 });
}

function podsOf(w: World, app: string): Live<'Pod'>[] {
  return [...w.cluster.all('Pod')].filter(({ metadata }) => metadata.labels?.['app'] === app);
}

function taintsOf(w: World, name: string): string[] {
  const taints = w.cluster.get('Node', { name })?.spec?.taints ?? [];
  return taints.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`);
}

t.test(
  'a Job keeps as many pods going as it wants, counts them, and goes after its time',
  async (t) => {
    const w = world('n');
    const template = {
      metadata: { labels: { app: 'work' }, annotations: { 'sim/run-duration': '10s' } },
      spec: { containers: [{ name: 'main' }] },
    };
    const spec = { parallelism: 3, completions: 7, ttlSecondsAfterFinished: 30, template };
    w.cluster.create('Job', { metadata: { namespace: 'default', name: 'j' }, spec });
    let most = 0;
    for (let second = 0; second < 60; second += 1) {
      await w.clock.advance(1000);
      const active = podsOf(w, 'work').filter(({ status }) => status?.phase !== 'Succeeded');
      most = Math.max(most, active.length);
    }
    t.equal(most, 3);
    const job = w.cluster.get('Job', { namespace: 'default', name: 'j' });
    t.match(job?.status, { succeeded: 7, active: 0, conditions: [{ type: 'Complete' }] });
    t.equal(podsOf(w, 'work').length, 7);
    t.ok(
      podsOf(w, 'work').every(({ metadata }) => metadata.finalizers === undefined),
      'counted',
    );
    await w.clock.advance(60_000);
    t.equal(w.cluster.count('Job'), 0);
    t.equal(podsOf(w, 'work').length, 0);
  },
);

t.test('a pod of a Job that is deleted lingers until it is counted, and is replaced', async (t) => {
  const w = world('n');
  submitJob(w.cluster, shape, { pods: 1, runMs: 600_000 });
  await w.clock.advance(20_000);
  const [pod] = podsOf(w, 'work');
  if (pod === undefined) throw new Error('there is no pod');
  t.strictSame(pod.metadata.finalizers, [trackingFinalizer]);
  const seen: string[] = [];
  w.cluster.listen('Pod', ({ type, object }) => {
    if (object.metadata.uid === pod.metadata.uid) seen.push(`${type} ${object.status?.phase}`);
  });
  deleteObject(w.cluster, 'Pod', pod.metadata);
  await w.clock.advance(10_000);
  t.equal(seen[0], 'modified Running');
  t.equal(seen.at(-1), 'deleted Failed');
  const [next] = podsOf(w, 'work');
  t.not(next?.metadata.uid, pod.metadata.uid);
  t.equal(next?.status?.phase, 'Running');
  const [job] = [...w.cluster.all('Job')];
  t.match(job?.status, { failed: 1, active: 1 });
});

t.test('a Job that fails too often gives up', async (t) => {
  const w = world('n');
  submitJob(w.cluster, shape, { pods: 1, runMs: 600_000 });
  for (let round = 0; round < 10; round += 1) {
    await w.clock.advance(20_000);
    const pod = podsOf(w, 'work').find(({ status }) => status?.phase === 'Running');
    if (pod !== undefined) deleteObject(w.cluster, 'Pod', pod.metadata);
  }
  const [job] = [...w.cluster.all('Job')];
  // The last replacement was made before the failure that ended the Job was counted.
  t.match(job?.status, { failed: 8, active: 0, conditions: [{ type: 'Failed' }] });
});

t.test('a Deployment replaces what it loses and rolls out a changed template', async (t) => {
  const w = world('n');
  deployService(w.cluster, 'web', { replicas: 3, cpuMilli: 100, memoryMiB: 64 });
  await w.clock.advance(20_000);
  t.equal(podsOf(w, 'web').length, 3);
  const [lost] = podsOf(w, 'web');
  if (lost !== undefined) deleteObject(w.cluster, 'Pod', lost.metadata);
  await w.clock.advance(20_000);
  t.equal(podsOf(w, 'web').length, 3);
  const name = { namespace: 'default', name: 'web' };
  const annotations = { version: '2' };
  w.cluster.patch('Deployment', name, {
    type: 'merge',
    body: { spec: { replicas: 2, template: { metadata: { annotations } } } },
  });
  await w.clock.advance(60_000);
  const versions = podsOf(w, 'web').map(({ metadata }) => metadata.annotations?.['version']);
  t.strictSame(versions, ['2', '2']);
});

t.test('a DaemonSet has a pod on every node that its rules allow, and only there', async (t) => {
  const w = world('a', 'b');
  join(w, 'tainted', [{ key: 'x', effect: 'NoSchedule' }]);
  w.cluster.create('DaemonSet', {
    metadata: { namespace: 'default', name: 'd' },
    spec: {
      selector: { matchLabels: { app: 'd' } },
      template: {
        metadata: { labels: { app: 'd' } },
        spec: { containers: [{ name: 'main', resources: { requests: { cpu: '100m' } } }] },
      },
    },
  });
  await w.clock.advance(20_000);
  t.strictSame(
    podsOf(w, 'd')
      .map(({ spec }) => spec.nodeName ?? '')
      .sort(),
    ['a', 'b'],
  );
  w.cluster.patch('Node', { name: 'tainted' }, { type: 'merge', body: { spec: { taints: [] } } });
  const severe: Taint = { key: 'x', effect: 'NoExecute' };
  w.cluster.patch('Node', { name: 'a' }, { type: 'merge', body: { spec: { taints: [severe] } } });
  await w.clock.advance(40_000);
  t.strictSame(
    podsOf(w, 'd')
      .map(({ spec }) => spec.nodeName ?? '')
      .sort(),
    ['b', 'tainted'],
  );
});

t.test('a share of a budget is a share of what the controllers want', async (t) => {
  const w = world('n');
  deployService(w.cluster, 'web', {
    replicas: 4,
    cpuMilli: 100,
    memoryMiB: 64,
    maxUnavailable: '30%',
  });
  submitJob(w.cluster, shape, { pods: 2, runMs: 600_000 });
  w.cluster.create('PodDisruptionBudget', {
    metadata: { namespace: 'default', name: 'jobs' },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'work' } } },
  });
  await w.clock.advance(20_000);
  const statusOf = (name: string) =>
    w.cluster.get('PodDisruptionBudget', { namespace: 'default', name })?.status;
  t.match(statusOf('web'), { expectedPods: 4, desiredHealthy: 2, disruptionsAllowed: 2 });
  t.match(statusOf('jobs'), { disruptionsAllowed: 0 }, 'a Job has no scale');
  const [one, two, three] = podsOf(w, 'web').map(({ metadata }) => ({
    namespace: 'default',
    name: metadata.name,
    uid: metadata.uid,
  }));
  if (one === undefined || two === undefined || three === undefined) throw new Error('no pods');
  t.equal(evictPod(w.cluster, one, undefined).outcome, 'evicted');
  t.equal(evictPod(w.cluster, two, undefined).outcome, 'evicted');
  t.equal(evictPod(w.cluster, three, undefined).outcome, 'blocked');
  await w.clock.advance(20_000);
  t.match(statusOf('web'), { currentHealthy: 4, disruptionsAllowed: 2 });
});

t.test(
  'a kubelet that falls silent makes its node unknown; its pods go when their time is up',
  async (t) => {
    const w = world('n', 'other');
    deployService(w.cluster, 'web', { replicas: 2, cpuMilli: 3000, memoryMiB: 64 });
    await w.clock.advance(20_000);
    t.strictSame(taintsOf(w, 'n'), []);
    w.kubelets.stop('n');
    await w.clock.advance(45_000);
    t.strictSame(taintsOf(w, 'n'), []);
    await w.clock.advance(15_000);
    t.strictSame(taintsOf(w, 'n'), ['unreachable:NoSchedule', 'unreachable:NoExecute']);
    const onSilent = () =>
      podsOf(w, 'web').filter(
        ({ spec, metadata }) => spec.nodeName === 'n' && metadata.deletionTimestamp === undefined,
      ).length;
    await w.clock.advance(280_000);
    t.equal(onSilent(), 1, 'tolerated for 300 s');
    await w.clock.advance(30_000);
    t.equal(onSilent(), 0);
    t.equal(podsOf(w, 'web').length, 3, 'and nobody is there to let it go');
  },
);

t.test('a pod bound to a node that does not exist is lost after its quarantine', async (t) => {
  const w = world();
  const spec = { containers: [{ name: 'main' }], nodeName: 'nowhere' };
  w.cluster.create('Pod', { metadata: { namespace: 'default', name: 'a' }, spec });
  const phases: string[] = [];
  w.cluster.listen('Pod', ({ type, object }) => phases.push(`${type} ${object.status?.phase}`));
  await w.clock.advance(39_000);
  t.equal(w.cluster.count('Pod'), 1);
  await w.clock.advance(40_000);
  t.equal(w.cluster.count('Pod'), 0);
  t.ok(phases.includes('modified Failed'));
});

t.test('a kubelet refuses what does not fit, and the pod has failed for good', async (t) => {
  const w = world('n');
  await w.clock.advance(2000);
  for (const name of ['a', 'b']) {
    const containers = [{ name: 'main', resources: { requests: { cpu: '3' } } }];
    w.cluster.create('Pod', {
      metadata: { namespace: 'default', name },
      spec: { schedulerName: 'nobody', containers, nodeName: 'n' },
    });
  }
  await w.clock.advance(20_000);
  const statusOf = (name: string) => w.cluster.get('Pod', { namespace: 'default', name })?.status;
  t.equal(statusOf('a')?.phase, 'Running');
  t.match(statusOf('b'), { phase: 'Failed', reason: 'OutOfcpu' });
});

t.test('events are forgotten after an hour', async (t) => {
  const w = world();
  w.cluster.create('Event', {
    metadata: { namespace: 'default', name: 'e' },
    involvedObject: { kind: 'Pod', name: 'a' },
  });
  await w.clock.advance(50 * 60_000);
  t.equal(w.cluster.count('Event'), 1);
  await w.clock.advance(20 * 60_000);
  t.equal(w.cluster.count('Event'), 0);
});
