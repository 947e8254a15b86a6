// The harness itself, on the real binaries: what later tests rely on.

import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import t, { type Test } from 'tap';
import { buildAllowanceMs, unavailableReason } from './build.ts';
import { type ClusterWatch, watchCluster } from './cluster-watch.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type InvariantWatch, watchInvariants } from './invariants.ts';
import { joinNode, stopKubelet } from './joining-node.ts';
import { hasCondition, type Pod, type Taint } from './objects.ts';

/** Everything waited for here takes a second or two; a busy machine gets a minute. */
const DEADLINE_MS = 60_000;
const RESERVED: Taint = { key: 'stowage.dev/reserved', effect: 'NoSchedule' };
const PODS = '/api/v1/namespaces/default/pods';

const reason = await unavailableReason();
// On CI a skip is a failure: nobody would notice that nothing is tested any more.
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 10 * DEADLINE_MS);

interface World {
  readonly plane: ControlPlane;
  readonly cluster: ClusterWatch;
  readonly invariants: InvariantWatch;
}

t.test('the control plane of the tests', { skip: reason ?? false }, async (t) => {
  const plane = await startControlPlane({ log: (line) => t.comment(line) });
  const cluster = await watchCluster(plane.client);
  const invariants = watchInvariants(cluster);
  const world = { plane, cluster, invariants };
  try {
    await t.test(
      'reports the version it was stamped with and listens on loopback only',
      async (t) => await checkServer(t, world),
    );
    await t.test(
      'has a machine boot, register with its taints and devices, and become ready',
      async (t) => await checkJoin(t, world),
    );
    await t.test(
      'binds the pods of a Deployment when the taint is gone, and runs them',
      async (t) => await checkDeployment(t, world),
    );
    await t.test(
      'completes the pods of a Job after the time that their annotation names',
      async (t) => await checkJob(t, world),
    );
    await t.test(
      'refuses with 409 to bind a pod under a wrong UID, and accepts the right one',
      async (t) => await checkBinding(t, world),
    );
    await t.test(
      'gives an identity no right that RBAC has not given to it',
      async (t) => await checkIdentity(t, world),
    );
    await t.test(
      'starts a second scheduler that asks an extender about node names',
      async (t) => await checkExtender(t, world),
    );
    t.strictSame(invariants.violations, [], 'no invariant was broken so far');
    t.ok(invariants.comparisons > 0, 'nodes were compared with what they hold');
    await t.test(
      'goes on after the API server and etcd crashed, and misses nothing',
      async (t) => await checkCrash(t, world),
    );
    await t.test(
      'restarts a scheduler that ends by itself',
      async (t) => await checkRestart(t, world),
    );
    await t.test(
      'sees an overcommit, a lost pod and a failed pod, made on purpose',
      async (t) => await checkViolations(t, world),
    );
    await t.test(
      'runs no pod on a machine whose kubelet has fallen silent',
      async (t) => await checkSilence(t, world),
    );
  } finally {
    await cluster.stop();
    const pids = [plane.etcd, plane.apiServer, plane.kwok].map(({ pid }) => pid ?? 0);
    await plane.stop();
    t.notOk(existsSync(plane.directory), 'the folder is gone');
    for (const pid of pids)
      t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'the process is gone');
  }
});

async function checkServer(t: Test, { plane }: World): Promise<void> {
  const version = await plane.client.expect<{ gitVersion: string }>('GET', '/version');
  t.equal(version.gitVersion, 'v1.36.3');
  const port = Number(new URL(plane.apiUrl).port);
  t.equal(await canConnect('127.0.0.1', port), true);
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => !address.internal && address.family === 'IPv4');
  for (const { address } of outside)
    t.equal(await canConnect(address, port), false, `closed on ${address}`);
}

async function checkJoin(t: Test, { plane, cluster }: World): Promise<void> {
  const startedMs = performance.now();
  const machine = exampleMachine('node-a', [RESERVED]);
  const devices = { 'nvidia.com/gpu': '2' };
  const delays = { bootMs: 200, readyMs: 200, devicesMs: 200 };
  const joined = joinNode(
    plane.client,
    { ...machine, devices, csiDrivers: ['ebs.csi.aws.com'] },
    delays,
  );
  await cluster.until('node-a is registered', () => cluster.nodes.has('node-a'), DEADLINE_MS);
  t.ok(performance.now() - startedMs >= 200, 'not before it has booted');
  const registered = cluster.nodes.get('node-a');
  t.equal(
    registered?.status?.allocatable?.['nvidia.com/gpu'],
    '0',
    'the device plugin is not there yet',
  );
  t.notOk(registered !== undefined && hasCondition(registered, 'Ready'));
  await joined;
  await cluster.until('node-a is ready', () => isOpen(cluster, 'node-a'), DEADLINE_MS);
  const node = cluster.nodes.get('node-a');
  t.strictSame(node?.spec?.taints, [RESERVED]);
  t.equal(node?.spec?.providerID, machine.providerId);
  t.match(node?.status?.allocatable, { ...machine.allocatable, ...devices });
  t.equal((await plane.client.send('GET', '/apis/storage.k8s.io/v1/csinodes/node-a')).status, 200);
}

async function checkDeployment(t: Test, { plane, cluster }: World): Promise<void> {
  await plane.client.expect('POST', '/apis/apps/v1/namespaces/default/deployments', {
    metadata: { name: 'web' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: podSpec('500m') },
    },
  });
  const web = () =>
    [...cluster.pods.values()].filter((pod) => pod.metadata.labels?.['app'] === 'web');
  const isUnschedulable = (pod: Pod) =>
    pod.status?.conditions?.some(({ reason }) => reason === 'Unschedulable');
  await cluster.until(
    'three pods wait',
    () => web().filter(isUnschedulable).length === 3,
    DEADLINE_MS,
  );
  await plane.client.expect('PATCH', '/api/v1/nodes/node-a', { spec: { taints: null } });
  await cluster.until('three pods run', () => web().filter(isRunning).length === 3, DEADLINE_MS);
  t.strictSame(new Set(web().map((pod) => pod.spec.nodeName)), new Set(['node-a']));
  t.ok(web().every((pod) => hasCondition(pod, 'Ready')));
}

async function checkJob(t: Test, { plane, cluster }: World): Promise<void> {
  const template = {
    metadata: { labels: { app: 'batch' }, annotations: { 'sim/run-duration': '400ms' } },
    spec: { ...podSpec('100m'), restartPolicy: 'Never' },
  };
  const spec = { parallelism: 2, completions: 2, template };
  await plane.client.expect('POST', '/apis/batch/v1/namespaces/default/jobs', {
    metadata: { name: 'batch' },
    spec,
  });
  const batch = () =>
    [...cluster.pods.values()].filter((pod) => pod.metadata.labels?.['app'] === 'batch');
  await cluster.until('two pods run', () => batch().filter(isRunning).length === 2, DEADLINE_MS);
  const runningMs = performance.now();
  const isComplete = (pod: Pod) => pod.status?.phase === 'Succeeded';
  await cluster.until(
    'two pods are complete',
    () => batch().filter(isComplete).length === 2,
    DEADLINE_MS,
  );
  t.ok(performance.now() - runningMs >= 200, 'they ran for a while');
}

async function checkBinding(t: Test, { plane, cluster }: World): Promise<void> {
  const pod = await createPod(plane, 'bound-by-hand', '100m');
  const target = { kind: 'Node', name: 'node-a' };
  const path = `${PODS}/bound-by-hand/binding`;
  const name = 'bound-by-hand';
  const wrong = await plane.client.send('POST', path, { metadata: { name, uid: 'wrong' }, target });
  t.equal(wrong.status, 409);
  const right = await plane.client.send('POST', path, {
    metadata: { name, uid: pod.metadata.uid },
    target,
  });
  t.equal(right.status, 201);
  await cluster.until(
    'it runs',
    () => isRunning(cluster.pods.get('default/bound-by-hand')),
    DEADLINE_MS,
  );
  const again = await plane.client.send('POST', path, {
    metadata: { name, uid: pod.metadata.uid },
    target,
  });
  t.equal(again.status, 409, 'a pod is bound once');
}

async function checkIdentity(t: Test, { plane }: World): Promise<void> {
  const client = plane.clientOf('stowage');
  t.equal((await client.send('GET', '/api/v1/pods')).status, 403);
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const name = 'reads-pods';
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }];
  await plane.client.expect('POST', `${rbac}/clusterroles`, { metadata: { name }, rules });
  await plane.client.expect('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', namespace: 'stowage-system', name: 'stowage' }],
  });
  let { status } = await client.send('GET', '/api/v1/pods');
  const deadlineMs = performance.now() + DEADLINE_MS;
  // The authorizer reads roles through a watch of its own, which nothing else can see.
  while (status === 403 && performance.now() < deadlineMs)
    ({ status } = await client.send('GET', '/api/v1/pods'));
  t.equal(status, 200);
  t.equal((await client.send('GET', '/api/v1/nodes')).status, 403);
  client.close();
}

async function checkExtender(t: Test, { plane, cluster }: World): Promise<void> {
  await joinNode(plane.client, exampleMachine('node-b', []));
  await cluster.until('node-b is ready', () => isOpen(cluster, 'node-b'), DEADLINE_MS);
  const asked: string[][] = [];
  const extender = await serveExtender((names) => {
    asked.push([...names]);
    return names.filter((name) => name === 'node-b');
  });
  const { port } = extender.address() as AddressInfo;
  await plane.startScheduler({
    name: 'second-scheduler',
    configuration: {
      profiles: [{ schedulerName: 'second' }],
      extenders: [
        { urlPrefix: `http://127.0.0.1:${port}`, filterVerb: 'filter', nodeCacheCapable: true },
      ],
    },
  });
  await createPod(plane, 'steered', '100m', { schedulerName: 'second' });
  await cluster.until('it runs', () => isRunning(cluster.pods.get('default/steered')), DEADLINE_MS);
  t.equal(cluster.pods.get('default/steered')?.spec.nodeName, 'node-b');
  t.strictSame(asked[0]?.toSorted(), ['node-a', 'node-b']);
  t.throws(() => plane.clientOf('nobody'), /no identity is named nobody/);
  extender.close();
}

async function checkCrash(t: Test, { plane, cluster }: World): Promise<void> {
  const pid = plane.apiServer.pid;
  await plane.apiServer.kill();
  await plane.etcd.kill();
  t.equal(plane.apiServer.pid, undefined);
  await plane.etcd.start();
  await plane.apiServer.start();
  t.not(plane.apiServer.pid, pid);
  await createPod(plane, 'after-crash', '100m', { schedulerName: 'default-scheduler' });
  await cluster.until(
    'it runs',
    () => isRunning(cluster.pods.get('default/after-crash')),
    DEADLINE_MS,
  );
}

async function checkRestart(t: Test, { plane }: World): Promise<void> {
  const scheduler = plane.schedulers.get('second-scheduler');
  const pid = scheduler?.pid;
  if (scheduler === undefined || pid === undefined)
    throw new Error('the second scheduler does not run');
  process.kill(pid, 'SIGKILL');
  await scheduler.waitUntilRestarted(1);
  t.equal(scheduler.restarts, 1);
  t.not(scheduler.pid, pid);
}

async function checkViolations(t: Test, { plane, cluster, invariants }: World): Promise<void> {
  const machine = exampleMachine('node-small', [RESERVED]);
  await joinNode(plane.client, machine);
  for (const name of ['half', 'too-much']) {
    const { metadata } = await createPod(plane, name, '2500m');
    const target = { kind: 'Node', name: 'node-small' };
    await plane.client.expect('POST', `${PODS}/${name}/binding`, {
      metadata: { name, uid: metadata.uid },
      target,
    });
  }
  const kinds = () => invariants.violations.map(({ kind, subject }) => `${kind} ${subject}`);
  await cluster.until('the overcommit is seen', () => kinds().length > 0, DEADLINE_MS);
  t.strictSame(kinds(), ['overcommitted node-small']);
  t.match(
    invariants.violations[0]?.message,
    /^cpu: 5000 requested, 4000 allocatable \(pods: default\/half, /,
  );

  await plane.client.expect('PATCH', `${PODS}/half/status`, {
    status: { phase: 'Failed', reason: 'OutOfcpu' },
  });
  await cluster.until('the failure is seen', () => kinds().length > 1, DEADLINE_MS);
  await plane.client.expect('DELETE', `${PODS}/too-much`);
  await cluster.until('the loss is seen', () => kinds().length > 2, DEADLINE_MS);
  t.strictSame(kinds().slice(1), ['failed default/half', 'lost default/too-much']);
}

async function checkSilence(t: Test, { plane, cluster }: World): Promise<void> {
  await stopKubelet(plane.client, 'node-small');
  const phaseOf = (name: string) => cluster.pods.get(`default/${name}`)?.status?.phase;
  const silent: string[] = [];
  // KWOK learns of it through a watch of its own: the first pods may still be run.
  for (let attempt = 1; attempt <= 20 && silent.length === 0; attempt += 1) {
    await createPod(plane, `silent-${attempt}`, '100m', { nodeName: 'node-small' });
    await createPod(plane, `heard-${attempt}`, '100m', { nodeName: 'node-b' });
    await cluster.until(
      'the other runs',
      () => phaseOf(`heard-${attempt}`) === 'Running',
      DEADLINE_MS,
    );
    if (phaseOf(`silent-${attempt}`) === 'Pending') silent.push(`silent-${attempt}`);
  }
  t.equal(silent.length, 1);
}

function exampleMachine(name: string, taints: readonly Taint[]) {
  return {
    name,
    providerId: `aws:///us-east-1a/i-${name}`,
    labels: { 'topology.kubernetes.io/zone': 'us-east-1a' },
    taints,
    allocatable: { cpu: '4', memory: '8Gi', pods: '20' },
  };
}

function podSpec(cpu: string): object {
  return {
    containers: [{ name: 'main', image: 'main', resources: { requests: { cpu, memory: '64Mi' } } }],
  };
}

/** A bare pod; by default of a scheduler that does not exist. */
async function createPod(
  plane: ControlPlane,
  name: string,
  cpu: string,
  spec: object = {},
): Promise<Pod> {
  const body = { metadata: { name }, spec: { schedulerName: 'nobody', ...podSpec(cpu), ...spec } };
  return await plane.client.expect<Pod>('POST', PODS, body);
}

function isRunning(pod: Pod | undefined): boolean {
  return pod?.status?.phase === 'Running';
}

/** Ready, and without the taint that the control plane keeps on a node that was not ready. */
function isOpen(cluster: ClusterWatch, name: string): boolean {
  const node = cluster.nodes.get(name);
  if (node === undefined || !hasCondition(node, 'Ready')) return false;
  return !(node.spec?.taints ?? []).some(({ key }) => key === 'node.kubernetes.io/not-ready');
}

async function canConnect(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** The smallest extender: one verb, in the wire format of node names. */
async function serveExtender(
  filter: (names: readonly string[]) => readonly string[],
): Promise<Server> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const { NodeNames } = JSON.parse(text) as { readonly NodeNames: readonly string[] };
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ NodeNames: filter(NodeNames), FailedNodes: {}, Error: '' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
