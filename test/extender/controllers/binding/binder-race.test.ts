/** Binding against a scheduler that wants the same room: nothing overcommitted, nobody lost. */
import t, { type Test } from 'tap';
import { loadCatalogue } from '../../../../catalogue/loader.ts';
import { isTrue } from '../../../../core/api/conditions.ts';
import { annotationReservation } from '../../../../core/scheduling/reservation-record.ts';
import { startBinder } from '../../../../extender/controllers/binding/binder.ts';
import type { Controller, ControllerContext } from '../../../../extender/controllers/context.ts';
import { feedNodes } from '../../../../extender/node-feed.ts';
import { NodeTable } from '../../../../extender/node-table.ts';
import { filterNodes } from '../../../../extender/verbs/filter.ts';
import { prioritizeNodes } from '../../../../extender/verbs/prioritize.ts';
import { decodeExtenderArgs } from '../../../../extender/wire.ts';
import { encodeFilterResult, encodeHostPriorities } from '../../../../extender/wire-replies.ts';
import { defaultBootModel } from '../../../../sim/boot-time.ts';
import { endlessCapacity } from '../../../../sim/ec2-capacity.ts';
import { randomFaults } from '../../../../sim/faults.ts';
import { type Violation, watchInvariants } from '../../../../sim/invariants.ts';
import type { CrashPoint } from '../../../../sim/process.ts';
import { createRandom } from '../../../../sim/random.ts';
import { installSamples } from '../../../../sim/sample-objects.ts';
import type { ExtenderSettings } from '../../../../sim/scheduler/extender-calls.ts';
import { directTransport } from '../../../../sim/scheduler/extender-transport.ts';
import { createWorld, type ProcessOptions, type World } from '../../../../sim/world.ts';
import {
  createClaim,
  createPod,
  standInForLifecycle,
  zone,
} from '../../../support/binding-trial.ts';
import { claimControllers } from '../../../support/claim-world.ts';
import { type ControllerProcess, startControllers } from '../../../support/controller-fixture.ts';

const { types: all } = loadCatalogue();
const types = all.filter(({ name }) => name === 'm7i.xlarge');
/** Three nodes of three one-CPU pods each: no pod fits what another group leaves of its node. */
const [groupCount, groupSize] = [3, 3];
const strangersMax = 15;
/** NodeClaim -> names and UIDs of the pods that it is for. */
type Groups = ReadonlyMap<string, ReadonlyMap<string, string>>;

function createRace(seed: number, hasStandIn = true): World {
  const world = createWorld({
    seed,
    types,
    absentKinds: ['EC2NodeClass.stowage.dev'],
    ec2: { capacity: endlessCapacity, boot: { ...defaultBootModel, neverJoinsShare: 0 } },
  });
  installSamples(world.cluster, [zone]);
  if (hasStandIn) standInForLifecycle(world);
  return world;
}

/** A full node, and the scheduler that has filled it. */
async function crowd(
  world: World,
  { withExtender = false }: { readonly withExtender?: boolean } = {},
): Promise<{ readonly failures: readonly unknown[] }> {
  const extender = withExtender ? await startExtender(world) : undefined;
  const scheduler = world.startScheduler({
    schedulerNames: ['default-scheduler'],
    ...(extender === undefined ? {} : { extenders: [extender] }),
  });
  const failures: unknown[] = [];
  scheduler.done.catch((error: unknown) => failures.push(error));
  createClaim(world, 'full', {});
  for (let index = 0; index < 3; index += 1) createPod(world, `full-${index}`);
  await world.clock.advance(240_000);
  return { failures };
}

/** The real verbs in a process of their own, asked as kube-scheduler asks them. */
async function startExtender(world: World): Promise<ExtenderSettings> {
  const nodes = new NodeTable();
  const { context } = await startControllers(world, 'extender', { start: () => [] });
  feedNodes({ view: context.view, nodes, clock: context.clock, priceOf: () => undefined });
  const random = world.random.branch('extender-latency');
  return {
    transport: directTransport(
      world.clock,
      (verb, body) => {
        const args = decodeExtenderArgs(body, nodes);
        if (verb === 'prioritize') {
          const scores = prioritizeNodes(args, world.clock.nowMs());
          return { status: 200, body: encodeHostPriorities(args.names, scores) };
        }
        const rejections = filterNodes(args, world.clock.nowMs());
        return { status: 200, body: encodeFilterResult(args, rejections) };
      },
      () => 1 + random.float() * 3,
    ),
    verbs: new Set(['filter', 'prioritize']),
    weight: 10,
    isIgnorable: true,
    managedResources: [],
  };
}

/** A binder as it must not be: it binds as soon as the node is ready, and there is no fence. */
function bindUnfenced(world: World, groups: Groups): void {
  const { client } = world.startProcess('naive');
  const done = new Set<string>();
  world.cluster.listen('NodeClaim', ({ object }) => {
    const { name } = object.metadata;
    const nodeName = object.status?.nodeName;
    if (nodeName === undefined || !isTrue(object, 'Initialized') || done.has(name)) return;
    done.add(name);
    for (const [pod, uid] of groups.get(name) ?? []) {
      void client.bind({ namespace: 'default', name: pod, uid }, nodeName);
    }
  });
}

/** Its n-th write or bind. */
function crashAt(number: number, moment: 'before' | 'after'): CrashPoint {
  let count = 0;
  return {
    moment,
    matches: ({ verb }) => {
      if (verb !== 'bind' && verb !== 'patch') return false;
      count += 1;
      return count === number + 1;
    },
  };
}

function failuresOf(runs: readonly ControllerProcess[]): unknown[] {
  return runs.flatMap(({ failures }) => failures);
}

/** Pods, claims for them in groups by chance, and strangers that want the same nodes. */
function planGroups(world: World, isTainted: boolean): Groups {
  const random = world.random.branch('plan');
  const names = Array.from({ length: groupCount * groupSize }, (_, index) => `pod-${index}`);
  const uids = new Map(names.map((name) => [name, createPod(world, name)]));
  sendStrangers(world);
  const groups = new Map<string, Map<string, string>>();
  for (let index = 0; index < groupCount; index += 1) {
    const group = new Map<string, string>();
    while (group.size < groupSize) {
      const [name = ''] = names.splice(random.integer(names.length), 1);
      group.set(name, uids.get(name) ?? '');
    }
    const claim = `claim-${index}`;
    groups.set(claim, group);
    world.clock.schedule(2_000, () => {
      createClaim(world, claim, { owners: [...group.values()], isTainted });
    });
  }
  return groups;
}

/** New pods are tried at once, not after a backoff: they come when a node changes its taints. */
function sendStrangers(world: World): void {
  const random = world.random.branch('strangers');
  let count = 0;
  world.cluster.listen('Node', ({ object, previous }) => {
    const before = previous?.spec?.taints?.length ?? 0;
    if (count >= strangersMax || before === (object.spec?.taints?.length ?? 0)) return;
    world.clock.schedule(random.float() * 40, () => {
      count += 1;
      createPod(world, `stranger-${count}`, { cpu: random.chance(0.5) ? '600m' : '1' });
    });
  });
}

/** Room for whoever is left over. */
function addRoom(world: World): void {
  for (let index = 0; index < 6; index += 1) createClaim(world, `spare-${index}`, {});
}

function nodeOf(world: World, claim: string): string | undefined {
  return world.cluster.get('NodeClaim', { name: claim })?.status?.nodeName;
}

/** Names of pods that are not where they should be at the end. */
function lostPods(world: World): string[] {
  return [...world.cluster.all('Pod')]
    .filter(({ status }) => status?.phase !== 'Running')
    .map(({ metadata, status }) => `${metadata.name} ${status?.phase}`);
}

function heldNodes(world: World): string[] {
  const claims = [...world.cluster.all('NodeClaim')]
    .filter(({ metadata }) => metadata.annotations?.[annotationReservation] !== undefined)
    .map(({ metadata }) => metadata.name);
  const nodes = [...world.cluster.all('Node')]
    .filter(({ spec }) => spec?.taints?.some(({ key }) => key === 'stowage.dev/reserved'))
    .map(({ metadata }) => metadata.name);
  return [...claims, ...nodes];
}

/** Planned pods that are on another node than planned, or on none. */
function strays(world: World, groups: Groups): string[] {
  return [...groups].flatMap(([claim, group]) =>
    [...group.keys()].filter((name) => {
      const pod = world.cluster.get('Pod', { namespace: 'default', name });
      return pod?.spec.nodeName !== nodeOf(world, claim);
    }),
  );
}

type Start = (context: ControllerContext) => readonly Controller[];

/** Keeps a binder running: another one starts a second after the last has died. */
async function keepRunning(
  world: World,
  durationMs: number,
  optionsOf: (number: number) => ProcessOptions,
  start: Start = (context) => [startBinder(context)],
): Promise<readonly ControllerProcess[]> {
  const runs: ControllerProcess[] = [];
  const endMs = world.clock.nowMs() + durationMs;
  while (world.clock.nowMs() < endMs) {
    if (runs.at(-1)?.ports.process.isAlive !== true) {
      const run = await startControllers(world, `binder-${runs.length}`, {
        ...optionsOf(runs.length),
        start,
      });
      runs.push(run);
    }
    await world.clock.advance(1_000);
  }
  return runs;
}

/** Asks for everything that must hold at the end, whatever happened. */
async function expectPeace(t: Test, world: World, violations: readonly Violation[]): Promise<void> {
  addRoom(world);
  await world.clock.advance(300_000);
  t.strictSame(violations, []);
  t.strictSame(lostPods(world), []);
  t.strictSame(heldNodes(world), []);
}

t.test('every planned pod is on its node, and no node holds too much', async (t) => {
  for (let seed = 0; seed < 15; seed += 1) {
    const world = createRace(seed);
    const { violations } = watchInvariants(world, 'karpenter.sh/nodeclaim');
    await crowd(world);
    const groups = planGroups(world, true);
    const runs = await keepRunning(world, 300_000, () => ({}));
    t.strictSame(strays(world, groups), [], `seed ${seed}`);
    await expectPeace(t, world, violations);
    t.strictSame(failuresOf(runs), []);
  }
});

t.test('without the taint the same pods are bound too many: the test can fail', async (t) => {
  let overcommitted = 0;
  for (let seed = 0; seed < 15; seed += 1) {
    const world = createRace(seed);
    const { violations } = watchInvariants(world, 'karpenter.sh/nodeclaim');
    await crowd(world);
    bindUnfenced(world, planGroups(world, false));
    await world.clock.advance(300_000);
    overcommitted += violations.some(({ kind }) => kind === 'overcommitted') ? 1 : 0;
  }
  t.comment(`overcommitted in ${overcommitted} of 15 trials`);
  t.ok(overcommitted >= 5, `${overcommitted} of 15`);
});

t.test('with the extender asked by the scheduler it is the same', async (t) => {
  for (let seed = 0; seed < 10; seed += 1) {
    const world = createRace(seed);
    const { violations } = watchInvariants(world, 'karpenter.sh/nodeclaim');
    const rejections = await crowd(world, { withExtender: true });
    const groups = planGroups(world, true);
    const runs = await keepRunning(world, 300_000, () => ({}));
    t.strictSame(strays(world, groups), [], `seed ${seed}`);
    await expectPeace(t, world, violations);
    t.strictSame(failuresOf(runs), []);
    t.equal(rejections.failures.length, 0);
  }
});

t.test('killed at every write it makes, before and after, it converges all the same', async (t) => {
  for (const moment of ['before', 'after'] as const) {
    for (let at = 0; at < 14; at += 1) {
      const world = createRace(100 + at);
      const { violations } = watchInvariants(world, 'karpenter.sh/nodeclaim');
      await crowd(world);
      const groups = planGroups(world, true);
      // The first dies at its call of that number, the second at its first, as it starts over.
      const runs = await keepRunning(world, 300_000, (number) =>
        number < 2 ? { crashPoint: crashAt(number === 0 ? at : 0, moment) } : {},
      );
      t.ok(runs.length > 1, `it was killed ${moment} write ${at}`);
      t.strictSame(strays(world, groups), []);
      await expectPeace(t, world, violations);
      t.strictSame(failuresOf(runs), []);
    }
  }
});

t.test(
  'with the controllers that launch and register nodes it is the same, killed or not',
  async (t) => {
    const start: Start = (context) => [...claimControllers(context), startBinder(context)];
    // Six writes for a claim and its node, six to bind and open: of three nodes and some.
    for (let at = 0; at < 40; at += 1) {
      const world = createRace(300 + at, false);
      const { violations } = watchInvariants(world, 'karpenter.sh/nodeclaim');
      const groups = planGroups(world, true);
      world.startScheduler({ schedulerNames: ['default-scheduler'] });
      const moment = at % 2 === 0 ? 'before' : 'after';
      const optionsOf = (number: number) =>
        number === 0 ? { crashPoint: crashAt(at, moment) } : {};
      const runs = await keepRunning(world, 300_000, optionsOf, start);
      t.ok(runs.length > 1, `it was killed ${moment} write ${at}`);
      t.strictSame(strays(world, groups), [], `seed ${300 + at}`);
      await expectPeace(t, world, violations);
      t.strictSame(failuresOf(runs), []);
    }
  },
);

t.test(
  'calls that fail, answers that are lost and watches that lag overcommit nothing',
  async (t) => {
    for (let seed = 200; seed < 212; seed += 1) {
      const world = createRace(seed);
      const { violations } = watchInvariants(world, 'karpenter.sh/nodeclaim');
      await crowd(world);
      planGroups(world, true);
      const rate = 0.08;
      const faults = randomFaults(createRandom(seed), {
        refuse: rate,
        loseRequest: rate,
        loseAnswer: rate,
        delay: rate,
        cut: 0.3,
        lag: 0.3,
      });
      const runs = await keepRunning(world, 400_000, () => ({ faults }));
      faults.stop();
      await expectPeace(t, world, violations);
      t.strictSame(failuresOf(runs), []);
    }
  },
);
