// The model scheduler: what of kube-scheduler's ways the product rests on.

import t from 'tap';
import type { Live } from '../../../core/api/kinds.ts';
import type { PodSpec, Taint } from '../../../core/api/kubernetes.ts';
import type { ExtenderSettings } from '../../../sim/scheduler/extender-calls.ts';
import {
  directTransport,
  ExtenderFailure,
  type ExtenderVerb,
} from '../../../sim/scheduler/extender-transport.ts';
import { createWorld, type World } from '../../../sim/world.ts';

function world(): World {
  return createWorld({ seed: 1, types: [], isFrozen: true });
}

interface NodeTraits {
  readonly cpu?: string;
  readonly zone?: string;
  readonly taints?: readonly Taint[];
}

/** A machine of 4 CPUs that joins at once. */
function addNode(w: World, name: string, traits: NodeTraits = {}): void {
  const allocatable = { cpu: traits.cpu ?? '4', memory: '16Gi', pods: '20' };
  w.kubelets.join(
    {
      nodeName: name,
      providerID: `aws:///z/${name}`,
      labels: { 'topology.kubernetes.io/zone': traits.zone ?? 'a' },
      taints: traits.taints ?? [],
      capacity: allocatable,
      allocatable,
      devices: {},
    },
    { readyMs: 0, devicesMs: 0 },
  );
}

function addPod(
  w: World,
  name: string,
  cpu: string,
  spec: Partial<PodSpec> = {},
  labels: Record<string, string> = {},
): Live<'Pod'> {
  return w.cluster.create('Pod', {
    metadata: { namespace: 'default', name, labels },
    spec: { containers: [{ name: 'main', resources: { requests: { cpu } } }], ...spec },
  });
}

function pod(w: World, name: string): Live<'Pod'> | undefined {
  return w.cluster.get('Pod', { namespace: 'default', name });
}

const schedulerNames = ['default-scheduler'];

type Handler = (body: Record<string, unknown>) => unknown;

/** An extender made of functions; records what it is asked. */
function extender(
  w: World,
  handlers: Partial<Record<ExtenderVerb, Handler>>,
  over: Partial<ExtenderSettings> = {},
): { readonly settings: ExtenderSettings; readonly asked: string[] } {
  const asked: string[] = [];
  const transport = directTransport(
    w.clock,
    (verb, bytes) => {
      const body = JSON.parse(bytes.toString()) as Record<string, unknown>;
      const { Pod } = body as { Pod?: Live<'Pod'> };
      asked.push(`${verb} ${Pod?.metadata.name ?? body['PodName']}`);
      const answer = handlers[verb]?.(body);
      if (answer instanceof Error) return { status: 500, body: answer.message };
      return { status: 200, body: JSON.stringify(answer ?? {}) };
    },
    () => 1,
  );
  const verbs = new Set(Object.keys(handlers) as ExtenderVerb[]);
  const settings = {
    transport,
    verbs,
    weight: 1,
    isIgnorable: false,
    managedResources: [],
    ...over,
  };
  return { settings, asked };
}

const all: Handler = ({ NodeNames }) => ({ NodeNames });
const none: Handler = ({ NodeNames }) => ({
  NodeNames: [],
  FailedAndUnresolvableNodes: Object.fromEntries(
    (NodeNames as string[]).map((name) => [name, 'reserved']),
  ),
});

t.test('places pods where they fit, and says in a condition why not', async (t) => {
  const w = world();
  addNode(w, 'small', { cpu: '1' });
  addNode(w, 'tainted', { taints: [{ key: 'x', effect: 'NoSchedule' }] });
  w.startScheduler({ schedulerNames });
  addPod(w, 'fits', '1');
  await w.clock.advance(1000);
  addPod(w, 'big', '3');
  addPod(w, 'tolerant', '3', { tolerations: [{ key: 'x', operator: 'Exists' }] });
  addPod(w, 'foreign', '1', { schedulerName: 'another' });
  await w.clock.advance(5000);
  t.equal(pod(w, 'fits')?.spec.nodeName, 'small');
  t.equal(pod(w, 'tolerant')?.spec.nodeName, 'tainted');
  t.notOk(pod(w, 'big')?.spec.nodeName);
  t.match(pod(w, 'big')?.status?.conditions, [
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message:
        '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {x: }.',
    },
  ]);
  t.equal(pod(w, 'foreign')?.status?.conditions, undefined);
});

t.test('goes by priority, then by age', async (t) => {
  const w = world();
  w.cluster.create('PriorityClass', { metadata: { name: 'high' }, value: 10 });
  const order: string[] = [];
  w.cluster.listen('Pod', ({ object, previous }) => {
    if (previous?.spec.nodeName === undefined && object.spec.nodeName !== undefined) {
      order.push(object.metadata.name);
    }
  });
  for (const name of ['a', 'b']) addPod(w, name, '1');
  addPod(w, 'urgent', '1', { priorityClassName: 'high' });
  addNode(w, 'n');
  await w.clock.advance(500);
  w.startScheduler({ schedulerNames });
  await w.clock.advance(1000);
  t.strictSame(order, ['urgent', 'a', 'b']);
});

t.test('never asks an extender when no node passes the filters in the tree', async (t) => {
  const w = world();
  const { settings, asked } = extender(w, { filter: all, prioritize: () => [] });
  w.startScheduler({ schedulerNames, extenders: [settings] });
  addPod(w, 'early', '1');
  await w.clock.advance(3000);
  t.strictSame(asked, [], 'there are no nodes');
  addNode(w, 'n', { cpu: '2' });
  addPod(w, 'big', '3');
  await w.clock.advance(30_000);
  t.ok(pod(w, 'early')?.spec.nodeName);
  t.notOk(asked.includes('filter big'));
  t.notOk(asked.includes('prioritize early'), 'one node needs no scores');
});

t.test('what the extender rejects stays away; its scores decide among the rest', async (t) => {
  const w = world();
  for (const name of ['a', 'b', 'c']) addNode(w, name);
  await w.clock.advance(1000);
  const { settings } = extender(w, {
    filter: ({ NodeNames }) => ({
      NodeNames: (NodeNames as string[]).filter((name) => name !== 'a'),
      FailedNodes: { a: 'reserved' },
    }),
    prioritize: () => [
      { Host: 'b', Score: 1 },
      { Host: 'c', Score: 10 },
    ],
  });
  w.startScheduler({ schedulerNames, extenders: [settings] });
  for (let index = 0; index < 3; index += 1) addPod(w, `p${index}`, '1');
  await w.clock.advance(2000);
  t.strictSame(
    [...w.cluster.all('Pod')].map(({ spec }) => spec.nodeName),
    ['c', 'c', 'c'],
  );
});

t.test('a pod held by the extender is asked about again at every event', async (t) => {
  const w = world();
  addNode(w, 'n');
  await w.clock.advance(1000);
  const { settings, asked } = extender(w, { filter: none });
  w.startScheduler({ schedulerNames, extenders: [settings] });
  addPod(w, 'held', '1');
  await w.clock.advance(20_000);
  t.match(pod(w, 'held')?.status?.conditions, [
    { reason: 'Unschedulable', message: '0/1 nodes are available: 1 reserved.' },
  ]);
  const quiet = asked.length;
  t.equal(quiet, 2, 'once, and once more for its own first status');
  await w.clock.advance(60_000);
  t.equal(asked.length, quiet, 'without an event it waits');
  w.cluster.create('Node', { metadata: { name: 'other' } });
  await w.clock.advance(15_000);
  t.ok(asked.length > quiet);
});

t.test('a failing extender is a SchedulerError, or passed over if it may be', async (t) => {
  const w = world();
  addNode(w, 'n');
  await w.clock.advance(1000);
  const broken = extender(w, { filter: () => new Error('down') });
  w.startScheduler({ schedulerNames, extenders: [broken.settings] });
  addPod(w, 'a', '1');
  await w.clock.advance(10_000);
  t.match(pod(w, 'a')?.status?.conditions, [{ reason: 'SchedulerError' }]);
  t.ok(broken.asked.length >= 3, 'tried again after its backoff');

  const ignorable = extender(w, { filter: () => new Error('down') }, { isIgnorable: true });
  w.startScheduler({ schedulerNames: ['second'], extenders: [ignorable.settings] });
  addPod(w, 'b', '1', { schedulerName: 'second' });
  await w.clock.advance(2000);
  t.equal(pod(w, 'b')?.spec.nodeName, 'n');
});

t.test('a node that was not asked about, or an Error, fails the attempt', async (t) => {
  for (const answer of [{ NodeNames: ['stranger'] }, { NodeNames: ['n'], Error: 'no' }]) {
    const w = world();
    addNode(w, 'n');
    await w.clock.advance(1000);
    const { settings } = extender(w, { filter: () => answer });
    w.startScheduler({ schedulerNames, extenders: [settings] });
    addPod(w, 'a', '1');
    await w.clock.advance(1000);
    t.match(pod(w, 'a')?.status?.conditions, [{ reason: 'SchedulerError' }]);
  }
});

t.test('an empty answer leaves no node: the pod is unschedulable, not in error', async (t) => {
  const w = world();
  addNode(w, 'n');
  await w.clock.advance(1000);
  const { settings } = extender(w, { filter: () => ({}) });
  w.startScheduler({ schedulerNames, extenders: [settings] });
  addPod(w, 'a', '1');
  await w.clock.advance(1000);
  t.match(pod(w, 'a')?.status?.conditions, [{ reason: 'Unschedulable' }]);
});

t.test('only pods that ask for a managed resource are sent', async (t) => {
  const w = world();
  addNode(w, 'n');
  await w.clock.advance(1000);
  const { settings, asked } = extender(w, { filter: all }, { managedResources: ['x.io/managed'] });
  w.startScheduler({ schedulerNames, extenders: [settings] });
  addPod(w, 'plain', '1');
  await w.clock.advance(1000);
  t.strictSame(asked, []);
  t.equal(pod(w, 'plain')?.spec.nodeName, 'n');
});

t.test('binds through the extender if that is its verb', async (t) => {
  const w = world();
  addNode(w, 'n');
  await w.clock.advance(1000);
  const { settings, asked } = extender(w, {
    bind: (body) => {
      const { PodNamespace, PodName, PodUID, Node } = body as Record<string, string>;
      w.clock.schedule(1, () => {
        const identity = { namespace: PodNamespace ?? '', name: PodName ?? '', uid: PodUID ?? '' };
        void w.startProcess('binder').client.bind(identity, Node ?? '');
      });
      return { Error: '' };
    },
  });
  w.startScheduler({ schedulerNames, extenders: [settings] });
  addPod(w, 'a', '1');
  await w.clock.advance(1000);
  t.strictSame(asked, ['bind a']);
  t.equal(pod(w, 'a')?.spec.nodeName, 'n');
});

t.test('a pod that somebody else binds meanwhile counts there, and nowhere else', async (t) => {
  const w = world();
  addNode(w, 'one');
  addNode(w, 'two');
  await w.clock.advance(1000);
  const scheduler = w.startScheduler({ schedulerNames });
  const { client } = w.startProcess('binder');
  for (let index = 0; index < 60; index += 1) {
    const { metadata } = addPod(w, `p${index}`, '100m');
    const identity = { namespace: 'default', name: `p${index}`, uid: metadata.uid };
    void w.clock.sleep(index % 12).then(async () => await client.bind(identity, 'one'));
    await w.clock.advance(40);
  }
  await w.clock.advance(20_000);
  const nodes = [...w.cluster.all('Pod')].map(({ spec }) => spec.nodeName);
  t.ok(nodes.includes('one') && nodes.every((name) => name === 'one' || name === 'two'));
  t.ok(scheduler.bound < 60);
  // 20 pods to a node: what the scheduler believes of the nodes decides who is refused now.
  const refused = [...w.cluster.all('Pod')].filter(({ status }) => status?.phase === 'Failed');
  t.ok(refused.length > 0, 'the binder overcommitted the first node');
  t.ok(
    refused.every(({ spec }) => spec.nodeName === 'one'),
    'the scheduler did not',
  );
});

t.test('makes room for higher priority, on nodes that the extender leaves', async (t) => {
  const w = world();
  w.cluster.create('PriorityClass', { metadata: { name: 'high' }, value: 10 });
  addNode(w, 'a');
  addNode(w, 'b');
  await w.clock.advance(1000);
  const seen: string[][] = [];
  const { settings } = extender(w, {
    preempt: (body) => {
      const { NodeNameToMetaVictims } = body as { NodeNameToMetaVictims: Record<string, unknown> };
      seen.push(Object.keys(NodeNameToMetaVictims).sort());
      return { NodeNameToMetaVictims: { b: NodeNameToMetaVictims['b'] } };
    },
  });
  w.startScheduler({ schedulerNames, extenders: [settings] });
  for (let index = 0; index < 4; index += 1) addPod(w, `low${index}`, '2');
  await w.clock.advance(5000);
  addPod(w, 'high', '3', { priorityClassName: 'high' });
  await w.clock.advance(500);
  t.strictSame(seen[0], ['a', 'b']);
  t.equal(pod(w, 'high')?.status?.nominatedNodeName, 'b');
  await w.clock.advance(20_000);
  t.equal(pod(w, 'high')?.spec.nodeName, 'b');
  t.equal([...w.cluster.all('Pod')].filter(({ spec }) => spec.nodeName === 'a').length, 2);
});

t.test('spreads over zones and keeps apart what must be apart', async (t) => {
  const w = world();
  for (const zone of ['a', 'b', 'c']) addNode(w, `n-${zone}`, { zone, cpu: '16' });
  await w.clock.advance(1000);
  w.startScheduler({ schedulerNames });
  const labels = { app: 'web' };
  const topologyKey = 'topology.kubernetes.io/zone';
  const labelSelector = { matchLabels: labels };
  const spread = {
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector,
  } as const;
  for (let index = 0; index < 6; index += 1) {
    addPod(w, `web${index}`, '1', { topologySpreadConstraints: [spread] }, labels);
  }
  await w.clock.advance(5000);
  const counts = new Map<string, number>();
  for (const { spec } of w.cluster.all('Pod')) {
    counts.set(spec.nodeName ?? '', (counts.get(spec.nodeName ?? '') ?? 0) + 1);
  }
  t.strictSame([...counts.values()], [2, 2, 2]);

  const apart = { labelSelector: { matchLabels: { app: 'db' } }, topologyKey };
  const affinity = {
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [apart] },
  };
  for (let index = 0; index < 4; index += 1)
    addPod(w, `db${index}`, '1', { affinity }, { app: 'db' });
  await w.clock.advance(5000);
  const dbs = [...w.cluster.all('Pod')].filter(({ metadata }) => metadata.labels?.['app'] === 'db');
  t.equal(new Set(dbs.map(({ spec }) => spec.nodeName)).size, 4, 'three zones, and one without');
});

t.test('erases a nomination that is not its own when an attempt fails', async (t) => {
  const w = world();
  addNode(w, 'n', { cpu: '1' });
  await w.clock.advance(1000);
  const { metadata } = addPod(w, 'big', '2');
  w.cluster.patch(
    'Pod',
    metadata,
    { type: 'merge', body: { status: { nominatedNodeName: 'future' } } },
    { subresource: 'status' },
  );
  w.startScheduler({ schedulerNames });
  await w.clock.advance(3000);
  t.notOk(pod(w, 'big')?.status?.nominatedNodeName);
});

t.test('a transport takes status 200 with JSON for an answer, and nothing else', async (t) => {
  const w = world();
  const answers = [
    { status: 201, body: '{}' },
    { status: 200, body: '' },
    { status: 200, body: '<html>' },
  ];
  for (const answer of answers) {
    const transport = directTransport(
      w.clock,
      () => answer,
      () => 1,
    );
    await t.rejects(w.clock.settle(transport.call('filter', {})), ExtenderFailure);
  }
});
