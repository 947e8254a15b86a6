/** Launching many instances by one call: everybody gets its own, from whichever process it asks. */
import t from 'tap';
import type { LaunchOutcome, LaunchRequest } from '../../../../core/cloud-port.ts';
import { type Ec2World, startEc2World } from '../../../support/ec2-cloud.ts';

/** Real time; a busy machine needs a multiple of the seconds that it takes. */
t.setTimeout(180_000);

const m5 = 'm5.large/a/on-demand';
const c5 = 'c5.large/b/on-demand';

/** What the members of a group ask for. */
function groupOf(
  ec2: Ec2World,
  size: number,
  offerings: readonly string[] = [m5, c5],
): readonly LaunchRequest[] {
  const { clientToken, tags, ...rest } = ec2.request('leader', offerings);
  const common = Object.fromEntries(
    Object.entries(tags).filter(([key]) => !key.includes('nodeclaim')),
  );
  return Array.from({ length: size }, (_, index) => ({
    ...rest,
    clientToken: `${clientToken}-aaaaaa`,
    place: { size, index },
    nodeClaimName: `general-${index}`,
    tags: common,
  }));
}

function idOf(outcome: LaunchOutcome): string {
  return outcome.outcome === 'launched' ? outcome.instance.providerID : outcome.failure;
}

function fleetCalls({ world }: Ec2World): number {
  return world.wire.calls.filter(({ action }) => action === 'CreateFleet').length;
}

t.test(
  'members that ask at once are one call; the same places have the same instances',
  async (t) => {
    const ec2 = await startEc2World();
    t.teardown(ec2.close);
    const requests = groupOf(ec2, 20);
    const { cloud } = ec2.provider('first');
    const outcomes = await Promise.all(requests.map(async (one) => await cloud.launch(one)));
    const ids = outcomes.map(idOf);
    t.equal(new Set(ids).size, 20);
    t.equal(ec2.world.engine.instances.size, 20);
    t.equal(fleetCalls(ec2), 1);
    const other = ec2.provider('second').cloud;
    t.equal(idOf(await other.launch(requests[7] as LaunchRequest)), ids[7]);
    t.equal(idOf(await cloud.launch(requests[19] as LaunchRequest)), ids[19]);
    t.equal(ec2.world.engine.instances.size, 20);

    const listed = await cloud.list();
    t.equal(listed.length, 20, 'they are ours');
    t.strictSame(
      [...new Set(listed.map(({ tags }) => tags['stowage.dev/launch']))],
      ['leader-1-000000000000-aaaaaa-0'],
    );
    await cloud.tag(ids[3] ?? '', { 'karpenter.sh/nodeclaim': 'general-3', Name: 'general-3' });
    t.match((await cloud.get(ids[3] ?? ''))?.tags, {
      'karpenter.sh/nodeclaim': 'general-3',
      'stowage.dev/launch': 'leader-1-000000000000-aaaaaa-0',
    });
  },
);

for (const fault of ['lose-answer', 'lose-request'] as const) {
  t.test(
    `a process that comes after one that heard nothing gets the group: ${fault}`,
    async (t) => {
      const ec2 = await startEc2World();
      t.teardown(ec2.close);
      const requests = groupOf(ec2, 5);
      ec2.world.faults.add({ action: 'ec2:CreateFleet', fault: { type: fault }, times: 4 });
      const first = ec2.provider('first').cloud;
      const lost = await Promise.all(requests.map(async (one) => await first.launch(one)));
      t.strictSame(new Set(lost.map(idOf)), new Set(['unavailable']));
      const second = ec2.provider('second').cloud;
      const ids = await Promise.all(requests.map(async (one) => idOf(await second.launch(one))));
      t.equal(new Set(ids).size, 5);
      t.equal(ec2.world.engine.instances.size, 5);
    },
  );
}

t.test(
  'a token that was used otherwise finds the whole group by its tag, in its order',
  async (t) => {
    const ec2 = await startEc2World({ ec2: { isConsistent: false } });
    t.teardown(ec2.close);
    const first = ec2.provider('first').cloud;
    const before = await Promise.all(
      groupOf(ec2, 5).map(async (one) => idOf(await first.launch(one))),
    );
    // One has ended since: the places of the others stay.
    await first.terminate(before[0] ?? '');
    const second = ec2.provider('second').cloud;
    const after = await Promise.all(
      groupOf(ec2, 5, [c5]).map(async (one) => idOf(await second.launch(one))),
    );
    t.strictSame(after, before);
    t.equal(ec2.world.engine.instances.size, 5);
  },
);

t.test(
  'what one offering has not is had of the next; the first ones get what there is',
  async (t) => {
    // m5.large and c5.large have two each.
    const ec2 = await startEc2World({ ec2: { quotaVcpu: 8 } });
    t.teardown(ec2.close);
    ec2.world.engine.launcher.pools.drain(
      ({ instanceType, zone }) => instanceType === 'm5.large' && zone.endsWith('a'),
      Number.POSITIVE_INFINITY,
    );
    const requests = groupOf(ec2, 6);
    const { cloud } = ec2.provider('first');
    const outcomes = await Promise.all(requests.map(async (one) => await cloud.launch(one)));
    t.strictSame(
      outcomes.map(({ outcome }) => outcome),
      ['launched', 'launched', 'launched', 'launched', 'failed', 'failed'],
    );
    t.match(outcomes[0], { instance: { instanceType: 'c5.large' } });
    t.match(outcomes[5], { failure: /insufficient-capacity|quota-exceeded/ });
    t.equal(ec2.world.engine.instances.size, 4);
    const again = await Promise.all(
      requests.slice(0, 4).map(async (one) => idOf(await ec2.provider('second').cloud.launch(one))),
    );
    t.strictSame(again, outcomes.slice(0, 4).map(idOf));
  },
);

t.test(
  'no more goes to a subnet than it has addresses for, and a group may fill several',
  async (t) => {
    const ec2 = await startEc2World({ account: { subnetBits: 27 } });
    t.teardown(ec2.close);
    const zones = ['a', 'b'].map((zone) => `m5.large/${zone}/on-demand`);
    const alone = ec2.provider('single').cloud;
    let singles = 0;
    for (; idOf(await alone.launch(ec2.request(`uid-${singles}`, zones))).startsWith('aws'); ) {
      singles += 1;
    }
    const other = await startEc2World({ account: { subnetBits: 27 } });
    t.teardown(other.close);
    const { cloud } = other.provider('group');
    const outcomes = await Promise.all(
      groupOf(other, 8, zones).map(async (one) => await cloud.launch(one)),
    );
    const launched = outcomes.filter(({ outcome }) => outcome === 'launched');
    t.ok(singles >= 2, `${singles} one by one`);
    t.equal(launched.length, singles);
    t.match(outcomes.at(-1), { outcome: 'failed', failure: 'no-addresses' });
  },
);

t.test('spot in a group is chosen by EC2, and the band has its say', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const offerings = ['m5.large/a/spot', 'm5.large/b/spot', m5];
  const { cloud } = ec2.provider('first');
  const outcomes = await Promise.all(
    groupOf(ec2, 4, offerings).map(async (one) => await cloud.launch(one)),
  );
  t.match(
    outcomes,
    outcomes.map(() => ({ outcome: 'launched', instance: { capacityType: 'spot' } })),
  );
  t.equal(fleetCalls(ec2), 1);
});
