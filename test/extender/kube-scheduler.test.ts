/** The extender's server and a real kube-scheduler that runs the configuration we ship. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { filterReasons } from '../../core/scheduling/extender-filter.ts';
import type { NodeReservation } from '../../core/scheduling/reservation.ts';
import { createKubernetesClient } from '../../extender/adapters/kubernetes/cluster-client.ts';
import { kubeconfigConnection } from '../../extender/adapters/kubernetes/connection.ts';
import { systemClock } from '../../extender/adapters/system.ts';
import { createMetrics, type Metrics } from '../../extender/metrics.ts';
import { NodeTable } from '../../extender/node-table.ts';
import { startExtenderServer } from '../../extender/server/extender-server.ts';
import type { ExtenderTls } from '../../extender/server/secure-server.ts';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import { type ClusterWatch, watchCluster } from '../control-plane/cluster-watch.ts';
import {
  type ControlPlane,
  SYSTEM_UNDER_TEST,
  startControlPlane,
} from '../control-plane/control-plane.ts';
import { joinNode } from '../control-plane/joining-node.ts';
import { hasCondition, type Pod } from '../control-plane/objects.ts';
import { collectionPath, findObject, readManifests } from '../manifests/read-manifests.ts';
import { createAuthority } from '../support/certificates.ts';
import { extenderNode, standing } from '../support/extender-fixtures.ts';

const deadlineMs = 60_000;
const nodeNames = ['node-a', 'node-b', 'node-c'];
const podsPath = '/api/v1/namespaces/default/pods';
const longMs = 3_600_000;
/** As shipped; a call that hangs costs the scheduler this long. */
const shippedTimeoutMs = 500;

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 10 * deadlineMs);

interface Extender {
  readonly url: string;
  readonly nodes: NodeTable;
  readonly metrics: Metrics;
}

interface World {
  readonly plane: ControlPlane;
  readonly cluster: ClusterWatch;
  readonly deploy: Awaited<ReturnType<typeof readManifests>>;
}

t.test('a real kube-scheduler with the extender', { skip: reason ?? false }, async (t) => {
  const plane = await startControlPlane({ schedulers: [], log: (line) => t.comment(line) });
  t.teardown(async () => await plane.stop());
  const cluster = await watchCluster(plane.client);
  t.teardown(async () => await cluster.stop());
  const world = { plane, cluster, deploy: await readManifests('deploy') };
  await prepare(world);
  const shipped = await startExtender(t, plane);
  // The rights are the account's own, as in the Deployment: a scheduler that leads has its Lease.
  await plane.startScheduler({
    name: 'shipped',
    configuration: configurationOf(world, 'stowage', { urlPrefix: shipped.url }),
    identity: SYSTEM_UNDER_TEST.name,
    flags: ['--feature-gates=SchedulerPopFromBackoffQ=false'],
  });

  await t.test('packs: a pod goes to the fullest node', async (t) =>
    checkPacking(t, world, shipped),
  );
  await t.test('keeps foreign pods off reserved nodes, and says why', async (t) =>
    checkFilter(t, world, shipped),
  );
  await t.test('lets an owner in, on its own node', async (t) => checkOwner(t, world, shipped));
  await t.test('spares victims on nodes that the pod could not use', async (t) =>
    checkPreemption(t, world, shipped),
  );
  await t.test('goes on by itself while the extender is away', async (t) => checkAway(t, world));
  await t.test('goes on by itself while the extender hangs', async (t) => checkSlow(t, world));
  await t.test('is answered with whole nodes when it sends whole nodes', async (t) =>
    checkWholeNodes(t, world),
  );
  await t.test('binds through the extender, over HTTP/2 with client certificates', async (t) =>
    checkSecure(t, world),
  );
});

async function prepare({ plane, cluster, deploy }: World): Promise<void> {
  const { client } = plane;
  await client.expect('POST', '/api/v1/namespaces', {
    ...findObject(deploy, 'Namespace', 'stowage-system'),
  });
  for (const { file, object } of deploy.filter(({ file }) => file.endsWith('rbac.yaml'))) {
    await client.expect('POST', collectionPath(object), object).catch((cause: unknown) => {
      throw new Error(file, { cause });
    });
  }
  // Long before they are used: admission knows them by a watch of its own.
  for (const [name, value] of [
    ['low', 1],
    ['middle', 10],
    ['high', 1000],
  ] as const) {
    const priorityClass = { metadata: { name }, value };
    await client.expect('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', priorityClass);
  }
  for (const name of nodeNames) {
    await joinNode(client, {
      name,
      providerId: `aws:///us-east-1a/i-${name}`,
      labels: { 'topology.kubernetes.io/zone': 'us-east-1a' },
      taints: [],
      allocatable: { cpu: '4', memory: '16Gi', pods: '50' },
    });
  }
  const isOpen = (name: string): boolean => {
    const node = cluster.nodes.get(name);
    return (
      node !== undefined && hasCondition(node, 'Ready') && (node.spec?.taints ?? []).length === 0
    );
  };
  await cluster.until('the nodes are ready', () => nodeNames.every(isOpen), deadlineMs);
}

async function startExtender(t: Test, plane: ControlPlane, tls?: ExtenderTls): Promise<Extender> {
  const connection = await kubeconfigConnection({
    file: plane.kubeconfigOf(SYSTEM_UNDER_TEST.name),
  });
  const client = createKubernetesClient(connection);
  const nodes = new NodeTable();
  for (const name of nodeNames) nodes.put(extenderNode(name, { standing: standing() }));
  const metrics = createMetrics('test', { process: false });
  const server = await startExtenderServer({
    host: '127.0.0.1',
    port: 0,
    nodes,
    binder: client,
    clock: systemClock,
    metrics: metrics.extender,
    log: pino({ level: 'silent' }),
    ...(tls === undefined ? {} : { tls }),
  });
  t.teardown(async () => {
    await server.close();
    client.close();
  });
  return { url: server.url, nodes, metrics };
}

type Fields = Record<string, unknown>;

/** What we ship, for another profile name and with other settings of the extender. */
function configurationOf({ deploy }: World, schedulerName: string, extender: Fields): Fields {
  const { data } = findObject(deploy, 'ConfigMap', 'stowage-scheduler') as unknown as {
    data: Record<string, string>;
  };
  const configuration = parse(data['scheduler.yaml'] ?? '') as Fields & {
    profiles: Fields[];
    extenders: Fields[];
  };
  const isShipped = schedulerName === 'stowage';
  return {
    ...configuration,
    ...(isShipped ? {} : { leaderElection: { leaderElect: false } }),
    profiles: configuration.profiles.map((profile) => ({ ...profile, schedulerName })),
    extenders: configuration.extenders.map((one) => ({ ...one, ...extender })),
  };
}

async function createPod(
  { plane }: World,
  name: string,
  cpu: string,
  spec: Fields = {},
): Promise<string> {
  const container = { name: 'main', image: 'main', resources: { requests: { cpu } } };
  const pod = await plane.client.expect<Pod>('POST', podsPath, {
    metadata: { name },
    spec: { schedulerName: 'stowage', containers: [container], ...spec },
  });
  return pod.metadata.uid ?? '';
}

async function removePods({ plane, cluster }: World): Promise<void> {
  await plane.client.expect('DELETE', `${podsPath}?gracePeriodSeconds=0`);
  await cluster.until('the pods are gone', () => cluster.pods.size === 0, deadlineMs);
}

async function nodeOf({ cluster }: World, name: string): Promise<string | undefined> {
  const pod = (): Pod | undefined => cluster.pods.get(`default/${name}`);
  await cluster.until(`${name} is bound`, () => pod()?.spec.nodeName !== undefined, deadlineMs);
  return pod()?.spec.nodeName;
}

async function waitingReason({ cluster }: World, name: string) {
  const condition = () =>
    cluster.pods
      .get(`default/${name}`)
      ?.status?.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False');
  await cluster.until(`${name} waits`, () => condition() !== undefined, deadlineMs);
  return condition();
}

function reserve(extender: Extender, name: string, owners: readonly string[]): NodeReservation {
  const reservation: NodeReservation = {
    owners: new Set(owners),
    expiresAtMs: Date.now() + longMs,
    fence: 'binding',
  };
  extender.nodes.put(extenderNode(name, { reservation, standing: standing() }));
  return reservation;
}

function release(extender: Extender): void {
  for (const name of nodeNames) extender.nodes.put(extenderNode(name, { standing: standing() }));
}

async function checkPacking(t: Test, world: World, extender: Extender): Promise<void> {
  const fullness = { 'node-a': 0, 'node-b': 400, 'node-c': 900 };
  for (const [name, fullnessPermille] of Object.entries(fullness)) {
    const workloadPods = fullnessPermille === 0 ? 0 : 1;
    extender.nodes.put(
      extenderNode(name, { standing: standing({ fullnessPermille, workloadPods }) }),
    );
  }
  for (const name of ['first', 'second', 'third']) {
    await createPod(world, name, '100m');
    t.equal(await nodeOf(world, name), 'node-c');
  }
  const asked = await extender.metrics.extender.nodesAsked.get();
  t.strictSame(
    asked.values.map(({ labels, value }) => [labels.verb, value]),
    [
      ['filter', 9],
      ['prioritize', 9],
    ],
  );
  const connections = await extender.metrics.extender.connections.get();
  t.strictSame(
    connections.values.map(({ value }) => value),
    [1],
    'one connection, kept alive',
  );
  await removePods(world);
}

async function checkFilter(t: Test, world: World, extender: Extender): Promise<void> {
  for (const name of nodeNames) reserve(extender, name, ['somebody-else']);
  await createPod(world, 'foreign', '100m');
  const condition = await waitingReason(world, 'foreign');
  t.equal(condition?.reason, 'Unschedulable', 'no error, so that nobody takes it for an outage');
  t.match(condition?.message, `0/3 nodes are available: 3 ${filterReasons.binding}.`);
  t.match(condition?.message, /preemption: 0\/3 nodes are available: 3 Preemption is not helpful/);

  extender.nodes.put(extenderNode('node-b', { standing: standing() }));
  const annotations = { 'stowage.dev/try-again': 'now' };
  await world.plane.client.expect('PATCH', `${podsPath}/foreign`, { metadata: { annotations } });
  t.equal(await nodeOf(world, 'foreign'), 'node-b');
  release(extender);
  await removePods(world);
}

async function checkOwner(t: Test, world: World, extender: Extender): Promise<void> {
  // A gate holds the pod back until its reservation is known.
  const uid = await createPod(world, 'owner', '100m', { schedulingGates: [{ name: 'test/gate' }] });
  reserve(extender, 'node-b', [uid]);
  for (const name of ['node-a', 'node-c']) {
    extender.nodes.put(extenderNode(name, { standing: standing({ fullnessPermille: 1000 }) }));
  }
  const operations = [{ op: 'remove', path: '/spec/schedulingGates' }];
  const type = 'application/json-patch+json';
  await world.plane.client.expect('PATCH', `${podsPath}/owner`, operations, type);
  t.equal(await nodeOf(world, 'owner'), 'node-b');
  release(extender);
  await removePods(world);
}

async function checkPreemption(t: Test, world: World, extender: Extender): Promise<void> {
  const place = async (
    name: string,
    nodeName: string,
    priorityClassName: string,
  ): Promise<void> => {
    await createPod(world, name, '3500m', { nodeName, priorityClassName });
    await nodeOf(world, name);
  };
  // By itself kube-scheduler prefers the victims of the lowest priority: those on node-a.
  await place('spared', 'node-a', 'low');
  await place('victim', 'node-b', 'middle');
  await place('too-high', 'node-c', 'high');
  reserve(extender, 'node-a', ['somebody-else']);
  await createPod(world, 'preemptor', '3500m', { priorityClassName: 'high' });
  t.equal(await nodeOf(world, 'preemptor'), 'node-b');
  const alive = [...world.cluster.pods.keys()].toSorted();
  t.strictSame(alive, ['default/preemptor', 'default/spared', 'default/too-high']);
  const dropped = await extender.metrics.extender.candidatesDropped.get();
  t.ok((dropped.values[0]?.value ?? 0) >= 1);
  release(extender);
  await removePods(world);
}

async function checkAway(t: Test, world: World): Promise<void> {
  const { port, close } = await listen();
  await close();
  const urlPrefix = `http://127.0.0.1:${port}/scheduler`;
  const configuration = configurationOf(world, 'away', { urlPrefix });
  const scheduler = await world.plane.startScheduler({ name: 'away', configuration });
  await createPod(world, 'alone', '100m', { schedulerName: 'away' });
  t.ok(nodeNames.includes((await nodeOf(world, 'alone')) ?? ''));
  await scheduler.stop();
  await removePods(world);
}

async function checkSlow(t: Test, world: World): Promise<void> {
  const { port, close } = await listen();
  const urlPrefix = `http://127.0.0.1:${port}/scheduler`;
  const configuration = configurationOf(world, 'slow', { urlPrefix });
  const scheduler = await world.plane.startScheduler({ name: 'slow', configuration });
  const startMs = performance.now();
  for (const name of ['one', 'two']) {
    await createPod(world, name, '100m', { schedulerName: 'slow' });
    await nodeOf(world, name);
  }
  const elapsedMs = performance.now() - startMs;
  t.ok(elapsedMs >= 4 * shippedTimeoutMs - 50, `it waited ${elapsedMs} ms for two calls per pod`);
  await scheduler.stop();
  await close();
  await removePods(world);
}

async function checkWholeNodes(t: Test, world: World): Promise<void> {
  const extender = await startExtender(t, world.plane);
  const settings = { urlPrefix: extender.url, nodeCacheCapable: false };
  const configuration = configurationOf(world, 'whole', settings);
  const scheduler = await world.plane.startScheduler({ name: 'whole', configuration });
  reserve(extender, 'node-a', ['somebody-else']);
  reserve(extender, 'node-c', ['somebody-else']);
  await createPod(world, 'whole', '100m', { schedulerName: 'whole' });
  t.equal(await nodeOf(world, 'whole'), 'node-b');
  await scheduler.stop();
  await removePods(world);
}

async function checkSecure(t: Test, world: World): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-tls-'));
  t.teardown(async () => await rm(directory, { recursive: true }));
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const authority = await createAuthority();
  const [server, client, stranger] = [
    await authority.server(),
    await authority.client('CN=system:kube-scheduler'),
    await authority.client('CN=somebody'),
  ];
  const clientAuthorityFile = await file('ca.crt', authority.certificate);
  const extender = await startExtender(t, world.plane, {
    certificateFile: await file('tls.crt', server.certificate),
    keyFile: await file('tls.key', server.key),
    clientAuthorityFile,
    allowedClients: ['system:kube-scheduler'],
  });
  const settings = async (name: string, pair: typeof client): Promise<Fields> => ({
    urlPrefix: extender.url,
    bindVerb: 'bind',
    enableHTTPS: true,
    tlsConfig: {
      caFile: clientAuthorityFile,
      certFile: await file(`${name}.crt`, pair.certificate),
      keyFile: await file(`${name}.key`, pair.key),
    },
  });
  const allowed = configurationOf(world, 'secure', await settings('client', client));
  const scheduler = await world.plane.startScheduler({ name: 'secure', configuration: allowed });
  const names = Array.from({ length: 30 }, (_, index) => `bound-${index}`);
  await Promise.all(
    names.map(async (name) => await createPod(world, name, '10m', { schedulerName: 'secure' })),
  );
  await Promise.all(names.map(async (name) => await nodeOf(world, name)));
  // Its last answers may still be on their way when the watch shows the last pod bound.
  await scheduler.stop();
  const { binds, connections, clientsRefused } = extender.metrics.extender;
  t.match((await binds.get()).values, [{ labels: { result: 'bound' }, value: names.length }]);
  t.match((await connections.get()).values, [{ labels: { protocol: 'h2' }, value: 1 }]);

  const configuration = configurationOf(world, 'stranger', await settings('stranger', stranger));
  const other = await world.plane.startScheduler({ name: 'stranger', configuration });
  await createPod(world, 'by-itself', '10m', { schedulerName: 'stranger' });
  await nodeOf(world, 'by-itself');
  t.ok(((await clientsRefused.get()).values[0]?.value ?? 0) > 0, 'it was refused and went on');
  t.match((await binds.get()).values, [{ value: names.length }]);
  await other.stop();
  await removePods(world);
}

/** Accepts connections and says nothing. */
async function listen() {
  const sockets = new Set<import('node:net').Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port, close };
}
