/** A leader that comes after one that died asks for nothing that is known to be dry. */
import { pino } from 'pino';
import t from 'tap';
import { loadCatalogue } from '../../../../catalogue/loader.ts';
import { conditionOf } from '../../../../core/api/conditions.ts';
import { annotationRefusals } from '../../../../core/ec2/refusal-record.ts';
import { createEc2Cloud } from '../../../../extender/adapters/ec2/cloud.ts';
import { startNodeClaimLifecycle } from '../../../../extender/controllers/nodeclaims/lifecycle.ts';
import { startRefusalMemory } from '../../../../extender/controllers/nodeclass/refusal-memory.ts';
import { createMetrics } from '../../../../extender/metrics.ts';
import { endlessCapacity } from '../../../../sim/ec2-capacity.ts';
import { createRandom } from '../../../../sim/random.ts';
import { createAccount, engineOptionsOf } from '../../../../sim/wire/account.ts';
import { startWire } from '../../../../sim/wire/server.ts';
import { createWorld } from '../../../../sim/world.ts';
import { draftClaim } from '../../../support/claim-world.ts';
import { type ControllerProcess, startControllers } from '../../../support/controller-fixture.ts';
import { classWithStatus, offeringOf } from '../../../support/ec2-cloud.ts';

const dry = offeringOf('m5.large/a/on-demand');
const wet = offeringOf('c5.large/b/on-demand');

t.test('refusals outlive the process that met them', async (t) => {
  const catalogue = loadCatalogue();
  const account = createAccount(catalogue);
  const world = createWorld({
    seed: 1,
    types: catalogue.types,
    startMs: Date.UTC(2026, 10, 22),
    absentKinds: ['EC2NodeClass.stowage.dev'],
    ec2: { ...engineOptionsOf(account), capacity: endlessCapacity, isConsistent: true },
  });
  const { clock, engine } = world;
  const wire = await startWire({ engine, clock, account, catalogue, isConsistent: true });
  const stops: (() => void)[] = [];
  t.teardown(async () => {
    for (const stop of stops) stop();
    await wire.close();
  });
  /** Time flows while the work goes on: calls over HTTP need ours too. */
  async function whileTimeFlows(work: () => Promise<void>): Promise<void> {
    const end = new AbortController();
    const paced = clock.pace({ speed: 50, signal: end.signal });
    try {
      await work();
    } finally {
      end.abort(new Error('done'));
      await paced;
    }
  }
  const nodeClass = classWithStatus({ account });
  world.cluster.create('EC2NodeClass', nodeClass);
  const body = { status: { ...nodeClass.status, conditions: [] } };
  const names = { name: 'default' };
  world.cluster.patch('EC2NodeClass', names, { type: 'merge', body }, { subresource: 'status' });
  engine.launcher.pools.drain(
    ({ instanceType }) => instanceType === dry.instanceType,
    Number.POSITIVE_INFINITY,
  );

  /** A process, and the types that it asks for. */
  async function lead(name: string, remembers = true) {
    const cloud = createEc2Cloud({
      region: account.region,
      endpoint: wire.endpoint,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      clusterName: 'simulated',
      clock,
      random: createRandom(name),
      log: pino({ level: 'silent' }),
      metrics: createMetrics('test', { process: false }).cloud,
      catalogue,
    });
    const asked: string[] = [];
    const process: ControllerProcess = await startControllers(world, name, {
      settings: { clusterName: 'simulated' },
      start: (context) => {
        const launch: typeof cloud.launch = async (request, options) => {
          asked.push(...request.offerings.map(({ instanceType }) => instanceType));
          return await cloud.launch(request, options);
        };
        const own = { ...context, cloud: { ...cloud, launch } };
        return [
          ...(remembers ? [startRefusalMemory(own, cloud.refusals)] : []),
          startNodeClaimLifecycle(own),
        ];
      },
    });
    const stop = (): void => {
      process.stop();
      cloud.close();
    };
    stops.push(stop);
    return { asked, stop, process };
  }

  async function launchClaim(name: string): Promise<void> {
    world.cluster.create('NodeClaim', draftClaim(name, { offerings: [dry, wet] }));
    await whileTimeFlows(async () => {
      for (let waited = 0; waited < 600; waited += 1) {
        await clock.sleep(1_000);
        const claim = world.cluster.get('NodeClaim', { name });
        if (claim !== undefined && conditionOf(claim, 'Launched')?.status === 'True') return;
      }
      throw new Error(`${name} was not launched`);
    });
  }
  const annotation = () =>
    world.cluster.get('EC2NodeClass', names)?.metadata.annotations?.[annotationRefusals];

  const first = await lead('first');
  await launchClaim('one');
  t.strictSame([...new Set(first.asked)], ['m5.large', 'c5.large']);
  await clock.advance(3_000);
  t.match(annotation(), /^\{"type\/on-demand\/us-east-1a\/m5\.large":\d+\}$/);
  first.stop();

  const second = await lead('second');
  await launchClaim('two');
  t.strictSame([...new Set(second.asked)], ['c5.large']);
  second.stop();

  const forgetful = await lead('forgetful', false);
  await launchClaim('three');
  t.strictSame(
    [...new Set(forgetful.asked)],
    ['m5.large', 'c5.large'],
    'without its memory it would have asked',
  );
  forgetful.stop();

  const last = await lead('last');
  await clock.advance(240_000);
  t.equal(annotation(), undefined, 'what holds no more is not kept');
  const version = world.cluster.get('EC2NodeClass', names)?.metadata.resourceVersion;
  await clock.advance(120_000);
  t.equal(world.cluster.get('EC2NodeClass', names)?.metadata.resourceVersion, version);
  for (const { process } of [first, second, forgetful, last]) t.strictSame(process.failures, []);
});
