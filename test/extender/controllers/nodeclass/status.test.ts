/** The status of EC2NodeClasses, from a simulated account over HTTP and with the real SDK. */
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { loadCatalogue } from '../../../../catalogue/loader.ts';
import { conditionOf } from '../../../../core/api/conditions.ts';
import type { EC2NodeClass, EC2NodeClassSpec } from '../../../../core/api/ec2nodeclass.ts';
import { createEc2Cloud } from '../../../../extender/adapters/ec2/cloud.ts';
import { createSourceHealth } from '../../../../extender/controllers/interruption/source-health.ts';
import { startNodeClassStatus } from '../../../../extender/controllers/nodeclass/status.ts';
import { createMetrics } from '../../../../extender/metrics.ts';
import { deleteObject } from '../../../../sim/cluster/deletion.ts';
import { createRandom } from '../../../../sim/random.ts';
import { type Account, createAccount, engineOptionsOf } from '../../../../sim/wire/account.ts';
import { startWire, type Wire } from '../../../../sim/wire/server.ts';
import { createWorld, type World } from '../../../../sim/world.ts';
import { type ControllerProcess, startControllers } from '../../../support/controller-fixture.ts';

t.setTimeout(120_000);

const discovery = { 'karpenter.sh/discovery': 'simulated' };

interface Fixture {
  readonly world: World;
  readonly account: Account;
  readonly wire: Wire;
  readonly process: ControllerProcess;
  create(name: string, spec?: Partial<EC2NodeClassSpec>): void;
  /** The class once `isDone` holds; fails the test if that takes longer than twenty minutes. */
  until(name: string, isDone: (nodeClass: EC2NodeClass) => boolean): Promise<EC2NodeClass>;
}

async function start(t: Test, sources = createSourceHealth()): Promise<Fixture> {
  const catalogue = loadCatalogue();
  const account = createAccount(catalogue);
  const world = createWorld({
    seed: 1,
    types: catalogue.types,
    startMs: Date.UTC(2026, 10, 22),
    absentKinds: ['EC2NodeClass.stowage.dev'],
    ec2: { ...engineOptionsOf(account), isConsistent: true },
  });
  const wire = await startWire({
    engine: world.engine,
    clock: world.clock,
    account,
    catalogue,
    isConsistent: true,
  });
  const cloud = createEc2Cloud({
    region: account.region,
    endpoint: wire.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    clusterName: 'simulated',
    clock: world.clock,
    random: createRandom('cloud'),
    log: pino({ level: 'silent' }),
    metrics: createMetrics('test', { process: false }).cloud,
    catalogue,
  });
  const process = await startControllers(world, 'first', {
    start: (context) => [startNodeClassStatus(context, cloud.nodeClasses, sources)],
  });
  const end = new AbortController();
  const paced = world.clock.pace({ speed: 50, signal: end.signal });
  t.teardown(async () => {
    process.stop();
    cloud.close();
    end.abort(new Error('the test is over'));
    await paced;
    await wire.close();
    if (process.failures.length > 0) throw process.failures[0];
  });
  return {
    world,
    account,
    wire,
    process,
    create: (name, spec = {}) => {
      world.cluster.create('EC2NodeClass', {
        apiVersion: 'karpenter.k8s.aws/v1',
        kind: 'EC2NodeClass',
        metadata: { name },
        spec: {
          amiSelectorTerms: [{ alias: 'al2023@latest' }],
          subnetSelectorTerms: [{ tags: discovery }],
          securityGroupSelectorTerms: [{ tags: discovery }],
          role: 'StowageNodeRole-simulated',
          ...spec,
        },
      });
    },
    until: async (name, isDone) => {
      for (let waited = 0; waited < 1_200; waited += 1) {
        const nodeClass = world.cluster.get('EC2NodeClass', { name });
        if (nodeClass !== undefined && isDone(nodeClass)) return nodeClass;
        await world.clock.sleep(1_000);
      }
      throw new Error(
        `${name}: ${JSON.stringify([world.cluster.get('EC2NodeClass', { name })?.status, process.failures.map(String)])}`,
      );
    },
  };
}

function isSaid(type: string, status: string): (nodeClass: EC2NodeClass) => boolean {
  return (nodeClass) => conditionOf(nodeClass, type)?.status === status;
}

t.test('a class learns its subnets, groups, images and profile, and is ready', async (t) => {
  const { create, until, account, world, process } = await start(t);
  create('default');
  const { status, metadata } = await until('default', isSaid('Ready', 'True'));
  t.strictSame(
    status?.subnets?.map(({ zone }) => zone),
    account.subnets.map(({ zone }) => zone),
  );
  t.strictSame(
    status?.securityGroups?.map(({ id }) => id),
    ['sg-0c00000000000000a', 'sg-0d00000000000000a'],
  );
  t.match(status?.amis?.[0], { id: /^ami-/, name: /al2023/ });
  t.match(status?.instanceProfile, /^stowage_simulated_/);
  t.strictSame(
    [...account.instanceProfiles.values()].map(({ roles }) => roles.map(({ name }) => name)),
    [['StowageNodeRole-simulated']],
  );
  t.strictSame(
    status?.conditions?.map(({ type, status }) => [type, status]),
    [
      'SubnetsReady',
      'SecurityGroupsReady',
      'AMIsReady',
      'InstanceProfileReady',
      'ValidationSucceeded',
      'Ready',
    ].map((type) => [type, 'True']),
  );
  t.match(metadata.annotations?.['karpenter.k8s.aws/ec2nodeclass-hash'], /^\d+$/);
  t.strictSame(metadata.finalizers, ['karpenter.k8s.aws/termination']);

  await process.context.client.delete('EC2NodeClass', { name: 'default' });
  while (world.cluster.get('EC2NodeClass', { name: 'default' }) !== undefined) {
    await world.clock.sleep(1_000);
  }
  t.equal(account.instanceProfiles.size, 0, 'what was made for it is gone');
  t.equal(account.launchTemplates.size, 0);
});

t.test('what is wrong with one class is said with the fix, and keeps no other', async (t) => {
  const { create, until, process, account } = await start(t);
  create('nowhere', { subnetSelectorTerms: [{ tags: { team: 'unknown' } }] });
  create('imageless', { amiSelectorTerms: [{ alias: 'al2023@v20010101' }] });
  create('roleless', { role: 'missing' });
  create('unsettled', { userData: 'MIME-Version: 1.0\n\nno boundary' });
  create('good');
  const good = await until('good', isSaid('Ready', 'True'));
  t.equal(conditionOf(good, 'Ready')?.reason, 'Ready');
  const nowhere = await until('nowhere', isSaid('Ready', 'False'));
  t.match(conditionOf(nowhere, 'SubnetsReady'), { reason: 'SubnetsNotFound' });
  t.match(conditionOf(nowhere, 'Ready')?.message, /spec\.subnetSelectorTerms/);
  const imageless = await until('imageless', isSaid('AMIsReady', 'False'));
  t.match(conditionOf(imageless, 'AMIsReady'), { reason: 'AMINotFound', message: /v20010101/ });
  const roleless = await until('roleless', (one) => conditionOf(one, 'Ready') !== undefined);
  t.not(conditionOf(roleless, 'Ready')?.status, 'True');
  const unsettled = await until('unsettled', isSaid('ValidationSucceeded', 'False'));
  t.match(
    conditionOf(unsettled, 'ValidationSucceeded')?.message,
    /spec\.userData: expected a bound/,
  );
  t.match(
    process.events.filter(({ name }) => name === 'nowhere'),
    [{ kind: 'EC2NodeClass', type: 'Warning', reason: 'SubnetsNotFound' }],
  );
  t.ok(account.launchTemplates.size <= 2);
});

t.test('denied rights are named, and seen again when they are given', async (t) => {
  const { create, until, account, process } = await start(t);
  account.denied.add('ec2:CreateFleet');
  account.denied.add('ec2:DescribeSecurityGroups');
  create('default');
  const blind = await until('default', isSaid('SecurityGroupsReady', 'False'));
  t.match(conditionOf(blind, 'SecurityGroupsReady'), {
    reason: 'Unauthorized',
    message: /DescribeSecurityGroups.*IAM policy/,
  });
  account.denied.delete('ec2:DescribeSecurityGroups');
  const denied = await until(
    'default',
    (one) => conditionOf(one, 'ValidationSucceeded')?.reason === 'CreateFleetAuthCheckFailed',
  );
  t.match(conditionOf(denied, 'ValidationSucceeded')?.message, /ec2:CreateFleet/);
  t.ok(process.events.some(({ reason }) => reason === 'CreateFleetAuthCheckFailed'));
  account.denied.clear();
  await until('default', isSaid('Ready', 'True'));
});

t.test('a cloud that does not answer takes nothing from what is known', async (t) => {
  const { create, until, wire, world } = await start(t);
  create('default');
  const before = await until('default', isSaid('Ready', 'True'));
  wire.faults.add({
    action: 'ec2:DescribeSubnets',
    fault: { type: 'refuse', code: 'Unavailable' },
    times: 8,
  });
  while (wire.faults.pending > 0) await world.clock.sleep(1_000);
  const after = world.cluster.get('EC2NodeClass', { name: 'default' });
  t.strictSame(after?.status?.subnets, before.status?.subnets);
  t.equal(after !== undefined && conditionOf(after, 'Ready')?.status, 'True');
});

t.test('a class is not looked at anew because a claim of it went', async (t) => {
  const { create, until, wire, world } = await start(t);
  create('default');
  await until('default', isSaid('Ready', 'True'));
  const looks = (): number =>
    wire.calls.filter(({ action }) => action === 'DescribeSecurityGroups').length;
  const before = looks();
  const startMs = world.clock.nowMs();
  for (let index = 0; index < 10; index += 1) {
    const name = `general-${index}`;
    world.cluster.create('NodeClaim', {
      apiVersion: 'karpenter.sh/v1',
      kind: 'NodeClaim',
      metadata: { name },
      spec: {
        nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
        requirements: [],
      },
    });
    await world.clock.sleep(1_000);
    deleteObject(world.cluster, 'NodeClaim', { name });
    await world.clock.sleep(4_000);
  }
  const byTime = 1 + (world.clock.nowMs() - startMs) / 60_000;
  t.ok(looks() - before <= byTime, 'time alone is a reason');
});

t.test('a queue that cannot be read is said on every class, until it can', async (t) => {
  const sources = createSourceHealth();
  const { create, until, process } = await start(t, sources);
  create('default');
  const unasked = await until('default', isSaid('Ready', 'True'));
  t.equal(conditionOf(unasked, 'InterruptionSourcesReady'), undefined, 'nobody knows yet');
  sources.note('queue', 'the queue cannot be reached: check its name');
  const told = await until('default', isSaid('InterruptionSourcesReady', 'False'));
  t.match(conditionOf(told, 'InterruptionSourcesReady'), {
    reason: 'InterruptionSourceUnavailable',
    message: /check its name/,
  });
  t.equal(conditionOf(told, 'Ready')?.status, 'True', 'nodes can be launched without it');
  t.ok(process.events.some(({ reason }) => reason === 'InterruptionSourceUnavailable'));
  sources.note('queue', undefined);
  await until('default', isSaid('InterruptionSourcesReady', 'True'));
});

t.test('a placement group is looked for by name or id, and missed with the fix', async (t) => {
  const { create, until, account } = await start(t);
  const group = { groupId: 'pg-0123456789abcdef0', name: 'tight', strategy: 'cluster', tags: {} };
  create('by-name', { placementGroupSelector: { name: group.name } });
  create('by-id', { placementGroupSelector: { id: group.groupId } });
  for (const name of ['by-name', 'by-id']) {
    const missed = await until(name, isSaid('PlacementGroupReady', 'False'));
    t.match(conditionOf(missed, 'PlacementGroupReady'), {
      reason: 'PlacementGroupNotFound',
      message: /spec\.placementGroupSelector/,
    });
    t.equal(conditionOf(missed, 'Ready')?.status, 'False');
  }
  account.placementGroups.push({ ...group, strategy: 'cluster' });
  for (const name of ['by-name', 'by-id']) await until(name, isSaid('Ready', 'True'));
});
