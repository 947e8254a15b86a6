/** From objects of the API server to what the verbs know, through the live view. */
import t from 'tap';
import type { Live } from '../../core/api/kinds.ts';
import {
  annotationReservation,
  reservationRecord,
} from '../../core/scheduling/reservation-record.ts';
import { ClusterStore } from '../../core/state/store.ts';
import { feedNodes } from '../../extender/node-feed.ts';
import { NodeTable } from '../../extender/node-table.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const minuteMs = 60_000;
const price = 200_000_000;
let version = 1;

function meta(name: string, over: object = {}) {
  version += 1;
  return {
    name,
    uid: `uid-${name}`,
    resourceVersion: String(version),
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...over,
  };
}

function nodeObject(name: string, spec: object = {}, metadata: object = {}) {
  return {
    metadata: meta(name, metadata),
    spec: { providerID: `aws:///a/${name}`, ...spec },
    status: { allocatable: { cpu: '4', memory: '16Gi', pods: '10', 'nvidia.com/gpu': '2' } },
  } as Live<'Node'>;
}

function claimObject(name: string, status: object, metadata: object = {}) {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: meta(name, metadata),
    spec: {
      requirements: [],
      nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
    },
    status,
  } as unknown as Live<'NodeClaim'>;
}

interface PodTraits {
  readonly cpu?: string;
  readonly owner?: string;
  readonly phase?: string;
  readonly annotations?: object;
  readonly gpus?: string;
  readonly spec?: object;
}

function podObject(name: string, nodeName: string, traits: PodTraits = {}) {
  const { cpu = '1', owner = 'ReplicaSet', phase = 'Running', annotations = {}, gpus } = traits;
  const requests = {
    cpu,
    memory: '1Gi',
    ...(gpus === undefined ? {} : { 'nvidia.com/gpu': gpus }),
  };
  const ownerReferences = [{ kind: owner, name: 'owner', uid: 'uid-owner', controller: true }];
  return {
    metadata: meta(name, { namespace: 'default', annotations, ownerReferences }),
    spec: { nodeName, containers: [{ name: 'main', resources: { requests } }], ...traits.spec },
    status: { phase, startTime: '2026-01-01T00:00:00Z' },
  } as unknown as Live<'Pod'>;
}

function createWorld(priceNanoUsdPerHour: number | undefined) {
  const clock = createVirtualClock(startMs);
  const store = new ClusterStore();
  const nodes = new NodeTable();
  const start = () => feedNodes({ view: store, nodes, clock, priceOf: () => priceNanoUsdPerHour });
  const settle = async (): Promise<void> => await clock.advance(0);
  const standing = (name = 'a') => nodes.node(name)?.standing;
  return { clock, store, nodes, start, settle, standing };
}

t.test('what is there at the start is known at once', async (t) => {
  const { store, nodes, start } = createWorld(price);
  store.put('Node', nodeObject('a'));
  start();
  t.strictSame(nodes.node('a'), {
    name: 'a',
    reservation: undefined,
    standing: {
      isLeaving: false,
      isManaged: false,
      workloadPods: 0,
      fullnessPermille: 0,
      unitPriceNanoUsdPerHour: 37_502_343,
      expectedEndMs: undefined,
    },
  });
});

t.test('nodes come, change and go with the view', async (t) => {
  const { store, nodes, start, settle, standing } = createWorld(price);
  const stop = start();
  store.put('Node', nodeObject('a'));
  t.equal(nodes.node('a'), undefined, 'changes of one turn are put together');
  await settle();
  t.ok(nodes.node('a'));
  store.put('Node', nodeObject('a', { unschedulable: true }));
  await settle();
  t.equal(standing()?.isLeaving, true);
  store.delete('Node', { name: 'a' });
  await settle();
  t.equal(nodes.node('a'), undefined);
  stop();
  store.put('Node', nodeObject('b'));
  await settle();
  t.equal(nodes.node('b'), undefined, 'after its end nothing is followed');
});

t.test('the scarcest resource makes a node full, pods and devices included', async (t) => {
  const { store, start, settle, standing } = createWorld(price);
  store.put('Node', nodeObject('a'));
  start();
  store.put('Pod', podObject('one', 'a', { cpu: '1500m' }));
  await settle();
  t.equal(standing()?.fullnessPermille, 375);
  store.put('Pod', podObject('two', 'a', { cpu: '100m', gpus: '2' }));
  await settle();
  t.equal(standing()?.fullnessPermille, 1000);
  store.delete('Pod', { namespace: 'default', name: 'two' });
  for (let index = 0; index < 7; index += 1) {
    store.put('Pod', podObject(`small-${index}`, 'a', { cpu: '1m' }));
  }
  await settle();
  t.equal(standing()?.fullnessPermille, 800);
});

t.test('pods of DaemonSets, static pods and ended pods do not keep a node', async (t) => {
  const { store, start, settle, standing } = createWorld(price);
  store.put('Node', nodeObject('a'));
  start();
  store.put('Pod', podObject('daemon', 'a', { owner: 'DaemonSet' }));
  store.put(
    'Pod',
    podObject('static', 'a', { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
  );
  store.put('Pod', podObject('ended', 'a', { owner: 'Job', phase: 'Succeeded' }));
  await settle();
  t.equal(standing()?.workloadPods, 0);
  store.put('Pod', podObject('service', 'a'));
  await settle();
  t.equal(standing()?.workloadPods, 1);
});

t.test('a node ends with the last of its pods, if all of them end', async (t) => {
  const { store, start, settle, standing } = createWorld(price);
  store.put('Node', nodeObject('a'));
  start();
  const annotations = { 'stowage.dev/expected-runtime': '10m' };
  store.put('Pod', podObject('short', 'a', { annotations }));
  store.put('Pod', podObject('long', 'a', { spec: { activeDeadlineSeconds: 1800 } }));
  await settle();
  t.equal(standing()?.expectedEndMs, startMs + 30 * minuteMs);
  store.put('Pod', podObject('service', 'a'));
  await settle();
  t.equal(standing()?.expectedEndMs, undefined);
});

t.test('a NodeClaim makes a node ours and carries its reservation', async (t) => {
  const { store, nodes, start, settle, standing } = createWorld(price);
  store.put('Node', nodeObject('a'));
  start();
  const reservation = {
    owners: new Set(['uid-pod']),
    expiresAtMs: startMs + minuteMs,
    fence: 'binding',
  } as const;
  const annotations = { [annotationReservation]: reservationRecord(reservation) };
  store.put('NodeClaim', claimObject('claim', { providerID: 'aws:///a/a' }, { annotations }));
  await settle();
  t.strictSame(nodes.node('a')?.reservation, reservation, 'known by its instance already');
  t.equal(standing()?.isManaged, true);
  store.put('NodeClaim', claimObject('claim', { providerID: 'aws:///a/a', nodeName: 'a' }));
  await settle();
  t.equal(nodes.node('a')?.reservation, undefined);
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  const leaving = claimObject('claim', { nodeName: 'a' }, { deletionTimestamp });
  store.put('NodeClaim', leaving);
  await settle();
  t.equal(standing()?.isLeaving, true);
});

t.test('the taint of disruption and the deletion of the Node mean that it goes', async (t) => {
  const { store, start, standing } = createWorld(price);
  const taints = [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' }];
  store.put('Node', nodeObject('a', { taints }));
  store.put('Node', nodeObject('b', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
  store.put('Node', nodeObject('c', {}, { labels: { 'karpenter.sh/nodepool': 'pool' } }));
  start();
  t.match(
    ['a', 'b', 'c'].map((name) => standing(name)),
    [{ isLeaving: true }, { isLeaving: true }, { isLeaving: false, isManaged: true }],
  );
});

t.test(
  'a node without a price, and one without capacity, have no and no sensible unit price',
  async (t) => {
    const unknown = createWorld(price);
    const { store, start, standing } = createWorld(undefined);
    store.put('Node', nodeObject('a'));
    start();
    t.equal(standing()?.unitPriceNanoUsdPerHour, undefined);
    unknown.store.put('Node', { ...nodeObject('a'), status: {} });
    unknown.start();
    t.equal(unknown.standing()?.unitPriceNanoUsdPerHour, 0);
  },
);
