/** Contract of storing and changing objects: identity, versions, preconditions, ownership. */

import type { Live } from '../../core/api/kinds.ts';
import { annotationDoNotDisrupt } from '../../core/api/labels.ts';
import { type ContractCase, codeOf, eventually, nodeClaimOf, nodeOf, podOf } from './world.ts';

const manager = { fieldManager: 'contract' };

export const objectCases: readonly ContractCase[] = [
  {
    rule: 'a new object gets a UID, a version and a time; a second of its name is refused',
    check: async (t, { client }, namespace) => {
      const pod = await client.create('Pod', podOf(namespace, 'a'));
      t.match(pod.metadata, { name: 'a', namespace });
      t.match(pod.metadata.uid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      t.match(pod.metadata.resourceVersion, /^[0-9]+$/);
      t.match(pod.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      t.equal(await codeOf(client.create('Pod', podOf(namespace, 'a'))), 'AlreadyExists');
      const read = await client.get('Pod', { namespace, name: 'a' });
      t.equal(read?.metadata.uid, pod.metadata.uid);
      t.equal(await client.get('Pod', { namespace, name: 'b' }), undefined);
    },
  },
  {
    rule: 'generateName makes up names that differ',
    check: async (t, { client }, namespace) => {
      const wanted = { ...podOf(namespace, ''), metadata: { namespace, generateName: 'run-' } };
      const [one, two] = [await client.create('Pod', wanted), await client.create('Pod', wanted)];
      t.match(one.metadata.name, /^run-[a-z0-9]{5}$/);
      t.not(one.metadata.name, two.metadata.name);
    },
  },
  {
    rule: 'a malformed object is Invalid, one in a namespace that does not exist NotFound',
    check: async (t, { client }, namespace) => {
      t.equal(await codeOf(client.create('Pod', podOf(namespace, 'UPPER'))), 'Invalid');
      t.equal(await codeOf(client.create('Pod', podOf('no-such-namespace', 'a'))), 'NotFound');
    },
  },
  {
    rule: 'a pod starts as Pending whatever status was sent, and gets the defaults of the API',
    check: async (t, { client }, namespace) => {
      const sent = podOf(namespace, 'a', {
        containers: [{ name: 'main', resources: { limits: { cpu: '1', memory: '1Gi' } } }],
      });
      Object.assign(sent.spec.containers[0] ?? {}, { image: 'main' });
      const pod = await client.create('Pod', { ...sent, status: { phase: 'Running' } });
      t.equal(pod.status?.phase, 'Pending');
      t.equal(pod.spec.priority, 0);
      t.equal(pod.spec.preemptionPolicy, 'PreemptLowerPriority');
      t.equal(pod.spec.restartPolicy, 'Always');
      t.equal(pod.spec.terminationGracePeriodSeconds, 30);
      t.strictSame(pod.spec.containers[0]?.resources?.requests, { cpu: '1', memory: '1Gi' });
      t.strictSame(
        pod.spec.tolerations?.map(({ key, tolerationSeconds }) => [key, tolerationSeconds]),
        [
          ['node.kubernetes.io/not-ready', 300],
          ['node.kubernetes.io/unreachable', 300],
        ],
      );
      const plain = podOf(namespace, 'b');
      delete plain.spec.schedulerName;
      const bound = await client.create('Pod', {
        ...plain,
        spec: { ...plain.spec, nodeName: 'nowhere' },
      });
      t.equal(bound.spec.schedulerName, 'default-scheduler');
    },
  },
  {
    rule: "a pod's priority comes from its class; an unknown class is Forbidden",
    check: async (t, { client }, namespace) => {
      const name = `${namespace}-high`;
      await client.create('PriorityClass', {
        metadata: { name },
        value: 1000,
        preemptionPolicy: 'Never',
      });
      const pod = await client.create('Pod', podOf(namespace, 'a', { priorityClassName: name }));
      t.equal(pod.spec.priority, 1000);
      t.equal(pod.spec.preemptionPolicy, 'Never');
      const unknown = podOf(namespace, 'b', { priorityClassName: `${namespace}-unknown` });
      t.equal(await codeOf(client.create('Pod', unknown)), 'Forbidden');
    },
  },
  {
    rule: 'a node keeps the status it is created with; a NodeClaim does not',
    check: async (t, { client }, namespace) => {
      const node = await client.create('Node', nodeOf(namespace, 'a'));
      t.equal(node.status?.allocatable?.['cpu'], '4');
      const claim = await client.create('NodeClaim', {
        ...nodeClaimOf(namespace, 'a'),
        status: { nodeName: 'x' },
      });
      t.equal(claim.status?.nodeName, undefined);
    },
  },
  {
    rule: 'a new node is tainted as not ready until it reports Ready',
    check: async (t, world, namespace) => {
      const { client } = world;
      const node = await client.create('Node', {
        ...nodeOf(namespace, 'a'),
        spec: { taints: [{ key: 'example.com/own', effect: 'NoSchedule' }] },
      });
      const notReady = 'node.kubernetes.io/not-ready';
      t.strictSame(node.spec?.taints?.map(({ key }) => key).sort(), ['example.com/own', notReady]);
      const { name } = node.metadata;
      const ready = { type: 'Ready', status: 'True' as const, reason: 'KubeletReady' };
      await client.patch(
        'Node',
        { name },
        { type: 'merge', body: { status: { conditions: [ready] } } },
        { subresource: 'status' },
      );
      const taints = await eventually(world, 'the taint goes', async () => {
        const { spec } = (await client.get('Node', { name })) ?? {};
        return spec?.taints?.length === 1 ? spec.taints : undefined;
      });
      t.equal(taints[0]?.key, 'example.com/own');
    },
  },
  {
    rule: 'every change makes a new version; a patch that changes nothing makes none',
    check: async (t, { client }, namespace) => {
      const pod = await client.create('Pod', podOf(namespace, 'a'));
      const name = { namespace, name: 'a' };
      const patch = {
        type: 'merge',
        body: { metadata: { labels: { app: 'x' } } },
      } as const;
      const changed = await client.patch('Pod', name, patch);
      t.ok(BigInt(changed.metadata.resourceVersion) > BigInt(pod.metadata.resourceVersion));
      const same = await client.patch('Pod', name, patch);
      t.equal(same.metadata.resourceVersion, changed.metadata.resourceVersion);
    },
  },
  {
    rule: 'the generation counts changes of the spec, not of metadata or status',
    check: async (t, { client }, namespace) => {
      const name = { name: `${namespace}-a` };
      const ref = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
      const pool = await client.create('NodePool', {
        apiVersion: 'karpenter.sh/v1',
        kind: 'NodePool',
        metadata: name,
        spec: { template: { spec: { requirements: [], nodeClassRef: ref } } },
      });
      t.equal(pool.metadata.generation, 1);
      const labels = { metadata: { labels: { app: 'x' } } };
      const labelled = await client.patch('NodePool', name, { type: 'merge', body: labels });
      t.equal(labelled.metadata.generation, 1);
      const counted = await client.patch(
        'NodePool',
        name,
        { type: 'merge', body: { status: { nodes: 3 } } },
        { subresource: 'status' },
      );
      t.equal(counted.metadata.generation, 1);
      const weighed = await client.patch('NodePool', name, {
        type: 'merge',
        body: { spec: { weight: 7 } },
      });
      t.equal(weighed.metadata.generation, 2);
      t.equal(weighed.status?.nodes, 3);
    },
  },
  {
    rule: 'a merge patch sets, replaces lists whole and removes with null; the rest stays',
    check: async (t, { client }, namespace) => {
      const name = `${namespace}-a`;
      await client.create('Node', {
        metadata: { name, labels: { one: '1', two: '2' } },
        spec: {
          taints: [
            { key: 'a', effect: 'NoSchedule' },
            { key: 'b', effect: 'NoSchedule' },
          ],
        },
      });
      const node = await client.patch(
        'Node',
        { name },
        {
          type: 'merge',
          body: {
            metadata: { labels: { one: null, three: '3' } },
            spec: { taints: [{ key: 'c', effect: 'NoExecute' }], providerID: 'aws:///z/i-1' },
          },
        },
      );
      t.strictSame(node.metadata.labels, { two: '2', three: '3' });
      t.strictSame(node.spec?.taints, [{ key: 'c', effect: 'NoExecute' }]);
      t.equal(node.spec?.providerID, 'aws:///z/i-1');
    },
  },
  {
    rule: 'a JSON patch works operation by operation; a failed test is Invalid and changes nothing',
    check: async (t, { client }, namespace) => {
      const name = { namespace, name: 'a' };
      const metadata = { ...name, labels: { app: 'x' }, finalizers: ['example.com/one'] };
      await client.create('Pod', { ...podOf(namespace, 'a'), metadata });
      const pod = await client.patch('Pod', name, {
        type: 'json',
        operations: [
          { op: 'test', path: '/metadata/labels/app', value: 'x' },
          { op: 'replace', path: '/metadata/labels/app', value: 'y' },
          { op: 'add', path: '/metadata/labels/example.com~1key', value: 'z' },
          { op: 'add', path: '/metadata/finalizers/-', value: 'example.com/two' },
          { op: 'remove', path: '/metadata/finalizers/0' },
        ],
      });
      t.strictSame(pod.metadata.labels, { app: 'y', 'example.com/key': 'z' });
      t.strictSame(pod.metadata.finalizers, ['example.com/two']);
      const failing = client.patch('Pod', name, {
        type: 'json',
        operations: [
          { op: 'remove', path: '/metadata/finalizers' },
          { op: 'test', path: '/metadata/labels/app', value: 'x' },
        ],
      });
      t.equal(await codeOf(failing), 'Invalid');
      const missing = client.patch('Pod', name, {
        type: 'json',
        operations: [{ op: 'remove', path: '/metadata/annotations/none' }],
      });
      t.equal(await codeOf(missing), 'Invalid');
      const after = await client.get('Pod', name);
      t.equal(after?.metadata.resourceVersion, pod.metadata.resourceVersion);
      await client.patch('Pod', name, {
        type: 'json',
        operations: [{ op: 'remove', path: '/metadata/finalizers' }],
      });
    },
  },
  {
    rule: 'a write under a stale version or another UID is a Conflict and changes nothing',
    check: async (t, { client }, namespace) => {
      const name = { namespace, name: 'a' };
      const first = await client.create('Pod', podOf(namespace, 'a'));
      const label = { type: 'merge', body: { metadata: { labels: { app: 'x' } } } } as const;
      const json = {
        type: 'json',
        operations: [{ op: 'add', path: '/metadata/annotations', value: { a: 'b' } }],
      } as const;
      const { uid, resourceVersion } = first.metadata;
      const second = await client.patch('Pod', name, label, { resourceVersion, uid });
      const again = { type: 'merge', body: { metadata: { labels: { app: 'y' } } } } as const;
      t.equal(await codeOf(client.patch('Pod', name, again, { resourceVersion })), 'Conflict');
      t.equal(await codeOf(client.patch('Pod', name, json, { resourceVersion })), 'Conflict');
      const other = '00000000-0000-4000-8000-000000000000';
      t.equal(await codeOf(client.patch('Pod', name, again, { uid: other })), 'Conflict');
      t.equal(await codeOf(client.patch('Pod', name, json, { uid: other })), 'Conflict');
      t.equal(await codeOf(client.replace('Pod', first)), 'Conflict');
      const after = await client.get('Pod', name);
      t.equal(after?.metadata.resourceVersion, second.metadata.resourceVersion);
      const none = { namespace, name: 'none' };
      t.equal(await codeOf(client.patch('Pod', none, label)), 'NotFound');
      t.equal(
        (await client.patch('Pod', name, json, second.metadata)).metadata.annotations?.['a'],
        'b',
      );
    },
  },
  {
    rule: 'of two who replace a lease under one version, one wins',
    check: async (t, { client }, namespace) => {
      const lease = await client.create('Lease', {
        metadata: { namespace, name: 'leader' },
        spec: { leaseDurationSeconds: 15 },
      });
      const claimBy = (holderIdentity: string): Live<'Lease'> => ({
        ...lease,
        spec: { ...lease.spec, holderIdentity, renewTime: '2026-01-01T00:00:00.000000Z' },
      });
      const outcomes = await Promise.all(
        ['a', 'b'].map(async (holder) => await codeOf(client.replace('Lease', claimBy(holder)))),
      );
      t.strictSame(outcomes.sort(), ['Conflict', 'no error']);
    },
  },
  {
    rule: 'status and the rest are written apart from each other',
    check: async (t, { client }, namespace) => {
      const claim = await client.create('NodeClaim', nodeClaimOf(namespace, 'a'));
      const { name } = claim.metadata;
      const both = {
        type: 'merge',
        body: {
          metadata: { annotations: { [annotationDoNotDisrupt]: 'true' } },
          status: { nodeName: 'n', providerID: 'p' },
        },
      } as const;
      const main = await client.patch('NodeClaim', { name }, both);
      t.equal(main.status?.nodeName, undefined);
      t.equal(main.metadata.annotations?.[annotationDoNotDisrupt], 'true');
      const only = { type: 'merge', body: { ...both.body, spec: { expireAfter: '1h' } } } as const;
      const status = await client.patch('NodeClaim', { name }, only, { subresource: 'status' });
      t.equal(status.status?.nodeName, 'n');
      t.equal(status.spec.expireAfter, '720h');
    },
  },
  {
    rule: "what the API forbids to change is Invalid: a pod's node, a NodeClaim's spec, the provider",
    check: async (t, { client }, namespace) => {
      await client.create('Pod', podOf(namespace, 'a'));
      const bind = { type: 'merge', body: { spec: { nodeName: 'x' } } } as const;
      t.equal(await codeOf(client.patch('Pod', { namespace, name: 'a' }, bind)), 'Invalid');
      const claim = await client.create('NodeClaim', nodeClaimOf(namespace, 'a'));
      const shorter = { type: 'merge', body: { spec: { expireAfter: '1h' } } } as const;
      t.equal(await codeOf(client.patch('NodeClaim', claim.metadata, shorter)), 'Invalid');
      const node = await client.create('Node', {
        ...nodeOf(namespace, 'a'),
        spec: { providerID: 'aws:///z/i-1' },
      });
      const other = { type: 'merge', body: { spec: { providerID: 'aws:///z/i-2' } } } as const;
      t.equal(await codeOf(client.patch('Node', node.metadata, other)), 'Invalid');
    },
  },
  {
    rule: 'serves tells which kinds there are, and probe that the server is ready',
    check: async (t, { client }) => {
      t.equal(await client.serves('Pod'), true);
      t.equal(await client.serves('NodePool'), true);
      t.equal(await client.serves('EC2NodeClass.stowage.dev'), false);
      t.equal(await codeOf(client.list('EC2NodeClass.stowage.dev')), 'NotFound');
      await client.probe();
    },
  },
  {
    rule: 'an event is stored as it was sent',
    check: async (t, { client }, namespace) => {
      const event = await client.create(
        'Event',
        {
          metadata: { namespace, generateName: 'a.' },
          involvedObject: { kind: 'Pod', namespace, name: 'a', uid: 'u' },
          type: 'Normal',
          reason: 'Nominated',
          message: 'Pod will be bound to node x',
          count: 1,
          source: { component: 'stowage' },
        },
        manager,
      );
      t.match(event, { reason: 'Nominated', count: 1, involvedObject: { name: 'a' } });
    },
  },
];
