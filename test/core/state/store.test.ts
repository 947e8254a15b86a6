/** The cached cluster state: what is shared, charged and forgotten as events come in. */
import t from 'tap';
import type { Live } from '../../../core/api/kinds.ts';
import { effectiveRequests } from '../../../core/scheduling/requests.ts';
import { ClusterStore } from '../../../core/state/store.ts';

const spec = (cpu: string) => ({
  containers: [
    {
      name: 'main',
      image: 'ignored',
      env: [{ name: 'INDEX', value: String(Math.random()) }],
      resources: { requests: { cpu, memory: '1Gi' } },
    },
  ],
  volumes: [{ name: `kube-api-access-${Math.random()}` }],
});

let version = 100;

function pod(name: string, over: object = {}, metadata: object = {}, status: object = {}) {
  version += 1;
  return {
    metadata: {
      namespace: 'default',
      name,
      uid: `uid-${name}`,
      resourceVersion: String(version),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'web' },
      ...metadata,
    },
    spec: { ...spec('500m'), ...over },
    status: { phase: 'Pending', ...status },
  } as Live<'Pod'>;
}

function node(name: string, providerID: string, over: object = {}) {
  version += 1;
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: String(version),
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: { providerID },
    status: { allocatable: { cpu: '4' }, images: [{ names: ['big'] }] },
    ...over,
  } as Live<'Node'>;
}

t.test('pods of one template share spec, labels and the work done per spec', async (t) => {
  const store = new ClusterStore();
  store.put('Pod', pod('a'));
  store.put('Pod', pod('b'));
  const [a, b] = [...store.all('Pod')];
  t.equal(a?.spec, b?.spec);
  t.equal(a?.labels, b?.labels);
  t.strictSame(effectiveRequests(a?.spec ?? { containers: [] }), { cpu: 500, memory: 2 ** 30 });
  t.notMatch(a?.spec, { volumes: [] });
});

t.test('a pod moves from unbound to its node, and its requests with it', async (t) => {
  const store = new ClusterStore();
  store.put('Pod', pod('a'));
  t.strictSame([...store.unboundPods.keys()], ['uid-a']);
  store.put('Pod', pod('a', { nodeName: 'n' }));
  store.put('Pod', pod('b', { nodeName: 'n' }));
  t.equal(store.unboundPods.size, 0);
  t.equal(store.usageOf('n').requested.get('cpu'), 1000);
  t.equal(store.usageOf('n').activeCount, 2);
  store.put('Pod', pod('a', { nodeName: 'n' }, {}, { phase: 'Succeeded' }));
  t.equal(store.usageOf('n').requested.get('cpu'), 500);
  t.equal(store.usageOf('n').activeCount, 1);
  t.equal(store.usageOf('n').pods.size, 2, 'ended pods are still there');
  store.delete('Pod', { namespace: 'default', name: 'a' });
  store.delete('Pod', { namespace: 'default', name: 'b' });
  t.strictSame([...store.usageOf('n').requested], []);
  t.equal(store.podByUid('uid-a'), undefined);
});

t.test('of a resized pod the node is charged what is in force', async (t) => {
  const store = new ClusterStore();
  const resources = { requests: { cpu: '2', memory: '1Gi' } };
  const status = { phase: 'Running', containerStatuses: [{ name: 'main', resources }] };
  store.put('Pod', pod('a', { nodeName: 'n' }, { generation: 1 }, status));
  t.equal(store.usageOf('n').requested.get('cpu'), 2000);
});

t.test('a name that comes back under another UID is an end and a beginning', async (t) => {
  const store = new ClusterStore();
  const told: string[] = [];
  store.listen('Pod', ({ type, object }) => told.push(`${type} ${object.uid}`));
  store.put('Pod', pod('a', { nodeName: 'n' }));
  store.put('Pod', pod('a', {}, { uid: 'uid-2' }));
  t.strictSame(told, ['added uid-a', 'deleted uid-a', 'added uid-2']);
  t.equal(store.usageOf('n').pods.size, 0);
  t.strictSame([...store.unboundPods.keys()], ['uid-2']);
  store.delete('Pod', { namespace: 'default', name: 'a' }, 'uid-a');
  t.ok(store.get('Pod', { namespace: 'default', name: 'a' }), 'a late end of the old is no end');
});

t.test('what a list no longer has is forgotten, by UID', async (t) => {
  const store = new ClusterStore();
  store.put('Node', node('a', 'p-a'));
  store.put('Node', node('b', 'p-b'));
  store.retain('Node', ({ name }, uid) => name === 'b' && uid === 'uid-b');
  t.strictSame(
    [...store.all('Node')].map(({ metadata }) => metadata.name),
    ['b'],
  );
  t.equal(store.nodeByProviderID('p-a'), undefined);
  t.equal(store.nodeByProviderID('p-b')?.metadata.name, 'b');
});

t.test('nodes are held without images, and found when the provider comes later', async (t) => {
  const store = new ClusterStore();
  store.put('Node', node('a', ''));
  t.notMatch(store.get('Node', { name: 'a' })?.status, { images: [] });
  t.equal(store.nodeByProviderID(''), undefined);
  store.put('Node', node('a', 'p-a'));
  t.equal(store.nodeByProviderID('p-a')?.metadata.name, 'a');
});

t.test('claims are found by provider and by node', async (t) => {
  const store = new ClusterStore();
  const claim = (status: object): Live<'NodeClaim'> => ({
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: {
      name: 'c',
      uid: 'u',
      resourceVersion: String((version += 1)),
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: { requirements: [], nodeClassRef: { group: 'g', kind: 'k', name: 'n' } },
    status,
  });
  store.put('NodeClaim', claim({ providerID: 'p' }));
  store.put('NodeClaim', claim({ providerID: 'p', nodeName: 'n' }));
  t.equal(store.claimByProviderID('p')?.metadata.name, 'c');
  t.equal(store.claimByNodeName('n')?.metadata.name, 'c');
  store.delete('NodeClaim', { name: 'c' });
  t.equal(store.claimByProviderID('p'), undefined);
  t.equal(store.claimByNodeName('n'), undefined);
});

t.test('a snapshot is one value until something changes, and keeps what it had', async (t) => {
  const store = new ClusterStore();
  store.put('Pod', pod('a'));
  store.put('Namespace', {
    metadata: {
      name: 'default',
      uid: 'n',
      resourceVersion: '1',
      creationTimestamp: '',
      labels: { team: 'x' },
    },
  });
  const first = store.snapshot();
  t.equal(store.snapshot(), first);
  const same = pod('a');
  store.put('Pod', same);
  store.put('Pod', same);
  const second = store.snapshot();
  t.not(second, first);
  store.put('Pod', pod('b'));
  t.equal(first.pods.length, 1);
  t.equal(second.pods.length, 1);
  t.equal(store.snapshot().pods.length, 2);
  t.strictSame(store.snapshot().namespaceLabels.get('default'), { team: 'x' });
});

t.test('what holds a pod back is in its record', async (t) => {
  const store = new ClusterStore();
  const conditions = [
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      lastTransitionTime: '2026-01-01T00:00:05Z',
    },
  ];
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'uj', controller: true };
  const gates = { schedulingGates: [{ name: 'example.com/gate' }] };
  store.put('Pod', pod('a', gates, { ownerReferences: [owner] }, { conditions }));
  t.match(store.podByUid('uid-a'), {
    unscheduledReason: 'Unschedulable',
    unscheduledSinceMs: Date.parse('2026-01-01T00:00:05Z'),
    isGated: true,
    ownerKind: 'Job',
    owner: { kind: 'Job', name: 'j', uid: 'uj' },
  });
});
