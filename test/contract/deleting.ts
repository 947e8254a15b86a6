/** Contract of deletion: finalizers, grace periods, preconditions, dependents. */
import {
  type ContractCase,
  codeOf,
  eventually,
  identityOf,
  nodeClaimOf,
  nodeOf,
  podOf,
  runningPod,
} from './world.ts';

const finalizer = 'example.com/hold';
const release = {
  type: 'json',
  operations: [{ op: 'remove', path: '/metadata/finalizers' }],
} as const;

export const deleteCases: readonly ContractCase[] = [
  {
    rule: 'an object without finalizers is gone at once; deleting what is not there says so',
    check: async (t, { client }, namespace) => {
      const { name } = (await client.create('Node', nodeOf(namespace, 'a'))).metadata;
      t.equal(await client.delete('Node', { name }), 'deleted');
      t.equal(await client.get('Node', { name }), undefined);
      t.equal(await client.delete('Node', { name }), 'gone');
    },
  },
  {
    rule: 'a finalizer holds a deleted object until it is removed',
    check: async (t, { client }, namespace) => {
      const claim = nodeClaimOf(namespace, 'a');
      const { name } = (
        await client.create('NodeClaim', {
          ...claim,
          metadata: { ...claim.metadata, finalizers: [finalizer] },
        })
      ).metadata;
      t.equal(await client.delete('NodeClaim', { name }), 'terminating');
      const held = await client.get('NodeClaim', { name });
      t.match(held?.metadata.deletionTimestamp, /^\d{4}-/);
      t.equal(await client.delete('NodeClaim', { name }), 'terminating');
      const again = await client.get('NodeClaim', { name });
      t.equal(again?.metadata.deletionTimestamp, held?.metadata.deletionTimestamp);
      t.equal(await codeOf(client.create('NodeClaim', claim)), 'AlreadyExists');
      const more = {
        type: 'merge',
        body: { metadata: { finalizers: [finalizer, 'example.com/b'] } },
      };
      t.equal(
        await codeOf(client.patch('NodeClaim', { name }, { ...more, type: 'merge' })),
        'Invalid',
        'no finalizer may be added any more',
      );
      await client.patch('NodeClaim', { name }, release);
      t.equal(await client.get('NodeClaim', { name }), undefined);
    },
  },
  {
    rule: 'a deletionTimestamp cannot be written by hand',
    check: async (t, { client }, namespace) => {
      const { name } = (await client.create('Node', nodeOf(namespace, 'a'))).metadata;
      const body = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };
      t.equal(await codeOf(client.patch('Node', { name }, { type: 'merge', body })), 'Invalid');
    },
  },
  {
    rule: 'preconditions guard a deletion: another UID is "replaced", a stale version a Conflict',
    check: async (t, { client }, namespace) => {
      const name = { name: `${namespace}-a` };
      const first = await client.create('Node', nodeOf(namespace, 'a'));
      await client.delete('Node', name);
      const second = await client.create('Node', nodeOf(namespace, 'a'));
      t.not(second.metadata.uid, first.metadata.uid);
      t.equal(await client.delete('Node', name, { uid: first.metadata.uid }), 'replaced');
      await client.patch('Node', name, {
        type: 'merge',
        body: { metadata: { labels: { app: 'x' } } },
      });
      const { uid, resourceVersion } = second.metadata;
      t.equal(await codeOf(client.delete('Node', name, { resourceVersion })), 'Conflict');
      t.equal(await codeOf(client.delete('Node', name, { uid, resourceVersion })), 'Conflict');
      t.equal(await client.delete('Node', name, { uid }), 'deleted');
    },
  },
  {
    rule: 'a pod that no kubelet has is gone at once, a bound one after its grace or when forced',
    check: async (t, world, namespace) => {
      const { client } = world;
      await client.create('Pod', podOf(namespace, 'a'));
      t.equal(await client.delete('Pod', { namespace, name: 'a' }), 'deleted');
      const pod = await runningPod(world, namespace, 'b');
      t.equal(await client.delete('Pod', identityOf(pod)), 'terminating');
      const held = await client.get('Pod', { namespace, name: 'b' });
      const { deletionTimestamp = '' } = held?.metadata ?? {};
      const createdMs = Date.parse(held?.metadata.creationTimestamp ?? '');
      t.ok(Date.parse(deletionTimestamp) - createdMs >= 30_000, 'its grace period from now');
      t.equal(
        await client.delete('Pod', { namespace, name: 'b' }, { gracePeriodSeconds: 0 }),
        'deleted',
      );
      t.equal(await client.get('Pod', { namespace, name: 'b' }), undefined);
    },
  },
  {
    rule: 'a shorter grace period shortens the one that runs, a longer one does not prolong it',
    check: async (t, world, namespace) => {
      const { client } = world;
      const pod = await runningPod(world, namespace, 'a');
      const name = { namespace, name: 'a' };
      const endMs = async () =>
        Date.parse((await client.get('Pod', name))?.metadata.deletionTimestamp ?? '');
      await client.delete('Pod', identityOf(pod), { gracePeriodSeconds: 60 });
      const longMs = await endMs();
      await client.delete('Pod', identityOf(pod), { gracePeriodSeconds: 20 });
      const shortMs = await endMs();
      t.ok(longMs - shortMs >= 30_000, `shortened by ${longMs - shortMs} ms`);
      await client.delete('Pod', identityOf(pod), { gracePeriodSeconds: 600 });
      t.equal(await endMs(), shortMs);
      await client.delete('Pod', identityOf(pod), { gracePeriodSeconds: 0 });
    },
  },
  {
    rule: 'a forced deletion does not pass a finalizer',
    check: async (t, world, namespace) => {
      const { client } = world;
      const wanted = podOf(namespace, 'a');
      await client.create('Pod', {
        ...wanted,
        metadata: { ...wanted.metadata, finalizers: [finalizer] },
      });
      const name = { namespace, name: 'a' };
      t.equal(await client.delete('Pod', name, { gracePeriodSeconds: 0 }), 'terminating');
      t.ok(await client.get('Pod', name));
      await client.patch('Pod', name, release);
      t.equal(await client.get('Pod', name), undefined);
    },
  },
  {
    rule: 'dependents go when their owner is gone',
    check: async (t, world, namespace) => {
      const { client } = world;
      const owner = await client.create('Lease', { metadata: { namespace, name: 'owner' } });
      const wanted = podOf(namespace, 'owned');
      const reference = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        name: 'owner',
        uid: owner.metadata.uid,
      };
      await client.create('Pod', {
        ...wanted,
        metadata: { ...wanted.metadata, ownerReferences: [reference] },
      });
      await client.delete('Lease', { namespace, name: 'owner' }, { propagation: 'Background' });
      await eventually(world, 'the dependent is gone', async () =>
        (await client.get('Pod', { namespace, name: 'owned' })) === undefined ? true : undefined,
      );
      t.pass('it is gone');
    },
  },
];
