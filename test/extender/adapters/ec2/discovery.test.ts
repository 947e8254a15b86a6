/** Types and prices as the simulated EC2 tells them, and what stands in until it does. */
import t from 'tap';
import { loadCatalogue } from '../../../../catalogue/loader.ts';
import { startEc2World } from '../../../support/ec2-cloud.ts';

t.test(
  'before EC2 has answered the embedded catalogue stands in, and its age is told',
  async (t) => {
    const ec2 = await startEc2World();
    t.teardown(ec2.close);
    const { cloud, metrics } = ec2.provider();
    const types = await cloud.instanceTypes(ec2.nodeClass);
    t.equal(types.length, loadCatalogue().types.length);
    t.equal(cloud.discovery.types.from, 'catalogue');
    ec2.world.account.denied.add('ec2:*');
    ec2.world.account.denied.add('pricing:*');
    const end = new AbortController();
    t.teardown(() => end.abort(new Error('the test is over')));
    await cloud.start(end.signal);
    t.strictSame(
      Object.values(cloud.discovery).map(({ from }) => from),
      ['catalogue', 'catalogue', 'catalogue'],
    );
    t.equal(await cloud.instanceTypes(ec2.nodeClass), types, 'the same array');
    const { values } = await metrics.cloud.discoveryAgeSeconds.get();
    t.equal(values.length, 3);
    t.ok(values.every(({ value }) => value > 0));
  },
);

t.test('facts, zones and prices are EC2’s once it has told them', async (t) => {
  const ec2 = await startEc2World({ ec2: { movesSpotPrices: true } });
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  const embedded = await cloud.instanceTypes(ec2.nodeClass);
  const end = new AbortController();
  t.teardown(() => end.abort(new Error('the test is over')));
  await cloud.start(end.signal);
  t.strictSame(
    Object.values(cloud.discovery).map(({ from }) => from),
    ['api', 'api', 'api'],
  );
  const told = await cloud.instanceTypes(ec2.nodeClass);
  t.not(told, embedded);
  const byName = new Map(told.map((type) => [type.name, type]));
  let spotMoved = 0;
  for (const type of embedded) {
    if (type.offerings.length === 0) continue;
    const now = byName.get(type.name);
    if (JSON.stringify(now?.allocatable) !== JSON.stringify(type.allocatable)) {
      t.strictSame([type.name, now?.allocatable], [type.name, type.allocatable]);
    }
    const onDemand = (offerings = type.offerings) =>
      offerings.filter(({ capacityType }) => capacityType === 'on-demand');
    if (JSON.stringify(onDemand(now?.offerings)) !== JSON.stringify(onDemand())) {
      t.strictSame([type.name, onDemand(now?.offerings)], [type.name, onDemand()]);
    }
    const prices = (now?.offerings ?? [])
      .filter(({ capacityType }) => capacityType === 'spot')
      .map(({ priceNanoUsdPerHour }) => priceNanoUsdPerHour);
    if (new Set(prices).size > 1) spotMoved += 1;
  }
  t.ok(spotMoved > 500, `spot prices differ by zone: ${spotMoved} types`);
});
