/** Leading, telling and keeping pools on a real API server, with the rights of the manifests. */
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { ownership } from '../../core/lifecycle/ownership.ts';
import type { Clock } from '../../core/ports.ts';
import {
  createKubernetesClient,
  type KubernetesClient,
} from '../../extender/adapters/kubernetes/cluster-client.ts';
import { kubeconfigConnection } from '../../extender/adapters/kubernetes/connection.ts';
import { systemClock, systemRandom } from '../../extender/adapters/system.ts';
import { startLiveState } from '../../extender/controllers/live-state.ts';
import { startLeftAlone } from '../../extender/controllers/nodepools/left-alone.ts';
import { startNodePoolStatus } from '../../extender/controllers/nodepools/status.ts';
import { karpenterLeads, karpenterLeaseName } from '../../extender/leadership/karpenter-lease.ts';
import { runLeaderElection } from '../../extender/leadership/lease.ts';
import { readLeader } from '../../extender/leadership/lease-lock.ts';
import { SideBySide } from '../../extender/leadership/side-by-side.ts';
import { createMetrics } from '../../extender/metrics.ts';
import { ClusterRecorder } from '../../extender/records/recorder.ts';
import { defaultSettings } from '../../extender/settings.ts';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import {
  type ControlPlane,
  SYSTEM_UNDER_TEST,
  startControlPlane,
} from '../control-plane/control-plane.ts';
import { collectionPath, readManifests } from '../manifests/read-manifests.ts';
import { poolOf } from '../support/cluster-builders.ts';

const patienceMs = 60_000;
const pollMs = 100;
const [clock, random] = [systemClock, systemRandom];
const log = pino({ level: 'silent' });
const { namespace, leaseName } = defaultSettings;

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 5 * patienceMs);

async function eventually(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += pollMs) {
    if (await holds()) return;
    await delay(pollMs);
  }
  throw new Error(`not within ${patienceMs} ms: ${what}`);
}

t.test('with the rights of its service account', { skip: reason ?? false }, async (t) => {
  const plane = await startControlPlane({ schedulers: [], log: (line) => t.comment(line) });
  const file = plane.kubeconfigOf(SYSTEM_UNDER_TEST.name);
  const client = createKubernetesClient(await kubeconfigConnection({ file }));
  t.teardown(async () => {
    client.close();
    await plane.stop();
  });
  await install(plane, client);
  await t.test('two replicas take turns', async (t) => await checkElection(t, client));
  await t.test('a Karpenter is seen', async (t) => await checkKarpenter(t, plane, client));
  await t.test('Events are told and counted', async (t) => await checkEvents(t, plane, client));
  await t.test('pools have a status', async (t) => await checkPools(t, plane, client));
  await t.test('each has its group', async (t) => await checkSideBySide(t, plane, client));
});

async function install(plane: ControlPlane, client: KubernetesClient): Promise<void> {
  const [crds, deployed] = [await readManifests('crds'), await readManifests('deploy')];
  const wanted = deployed.filter(({ file }) => /\/(namespace|rbac)\.yaml$/.test(file));
  for (const { object } of [...crds, ...wanted]) {
    await plane.client.expect('POST', collectionPath(object), object);
  }
  await eventually('the API and the rights are there', async () => {
    if (!(await client.serves('NodePool')) || !(await client.serves('EC2NodeClass'))) return false;
    try {
      await client.list('NodePool', { limit: 1 });
      return true;
    } catch {
      // The authorizer follows roles by a watch of its own.
      return false;
    }
  });
}

function startReplica(client: KubernetesClient, identity: string) {
  const end = new AbortController();
  const state = { leads: false };
  const settings = { identity, namespace, leaseName, leaderElection: true };
  const done = runLeaderElection({
    client,
    clock,
    random,
    settings,
    signal: end.signal,
    lead: async (signal) => {
      state.leads = true;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      state.leads = false;
    },
  });
  done.catch(() => undefined);
  return {
    state,
    stop: async () => {
      end.abort(new Error('stopped'));
      await done;
    },
  };
}

async function checkElection(t: Test, client: KubernetesClient): Promise<void> {
  const lease = { namespace, leaseName };
  const a = startReplica(client, 'a');
  await eventually('the first leads', () => a.state.leads);
  const b = startReplica(client, 'b');
  t.match(await readLeader(client, lease), { identity: 'a', transitions: 0, durationMs: 15_000 });
  const stoppedMs = performance.now();
  await a.stop();
  t.equal(a.state.leads, false);
  await eventually('the second leads', () => b.state.leads);
  t.ok(performance.now() - stoppedMs < 10_000, 'it did not wait for the Lease to run out');
  t.match(await readLeader(client, lease), { identity: 'b', transitions: 1 });
  await b.stop();
  t.match(await readLeader(client, lease), { identity: /^$/ });
}

async function checkKarpenter(
  t: Test,
  plane: ControlPlane,
  client: KubernetesClient,
): Promise<void> {
  t.equal(await karpenterLeads({ client, clock }), false);
  await plane.client.expect('POST', '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases', {
    metadata: { name: 'karpenter-leader-election' },
    spec: {
      holderIdentity: 'karpenter-1',
      leaseDurationSeconds: 15,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    },
  });
  t.equal(await karpenterLeads({ client, clock }), true);
}

interface StoredEvent {
  readonly count: number;
  readonly message: string;
  readonly involvedObject: { readonly kind: string };
}

async function checkEvents(t: Test, plane: ControlPlane, client: KubernetesClient): Promise<void> {
  let aheadMs = 0;
  const moved: Clock = { ...clock, nowMs: () => clock.nowMs() + aheadMs };
  const metrics = createMetrics('test', { process: false });
  const recorder = new ClusterRecorder({
    client,
    clock: moved,
    random,
    identity: 'a',
    metrics,
    log,
  });
  const stored = async (): Promise<readonly StoredEvent[]> => {
    const path = '/api/v1/namespaces/default/events';
    const { items } = await plane.client.expect<{ items: StoredEvent[] }>('GET', path);
    return items.filter(({ message }) => message === 'it is being drained');
  };
  const node = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u1' };
  const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'web', uid: 'u2' };
  const tell = (): void => {
    recorder.event(node, 'Normal', 'Disrupted', 'it is being drained');
    recorder.event(pod, 'Warning', 'FailedScheduling', 'it is being drained');
  };
  tell();
  await eventually('both are stored', async () => (await stored()).length === 2);
  aheadMs = 200_000;
  tell();
  await recorder.flush(patienceMs);
  t.match(await stored(), [{ count: 2 }, { count: 2 }]);
  const dropped = await metrics.cluster.droppedRecords.get();
  t.strictSame(dropped.values, []);
}

async function checkPools(t: Test, plane: ControlPlane, client: KubernetesClient): Promise<void> {
  const end = new AbortController();
  const live = startLiveState({ client, clock, random, signal: end.signal });
  await live.synced;
  const controller = startNodePoolStatus({
    clock,
    random,
    client,
    view: live.view,
    metrics: createMetrics('test', { process: false }),
    log,
    settings: defaultSettings,
    owns: ownership(false),
    signal: end.signal,
  });
  const requirements = [{ key: 'kubernetes.io/arch', operator: 'In' as const, values: ['amd64'] }];
  const path = '/apis/karpenter.sh/v1/nodepools';
  await plane.client.expect('POST', path, poolOf('general', { requirements }));
  const pool = () => live.view.get('NodePool', { name: 'general' });
  await eventually('the status is there', () => pool()?.status?.conditions !== undefined);
  t.match(pool()?.status, {
    nodes: 0,
    resources: { cpu: '0', nodes: '0' },
    conditions: [
      { type: 'ValidationSucceeded', status: 'True' },
      { type: 'NodeClassReady', status: 'False', reason: 'NodeClassNotFound' },
      { type: 'Ready', status: 'False' },
      { type: 'NodeRegistrationHealthy', status: 'Unknown' },
    ],
  });
  t.match(pool()?.metadata.annotations, { 'karpenter.sh/nodepool-hash-version': 'stowage-v1' });
  end.abort(new Error('stopped'));
  await Promise.all([controller.done, live.done]);
}

const poolsPath = '/apis/karpenter.sh/v1/nodepools';
const leasesPath = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';

/** As Karpenter renews it, from another machine. */
function holdLease({ client }: ControlPlane): () => void {
  const renew = async (): Promise<void> => {
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    const spec = { holderIdentity: 'karpenter-1', leaseDurationSeconds: 15, renewTime };
    const found = await client.expect<{ spec: object }>(
      'GET',
      `${leasesPath}/${karpenterLeaseName}`,
    );
    await client.expect('PUT', `${leasesPath}/${karpenterLeaseName}`, { ...found, spec });
  };
  let renewing: Promise<void> = renew();
  const timer = setInterval(() => {
    renewing = renewing.then(renew);
  }, 2_000);
  return () => clearInterval(timer);
}

async function checkSideBySide(
  t: Test,
  plane: ControlPlane,
  client: KubernetesClient,
): Promise<void> {
  const stopHolding = holdLease(plane);
  t.teardown(stopHolding);
  const requirements = [{ key: 'kubernetes.io/arch', operator: 'In' as const, values: ['amd64'] }];
  const theirs = poolOf('theirs', { requirements });
  const ours = poolOf('ours', { requirements });
  const { nodeClassRef } = ours.spec.template.spec;
  const moved = {
    ...ours.spec.template.spec,
    nodeClassRef: { ...nodeClassRef, group: 'stowage.dev' },
  };
  await plane.client.expect('POST', poolsPath, theirs);
  await plane.client.expect('POST', poolsPath, {
    ...ours,
    spec: { ...ours.spec, template: { spec: moved } },
  });
  const end = new AbortController();
  const { signal } = end;
  const live = startLiveState({ client, clock, random, signal });
  await live.synced;
  const metrics = createMetrics('test', { process: false });
  const recorder = new ClusterRecorder({ client, clock, random, identity: 'a', metrics, log });
  const settings = defaultSettings;
  const sideBySide = new SideBySide({ client, clock, random, log, settings, signal });
  const leading = sideBySide.lead(signal, async (owns, over) => {
    const given = {
      clock,
      random,
      client,
      view: live.view,
      recorder,
      metrics,
      log,
      settings,
      owns,
    };
    const context = { ...given, signal: over };
    await Promise.all([startNodePoolStatus(context).done, startLeftAlone(context).done]);
  });
  const conditions = (name: string) => live.view.get('NodePool', { name })?.status?.conditions;
  await eventually('our pool has a status', () => conditions('ours') !== undefined);
  const events = async (): Promise<
    readonly { readonly involvedObject: { readonly name: string } }[]
  > =>
    (
      await plane.client.expect<{ items: { reason: string; involvedObject: { name: string } }[] }>(
        'GET',
        '/api/v1/namespaces/default/events',
      )
    ).items.filter(({ reason }) => reason === 'LeftToKarpenter');
  await eventually('an Event says whose theirs is', async () => {
    return (await events()).some(({ involvedObject }) => involvedObject.name === 'theirs');
  });
  t.notOk((await events()).some(({ involvedObject }) => involvedObject.name === 'ours'));
  t.equal(sideBySide.karpenterLeads, true);
  t.equal(conditions('theirs'), undefined);
  t.equal(live.view.get('NodePool', { name: 'theirs' })?.metadata.annotations, undefined);
  stopHolding();
  const stoppedMs = performance.now();
  await eventually('theirs is taken over', () => conditions('theirs') !== undefined);
  const tookMs = performance.now() - stoppedMs;
  t.comment(`taken over after ${Math.round(tookMs)} ms`);
  t.ok(tookMs > 15_000, 'not before its Lease has run out');
  end.abort(new Error('stopped'));
  await Promise.all([leading, live.done, sideBySide.done]);
  await recorder.flush(patienceMs);
}
