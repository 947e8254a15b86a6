/** What the dashboard says of a cluster, from the first pending pod to the last node. */
import t from 'tap';
import { Collector, dashboardState, type Look } from '../../../extender/dashboard/collector.ts';
import { nodeDetail } from '../../../extender/dashboard/node-detail.ts';
import type { DashboardState } from '../../../extender/dashboard/state.ts';
import { batchShapes, startBatch, steady, submitJob } from '../../../sim/workloads.ts';
import { startStandIn } from './stand-in.ts';

const [lint, , etl, , train] = batchShapes;
if (lint === undefined || etl === undefined || train === undefined) throw new Error('no shapes');

/** What a page does with a diff; `again` is answered with the whole state, as the feed does. */
function applied(state: DashboardState, look: Look, collector: Collector): DashboardState {
  if (look === undefined) return state;
  if (look === 'again') return collector.state();
  const { nodes = [], gone = [], workloads = [], points = [], decisions = [], ...rest } = look.diff;
  const tiles = new Map(state.nodes.map((tile) => [tile.id, tile]));
  for (const id of gone) tiles.delete(id);
  for (const tile of nodes) tiles.set(tile.id, tile);
  return {
    ...state,
    ...rest,
    nodes: [...tiles.values()],
    workloads: [...state.workloads, ...workloads],
    series: [...(look.diff.series ?? state.series), ...points],
    decisions: [...state.decisions, ...decisions].slice(-300),
  };
}

t.test('a node is a ghost with its pods first, then fills, then leaves', async (t) => {
  const standIn = await startStandIn({ seed: 1 });
  const { world } = standIn;
  const collector = new Collector(standIn.sources);
  submitJob(world.cluster, lint, { pods: 6, runMs: 60_000 });
  const steps = new Set<string>();
  const planned = new Set<number>();
  for (let second = 0; second < 260; second += 1) {
    await world.clock.advance(1_000);
    collector.look();
    const { nodes, totals } = collector.state();
    for (const { step, blocks, name, type, price, pool } of nodes) {
      if (!steps.has(step)) t.comment(`${step} after ${second} s`);
      steps.add(step);
      t.match({ type, pool, price }, { type: 'm7i.2xlarge', pool: 'general', price: 0.4032 });
      if (step === 'booting') {
        t.match(name, /^general-/, 'before it has a node it has the name of its claim');
        for (const [, pods, , isPlanned] of blocks) if (isPlanned === 1) planned.add(pods);
        t.equal(totals.nodes, 0);
        t.equal(totals.cost, 0.4032, 'launched is paid for');
      }
      if (step === 'ready') t.match(name, /^ip-/);
    }
  }
  t.strictSame([...planned], [6]);
  t.strictSame([...steps], ['booting', 'registered', 'binding', 'ready', 'leaving']);
  const { nodes, totals, pending } = collector.state();
  t.strictSame(nodes, []);
  t.strictSame(pending, []);
  t.match(totals, { nodes: 0, podsRunning: 0, podsPending: 0, podsDone: 6, cost: 0 });
  collector.close();
  standIn.stop();
});

t.test('pods wait in classes, each with its reason, its state and its time', async (t) => {
  const standIn = await startStandIn({ seed: 2 });
  const { world, hopeless } = standIn;
  hopeless.add('default/train');
  submitJob(world.cluster, train, { pods: 2, runMs: 60_000 });
  submitJob(world.cluster, lint, { pods: 5, runMs: 60_000 });
  submitJob(world.cluster, lint, { pods: 4, runMs: 60_000 });
  await world.clock.advance(12_000);
  const state = dashboardState(standIn.sources);
  t.match(state.pending, [
    {
      workload: 'default/train',
      state: 'stuck',
      reason: 'no offering has the memory that it asks for',
      pods: 2,
      asks: 'cpu 4 · memory 23.4 GiB · 1 gpu',
      expectedMs: null,
    },
    { workload: 'default/lint', state: 'coming', reason: 'Its node is booting', pods: 9 },
  ]);
  const [stuck] = state.pending;
  t.ok(state.timeMs - (stuck?.oldestMs ?? 0) <= 13_000);
  t.match(stuck?.example, /^default\/train-/);
  t.equal(state.totals.podsPending, 11);
  await world.clock.advance(200_000);
  t.match(dashboardState(standIn.sources).pending, [{ workload: 'default/train', pods: 2 }]);
  standIn.stop();
});

t.test('before anybody plans, a pod is new and then queued; gated pods say so', async (t) => {
  const standIn = await startStandIn({ seed: 3, isProvisioning: false });
  const { world } = standIn;
  world.cluster.create('Pod', {
    metadata: { namespace: 'default', name: 'held' },
    spec: { schedulingGates: [{ name: 'example.com/quota' }], containers: [{ name: 'main' }] },
  });
  world.cluster.create('Pod', {
    metadata: { namespace: 'default', name: 'foreign' },
    spec: { schedulerName: 'nobody', containers: [{ name: 'main' }] },
  });
  submitJob(world.cluster, lint, { pods: 1, runMs: 1_000 });
  await world.clock.advance(5_000);
  const { pending } = dashboardState(standIn.sources);
  t.match(
    new Map(pending.map(({ workload, state }) => [workload, state])),
    new Map([
      ['default/lint', 'queued'],
      ['default/foreign', 'new'],
      ['default/held', 'gated'],
    ]),
  );
  standIn.stop();
});

t.test('once nodes have come, it is said when the next is expected', async (t) => {
  const standIn = await startStandIn({ seed: 4 });
  const { world } = standIn;
  submitJob(world.cluster, lint, { pods: 2, runMs: 600_000 });
  await world.clock.advance(120_000);
  submitJob(world.cluster, etl, { pods: 4, runMs: 600_000 });
  await world.clock.advance(6_000);
  const { pending, timeMs } = dashboardState(standIn.sources);
  const [{ expectedMs, workload } = { expectedMs: null, workload: '' }] = pending;
  t.equal(workload, 'default/etl');
  t.ok(expectedMs !== null && expectedMs > timeMs && expectedMs < timeMs + 120_000);
  standIn.stop();
});

t.test('the diffs of a busy hour add up to the state', async (t) => {
  const standIn = await startStandIn({ seed: 5 });
  const { world } = standIn;
  const collector = new Collector(standIn.sources);
  let copy = structuredClone(collector.state());
  const shapes = batchShapes;
  startBatch(world.cluster, world.random.branch('batch'), {
    shapes,
    jobsPerHour: 60,
    profile: steady,
  });
  let revisions = 0;
  for (let step = 0; step < 80; step += 1) {
    await world.clock.advance(9_000);
    const look = collector.look();
    if (look !== undefined && look !== 'again') {
      t.equal(look.diff.revision, copy.revision + 1);
      revisions += 1;
    }
    copy = applied(copy, look, collector);
  }
  t.ok(revisions > 40);
  const state = collector.state();
  const byId = (one: { id: string }, other: { id: string }): number => (one.id < other.id ? -1 : 1);
  t.strictSame(
    { ...copy, timeMs: 0, nodes: copy.nodes.toSorted(byId) },
    { ...state, timeMs: 0, nodes: state.nodes.toSorted(byId) },
  );
  const fresh = dashboardState(standIn.sources);
  t.match(fresh.totals, {
    nodes: state.totals.nodes,
    cost: state.totals.cost,
    podsRunning: state.totals.podsRunning,
  });
  t.ok(state.totals.podsDone > 0);
  collector.close();
  standIn.stop();
});

t.test('cost, bound and first-fit stay comparable while nodes come and go', async (t) => {
  const standIn = await startStandIn({ seed: 6 });
  const { world } = standIn;
  const collector = new Collector(standIn.sources);
  t.match(collector.state().totals, { bound: null, firstFit: null, planned: 0 });
  const shapes = batchShapes;
  startBatch(world.cluster, world.random.branch('batch'), {
    shapes,
    jobsPerHour: 60,
    profile: steady,
  });
  for (let step = 0; step < 60; step += 1) {
    await world.clock.advance(15_000);
    collector.look();
    const { cost, bound, firstFit, planned } = collector.state().totals;
    if (bound === null || firstFit === null) continue;
    t.equal(planned, 1, 'every node has its plan');
    // What the stand-in says of every plan.
    t.ok(Math.abs(bound - cost * 0.985) < 0.001, `${bound} of ${cost}`);
    t.ok(Math.abs(firstFit - cost * 1.17) < 0.001);
  }
  t.ok(collector.state().series.some(([, cost, bound]) => bound !== null && bound < cost));
  collector.close();
  standIn.stop();
});

t.test('a node is told of in full when it is asked for', async (t) => {
  const standIn = await startStandIn({ seed: 7 });
  const { world } = standIn;
  submitJob(world.cluster, lint, { pods: 3, runMs: 600_000 });
  await world.clock.advance(20_000);
  const [ghost] = dashboardState(standIn.sources).nodes;
  const planned = nodeDetail(standIn.sources, ghost?.id ?? '');
  t.match(planned, { node: '', claim: /^general-/, pods: [{ phase: 'Planned' }, {}, {}] });
  await world.clock.advance(100_000);
  const detail = nodeDetail(standIn.sources, ghost?.id ?? '');
  t.match(detail, { node: /^ip-/, providerID: /^aws:/, decisions: [{ outcome: 'launched' }, {}] });
  t.equal(detail?.pods.filter(({ phase }) => phase === 'Running').length, 5, 'with DaemonSets');
  t.ok(detail?.conditions.some(({ type, status }) => type === 'Initialized' && status === 'True'));
  t.equal(nodeDetail(standIn.sources, 'node/none'), undefined);
  standIn.stop();
});
