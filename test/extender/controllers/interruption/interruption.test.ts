/** Nodes that the cloud takes away, in a whole simulated cluster with the whole service. */
import t, { type Test } from 'tap';
import type { Live } from '../../../../core/api/kinds.ts';
import { disruptedTaint, labelCapacityType } from '../../../../core/api/labels.ts';
import { interruptionOf } from '../../../../core/interruption/interruption-record.ts';
import { standInsOf } from '../../../../core/provisioning/stand-ins.ts';
import {
  createInterruptionQueue,
  type InterruptionQueue,
} from '../../../../sim/interruption-queue.ts';
import { deployService } from '../../../../sim/workloads.ts';
import {
  countPods,
  type Replica,
  type ReplicaOptions,
  unbound,
  type WholeWorld,
  type WholeWorldOptions,
  wholeWorld,
} from '../../../support/whole-service.ts';

t.setTimeout(180_000);

interface Scene {
  readonly w: WholeWorld;
  readonly news: InterruptionQueue;
  readonly replica: Replica;
  start(name: string, options?: ReplicaOptions): Promise<Replica>;
}

const app = 'web';
const replicas = 12;

/** A service of twelve pods on spot nodes, all running. */
async function scene(
  seed: number,
  options: WholeWorldOptions = {},
  first: ReplicaOptions = {},
): Promise<Scene> {
  const w = wholeWorld(seed, options);
  const { engine, clock, random } = w;
  const news = createInterruptionQueue({
    engine,
    clock,
    random: random.branch('news'),
    duplicateShare: 0.2,
  });
  const start = async (name: string, more: ReplicaOptions = {}): Promise<Replica> =>
    await w.startReplica(name, {
      eventSources: (ports) => [news.source(ports.clock)],
      settings: { leaderElection: false },
      ...more,
    });
  const replica = await start('one', first);
  deployService(w.cluster, app, { replicas, cpuMilli: 900, memoryMiB: 3_000 });
  await w.until('all run', () => running(w) === replicas, 300_000);
  // Later the pool may give nodes up for other reasons.
  await w.clock.advance(1_000);
  return { w, news, replica, start };
}

function running(w: WholeWorld): number {
  return countPods(w, app, 'Running');
}

function nodeClaims(w: WholeWorld): readonly Live<'NodeClaim'>[] {
  return [...w.cluster.all('NodeClaim')];
}

function idOf({ status }: Live<'NodeClaim'>): string {
  return (status?.providerID ?? '').split('/').at(-1) ?? '';
}

function nodeOf(w: WholeWorld, { status }: Live<'NodeClaim'>): Live<'Node'> | undefined {
  return w.cluster.get('Node', { name: status?.nodeName ?? '' });
}

function isClosed(node: Live<'Node'> | undefined): boolean {
  return node?.spec?.taints?.some(({ key }) => key === disruptedTaint.key) === true;
}

function podsOn(w: WholeWorld, claim: Live<'NodeClaim'>): readonly Live<'Pod'>[] {
  return [...w.cluster.all('Pod')].filter(
    ({ metadata, spec }) =>
      spec.nodeName === claim.status?.nodeName && metadata.labels?.['app'] === app,
  );
}

/** The one that most pods are on. */
function victimOf(w: WholeWorld): Live<'NodeClaim'> {
  const [victim] = nodeClaims(w).toSorted((a, b) => podsOn(w, b).length - podsOn(w, a).length);
  if (victim === undefined) throw new Error('there is no node');
  return victim;
}

/** The node is gone, and its pods run elsewhere. */
function hasSettled(w: WholeWorld, { metadata: { name } }: Live<'NodeClaim'>): boolean {
  const isGone = w.cluster.get('NodeClaim', { name }) === undefined;
  return isGone && running(w) === replicas && unbound(w).length === 0;
}

function checkEnd(t: Test, { w, replica }: Scene): void {
  t.strictSame(w.invariants.violations, []);
  t.strictSame(replica.failures, []);
  t.strictSame(unbound(w), []);
}

t.test('a spot warning: closed within a second, replaced first, empty in time', async (t) => {
  const s = await scene(1);
  const { w, news } = s;
  const victim = victimOf(w);
  const { name } = victim.metadata;
  t.equal(victim.metadata.labels?.[labelCapacityType], 'spot');
  const before = new Set(nodeClaims(w).map(({ metadata }) => metadata.name));
  const movedPods = podsOn(w, victim).map(({ metadata }) => metadata.uid);
  w.engine.reclaim(idOf(victim));
  await w.clock.advance(1_000);
  t.ok(isClosed(nodeOf(w, victim)), 'its node takes no more pods a second later');
  t.equal(interruptionOf(w.cluster.get('NodeClaim', { name }) ?? victim)?.kind, 'spot_interrupted');
  await w.clock.advance(2_000);
  const standIns = nodeClaims(w).filter(({ metadata }) => !before.has(metadata.name));
  t.ok(standIns.length > 0, 'a replacement is under way three seconds later');
  t.strictSame(
    standIns.flatMap((claim) => [...standInsOf(claim)]).toSorted(),
    movedPods.toSorted(),
    'it stands in for the pods of the node',
  );
  t.equal(running(w), replicas, 'meanwhile all run on');
  t.equal(w.cluster.get('NodeClaim', { name })?.metadata.deletionTimestamp, undefined);
  let fewest = replicas;
  const endedMs = w.clock.nowMs() + 117_000;
  let emptyMs: number | undefined;
  while (w.clock.nowMs() < endedMs) {
    await w.clock.advance(1_000);
    fewest = Math.min(fewest, running(w));
    if (emptyMs === undefined && podsOn(w, victim).length === 0) emptyMs = w.clock.nowMs();
  }
  t.ok(emptyMs !== undefined, 'its pods were gone before the instance');
  await w.until('all run again', () => running(w) === replicas, 60_000);
  const launched = nodeClaims(w).filter(({ metadata }) => !before.has(metadata.name));
  t.equal(launched.length, standIns.length, 'nothing was launched twice');
  const taken = `${victim.metadata.labels?.['node.kubernetes.io/instance-type']}/${victim.metadata.labels?.['topology.kubernetes.io/zone']}/spot`;
  for (const { metadata } of launched) {
    const { labels = {} } = metadata;
    const place = `${labels['node.kubernetes.io/instance-type']}/${labels['topology.kubernetes.io/zone']}/${labels[labelCapacityType]}`;
    t.not(place, taken, 'the offering that was taken away is not asked for');
  }
  t.comment(`fewest running: ${fewest} of ${replicas}`);
  await w.clock.advance(30_000);
  t.equal(news.size, 0, 'every message was acknowledged');
  checkEnd(t, s);
});

t.test('an instance that ends by itself: its pods have a place at once', async (t) => {
  const s = await scene(2);
  const { w } = s;
  const victim = victimOf(w);
  w.engine.fail(idOf(victim));
  await w.clock.advance(1_500);
  const claim = w.cluster.get('NodeClaim', { name: victim.metadata.name });
  t.ok(claim === undefined || claim.metadata.deletionTimestamp !== undefined, 'its claim ends');
  await w.until('all run again', () => hasSettled(w, victim), 180_000);
  checkEnd(t, s);
});

t.test('maintenance in an hour: the node is left in good order, long before', async (t) => {
  const s = await scene(3);
  const { w } = s;
  const victim = victimOf(w);
  w.engine.scheduleMaintenance(idOf(victim), w.clock.nowMs() + 3_600_000);
  const tookMs = await w.until(
    'the node is gone',
    () => w.cluster.get('NodeClaim', { name: victim.metadata.name }) === undefined,
    600_000,
  );
  t.ok(tookMs > 20_000, 'not before its replacement was there');
  await w.until('all run', () => running(w) === replicas, 60_000);
  checkEnd(t, s);
});

t.test(
  'a recommendation to rebalance is only told of, unless the pool asks for more',
  async (t) => {
    const s = await scene(4);
    const { w } = s;
    const victim = victimOf(w);
    w.engine.recommendRebalance(idOf(victim));
    await w.clock.advance(120_000);
    t.notOk(isClosed(nodeOf(w, victim)));
    const pool = { name: 'general' };
    const body = { metadata: { annotations: { 'stowage.dev/rebalance': 'replace' } } };
    w.cluster.patch('NodePool', pool, { type: 'merge', body });
    await w.clock.advance(1_000);
    w.engine.recommendRebalance(idOf(victim));
    await w.clock.advance(1_500);
    t.ok(isClosed(nodeOf(w, victim)));
    await w.until(
      'the node is gone',
      () => w.cluster.get('NodeClaim', { name: victim.metadata.name }) === undefined,
      300_000,
    );
    await w.until('all run', () => running(w) === replicas, 60_000);
    checkEnd(t, s);
  },
);

t.test('a recommendation that no replacement can be had for is taken back', async (t) => {
  const s = await scene(5);
  const { w } = s;
  const body = { metadata: { annotations: { 'stowage.dev/rebalance': 'replace' } } };
  w.cluster.patch('NodePool', { name: 'general' }, { type: 'merge', body });
  w.engine.drain(() => true, w.clock.nowMs() + 3_600_000);
  const victim = victimOf(w);
  w.engine.recommendRebalance(idOf(victim));
  await w.clock.advance(5_000);
  t.ok(isClosed(nodeOf(w, victim)));
  await w.until('it is open again', () => !isClosed(nodeOf(w, victim)), 900_000);
  t.equal(running(w), replicas, 'nobody was moved');
  const claim = w.cluster.get('NodeClaim', { name: victim.metadata.name });
  t.ok(claim !== undefined && interruptionOf(claim) === undefined);
  checkEnd(t, s);
});

t.test('killed at every write of it and started anew, it still ends well', async (t) => {
  const steps = ['patch NodeClaim', 'patch Node', 'create NodeClaim', 'delete NodeClaim'];
  for (const [index, step] of steps.entries()) {
    for (const moment of ['before', 'after'] as const) {
      let isArmed = false;
      const [verb, kind] = step.split(' ');
      const s = await scene(
        10 + index,
        {},
        {
          crashPoint: {
            moment,
            matches: (call) => isArmed && call.verb === verb && call.kind === kind,
          },
        },
      );
      const { w, replica } = s;
      const victim = victimOf(w);
      isArmed = true;
      w.engine.reclaim(idOf(victim));
      await w.until(`${step}: it dies`, () => !replica.ports.process.isAlive, 120_000);
      const second = await s.start('two');
      await w.until(
        `${step} ${moment}: all run elsewhere`,
        () => running(w) === replicas && podsOn(w, victim).length === 0,
        300_000,
      );
      await w.clock.advance(120_000);
      t.equal(w.cluster.get('NodeClaim', { name: victim.metadata.name }), undefined);
      const claims = nodeClaims(w).map(idOf);
      t.equal(w.living(), claims.length, `${step} ${moment}: no instance is left behind`);
      t.strictSame(w.invariants.violations, [], `${step} ${moment}`);
      t.strictSame(second.failures, []);
    }
  }
});
