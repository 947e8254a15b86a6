/** Rates, addresses and late answers: what an account has little of. */
import t from 'tap';
import { startEc2World } from '../../../support/ec2-cloud.ts';

/** Real time; a busy machine needs a multiple of the seconds that it takes. */
t.setTimeout(180_000);

const m5 = 'm5.large/a/on-demand';

t.test('a burst stays within the rate of CreateFleet: none of it is refused', async (t) => {
  const ec2 = await startEc2World({ ec2: { isThrottled: true } });
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  const uids = Array.from({ length: 90 }, (_, index) => `uid-${index}`);
  const outcomes = await Promise.all(
    uids.map(async (uid) => await cloud.launch(ec2.request(uid, [m5]))),
  );
  t.strictSame([...new Set(outcomes.map(({ outcome }) => outcome))], ['launched']);
  t.equal(ec2.world.engine.instances.size, uids.length);
  const refused = ec2.world.wire.calls.filter(({ error }) => error === 'RequestLimitExceeded');
  t.equal(refused.length, 0);
  t.equal(ec2.world.account.launchTemplates.size, 1, 'one template for all');
});

t.test(
  'others use the account up: calls slow down, and every claim gets one instance',
  async (t) => {
    const ec2 = await startEc2World({ ec2: { isThrottled: true } });
    t.teardown(ec2.close);
    const { cloud } = ec2.provider();
    const refusal = { type: 'refuse', code: 'RequestLimitExceeded' } as const;
    ec2.world.faults.add({ action: 'ec2:CreateFleet', fault: refusal, times: 20 });
    const uids = Array.from({ length: 20 }, (_, index) => `uid-${index}`);
    for (const uid of uids) {
      let outcome = await cloud.launch(ec2.request(uid, [m5]));
      while (outcome.outcome === 'failed') {
        t.match(outcome, { failure: 'throttled', exhausted: [] });
        outcome = await cloud.launch(ec2.request(uid, [m5]));
      }
    }
    t.strictSame(
      uids.map(ec2.instancesOf),
      uids.map(() => 1),
    );
  },
);

t.test(
  'small subnets: launches go where addresses are, and stop before EC2 has to refuse',
  async (t) => {
    const ec2 = await startEc2World({ account: { subnetBits: 27 } });
    t.teardown(ec2.close);
    const { cloud } = ec2.provider();
    const zones = ['a', 'b'];
    const offerings = zones.map((zone) => `m5.large/${zone}/on-demand`);
    const outcomes = [];
    for (let index = 0; index < 6; index += 1) {
      outcomes.push(await cloud.launch(ec2.request(`uid-${index}`, offerings)));
    }
    t.match(outcomes.slice(0, 2), [{ outcome: 'launched' }, { outcome: 'launched' }]);
    const last = outcomes.at(-1);
    t.match(last, { outcome: 'failed', failure: 'no-addresses' });
    t.equal(last?.exhausted.length, 2);
    const supplies = cloud.addressSupplies?.([ec2.nodeClass]) ?? [];
    const left = new Map(supplies.map(({ zone, free }) => [zone.at(-1), Math.max(...free)]));
    t.ok(left.get('c')! > 20, 'other zones have room');
    t.ok(left.get('a')! < 20 && left.get('b')! < 20, 'plans know it');
  },
);

t.test('instances that EC2 does not list yet are found by those who wait for them', async (t) => {
  const ec2 = await startEc2World({ ec2: { isConsistent: false } });
  t.teardown(ec2.close);
  const first = ec2.provider('first');
  const uids = Array.from({ length: 15 }, (_, index) => `uid-${index}`);
  await Promise.all(uids.map(async (uid) => await first.cloud.launch(ec2.request(uid, [m5]))));
  const second = ec2.provider('second');
  const again = await Promise.all(
    uids.map(async (uid) => await second.cloud.launch(ec2.request(uid, ['c5.large/b/on-demand']))),
  );
  t.strictSame([...new Set(again.map(({ outcome }) => outcome))], ['launched']);
  t.strictSame(
    uids.map(ec2.instancesOf),
    uids.map(() => 1),
  );
});
