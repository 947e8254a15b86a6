/** Contract of binding and evicting: who wins, who is told what. */
import type { PodIdentity } from '../../core/ports.ts';
import {
  type ContractCase,
  type ContractWorld,
  eventually,
  identityOf,
  nodeOf,
  podOf,
  runningPod,
} from './world.ts';

const otherUid = '00000000-0000-4000-8000-000000000000';
const zone = 'topology.kubernetes.io/zone';

export const podCases: readonly ContractCase[] = [
  {
    rule: 'a bind sets the node and PodScheduled, and clears the nomination',
    check: async (t, world, namespace) => {
      const { client } = world;
      const pod = await client.create('Pod', podOf(namespace, 'a'));
      const identity = identityOf(pod);
      const unschedulable = {
        type: 'PodScheduled',
        status: 'False' as const,
        reason: 'Unschedulable',
      };
      await client.patch(
        'Pod',
        identity,
        {
          type: 'merge',
          body: { status: { nominatedNodeName: 'n', conditions: [unschedulable] } },
        },
        { subresource: 'status' },
      );
      t.strictSame(await client.bind(identity, `${namespace}-n`), { outcome: 'bound' });
      const bound = await client.get('Pod', identity);
      t.equal(bound?.spec.nodeName, `${namespace}-n`);
      t.equal(bound?.status?.phase, 'Pending');
      t.notOk(bound?.status?.nominatedNodeName);
      t.match(bound?.status?.conditions, [{ type: 'PodScheduled', status: 'True' }]);
      t.equal(bound?.status?.conditions?.length, 1);
      t.notOk(bound?.status?.conditions?.[0]?.reason);
    },
  },
  {
    rule: 'a bind is idempotent; a second node is told where the pod is',
    check: async (t, { client }, namespace) => {
      const identity = identityOf(await client.create('Pod', podOf(namespace, 'a')));
      await client.bind(identity, 'n1');
      t.strictSame(await client.bind(identity, 'n1'), { outcome: 'bound' });
      const elsewhere = { outcome: 'elsewhere', nodeName: 'n1' };
      t.strictSame(await client.bind(identity, 'n2'), elsewhere);
    },
  },
  {
    rule: 'of many binds at once exactly one node wins, and all are told the same one',
    check: async (t, { client }, namespace) => {
      const identity = identityOf(await client.create('Pod', podOf(namespace, 'a')));
      const outcomes = await Promise.all(
        ['n1', 'n2', 'n3', 'n4'].map(async (node) => await client.bind(identity, node)),
      );
      const winner = (await client.get('Pod', identity))?.spec.nodeName;
      t.equal(outcomes.filter(({ outcome }) => outcome === 'bound').length, 1);
      for (const told of outcomes) {
        if (told.outcome === 'elsewhere') t.equal(told.nodeName, winner);
      }
    },
  },
  {
    rule: 'another UID, or no pod, is "gone"',
    check: async (t, { client }, namespace) => {
      const identity = identityOf(await client.create('Pod', podOf(namespace, 'a')));
      t.strictSame(await client.bind({ ...identity, uid: otherUid }, 'n'), { outcome: 'gone' });
      t.notOk((await client.get('Pod', identity))?.spec.nodeName);
      t.strictSame(await client.bind({ ...identity, name: 'b' }, 'n'), { outcome: 'gone' });
    },
  },
  {
    rule: 'a gated pod and one that is being deleted cannot be bound',
    check: async (t, { client }, namespace) => {
      const gates = { schedulingGates: [{ name: 'example.com/gate' }] };
      const gated = await client.create('Pod', podOf(namespace, 'a', gates));
      t.match(gated.status?.conditions, [
        { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' },
      ]);
      t.strictSame(await client.bind(identityOf(gated), 'n'), { outcome: 'gated' });
      const body = { spec: { schedulingGates: [] } };
      await client.patch('Pod', identityOf(gated), { type: 'merge', body });
      t.strictSame(await client.bind(identityOf(gated), 'n'), { outcome: 'bound' });

      const wanted = podOf(namespace, 'b');
      const metadata = { ...wanted.metadata, finalizers: ['example.com/hold'] };
      const held = identityOf(await client.create('Pod', { ...wanted, metadata }));
      await client.delete('Pod', held);
      t.strictSame(await client.bind(held, 'n'), { outcome: 'terminating' });
      const operations = [{ op: 'remove', path: '/metadata/finalizers' }] as const;
      await client.patch('Pod', held, { type: 'json', operations });
    },
  },
  {
    rule: "a bind copies the node's zone to the pod where there is such a node",
    check: async (t, { client }, namespace) => {
      const wanted = nodeOf(namespace, 'a');
      const { name } = (
        await client.create('Node', {
          ...wanted,
          metadata: { ...wanted.metadata, labels: { [zone]: 'us-east-1a', other: 'x' } },
        })
      ).metadata;
      const identity = identityOf(await client.create('Pod', podOf(namespace, 'a')));
      t.strictSame(await client.bind(identity, name), { outcome: 'bound' });
      const bound = await client.get('Pod', identity);
      t.strictSame(bound?.metadata.labels, { [zone]: 'us-east-1a' });
    },
  },
  {
    rule: 'an eviction without a budget deletes the pod gracefully',
    check: async (t, world, namespace) => {
      const { client } = world;
      const pod = await runningPod(world, namespace, 'a');
      const identity = identityOf(pod);
      t.strictSame(await client.evict({ ...identity, uid: otherUid }), { outcome: 'gone' });
      t.strictSame(await client.evict({ ...identity, name: 'b' }), { outcome: 'gone' });
      t.strictSame(await client.evict(identity), { outcome: 'evicted' });
      const evicted = await client.get('Pod', identity);
      t.ok(evicted?.metadata.deletionTimestamp);
      t.strictSame(await client.evict(identity), { outcome: 'evicted' });
      await client.delete('Pod', identity, { gracePeriodSeconds: 0 });
      t.strictSame(await client.evict(identity), { outcome: 'gone' });
    },
  },
  {
    rule: 'a budget allows as many evictions as it says, then blocks until a pod is healthy again',
    check: async (t, world, namespace) => {
      const { client } = world;
      const pods = await webPods(world, namespace, ['a', 'b', 'c']);
      await budget(world, namespace, 'web', { minAvailable: 2 });
      await untilAllowed(world, namespace, 'web', 1);
      t.strictSame(await client.evict(pods[0] as PodIdentity), { outcome: 'evicted' });
      const blocked = await client.evict(pods[1] as PodIdentity);
      t.match(blocked, { outcome: 'blocked', message: /disruption budget/ });
      await client.delete('Pod', pods[0] as PodIdentity, { gracePeriodSeconds: 0 });
      await webPods(world, namespace, ['d']);
      await untilAllowed(world, namespace, 'web', 1);
      t.strictSame(await client.evict(pods[1] as PodIdentity), { outcome: 'evicted' });
    },
  },
  {
    rule: 'of many evictions at once no more go through than the budget allows',
    check: async (t, world, namespace) => {
      const { client } = world;
      const pods = await webPods(world, namespace, ['a', 'b', 'c', 'd']);
      await budget(world, namespace, 'web', { minAvailable: 2 });
      await untilAllowed(world, namespace, 'web', 2);
      const outcomes = await Promise.all(pods.map(async (pod) => await client.evict(pod)));
      t.strictSame(outcomes.map(({ outcome }) => outcome).sort(), [
        'blocked',
        'blocked',
        'evicted',
        'evicted',
      ]);
    },
  },
  {
    rule: 'a share of pods that no controller owns is a share of nothing: nobody may be evicted',
    check: async (t, world, namespace) => {
      const { client } = world;
      const [pod] = await webPods(world, namespace, ['a', 'b']);
      await budget(world, namespace, 'web', { maxUnavailable: 1 });
      await eventually(world, 'the budget is counted', async () => {
        const found = await client.get('PodDisruptionBudget', { namespace, name: 'web' });
        return found?.status?.currentHealthy === 2 ? true : undefined;
      });
      t.match(await client.evict(pod as PodIdentity), { outcome: 'blocked' });
    },
  },
  {
    rule: 'two budgets over one pod refuse its eviction',
    check: async (t, world, namespace) => {
      const [pod] = await webPods(world, namespace, ['a']);
      await budget(world, namespace, 'one', { minAvailable: 0 });
      await budget(world, namespace, 'two', { minAvailable: 0 });
      t.match(await world.client.evict(pod as PodIdentity), { outcome: 'refused' });
    },
  },
  {
    rule: 'a pod that does not run yet is evicted whatever the budget',
    check: async (t, world, namespace) => {
      const { client } = world;
      await webPods(world, namespace, ['a']);
      await budget(world, namespace, 'web', { minAvailable: 5 });
      const wanted = podOf(namespace, 'b');
      const labelled = { ...wanted, metadata: { ...wanted.metadata, labels: { app: 'web' } } };
      const pending = await client.create('Pod', labelled);
      t.strictSame(await client.evict(identityOf(pending)), { outcome: 'evicted' });
      t.equal(await client.get('Pod', identityOf(pending)), undefined);
    },
  },
  {
    rule: 'a running pod that is not ready may go if the budget is met without it, or says so',
    check: async (t, world, namespace) => {
      const { client } = world;
      const traits = { labels: { app: 'web' }, isReady: false };
      const sick = identityOf(await runningPod(world, namespace, 'sick', traits));
      await budget(world, namespace, 'web', { minAvailable: 1 });
      await eventually(world, 'the budget is counted', async () => {
        const found = await client.get('PodDisruptionBudget', { namespace, name: 'web' });
        return found?.status?.expectedPods === 1 ? true : undefined;
      });
      t.match(await client.evict(sick), { outcome: 'blocked' });
      await webPods(world, namespace, ['well']);
      await eventually(world, 'the budget is met', async () => {
        const found = await client.get('PodDisruptionBudget', { namespace, name: 'web' });
        return found?.status?.currentHealthy === 1 ? true : undefined;
      });
      t.strictSame(await client.evict(sick), { outcome: 'evicted' });
    },
  },
];

async function webPods(
  world: ContractWorld,
  namespace: string,
  names: readonly string[],
): Promise<PodIdentity[]> {
  const pods: PodIdentity[] = [];
  for (const name of names) {
    pods.push(identityOf(await runningPod(world, namespace, name, { labels: { app: 'web' } })));
  }
  return pods;
}

async function budget(
  { client }: ContractWorld,
  namespace: string,
  name: string,
  spec: { readonly minAvailable: number } | { readonly maxUnavailable: number },
): Promise<void> {
  await client.create('PodDisruptionBudget', {
    metadata: { namespace, name },
    spec: { ...spec, selector: { matchLabels: { app: 'web' } } },
  });
}

async function untilAllowed(
  world: ContractWorld,
  namespace: string,
  name: string,
  count: number,
): Promise<void> {
  await eventually(world, `${count} disruptions allowed`, async () => {
    const found = await world.client.get('PodDisruptionBudget', { namespace, name });
    return found?.status?.disruptionsAllowed === count ? true : undefined;
  });
}
