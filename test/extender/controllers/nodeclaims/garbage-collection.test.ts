// Instances without NodeClaim, and NodeClaims without instance.

import t from 'tap';
import { isTrue } from '../../../../core/api/conditions.ts';
import { CloudError, type CloudProvider } from '../../../../core/cloud-port.ts';
import type { ControllerContext } from '../../../../extender/controllers/context.ts';
import {
  type ClaimWorld,
  claimControllers,
  claimWorld,
  draftClaim,
  onDemand,
} from '../../../support/claim-world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

const minute = 60_000;

/** Starts everything on a cloud that answers otherwise. */
function onCloud(change: (cloud: CloudProvider) => Partial<CloudProvider>) {
  return (context: ControllerContext) =>
    claimControllers({ ...context, cloud: { ...context.cloud, ...change(context.cloud) } });
}

function stateOf(w: ClaimWorld, name: string): string {
  const claim = w.claim(name);
  if (claim === undefined) return 'gone';
  return claim.metadata.deletionTimestamp === undefined ? 'there' : 'ending';
}

t.test('an instance of ours without a claim is ended after its grace', async (t) => {
  const w = claimWorld('orphan');
  const { ports, events } = await startControllers(w, 'one', { start: claimControllers });
  const nodeClass = w.cluster.get('EC2NodeClass', { name: 'default' });
  if (nodeClass === undefined) throw new Error('there is no node class');
  const launch = async (name: string, tags: Readonly<Record<string, string>>) => {
    const outcome = await ports.cloud.launch({
      clientToken: name,
      nodeClaimName: name,
      nodePoolName: 'general',
      nodeClass,
      offerings: onDemand('m7i.xlarge'),
      tags,
      labels: {},
      taints: [],
    });
    return outcome.outcome === 'launched' ? outcome.instance.providerID : '';
  };
  const tags = { 'karpenter.sh/nodeclaim': 'nobody' };
  const theirs = await w.clock.settle(launch('theirs', tags));
  await w.clock.settle(launch('ours', { ...tags, 'stowage.dev/nodeclaim-uid': 'uid-1' }));
  await w.clock.advance(25_000);
  t.equal(w.living(), 2, 'its claim may be under way');
  await w.clock.advance(2 * minute);
  t.equal(w.living(), 1);
  const found = await w.clock.settle(ports.cloud.get(theirs));
  t.equal(found?.state, 'running', 'what does not carry our tag is not ours');
  t.strictSame(events, []);
});

t.test('a second instance of a claim is ended, the one that it knows stays', async (t) => {
  const w = claimWorld('second');
  const { ports } = await startControllers(w, 'one', { start: claimControllers });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(minute);
  const claim = w.claim('a');
  const nodeClass = w.cluster.get('EC2NodeClass', { name: 'default' });
  if (claim === undefined || nodeClass === undefined) throw new Error('there is no claim');
  const request = {
    clientToken: 'other',
    nodeClaimName: 'a',
    nodePoolName: 'general',
    nodeClass,
    offerings: onDemand('m7i.xlarge'),
    tags: { 'karpenter.sh/nodeclaim': 'a', 'stowage.dev/nodeclaim-uid': claim.metadata.uid },
    labels: {},
    taints: [],
  };
  await w.clock.settle(ports.cloud.launch(request));
  t.equal(w.living(), 2);
  await w.clock.advance(3 * minute);
  t.equal(w.living(), 1);
  const kept = await w.clock.settle(ports.cloud.get(claim.status?.providerID ?? ''));
  t.equal(kept?.state, 'running');
  t.ok(isTrue(w.claim('a') ?? {}, 'Ready'));
});

t.test('a claim whose host fails ends soon, others stay', async (t) => {
  const w = claimWorld('host');
  const process = await startControllers(w, 'one', { start: claimControllers });
  for (const name of ['a', 'b']) w.cluster.create('NodeClaim', draftClaim(name));
  await w.clock.advance(2 * minute);
  w.engine.fail(w.claim('a')?.status?.providerID?.split('/').at(-1) ?? '');
  await w.clock.advance(70_000);
  t.not(stateOf(w, 'a'), 'there');
  t.match(process.events, [{ name: 'a', reason: 'InstanceTerminating' }]);
  await w.clock.advance(5 * minute);
  t.equal(stateOf(w, 'a'), 'gone');
  t.equal(stateOf(w, 'b'), 'there');
  t.equal(w.cluster.count('Node'), 1);
});

t.test('an instance that dies before its node has come is noticed too', async (t) => {
  const w = claimWorld('early');
  await startControllers(w, 'one', { start: claimControllers });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(10_000);
  w.engine.fail(w.claim('a')?.status?.providerID?.split('/').at(-1) ?? '');
  await w.clock.advance(3 * minute);
  t.equal(stateOf(w, 'a'), 'gone');
  t.equal(w.living(), 0);
});

t.test('lists that lag are no reason to end a claim', async (t) => {
  const w = claimWorld('lag');
  let reads = 0;
  const process = await startControllers(w, 'one', {
    // Nothing is listed for minutes; asked for by name it is there.
    start: onCloud((cloud) => ({
      list: async () => [],
      get: async (...args) => {
        reads += 1;
        return await cloud.get(...args);
      },
    })),
  });
  w.cluster.create('NodeClaim', draftClaim('young'));
  await w.clock.advance(30_000);
  t.equal(w.cluster.count('Node'), 0);
  t.equal(reads, 0, 'an instance just launched may be missing');
  await w.clock.advance(4 * minute);
  t.equal(stateOf(w, 'young'), 'there');
  t.equal(reads, 0, 'a node that is Ready lives');
  const [node] = [...w.cluster.all('Node')];
  if (node === undefined) throw new Error('there is no node');
  w.kubelets.stop(node.metadata.name);
  await w.clock.advance(4 * minute);
  t.equal(stateOf(w, 'young'), 'there');
  t.ok(reads > 0);
  t.strictSame(process.events, []);
});

t.test(
  'what the cloud does not know any more is missing twice before its claim ends',
  async (t) => {
    const w = claimWorld('unknown');
    let listed = 0;
    let isForgotten = false;
    const process = await startControllers(w, 'one', {
      start: onCloud((cloud) => ({
        list: async (...args) => {
          if (!isForgotten) return await cloud.list(...args);
          listed += 1;
          return [];
        },
        get: async (...args) => (isForgotten ? undefined : await cloud.get(...args)),
        terminate: async () => 'gone',
      })),
    });
    w.cluster.create('NodeClaim', draftClaim('a'));
    await w.clock.advance(2 * minute);
    isForgotten = true;
    const [node] = [...w.cluster.all('Node')];
    if (node === undefined) throw new Error('there is no node');
    w.kubelets.stop(node.metadata.name);
    const ended: number[] = [];
    w.cluster.listen('NodeClaim', ({ object }) => {
      if (object.metadata.deletionTimestamp !== undefined) ended.push(listed);
    });
    await w.clock.advance(3 * minute);
    t.ok((ended[0] ?? 0) >= 2, `after ${ended[0]} lists`);
    t.match(process.events, [{ name: 'a', reason: 'InstanceTerminating' }]);
  },
);

t.test('an outage of the cloud ends nothing', async (t) => {
  const w = claimWorld('outage');
  let isOut = false;
  const process = await startControllers(w, 'one', {
    start: onCloud((cloud) => ({
      list: async (...args) => {
        if (isOut) throw new CloudError('unavailable', 'no answer');
        return await cloud.list(...args);
      },
    })),
  });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(2 * minute);
  isOut = true;
  const [node] = [...w.cluster.all('Node')];
  if (node === undefined) throw new Error('there is no node');
  w.kubelets.stop(node.metadata.name);
  await w.clock.advance(5 * minute);
  t.equal(stateOf(w, 'a'), 'there', 'though its node is silent');
  isOut = false;
  w.engine.fail(node.spec?.providerID?.split('/').at(-1) ?? '');
  await w.clock.advance(5 * minute);
  t.equal(stateOf(w, 'a'), 'gone');
  t.strictSame(process.failures, []);
});

t.test('one instance that cannot be ended keeps no other alive', async (t) => {
  const w = claimWorld('stubborn');
  let first = '';
  const { ports } = await startControllers(w, 'one', {
    start: onCloud((cloud) => ({
      terminate: async (providerID, ...args) => {
        first ||= providerID;
        if (providerID === first) throw new CloudError('unauthorized', 'not this one');
        return await cloud.terminate(providerID, ...args);
      },
    })),
  });
  const nodeClass = w.cluster.get('EC2NodeClass', { name: 'default' });
  if (nodeClass === undefined) throw new Error('there is no node class');
  for (const name of ['x', 'y', 'z']) {
    const launched = ports.cloud.launch({
      clientToken: name,
      nodeClaimName: name,
      nodePoolName: 'general',
      nodeClass,
      offerings: onDemand('m7i.xlarge'),
      tags: { 'stowage.dev/nodeclaim-uid': name },
      labels: {},
      taints: [],
    });
    await w.clock.settle(launched);
  }
  await w.clock.advance(3 * minute);
  t.equal(w.living(), 1);
});
