/** A reflector over a watch that is cut, expired, unserved or away misses nothing. */
import t, { type Test } from 'tap';
import type { Pod } from '../../../core/api/kubernetes.ts';
import { ClusterError } from '../../../core/ports.ts';
import { ClusterStore } from '../../../core/state/store.ts';
import { type Reflector, startReflector } from '../../../extender/controllers/reflector.ts';
import { createSimulatedClient } from '../../../sim/cluster/client.ts';
import { SimulatedCluster } from '../../../sim/cluster/cluster.ts';
import { deleteObject } from '../../../sim/cluster/deletion.ts';
import { type FaultScript, scriptedFaults } from '../../../sim/faults.ts';
import { createRandom } from '../../../sim/random.ts';
import { createVirtualClock, type VirtualClock } from '../../../sim/virtual-clock.ts';

interface World {
  readonly clock: VirtualClock;
  readonly cluster: SimulatedCluster;
  readonly faults: FaultScript;
  readonly store: ClusterStore;
  /** What the store was told, in order. */
  readonly told: string[];
  readonly failures: string[];
  readonly reflector: Reflector;
  readonly stop: () => Promise<void>;
}

/** A cluster with a namespace, a store and a reflector of pods between them. */
function world(options: { readonly historyMax?: number; readonly before?: number } = {}): World {
  const clock = createVirtualClock();
  const random = createRandom(7);
  const { historyMax = 1000, before = 0 } = options;
  const cluster = new SimulatedCluster({ clock, random, historyMax });
  cluster.create('Namespace', { metadata: { name: 'default' } });
  for (let index = 0; index < before; index += 1) cluster.create('Pod', pod(`before-${index}`));
  const faults = scriptedFaults();
  const client = createSimulatedClient(cluster, { actor: 'test', faults });
  const store = new ClusterStore();
  const told: string[] = [];
  const failures: string[] = [];
  store.listen('Pod', ({ type, object }) => told.push(`${type} ${object.name}`));
  const abort = new AbortController();
  const reflector = startReflector({
    kind: 'Pod',
    client,
    clock,
    random,
    sink: store,
    signal: abort.signal,
    observer: {
      failed: (_kind, during, { code }) => failures.push(`${during} ${code}`),
    },
  });
  const stop = async (): Promise<void> => {
    abort.abort();
    await clock.settle(reflector.done);
  };
  return { clock, cluster, faults, store, told, failures, reflector, stop };
}

function pod(name: string): Pod {
  return {
    metadata: { namespace: 'default', name },
    spec: { containers: [{ name: 'main', resources: { requests: { cpu: '1' } } }] },
  };
}

/** The store holds exactly what the cluster holds. */
function checkSame(t: Test, { cluster, store }: World): void {
  const versions = (items: Iterable<{ uid: string; version: string }>) =>
    [...items].map(({ uid, version }) => `${uid} ${version}`).sort();
  t.strictSame(
    versions([...store.all('Pod')].map((p) => ({ uid: p.uid, version: p.resourceVersion }))),
    versions(
      [...cluster.all('Pod')].map(({ metadata }) => ({
        uid: metadata.uid,
        version: metadata.resourceVersion,
      })),
    ),
  );
}

t.test('lists page by page, then follows every change', async (t) => {
  const w = world({ before: 1203 });
  t.equal(w.reflector.hasSynced, false);
  await w.clock.settle(w.reflector.synced);
  t.equal(w.store.count('Pod'), 1203);
  w.cluster.create('Pod', pod('a'));
  deleteObject(w.cluster, 'Pod', { namespace: 'default', name: 'before-7' });
  await w.clock.advance(1000);
  t.strictSame(w.told.slice(-3), ['added a', 'modified before-7', 'deleted before-7']);
  checkSame(t, w);
  await w.stop();
});

t.test('goes on where a cut watch was, without a second list', async (t) => {
  const w = world();
  w.faults.add({
    matches: ({ verb }) => verb === 'watch',
    fault: { type: 'cut', afterMs: 1000 },
    times: 3,
  });
  await w.clock.settle(w.reflector.synced);
  for (let index = 0; index < 20; index += 1) {
    w.cluster.create('Pod', pod(`p${index}`));
    await w.clock.advance(333);
  }
  await w.clock.advance(10_000);
  t.strictSame(w.failures, ['watch Unavailable', 'watch Unavailable', 'watch Unavailable']);
  t.equal(w.told.filter((line) => line.startsWith('added')).length, 20, 'each told once');
  checkSame(t, w);
  await w.stop();
});

t.test('lists again where history is forgotten, and misses no deletion in the gap', async (t) => {
  const w = world({ before: 5 });
  w.faults.add({ matches: ({ verb }) => verb === 'watch', fault: { type: 'cut', afterMs: 500 } });
  await w.clock.settle(w.reflector.synced);
  const refused = new ClusterError('Unavailable', 'refused');
  w.faults.add({ matches: () => true, fault: { type: 'refuse', error: refused }, times: 4 });
  await w.clock.advance(510);
  const name = (n: number) => ({ namespace: 'default', name: `before-${n}` });
  deleteObject(w.cluster, 'Pod', name(1));
  deleteObject(w.cluster, 'Pod', name(2));
  w.cluster.create('Pod', pod('before-2'));
  w.cluster.forget();
  await w.clock.advance(120_000);
  checkSame(t, w);
  t.equal(w.faults.pending, 0);
  t.strictSame(w.failures.slice(-1), ['watch Expired']);
  await w.stop();
});

t.test('tells of a pod that was deleted and made again in a gap as two', async (t) => {
  const w = world({ before: 1 });
  w.faults.add({ matches: ({ verb }) => verb === 'watch', fault: { type: 'cut', afterMs: 100 } });
  await w.clock.settle(w.reflector.synced);
  w.faults.add({
    matches: () => true,
    fault: { type: 'refuse', error: new ClusterError('Expired', 'too old') },
  });
  await w.clock.advance(101);
  deleteObject(w.cluster, 'Pod', { namespace: 'default', name: 'before-0' });
  w.cluster.create('Pod', pod('before-0'));
  await w.clock.advance(10_000);
  t.strictSame(w.told, ['added before-0', 'deleted before-0', 'added before-0']);
  checkSame(t, w);
  await w.stop();
});

t.test('begins a list anew when its pages expire on the way', async (t) => {
  const w = world({ before: 1203 });
  let lists = 0;
  w.faults.add({
    matches: ({ verb }) => {
      if (verb === 'list') lists += 1;
      return lists === 2;
    },
    fault: { type: 'refuse', error: new ClusterError('Expired', 'too old') },
  });
  await w.clock.settle(w.reflector.synced);
  t.equal(w.store.count('Pod'), 1203);
  t.strictSame(w.failures, ['list Expired']);
  await w.stop();
});

t.test('keeps trying a server that is away, with growing pauses up to half a minute', async (t) => {
  const w = world();
  const attempts: number[] = [];
  w.faults.add({
    matches: () => {
      attempts.push(w.clock.nowMs());
      return true;
    },
    fault: { type: 'refuse', error: new ClusterError('Unavailable', 'refused') },
    times: 20,
  });
  await w.clock.settle(w.reflector.synced);
  const gaps = attempts.slice(1).map((time, index) => time - (attempts[index] ?? 0));
  t.ok((gaps[0] ?? 0) < 300, `first pause ${gaps[0]}`);
  t.ok(Math.max(...gaps) <= 30_010 && Math.max(...gaps) > 15_000, `longest ${Math.max(...gaps)}`);
  t.equal(w.reflector.problem, undefined);
  await w.stop();
});

t.test(
  'keeps hearing of a quiet kind through bookmarks, so that it never has to list again',
  async (t) => {
    const w = world();
    await w.clock.settle(w.reflector.synced);
    let heardMs = 0;
    let bookmarks = 0;
    for (let second = 0; second < 3600; second += 1) {
      const name = `lease-${second}`;
      w.cluster.create('Lease', { metadata: { namespace: 'default', name } });
      await w.clock.advance(1000);
      if (w.reflector.heardMs === heardMs) continue;
      ({ heardMs } = w.reflector);
      bookmarks += 1;
      // Whatever is older than what it has just heard of is forgotten.
      w.cluster.forget();
      t.ok(w.clock.monotonicMs() - heardMs <= 1000);
    }
    t.ok(bookmarks >= 59, `${bookmarks} bookmarks`);
    t.strictSame(w.failures, [], 'it never had to list again');
    await w.stop();
  },
);

t.test('a kind that is not served counts as empty until it is', async (t) => {
  const clock = createVirtualClock();
  const random = createRandom(1);
  const absentKinds = ['EC2NodeClass.stowage.dev'] as const;
  const cluster = new SimulatedCluster({ clock, random, absentKinds });
  const client = createSimulatedClient(cluster, { actor: 'test' });
  const abort = new AbortController();
  const reflector = startReflector({
    kind: 'EC2NodeClass.stowage.dev',
    client,
    clock,
    random,
    sink: new ClusterStore(),
    signal: abort.signal,
    isOptional: true,
  });
  await clock.settle(reflector.synced);
  t.equal(reflector.problem, 'NotFound');
  abort.abort();
  await clock.settle(reflector.done);
});

t.test('ends with what the sink throws: that is a bug, and must not be hidden', async (t) => {
  const clock = createVirtualClock();
  const random = createRandom(1);
  const cluster = new SimulatedCluster({ clock, random });
  const client = createSimulatedClient(cluster, { actor: 'test' });
  const reflector = startReflector({
    kind: 'Namespace',
    client,
    clock,
    random,
    sink: {
      put: () => {
        throw new RangeError('broken');
      },
      delete: () => undefined,
      retain: () => undefined,
    },
    signal: new AbortController().signal,
  });
  await clock.advance(100);
  cluster.create('Namespace', { metadata: { name: 'a' } });
  await t.rejects(clock.settle(reflector.done), { name: 'RangeError' });
});

t.test('whatever the faults, the store is equal to the cluster in the end', async (t) => {
  for (let seed = 0; seed < 40; seed += 1) {
    const w = world({ before: 20, historyMax: 30 });
    const random = createRandom(seed);
    for (let index = 0; index < 30; index += 1) {
      const kind = random.integer(4);
      const fault =
        kind === 0
          ? ({ type: 'cut', afterMs: random.integer(3000) } as const)
          : kind === 1
            ? ({ type: 'lag', delayMs: random.integer(5000) } as const)
            : kind === 2
              ? ({ type: 'refuse', error: new ClusterError('Unavailable', 'x') } as const)
              : ({ type: 'refuse', error: new ClusterError('Expired', 'x') } as const);
      const isWatchFault = fault.type !== 'refuse';
      w.faults.add({ matches: ({ verb }) => !isWatchFault || verb === 'watch', fault });
    }
    for (let index = 0; index < 200; index += 1) {
      const pods = [...w.cluster.all('Pod')];
      const name = `p${random.integer(30)}`;
      const found = pods.find(({ metadata }) => metadata.name === name);
      if (found === undefined) w.cluster.create('Pod', pod(name));
      else if (random.chance(0.5)) deleteObject(w.cluster, 'Pod', found.metadata);
      else {
        const body = { metadata: { labels: { v: String(index) } } };
        w.cluster.patch('Pod', found.metadata, { type: 'merge', body });
      }
      await w.clock.advance(random.integer(400));
    }
    await w.clock.advance(400_000);
    checkSame(t, w);
    await w.stop();
  }
});
