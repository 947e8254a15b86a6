/** The binder's ways, one by one, in the simulated world. */
import t from 'tap';
import { loadCatalogue } from '../../../../catalogue/loader.ts';
import {
  annotationReservation,
  reservationOf,
  reservationRecord,
} from '../../../../core/scheduling/reservation-record.ts';
import { startBinder } from '../../../../extender/controllers/binding/binder.ts';
import { startNodeClaimLifecycle } from '../../../../extender/controllers/nodeclaims/lifecycle.ts';
import { defaultSettings, type ServiceSettings } from '../../../../extender/settings.ts';
import { defaultBootModel } from '../../../../sim/boot-time.ts';
import { endlessCapacity } from '../../../../sim/ec2-capacity.ts';
import type { ApiFaults } from '../../../../sim/faults.ts';
import { installSamples } from '../../../../sim/sample-objects.ts';
import { createWorld, type World } from '../../../../sim/world.ts';
import {
  createClaim,
  createPod,
  standInForLifecycle,
  zone,
} from '../../../support/binding-trial.ts';
import { type ControllerProcess, startControllers } from '../../../support/controller-fixture.ts';

const { types: all } = loadCatalogue();
const types = all.filter(({ name }) => ['m7i.xlarge', 'm7i.8xlarge', 'g5.2xlarge'].includes(name));
const minute = 60_000;
const { schedulerName: profile } = defaultSettings;

interface Stage {
  readonly world: World;
  readonly process: ControllerProcess;
  /** Outcomes of decisions about a pod or a node. */
  decided(name: string): string[];
  pod(name: string): string | undefined;
  claimNode(name: string): string | undefined;
  reservation(claim: string): readonly string[] | undefined;
  metric(line: string | RegExp): Promise<boolean>;
}

async function stage(
  options: {
    readonly settings?: Partial<ServiceSettings>;
    readonly faults?: ApiFaults;
    /** The controllers that launch and register, instead of the stand-in for them. */
    readonly withLifecycle?: boolean;
  } = {},
): Promise<Stage> {
  const { withLifecycle = false, ...processOptions } = options;
  const world = createWorld({
    seed: 7,
    types,
    isFrozen: true,
    absentKinds: ['EC2NodeClass.stowage.dev'],
    ec2: { capacity: endlessCapacity, boot: { ...defaultBootModel, neverJoinsShare: 0 } },
  });
  installSamples(world.cluster, [zone]);
  if (!withLifecycle) standInForLifecycle(world);
  const process = await startControllers(world, 'binder', {
    ...processOptions,
    start: (context) => [
      startBinder(context),
      ...(withLifecycle ? [startNodeClaimLifecycle(context)] : []),
    ],
  });
  const claimNode = (name: string) => world.cluster.get('NodeClaim', { name })?.status?.nodeName;
  return {
    world,
    process,
    decided: (name) =>
      process.decisions
        .filter(({ subject }) => subject.name === name)
        .map(({ outcome }) => outcome),
    pod: (name) => world.cluster.get('Pod', { namespace: 'default', name })?.spec.nodeName,
    claimNode,
    reservation: (name) => {
      const claim = world.cluster.get('NodeClaim', { name });
      const found = reservationOf(claim?.metadata.annotations);
      return found === undefined ? undefined : [...found.owners];
    },
    metric: async (line) => {
      const text = await process.context.metrics.registry.metrics();
      return typeof line === 'string' ? text.includes(line) : line.test(text);
    },
  };
}

function isHeld(world: World, nodeName: string | undefined): boolean {
  const node = world.cluster.get('Node', { name: nodeName ?? '' });
  return (node?.spec?.taints ?? []).some(({ key }) => key === 'stowage.dev/reserved');
}

function annotate(record: string | null) {
  const annotations = { [annotationReservation]: record };
  return { type: 'merge', body: { metadata: { annotations } } } as const;
}

t.test('planned pods are bound, then the node is open and nothing is held', async (t) => {
  const s = await stage();
  const owners = ['a', 'b', 'c'].map((name) => createPod(s.world, name));
  createClaim(s.world, 'claim', { owners });
  await s.world.clock.advance(3 * minute);
  const node = s.claimNode('claim');
  t.ok(node);
  t.strictSame(['a', 'b', 'c'].map(s.pod), [node, node, node]);
  t.equal(isHeld(s.world, node), false);
  t.equal(s.reservation('claim'), undefined);
  t.strictSame(s.decided('a'), ['bound']);
  t.strictSame(s.decided(node ?? ''), ['opened']);
  t.match(s.process.events, [{ kind: 'Pod', type: 'Normal', reason: 'Scheduled' }, {}, {}]);
  t.ok(await s.metric('stowage_prebinds_total{outcome="bound"} 3'));
  t.ok(await s.metric('stowage_reservation_duration_seconds_count{fence="binding"} 1'));
  t.ok(await s.metric('stowage_reserved_nodes{fence="binding"} 0'));
  t.strictSame(s.process.failures, []);
});

t.test('a pod that the real node does not hold is let go, the others are bound', async (t) => {
  const s = await stage();
  const owners = [createPod(s.world, 'small'), createPod(s.world, 'huge', { cpu: '3900m' })];
  createClaim(s.world, 'claim', { owners });
  await s.world.clock.advance(3 * minute);
  t.equal(s.pod('small'), s.claimNode('claim'));
  t.equal(s.pod('huge'), undefined);
  t.strictSame(s.decided('huge'), ['released']);
  const [decision] = s.process.decisions.filter(({ subject }) => subject.name === 'huge');
  t.match(decision?.reason, /^needs 3900m of cpu, /);
  t.equal(s.reservation('claim'), undefined);
  t.ok(await s.metric('stowage_prebinds_total{outcome="unfit"} 1'));
});

t.test('a node that never gets ready is given free when its time is over', async (t) => {
  const s = await stage({ settings: { reservationMs: minute } });
  const owners = [createPod(s.world, 'a')];
  createClaim(s.world, 'claim', { owners, requests: { 'example.com/never': '1' } });
  let registeredMs = 0;
  let openMs = 0;
  s.world.cluster.listen('Node', ({ object }) => {
    const keys = (object.spec?.taints ?? []).map(({ key }) => key);
    const nowMs = s.world.clock.nowMs();
    if (!keys.includes('karpenter.sh/unregistered')) registeredMs ||= nowMs;
    if (registeredMs > 0 && !keys.includes('stowage.dev/reserved')) openMs ||= nowMs;
  });
  await s.world.clock.advance(5 * minute);
  t.ok(Math.abs(openMs - registeredMs - minute) < 1_000, `${openMs - registeredMs} ms`);
  t.equal(s.pod('a'), undefined);
  t.equal(s.reservation('claim'), undefined);
  t.strictSame(s.decided('a'), ['released']);
  t.match(s.process.events, [
    { kind: 'NodeClaim', name: 'claim', type: 'Warning', reason: 'ReservationExpired' },
  ]);
  t.ok(await s.metric('stowage_reservations_expired_total 1'));
});

t.test('a node whose pods have all gone another way opens as soon as it is there', async (t) => {
  const s = await stage();
  createClaim(s.world, 'other', {});
  await s.world.clock.advance(3 * minute);
  const owners = [createPod(s.world, 'moved'), createPod(s.world, 'deleted')];
  createClaim(s.world, 'claim', { owners });
  await s.world.clock.advance(5_000);
  const { client } = s.process.ports;
  const moved = { namespace: 'default', name: 'moved', uid: owners[0] ?? '' };
  await s.world.clock.settle(client.bind(moved, s.claimNode('other') ?? ''));
  await s.world.clock.settle(client.delete('Pod', { namespace: 'default', name: 'deleted' }));
  await s.world.clock.advance(3 * minute);
  const node = s.claimNode('claim');
  t.ok(node);
  t.equal(isHeld(s.world, node), false);
  t.equal(s.reservation('claim'), undefined);
  t.ok(await s.metric('stowage_prebind_conflicts_total 1'));
  t.ok(await s.metric('stowage_prebinds_total{outcome="gone"} 1'));
  t.notOk(await s.metric('stowage_reservations_expired_total 1'));
});

t.test('the taint is off while a device plugin must get in, and on for the binding', async (t) => {
  const s = await stage({ withLifecycle: true });
  const labels = { app: 'device-plugin' };
  s.world.cluster.create('DaemonSet', {
    metadata: { namespace: 'kube-system', name: 'device-plugin' },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'main', resources: { requests: { cpu: '50m' } } }] },
      },
    },
  });
  s.world.startScheduler({ schedulerNames: ['default-scheduler'] });
  const requests = { 'nvidia.com/gpu': '1' };
  // Of our profile, whose scheduler does not run here: a default one would place it at once.
  const owners = [createPod(s.world, 'train', { requests, schedulerName: profile })];
  const traits = { fence: 'devices', instanceType: 'g5.2xlarge', requests } as const;
  const states: string[] = [];
  s.world.cluster.listen('Node', ({ object }) => {
    const gpus = object.status?.allocatable?.['nvidia.com/gpu'];
    const held = isHeld(s.world, object.metadata.name) ? 'held' : 'open';
    const state = `${held}, ${gpus} GPUs, pod ${s.pod('train') === undefined ? 'waits' : 'bound'}`;
    if (states.at(-1) !== state) states.push(state);
  });
  createClaim(s.world, 'claim', { owners, ...traits });
  await s.world.clock.advance(5 * minute);
  t.strictSame(states, [
    'held, 0 GPUs, pod waits',
    'open, 0 GPUs, pod waits',
    'open, 1 GPUs, pod waits',
    'held, 1 GPUs, pod waits',
    'open, 1 GPUs, pod bound',
  ]);
  t.equal(s.pod('train'), s.claimNode('claim'));
});

t.test('the taint stays on where every DaemonSet tolerates it', async (t) => {
  const s = await stage({ withLifecycle: true });
  const requests = { 'nvidia.com/gpu': '1' };
  const owners = [createPod(s.world, 'train', { requests })];
  createClaim(s.world, 'claim', { owners, fence: 'devices', instanceType: 'g5.2xlarge', requests });
  let openings = 0;
  s.world.cluster.listen('Node', ({ object }) => {
    if (s.pod('train') === undefined && !isHeld(s.world, object.metadata.name)) openings += 1;
  });
  await s.world.clock.advance(5 * minute);
  t.equal(s.pod('train'), s.claimNode('claim'));
  t.equal(openings, 0);
});

t.test(
  'pods with volume claims are placed by the scheduler, after those that we bind',
  async (t) => {
    const s = await stage({ withLifecycle: true });
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
    const owners = [createPod(s.world, 'plain'), createPod(s.world, 'db', { spec: { volumes } })];
    createClaim(s.world, 'claim', { owners, fence: 'claims' });
    await s.world.clock.advance(minute);
    s.world.startScheduler({ schedulerNames: ['default-scheduler'] });
    await s.world.clock.advance(2 * minute);
    const node = s.claimNode('claim');
    t.strictSame([s.pod('plain'), s.pod('db')], [node, node]);
    t.strictSame([s.decided('plain'), s.decided('db')], [['bound'], []]);
    t.equal(s.reservation('claim'), undefined);
    t.ok(await s.metric('stowage_prebinds_total{outcome="bound"} 1'));
  },
);

t.test('pods that are planned onto a node under way are bound like the first', async (t) => {
  const s = await stage();
  const first = createPod(s.world, 'first');
  createClaim(s.world, 'claim', { owners: [first] });
  await s.world.clock.advance(20_000);
  const second = createPod(s.world, 'second');
  const claim = s.world.cluster.get('NodeClaim', { name: 'claim' });
  const reservation = reservationOf(claim?.metadata.annotations);
  if (reservation === undefined) throw new Error('there is no reservation');
  const record = reservationRecord({ ...reservation, owners: new Set([first, second]) });
  s.world.cluster.patch('NodeClaim', { name: 'claim' }, annotate(record));
  await s.world.clock.advance(2 * minute);
  const node = s.claimNode('claim');
  t.ok(node);
  t.strictSame([s.pod('first'), s.pod('second')], [node, node]);
});

t.test('a pod that two claims hold belongs to the older one', async (t) => {
  const s = await stage();
  const shared = createPod(s.world, 'shared');
  const own = createPod(s.world, 'own');
  createClaim(s.world, 'z-older', { owners: [shared] });
  await s.world.clock.advance(1_500);
  createClaim(s.world, 'a-younger', { owners: [shared, own] });
  await s.world.clock.advance(5_000);
  t.strictSame(s.reservation('a-younger'), [own]);
  await s.world.clock.advance(3 * minute);
  t.equal(s.pod('shared'), s.claimNode('z-older'));
  t.equal(s.pod('own'), s.claimNode('a-younger'));
  t.strictSame(s.decided('shared'), ['released', 'bound']);
});

t.test('where only our profile is bound, the pods of others are left to them', async (t) => {
  const s = await stage({ settings: { bind: 'own' } });
  const owners = [
    createPod(s.world, 'ours', { schedulerName: profile }),
    createPod(s.world, 'not'),
  ];
  createClaim(s.world, 'claim', { owners });
  await s.world.clock.advance(2 * minute);
  t.equal(s.pod('ours'), s.claimNode('claim'));
  t.equal(s.pod('not'), undefined);
  t.equal(isHeld(s.world, s.claimNode('claim')), false, 'the other scheduler may place it');
  t.strictSame(s.reservation('claim')?.length, 2, 'the filter keeps its place until then');
});

t.test('a reservation that somebody takes away leaves no taint behind', async (t) => {
  const s = await stage();
  createClaim(s.world, 'claim', { owners: [createPod(s.world, 'a')] });
  await s.world.clock.advance(5_000);
  s.world.cluster.patch('NodeClaim', { name: 'claim' }, annotate(null));
  await s.world.clock.advance(2 * minute);
  t.ok(s.claimNode('claim'));
  t.equal(isHeld(s.world, s.claimNode('claim')), false);
  t.equal(s.pod('a'), undefined);
});

t.test('no more than thirty binds are under way at once', async (t) => {
  const slow: ApiFaults = {
    on: ({ verb }) => (verb === 'bind' ? { type: 'delay', delayMs: 1_000 } : undefined),
  };
  const s = await stage({ faults: slow });
  const names = Array.from({ length: 70 }, (_, index) => `pod-${index}`);
  const owners = names.map((name) => createPod(s.world, name, { cpu: '100m' }));
  createClaim(s.world, 'claim', { owners, instanceType: 'm7i.8xlarge' });
  const boundMs: number[] = [];
  s.world.cluster.listen('Pod', ({ object, previous }) => {
    const { namespace } = object.metadata;
    if (namespace !== 'default' || previous?.spec.nodeName === object.spec.nodeName) return;
    if (object.spec.nodeName !== undefined) boundMs.push(s.world.clock.nowMs());
  });
  await s.world.clock.advance(3 * minute);
  const [firstMs = 0] = boundMs;
  const perSecond = [0, 1, 2].map(
    (second) => boundMs.filter((ms) => Math.floor((ms - firstMs) / 1_000) === second).length,
  );
  t.equal(boundMs.length, 70);
  t.strictSame(perSecond, [30, 30, 10]);
});

t.test('a pod that its kubelet refuses is told of', async (t) => {
  const s = await stage();
  createClaim(s.world, 'claim', {});
  await s.world.clock.advance(2 * minute);
  const uid = createPod(s.world, 'greedy', { cpu: '64' });
  const nodeName = s.claimNode('claim') ?? '';
  const { client } = s.process.ports;
  await s.world.clock.settle(client.bind({ namespace: 'default', name: 'greedy', uid }, nodeName));
  await s.world.clock.advance(5_000);
  t.match(s.process.events, [{ kind: 'Pod', name: 'greedy', type: 'Warning', reason: 'Refused' }]);
  t.match(s.process.decisions, [{ outcome: 'refused', reason: /OutOfcpu/ }]);
  t.ok(await s.metric('stowage_prebinds_total{outcome="refused"} 1'));
});

t.test('while nodes are held the gauge says so', async (t) => {
  const s = await stage();
  const owners = [createPod(s.world, 'a')];
  createClaim(s.world, 'claim', { owners, requests: { 'example.com/never': '1' } });
  await s.world.clock.advance(90_000);
  t.ok(await s.metric('stowage_reserved_nodes{fence="binding"} 1'));
  s.process.stop();
  await s.world.clock.advance(0);
  t.ok(await s.metric('stowage_reserved_nodes{fence="binding"} 0'), 'who leads no more holds none');
});
