// What goes wrong between a process and the simulated API server, as the process sees it.

import t from 'tap';
import { ClusterError } from '../../../core/ports.ts';
import { createSimulatedClient } from '../../../sim/cluster/client.ts';
import { SimulatedCluster } from '../../../sim/cluster/cluster.ts';
import { type ApiCall, randomFaults, scriptedFaults } from '../../../sim/faults.ts';
import { type CrashPoint, createProcess } from '../../../sim/process.ts';
import { createRandom } from '../../../sim/random.ts';
import { createVirtualClock } from '../../../sim/virtual-clock.ts';

function world(crashPoint?: CrashPoint) {
  const clock = createVirtualClock();
  const random = createRandom(1);
  const cluster = new SimulatedCluster({ clock, random });
  cluster.create('Namespace', { metadata: { name: 'default' } });
  const faults = scriptedFaults();
  const lifeline = createProcess('test', clock, crashPoint);
  const client = createSimulatedClient(cluster, { actor: 'test', faults, lifeline });
  return { clock, cluster, faults, lifeline, client };
}

const lease = { metadata: { namespace: 'default', name: 'a' } };
const isCreate = ({ verb }: ApiCall): boolean => verb === 'create';

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'no error';
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return `${error.code}${error.mayHaveHappened ? ' perhaps' : ''}`;
  }
}

t.test('a refused call has done nothing', async (t) => {
  const { clock, cluster, faults, client } = world();
  const error = new ClusterError('TooManyRequests', 'later', { retryAfterMs: 1000 });
  faults.add({ matches: isCreate, fault: { type: 'refuse', error } });
  t.equal(await clock.settle(codeOf(client.create('Lease', lease))), 'TooManyRequests');
  t.equal(cluster.count('Lease'), 0);
  t.equal(await clock.settle(codeOf(client.create('Lease', lease))), 'no error');
});

t.test('a lost request and a lost answer look the same and are not', async (t) => {
  for (const [type, count] of [
    ['lose-request', 0],
    ['lose-answer', 1],
  ] as const) {
    const { clock, cluster, faults, client } = world();
    faults.add({ matches: isCreate, fault: { type } });
    const outcome = clock.settle(codeOf(client.create('Lease', lease)));
    t.equal(await outcome, 'Unavailable perhaps');
    t.equal(cluster.count('Lease'), count);
    t.ok(clock.monotonicMs() >= 30_000, 'after the deadline of a call');
  }
});

t.test('reads that are lost did not happen; a bind that is lost is found out', async (t) => {
  const { clock, cluster, faults, client } = world();
  faults.add({ matches: ({ verb }) => verb === 'get', fault: { type: 'lose-answer' } });
  t.equal(await clock.settle(codeOf(client.get('Lease', lease.metadata))), 'Unavailable');
  const spec = { containers: [{ name: 'main' }] };
  const { uid } = cluster.create('Pod', { metadata: lease.metadata, spec }).metadata;
  faults.add({ matches: ({ verb }) => verb === 'bind', fault: { type: 'lose-answer' } });
  const identity = { namespace: 'default', name: 'a', uid };
  t.strictSame(await clock.settle(client.bind(identity, 'n')), { outcome: 'bound' });
});

t.test('a delayed call takes effect late, and an aborted one may never', async (t) => {
  const { clock, cluster, faults, client } = world();
  faults.add({ matches: isCreate, fault: { type: 'delay', delayMs: 5000 }, times: 2 });
  const created = client.create('Lease', lease);
  await clock.advance(4000);
  t.equal(cluster.count('Lease'), 0);
  await clock.settle(created);
  t.equal(cluster.count('Lease'), 1);
  const abort = new AbortController();
  const other = { metadata: { namespace: 'default', name: 'b' } };
  const aborted = client.create('Lease', other, { signal: abort.signal });
  clock.schedule(1000, () => abort.abort(new RangeError('enough')));
  await t.rejects(clock.settle(aborted), { name: 'RangeError' });
  await clock.advance(10_000);
  t.equal(cluster.count('Lease'), 1);
});

t.test(
  'a process dies before or after its call takes effect, and hears nothing more',
  async (t) => {
    for (const moment of ['before', 'after'] as const) {
      const { clock, cluster, lifeline, client } = world({ matches: isCreate, moment });
      let heard = '';
      void codeOf(client.create('Lease', lease)).then((code) => {
        heard = code;
      });
      lifeline.clock.schedule(100, () => {
        heard = 'a timer';
      });
      await clock.advance(60_000);
      t.equal(cluster.count('Lease'), moment === 'after' ? 1 : 0);
      t.equal(lifeline.isAlive, false);
      t.equal(heard, '');
      void codeOf(client.create('Lease', { metadata: { namespace: 'default', name: 'b' } }));
      await clock.advance(60_000);
      t.equal(cluster.get('Lease', { namespace: 'default', name: 'b' }), undefined);
    }
  },
);

t.test('a watch of a dead process is silent', async (t) => {
  const { clock, cluster, lifeline, client } = world();
  const told: string[] = [];
  const { signal } = new AbortController();
  const resourceVersion = String(cluster.version);
  const options = { resourceVersion, timeoutSeconds: 60, signal };
  void client.watch('Lease', options, ({ type }) => told.push(type));
  await clock.advance(100);
  cluster.create('Lease', lease);
  await clock.advance(100);
  lifeline.kill();
  cluster.create('Lease', { metadata: { namespace: 'default', name: 'b' } });
  await clock.advance(100_000);
  t.strictSame(told, ['added']);
});

t.test('a lagging watch tells everything, late and in order', async (t) => {
  const { clock, cluster, faults, client } = world();
  faults.add({ matches: ({ verb }) => verb === 'watch', fault: { type: 'lag', delayMs: 3000 } });
  const told: string[] = [];
  const options = {
    resourceVersion: String(cluster.version),
    timeoutSeconds: 60,
    signal: new AbortController().signal,
  };
  void client.watch('Lease', options, (event) => {
    if (event.type !== 'bookmark') told.push(event.object.metadata.name);
  });
  await clock.advance(100);
  for (const name of ['a', 'b', 'c']) {
    cluster.create('Lease', { metadata: { namespace: 'default', name } });
    await clock.advance(500);
  }
  t.strictSame(told, []);
  await clock.advance(3000);
  t.strictSame(told, ['a', 'b', 'c']);
});

t.test('random faults come as often as they should, and stop', async (t) => {
  const rates = { refuse: 0.1, loseRequest: 0.1, loseAnswer: 0.1, delay: 0.1, cut: 0.5, lag: 0.5 };
  const faults = randomFaults(createRandom(5), rates);
  const call = { actor: 'a', verb: 'get', kind: 'Pod', object: '' } as const;
  for (let index = 0; index < 2000; index += 1) faults.on(call);
  for (let index = 0; index < 200; index += 1) faults.on({ ...call, verb: 'watch' });
  t.strictSame([...faults.counts.keys()].sort(), [
    'cut',
    'delay',
    'lag',
    'lose-answer',
    'lose-request',
    'refuse TooManyRequests',
    'refuse Unavailable',
  ]);
  t.ok([...faults.counts.values()].every((count) => count > 30));
  faults.stop();
  t.equal(faults.on(call), undefined);
});
