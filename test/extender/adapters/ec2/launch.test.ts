/** Launching on EC2: one instance for one claim, whatever happens to answers and processes. */
import t from 'tap';
import type { LaunchOutcome } from '../../../../core/cloud-port.ts';
import { offeringOf, startEc2World } from '../../../support/ec2-cloud.ts';

/** Real time; a busy machine needs a multiple of the seconds that it takes. */
t.setTimeout(180_000);

const m5 = 'm5.large/a/on-demand';
const c5 = 'c5.large/b/on-demand';

function launchedId(outcome: LaunchOutcome): string {
  return outcome.outcome === 'launched' ? outcome.instance.providerID : outcome.message;
}

t.test('a launch takes the first offering and tags the instance as ours', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  const outcome = await cloud.launch(ec2.request('uid-1', [m5, c5]));
  t.equal(outcome.outcome, 'launched', JSON.stringify(outcome));
  const [instance] = [...ec2.world.engine.instances.values()];
  t.match(instance, {
    instanceType: 'm5.large',
    zone: 'us-east-1a',
    tags: { 'stowage.dev/nodeclaim-uid': 'uid-1', Name: 'general-uid-1' },
  });
  const listed = await cloud.list();
  t.strictSame(
    listed.map(({ providerID, instanceType, capacityType }) => [
      providerID,
      instanceType,
      capacityType,
    ]),
    [[launchedId(outcome), 'm5.large', 'on-demand']],
  );
  t.strictSame((await cloud.get(launchedId(outcome)))?.tags['stowage.dev/nodeclaim-uid'], 'uid-1');
  t.equal(await cloud.terminate(launchedId(outcome)), 'terminating');
  t.equal(await cloud.terminate('aws:///us-east-1a/i-00000000000000000'), 'gone');
});

t.test('the same claim launched again gets the same instance', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  const first = await cloud.launch(ec2.request('uid-1', [m5]));
  const second = await cloud.launch(ec2.request('uid-1', [m5]));
  t.equal(launchedId(second), launchedId(first));
  t.equal(ec2.instancesOf('uid-1'), 1);
});

for (const fault of ['lose-answer', 'lose-request'] as const) {
  t.test(
    `nothing is launched twice when EC2 is asked and there is no answer: ${fault}`,
    async (t) => {
      const ec2 = await startEc2World();
      t.teardown(ec2.close);
      const { cloud } = ec2.provider();
      ec2.world.faults.add({ action: 'ec2:CreateFleet', fault: { type: fault }, times: 3 });
      const outcome = await cloud.launch(ec2.request('uid-1', [m5]));
      t.equal(outcome.outcome, 'launched', JSON.stringify(outcome));
      t.equal(ec2.instancesOf('uid-1'), 1);
    },
  );

  t.test(`a process that comes after one that died gets its instance: ${fault}`, async (t) => {
    const ec2 = await startEc2World();
    t.teardown(ec2.close);
    const first = ec2.provider('first');
    ec2.world.faults.add({ action: 'ec2:CreateFleet', fault: { type: fault }, times: 4 });
    const lost = await first.cloud.launch(ec2.request('uid-1', [m5]));
    t.match(lost, { outcome: 'failed', failure: 'unavailable' });
    // Meanwhile the account changes, so that the same question is not the same request any more.
    await first.cloud.launch(ec2.request('uid-2', [m5]));
    const second = ec2.provider('second');
    const outcome = await second.cloud.launch(ec2.request('uid-1', [m5]));
    t.equal(outcome.outcome, 'launched', JSON.stringify(outcome));
    t.equal(ec2.instancesOf('uid-1'), 1);
  });
}

t.test('a token that was used for another request finds its instance by its tag', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const first = ec2.provider('first');
  const before = await first.cloud.launch(ec2.request('uid-1', [m5]));
  const second = ec2.provider('second');
  const after = await second.cloud.launch(ec2.request('uid-1', [c5]));
  t.equal(launchedId(after), launchedId(before));
  t.equal(ec2.instancesOf('uid-1'), 1);
  t.ok(
    ec2.world.wire.calls.some(({ error }) => error === 'IdempotentParameterMismatch'),
    'EC2 refused the token',
  );
});

t.test('a dry offering gives way to its substitute and is not offered for a while', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  const available = async (): Promise<boolean | undefined> =>
    (await cloud.instanceTypes(ec2.nodeClass))
      .find(({ name }) => name === 'm5.large')
      ?.offerings.find((one) => one.zone === 'us-east-1a' && one.capacityType === 'on-demand')
      ?.available;
  const before = await cloud.instanceTypes(ec2.nodeClass);
  t.equal(await cloud.instanceTypes(ec2.nodeClass), before, 'the same array while nothing changes');
  ec2.world.engine.launcher.pools.drain(
    ({ instanceType }) => instanceType === 'm5.large',
    Number.POSITIVE_INFINITY,
  );
  const outcome = await cloud.launch(ec2.request('uid-1', [m5, c5]));
  t.match(outcome, { outcome: 'launched', instance: { instanceType: 'c5.large' } });
  t.strictSame(outcome.exhausted, [offeringOf(m5)]);
  t.equal(await available(), false);
  const after = await cloud.instanceTypes(ec2.nodeClass);
  t.not(after, before);
  t.equal(await cloud.instanceTypes(ec2.nodeClass), after);
  await ec2.world.clock.sleep(181_000);
  t.equal(await available(), true, 'three minutes later it may be asked for again');
});

t.test('spot goes before on-demand where the plan says so, and falls back to it', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  ec2.world.engine.launcher.pools.drain(
    ({ capacityType }) => capacityType === 'spot',
    Number.POSITIVE_INFINITY,
  );
  const offerings = ['m5.large/a/spot', 'c5.large/b/spot', m5];
  const outcome = await cloud.launch(ec2.request('uid-1', offerings));
  t.match(outcome, { outcome: 'launched', instance: { capacityType: 'on-demand' } });
  t.strictSame(
    outcome.exhausted.map(({ capacityType }) => capacityType),
    ['spot', 'spot'],
  );
});

t.test('refusals that are not about capacity say who must act', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  const refused = async (code: string, uid: string): Promise<LaunchOutcome> => {
    ec2.world.faults.add({ action: 'ec2:CreateFleet', fault: { type: 'refuse', code }, times: 4 });
    const outcome = await cloud.launch(ec2.request(uid, [m5]));
    ec2.world.faults.clear();
    return outcome;
  };
  t.match(await refused('UnauthorizedOperation', 'uid-1'), { failure: 'unauthorized' });
  t.match(await refused('InvalidParameterValue', 'uid-2'), { failure: 'invalid' });
  t.match(await refused('RequestLimitExceeded', 'uid-3'), { failure: 'throttled' });
  t.match(await refused('InternalError', 'uid-4'), { failure: 'unavailable' });
  t.equal(ec2.world.engine.instances.size, 0);
});

t.test('a template that somebody removed is made again', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  await cloud.launch(ec2.request('uid-1', [m5]));
  ec2.world.account.launchTemplates.clear();
  const outcome = await cloud.launch(ec2.request('uid-2', [m5]));
  t.equal(outcome.outcome, 'launched', JSON.stringify(outcome));
  t.equal(ec2.world.account.launchTemplates.size, 1);
});

t.test('a launch that was refused at first is not made twice by whoever comes after', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const first = ec2.provider('first').cloud;
  await first.launch(ec2.request('uid-1', [m5]));
  ec2.world.account.launchTemplates.clear();
  const before = await first.launch(ec2.request('uid-2', [m5]));
  t.ok(
    ec2.world.wire.calls.some(({ error }) => error.includes('LaunchTemplate')),
    'EC2 missed the template',
  );
  const after = await ec2.provider('second').cloud.launch(ec2.request('uid-2', [m5]));
  t.equal(launchedId(after), launchedId(before));
  t.equal(ec2.instancesOf('uid-2'), 1);
});

t.test('a launch that was refused for long gets its instance once EC2 gives one', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const { engine, wire } = ec2.world;
  let refusals = 6;
  const fulfil = engine.fulfil.bind(engine);
  engine.fulfil = (order) => {
    if (refusals === 0) return fulfil(order);
    refusals -= 1;
    const message = 'Request limit exceeded.';
    const errors = order.overrides.map((one) => ({
      ...one,
      code: 'RequestLimitExceeded',
      message,
    }));
    return { instances: [], errors };
  };
  const { cloud } = ec2.provider();
  const first = await cloud.launch(ec2.request('uid-1', [m5]));
  t.match(first, { outcome: 'failed', failure: 'throttled' });
  const callsOfFirst = wire.calls.filter(({ action }) => action === 'CreateFleet').length;
  const second = await cloud.launch(ec2.request('uid-1', [m5]));
  t.equal(second.outcome, 'launched', JSON.stringify(second));
  t.equal(ec2.instancesOf('uid-1'), 1);
  const calls = wire.calls.filter(({ action }) => action === 'CreateFleet').length;
  t.equal(calls, callsOfFirst * 2 + 3, 'answers of before are passed, then come two refusals');
});
