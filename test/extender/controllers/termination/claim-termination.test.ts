// The end of claims that never became a node, or whose node is not known.

import t from 'tap';
import type { Live } from '../../../../core/api/kinds.ts';
import { launchRequest } from '../../../../core/lifecycle/launch-request.ts';
import { startNodeClaimTermination } from '../../../../extender/controllers/termination/claim-termination.ts';
import { startNodeTermination } from '../../../../extender/controllers/termination/node-termination.ts';
import { deleteObject } from '../../../../sim/cluster/deletion.ts';
import { type ClaimWorld, claimWorld, draftClaim, onDemand } from '../../../support/claim-world.ts';
import { type ControllerProcess, startControllers } from '../../../support/controller-fixture.ts';

async function terminator(world: ClaimWorld): Promise<ControllerProcess> {
  return await startControllers(world, 'terminator', {
    start: (context) => [startNodeTermination(context), startNodeClaimTermination(context)],
  });
}

/** Launches for a claim as somebody does who dies before he writes down what he got. */
async function launchUnnoticed(
  world: ClaimWorld,
  { ports }: ControllerProcess,
  claim: Live<'NodeClaim'>,
): Promise<void> {
  const nodeClass = world.cluster.get('EC2NodeClass', { name: 'default' });
  if (nodeClass === undefined) throw new Error('there is no node class');
  const request = launchRequest({
    claim,
    nodeClass,
    offerings: onDemand('m7i.2xlarge'),
    attempt: 0,
    clusterName: 'simulated',
    hash: () => '0123456789abcdef',
  });
  const { outcome } = await world.clock.settle(ports.cloud.launch(request));
  if (outcome !== 'launched') throw new Error(outcome);
}

t.test('a claim without instance goes a few seconds after its deletion', async (t) => {
  const world = claimWorld(1);
  const process = await terminator(world);
  world.cluster.create('NodeClaim', draftClaim('a'));
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.clock.advance(4_000);
  t.ok(world.claim('a'), 'a launch may still be on its way');
  await world.clock.advance(4_000);
  t.equal(world.claim('a'), undefined);
  t.strictSame(process.failures, []);
});

t.test('an instance that its claim never heard of is found by its tag and ended', async (t) => {
  const world = claimWorld(2);
  const process = await terminator(world);
  const claim = world.cluster.create('NodeClaim', draftClaim('a'));
  const other = world.cluster.create('NodeClaim', draftClaim('b'));
  await launchUnnoticed(world, process, claim);
  await launchUnnoticed(world, process, other);
  t.equal(world.living(), 2);
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.clock.advance(10_000);
  t.equal(world.living(), 1, 'the other one is not touched');
  t.ok(world.claim('a'), 'it waits until its instance is gone');
  await world.clock.advance(300_000);
  t.equal(world.claim('a'), undefined);
  t.ok(world.claim('b'));
});

t.test('a claim of the same name before it is somebody else', async (t) => {
  const world = claimWorld(3);
  const process = await terminator(world);
  const before = world.cluster.create('NodeClaim', draftClaim('a'));
  await launchUnnoticed(world, process, before);
  const operations = [{ op: 'remove' as const, path: '/metadata/finalizers' }];
  world.cluster.patch('NodeClaim', { name: 'a' }, { type: 'json', operations });
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  world.cluster.create('NodeClaim', draftClaim('a'));
  deleteObject(world.cluster, 'NodeClaim', { name: 'a' });
  await world.clock.advance(10_000);
  t.equal(world.claim('a'), undefined);
  t.equal(world.living(), 1, 'garbage collection ends what has no claim');
});

t.test('many claims that fail at once share a few lists of the cloud', async (t) => {
  const world = claimWorld(4);
  const process = await terminator(world);
  let lists = 0;
  const { cloud } = process.ports;
  const list = cloud.list.bind(cloud);
  cloud.list = async (options) => {
    lists += 1;
    return await list(options);
  };
  for (let index = 0; index < 200; index += 1) {
    world.cluster.create('NodeClaim', draftClaim(`a-${index}`));
  }
  for (let index = 0; index < 200; index += 1) {
    deleteObject(world.cluster, 'NodeClaim', { name: `a-${index}` });
  }
  await world.clock.advance(20_000);
  t.equal(world.cluster.count('NodeClaim'), 0);
  t.ok(lists >= 1 && lists <= 8, `${lists} lists`);
});

t.test('claims of another provider are left alone, ours get their finalizer back', async (t) => {
  const world = claimWorld(5);
  await terminator(world);
  const nodeClassRef = { group: 'example.com', kind: 'Other', name: 'x' };
  world.cluster.create('NodeClaim', draftClaim('theirs', { spec: { nodeClassRef } }));
  const { finalizers: _none, ...metadata } = draftClaim('ours').metadata;
  world.cluster.create('NodeClaim', { ...draftClaim('ours'), metadata });
  deleteObject(world.cluster, 'NodeClaim', { name: 'theirs' });
  await world.clock.advance(60_000);
  t.ok(world.claim('theirs')?.metadata.deletionTimestamp);
  t.strictSame(world.claim('ours')?.metadata.finalizers, ['karpenter.sh/termination']);
});
