// Launching NodeClaims where the cloud does not do as it is asked.

import t from 'tap';
import { conditionOf, isTrue } from '../../../../core/api/conditions.ts';
import { annotationLaunch, launchRecordOf } from '../../../../core/lifecycle/launch-record.ts';
import type { Ec2Fault } from '../../../../sim/ec2-types.ts';
import {
  claimControllers,
  claimWorld,
  draftClaim,
  onDemand,
} from '../../../support/claim-world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

const minute = 60_000;

/** Faults of CreateFleet, one after the other; then none. */
function fleetFaults(faults: (Ec2Fault | undefined)[]) {
  let calls = 0;
  return {
    get calls() {
      return calls;
    },
    on: (action: string): Ec2Fault | undefined => {
      if (action !== 'CreateFleet') return undefined;
      calls += 1;
      return faults.shift();
    },
  };
}

function always(fault: Ec2Fault) {
  let calls = 0;
  return {
    get calls() {
      return calls;
    },
    on: (action: string): Ec2Fault | undefined => {
      if (action !== 'CreateFleet') return undefined;
      calls += 1;
      return fault;
    },
  };
}

t.test('a dry first choice gives way to a substitute, and the labels say so', async (t) => {
  const w = claimWorld('substitute');
  const process = await startControllers(w, 'one', { start: claimControllers });
  w.engine.drain(({ instanceType }) => instanceType === 'm7i.2xlarge', w.clock.nowMs() + minute);
  const offerings = [...onDemand('m7i.2xlarge'), ...onDemand('c7i.2xlarge')];
  const labels = {
    'node.kubernetes.io/instance-type': 'm7i.2xlarge',
    'karpenter.k8s.aws/instance-family': 'm7i',
    'topology.kubernetes.io/zone': 'us-east-1b',
  };
  w.cluster.create('NodeClaim', draftClaim('a', { offerings, labels }));
  await w.clock.advance(2_000);
  t.match(w.claim('a')?.metadata.labels, {
    'node.kubernetes.io/instance-type': 'c7i.2xlarge',
    'karpenter.k8s.aws/instance-family': 'c7i',
    'topology.kubernetes.io/zone': 'us-east-1a',
  });
  t.ok(isTrue(w.claim('a') ?? {}, 'Launched'));
  t.strictSame(process.events, [], 'one call did it');
  const text = await process.context.metrics.registry.metrics();
  t.match(text, /launch_failures_total\{zone="us-east-1b".*reason="insufficient-capacity"\} 1/);
});

t.test('what is known to be dry is not asked for', async (t) => {
  const faults = fleetFaults([]);
  const w = claimWorld('known', { ec2: { faults } });
  await startControllers(w, 'one', { start: claimControllers });
  w.engine.drain(({ instanceType }) => instanceType === 'm7i.2xlarge', w.clock.nowMs() + minute);
  const offerings = [...onDemand('m7i.2xlarge'), ...onDemand('c7i.2xlarge')];
  w.cluster.create('NodeClaim', draftClaim('a', { offerings }));
  await w.clock.advance(2_000);
  t.strictSame(launchRecordOf(w.claim('a')?.metadata.annotations)?.offerings, offerings);
  w.cluster.create('NodeClaim', draftClaim('b', { offerings }));
  await w.clock.advance(2_000);
  const record = launchRecordOf(w.claim('b')?.metadata.annotations);
  t.strictSame(record?.offerings, onDemand('c7i.2xlarge'));
  t.equal(faults.calls, 2);
});

t.test('when the plan runs dry, what else the requirements admit is asked for', async (t) => {
  const w = claimWorld('fallback');
  const process = await startControllers(w, 'one', { start: claimControllers });
  w.engine.drain(({ instanceType }) => instanceType === 'm7i.2xlarge', w.clock.nowMs() + minute);
  const requirements = [
    { key: 'node.kubernetes.io/instance-type', operator: 'Exists' as const },
    { key: 'karpenter.sh/capacity-type', operator: 'In' as const, values: ['on-demand'] },
    { key: 'topology.kubernetes.io/zone', operator: 'In' as const, values: ['us-east-1b'] },
  ];
  // Neither what is too small nor what is dearer comes first.
  const resources = { requests: { cpu: '6', memory: '10Gi' } };
  w.cluster.create('NodeClaim', draftClaim('a', { spec: { requirements, resources } }));
  await w.clock.advance(3_000);
  t.match(w.claim('a')?.metadata.labels, {
    'node.kubernetes.io/instance-type': 'c7i.2xlarge',
    'topology.kubernetes.io/zone': 'us-east-1b',
  });
  t.match(launchRecordOf(w.claim('a')?.metadata.annotations), { attempt: 2 });
  t.match(process.events, [
    {
      name: 'a',
      reason: 'InsufficientCapacityError',
      message: /^2 offerings asked for could not be had/,
    },
  ]);
  t.equal(w.living(), 1);
});

t.test('a claim for which nothing is left ends at once, and says why', async (t) => {
  const w = claimWorld('dry');
  const process = await startControllers(w, 'one', { start: claimControllers });
  w.engine.drain(() => true, w.clock.nowMs() + minute);
  const seen = new Set<string>();
  w.cluster.listen('NodeClaim', ({ object }) => {
    const { status, reason } = conditionOf(object, 'Launched') ?? {};
    if (status !== undefined) seen.add(`${status} ${reason}`);
  });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(1_000);
  t.ok(w.claim('a')?.metadata.deletionTimestamp, 'its pods can be planned anew');
  t.strictSame([...seen], ['False InsufficientCapacity']);
  t.match(process.events, [
    { name: 'a', reason: 'InsufficientCapacityError', message: /^2 offerings asked for/ },
    // Spot is admitted too.
    { name: 'a', reason: 'InsufficientCapacityError', message: /^2 offerings asked for/ },
    { name: 'a', reason: 'InsufficientCapacityError', message: /^no offering that would do/ },
  ]);
  await w.clock.advance(20_000);
  t.equal(w.claim('a'), undefined);
  t.equal(w.engine.instances.size, 0);
  const text = await process.context.metrics.registry.metrics();
  t.match(text, /nodeclaims_disrupted_total\{reason="insufficient_capacity",nodepool="general"/);
});

for (const [title, ec2, reason] of [
  ['a quota', { quotaVcpu: 4 }, 'QuotaExceeded'],
  ['full subnets', { addressesPerZone: 0 }, 'InsufficientAddresses'],
] as const) {
  t.test(`${title} counts as a lack of capacity, and is remembered for plans`, async (t) => {
    const w = claimWorld(title, { ec2 });
    const process = await startControllers(w, 'one', { start: claimControllers });
    const seen = new Set<string>();
    w.cluster.listen('NodeClaim', ({ object }) => {
      seen.add(conditionOf(object, 'Launched')?.reason ?? '');
    });
    w.cluster.create('NodeClaim', draftClaim('a'));
    await w.clock.advance(20_000);
    t.equal(w.claim('a'), undefined);
    t.ok(seen.has(reason), [...seen].join());
    const nodeClass = w.cluster.get('EC2NodeClass', { name: 'default' });
    if (nodeClass === undefined) throw new Error('there is no node class');
    const types = await w.clock.settle(process.ports.cloud.instanceTypes(nodeClass));
    const has = types.flatMap(({ name, offerings }) =>
      offerings.some(({ available }) => available) ? [name] : [],
    );
    t.notOk(has.includes('m7i.2xlarge'), 'on neither capacity type');
    t.ok(has.includes('m7i.xlarge'));
  });
}

t.test('a lost answer and a throttled call end in one instance', async (t) => {
  const faults = fleetFaults([
    { type: 'refuse', code: 'RequestLimitExceeded' },
    { type: 'lose-answer' },
    { type: 'refuse', code: 'InternalError' },
  ]);
  const w = claimWorld('lost answer', { ec2: { faults } });
  const process = await startControllers(w, 'one', { start: claimControllers });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(1_000);
  t.match(conditionOf(w.claim('a') ?? {}, 'Launched'), { status: 'Unknown', reason: 'Throttled' });
  await w.clock.advance(20_000);
  t.ok(isTrue(w.claim('a') ?? {}, 'Launched'));
  t.equal(faults.calls, 4);
  t.equal(w.engine.instances.size, 1);
  t.strictSame(process.events, []);
});

t.test('a launch that is refused is tried for a minute, seldom, then the claim ends', async (t) => {
  const faults = always({ type: 'refuse', code: 'UnauthorizedOperation' });
  const w = claimWorld('refused', { ec2: { faults } });
  const process = await startControllers(w, 'one', { start: claimControllers });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(50_000);
  t.match(conditionOf(w.claim('a') ?? {}, 'Launched'), {
    status: 'False',
    reason: 'Unauthorized',
    message: /UnauthorizedOperation/,
  });
  t.match(conditionOf(w.claim('a') ?? {}, 'Ready'), { reason: 'UnhealthyDependents' });
  t.equal(w.claim('a')?.metadata.deletionTimestamp, undefined);
  await w.clock.advance(2 * minute);
  t.equal(w.claim('a'), undefined);
  t.ok(faults.calls >= 4 && faults.calls <= 10, `${faults.calls} calls`);
  const told = new Set(process.events.map(({ kind, name, reason }) => `${kind} ${name} ${reason}`));
  t.strictSame(
    [...told],
    [
      'NodeClaim a LaunchFailed',
      'NodePool general LaunchFailed',
      'EC2NodeClass default LaunchFailed',
    ],
  );
});

t.test('a node class that is not ready is waited for a little', async (t) => {
  const w = claimWorld('class');
  const process = await startControllers(w, 'one', { start: claimControllers });
  const setReady = (status: 'True' | 'False'): void => {
    const conditions = [{ type: 'Ready', status, reason: 'Test', message: 'no subnets' }];
    w.cluster.patch(
      'EC2NodeClass',
      { name: 'default' },
      { type: 'merge', body: { status: { conditions } } },
      { subresource: 'status' },
    );
  };
  setReady('False');
  await w.clock.advance(100);
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(5_000);
  t.match(conditionOf(w.claim('a') ?? {}, 'Launched'), {
    status: 'False',
    reason: 'NodeClassNotReady',
    message: 'EC2NodeClass default is not ready: no subnets',
  });
  t.match(process.events[0], { name: 'a', reason: 'NodeClassNotReady' });
  setReady('True');
  await w.clock.advance(2 * minute);
  t.ok(isTrue(w.claim('a') ?? {}, 'Ready'));

  const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'missing' };
  w.cluster.create('NodeClaim', draftClaim('b', { spec: { nodeClassRef } }));
  await w.clock.advance(3 * minute);
  t.equal(w.claim('b'), undefined);
  t.match(
    process.events.filter(({ name }) => name === 'b').at(-1)?.message,
    'EC2NodeClass missing does not exist',
  );
});

t.test('a claim that goes while it is launched leaves no instance', async (t) => {
  for (const afterMs of [5, 30, 100, 200, 300, 320, 340, 400]) {
    const w = claimWorld(`deleted after ${afterMs}`);
    const process = await startControllers(w, 'one', { start: claimControllers });
    w.cluster.create('NodeClaim', draftClaim('a'));
    await w.clock.advance(afterMs);
    await w.clock.settle(process.ports.client.delete('NodeClaim', { name: 'a' }));
    await w.clock.advance(3 * minute);
    t.equal(w.claim('a'), undefined, `deleted after ${afterMs} ms`);
    t.equal(w.living(), 0);
    t.equal(w.cluster.count('Node'), 0);
    t.strictSame(process.failures, []);
  }
});

t.test('a claim that is gone before its instance is told has it ended at once', async (t) => {
  const w = claimWorld('gone');
  const process = await startControllers(w, 'one', { start: claimControllers });
  const { metadata, ...rest } = draftClaim('a');
  w.cluster.create('NodeClaim', { ...rest, metadata });
  w.engine.listen(({ instance }) => t.comment(instance.state));
  await w.clock.advance(200);
  t.equal(w.engine.instances.size, 1, 'the answer is on its way');
  const operations = [{ op: 'remove' as const, path: '/metadata/finalizers' }];
  w.cluster.patch('NodeClaim', { name: 'a' }, { type: 'json', operations });
  await w.clock.settle(process.ports.client.delete('NodeClaim', { name: 'a' }));
  await w.clock.advance(1_000);
  t.equal(w.living(), 0);
});

t.test('a node class changed under a launch makes no second instance', async (t) => {
  const w = claimWorld('changed');
  let calls = 0;
  const first = await startControllers(w, 'one', {
    start: claimControllers,
    crashPoint: {
      matches: ({ kind, verb }) => kind === 'NodeClaim' && verb === 'patch' && ++calls === 2,
      moment: 'before',
    },
  });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(2_000);
  t.equal(first.ports.process.isAlive, false);
  t.equal(w.living(), 1);
  t.notOk(isTrue(w.claim('a') ?? {}, 'Launched'));
  t.ok(w.claim('a')?.metadata.annotations?.[annotationLaunch]);
  const body = { spec: { tags: { owner: 'somebody' } } };
  w.cluster.patch('EC2NodeClass', { name: 'default' }, { type: 'merge', body });
  await startControllers(w, 'two', { start: claimControllers });
  await w.clock.advance(3 * minute);
  t.ok(isTrue(w.claim('a') ?? {}, 'Ready'));
  t.equal(w.living(), 1);
  t.equal(w.engine.instances.size, 1);
});

t.test('a node class changed before the cloud was asked is no obstacle', async (t) => {
  const w = claimWorld('changed early');
  const first = await startControllers(w, 'one', {
    start: claimControllers,
    crashPoint: { matches: ({ verb }) => verb === 'patch', moment: 'after' },
  });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(2_000);
  t.equal(first.ports.process.isAlive, false);
  t.ok(w.claim('a')?.metadata.annotations?.[annotationLaunch], 'it is written what will be asked');
  t.equal(w.engine.instances.size, 0);
  const body = { spec: { tags: { owner: 'somebody' } } };
  w.cluster.patch('EC2NodeClass', { name: 'default' }, { type: 'merge', body });
  await startControllers(w, 'two', { start: claimControllers });
  await w.clock.advance(50_000);
  t.equal(w.engine.instances.size, 0, 'an instance could still come to light');
  await w.clock.advance(2 * minute);
  t.ok(isTrue(w.claim('a') ?? {}, 'Ready'));
  t.match(launchRecordOf(w.claim('a')?.metadata.annotations), { attempt: 2 });
  t.equal(w.engine.instances.size, 1);
});
