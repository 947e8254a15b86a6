/** Replicas in the simulated world: one leads, at most one, and another when it cannot. */
import t from 'tap';
import { InvariantError } from '../../../core/errors.ts';
import { type Clock, type ClusterClient, ClusterError } from '../../../core/ports.ts';
import { LeadershipLost, runLeaderElection } from '../../../extender/leadership/lease.ts';
import { readLeader } from '../../../extender/leadership/lease-lock.ts';
import { defaultSettings } from '../../../extender/settings.ts';
import { type ApiCall, type ApiFaults, randomFaults, scriptedFaults } from '../../../sim/faults.ts';
import { createWorld, type World } from '../../../sim/world.ts';

const { namespace, leaseName } = defaultSettings;
const lease = { namespace, leaseName };

function emptyWorld(seed: number | string): World {
  const world = createWorld({ seed, types: [] });
  world.cluster.create('Namespace', { metadata: { name: namespace } });
  return world;
}

/** Who leads, as the replicas themselves see it; a dead one leads no more. */
interface Stage {
  readonly leaders: Set<string>;
  /** Every change, `name leads` or `name ends`. */
  readonly told: string[];
  /** More than one at a time. */
  readonly clashes: string[];
}

const newStage = (): Stage => ({ leaders: new Set(), told: [], clashes: [] });

interface ReplicaOptions {
  readonly faults?: ApiFaults;
  /** The clock that the replica has, from the world's. */
  readonly clockOf?: (clock: Clock) => Clock;
  /** The client that the replica has, from the world's. */
  readonly clientOf?: (client: ClusterClient) => ClusterClient;
  /** How long it takes to stop when told to. */
  readonly windDownMs?: number;
}

function startReplica(world: World, stage: Stage, name: string, options: ReplicaOptions = {}) {
  const leave = (): void => {
    if (stage.leaders.delete(name)) stage.told.push(`${name} ends`);
  };
  const ports = world.startProcess(name, {
    onDeath: leave,
    ...(options.faults === undefined ? {} : { faults: options.faults }),
  });
  const end = new AbortController();
  const reasons: unknown[] = [];
  const failures: string[] = [];
  const holders: string[] = [];
  const clock = options.clockOf?.(ports.clock) ?? ports.clock;
  const done = runLeaderElection({
    client: options.clientOf?.(ports.client) ?? ports.client,
    clock,
    random: ports.random,
    settings: { ...lease, identity: name, leaderElection: true },
    signal: end.signal,
    observer: {
      holder: ({ identity }) => void holders.push(identity),
      failed: (during) => void failures.push(during),
    },
    lead: async (signal) => {
      stage.leaders.add(name);
      stage.told.push(`${name} leads`);
      if (stage.leaders.size > 1) {
        stage.clashes.push(`${world.clock.nowMs()}: ${[...stage.leaders].join(' and ')}`);
      }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      reasons.push(signal.reason);
      if (options.windDownMs !== undefined) await clock.sleep(options.windDownMs);
      leave();
    },
  });
  done.catch(() => undefined);
  return {
    ports,
    done,
    reasons,
    failures,
    holders,
    kill: () => ports.process.kill(),
    stop: () => end.abort(new Error('stopped')),
  };
}

t.test('one of two leads and says so in the Lease', async (t) => {
  const world = emptyWorld(1);
  const stage = newStage();
  const a = startReplica(world, stage, 'a');
  await world.clock.advance(1_000);
  const b = startReplica(world, stage, 'b');
  await world.clock.advance(60_000);
  t.strictSame([...stage.leaders], ['a']);
  t.strictSame(b.holders, ['a'], 'the other knows who leads');
  const stored = world.cluster.get('Lease', { namespace, name: leaseName });
  t.match(stored?.spec, { holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
  t.match(stored?.spec?.acquireTime, /^2026-01-01T00:00:00\.\d{6}Z$/);
  t.match(stored?.spec?.renewTime, /^2026-01-01T00:0[01]:\d\d\.\d{6}Z$/);
  const leader = await world.clock.settle(readLeader(a.ports.client, lease));
  t.match(leader, { identity: 'a', transitions: 0, durationMs: 15_000 });
  t.ok((leader?.renewedMs ?? 0) > (leader?.acquiredMs ?? 0) + 50_000);
});

t.test('a namespace that does not exist is told of, not taken for another leader', async (t) => {
  const world = createWorld({ seed: 1, types: [] });
  const stage = newStage();
  const a = startReplica(world, stage, 'a');
  await world.clock.advance(5_000);
  t.strictSame([...stage.leaders], []);
  t.strictSame([...new Set(a.failures)], ['acquire']);
});

t.test('without a Lease nobody is named', async (t) => {
  const world = emptyWorld(1);
  const { client } = world.startProcess('reader');
  t.equal(await world.clock.settle(readLeader(client, lease)), undefined);
});

t.test('when the leader is killed the other leads after the lease, not before', async (t) => {
  const world = emptyWorld(2);
  const stage = newStage();
  const a = startReplica(world, stage, 'a');
  await world.clock.advance(5_000);
  startReplica(world, stage, 'b');
  await world.clock.advance(30_000);
  a.kill();
  await world.clock.advance(12_000);
  t.strictSame(stage.told, ['a leads', 'a ends']);
  await world.clock.advance(10_000);
  t.strictSame(stage.told, ['a leads', 'a ends', 'b leads']);
  t.match(world.cluster.get('Lease', { namespace, name: leaseName })?.spec, {
    holderIdentity: 'b',
    leaseTransitions: 1,
  });
});

t.test(
  'a leader that is stopped gives the Lease back, so that the other need not wait',
  async (t) => {
    const world = emptyWorld(3);
    const stage = newStage();
    const a = startReplica(world, stage, 'a', { windDownMs: 20_000 });
    await world.clock.advance(5_000);
    const b = startReplica(world, stage, 'b');
    await world.clock.advance(5_000);
    a.stop();
    await world.clock.advance(19_000);
    t.strictSame([...stage.leaders], ['a'], 'it keeps the Lease while its work ends');
    await world.clock.advance(6_000);
    await world.clock.settle(a.done);
    t.strictSame(stage.told, ['a leads', 'a ends', 'b leads']);
    t.strictSame(stage.clashes, []);
    b.stop();
    await world.clock.settle(b.done);
    t.match(world.cluster.get('Lease', { namespace, name: leaseName })?.spec?.holderIdentity, /^$/);
  },
);

t.test('a leader that cannot reach the API server stops before another leads', async (t) => {
  const world = emptyWorld(4);
  const stage = newStage();
  const faults = scriptedFaults();
  const a = startReplica(world, stage, 'a', { faults });
  await world.clock.advance(5_000);
  startReplica(world, stage, 'b');
  await world.clock.advance(10_000);
  faults.add({ matches: () => true, fault: { type: 'lose-request' }, times: 5 });
  await world.clock.advance(11_000);
  t.strictSame(stage.told, ['a leads', 'a ends']);
  t.ok(a.reasons[0] instanceof LeadershipLost);
  t.ok(a.failures.includes('renew'));
  await world.clock.advance(40_000);
  t.strictSame(stage.told, ['a leads', 'a ends', 'b leads']);
});

t.test('one lost call costs no leadership', async (t) => {
  const world = emptyWorld(5);
  const stage = newStage();
  const faults = scriptedFaults();
  const a = startReplica(world, stage, 'a', { faults });
  await world.clock.advance(5_000);
  for (const fault of [
    { type: 'lose-request' },
    { type: 'lose-answer' },
    { type: 'delay', delayMs: 20_000 },
    { type: 'refuse', error: new ClusterError('Unavailable', 'connect ECONNREFUSED') },
  ] as const) {
    faults.add({ matches: ({ verb }) => verb === 'replace', fault });
    await world.clock.advance(60_000);
  }
  t.strictSame(stage.told, ['a leads']);
  t.strictSame(a.failures, ['renew', 'renew', 'renew', 'renew']);
});

t.test('an answer that comes too late wins nothing', async (t) => {
  const world = emptyWorld(6);
  const stage = newStage();
  const faults = scriptedFaults();
  const isCreate = ({ verb }: ApiCall): boolean => verb === 'create';
  faults.add({ matches: isCreate, fault: { type: 'delay', delayMs: 12_000 } });
  // As for a process that was stopped as a whole: its deadline does not fire meanwhile.
  const clientOf = (client: ClusterClient): ClusterClient => ({
    ...client,
    create: async (kind, object) => await client.create(kind, object),
  });
  startReplica(world, stage, 'a', { faults, clientOf });
  await world.clock.advance(12_500);
  t.equal(world.cluster.count('Lease'), 1, 'it holds the Lease');
  t.strictSame(stage.told, [], 'but has not been told in time');
  await world.clock.advance(10_000);
  t.strictSame(stage.told, ['a leads']);
});

t.test('a Lease deleted under its leader passes to nobody else', async (t) => {
  const world = emptyWorld(7);
  const stage = newStage();
  const a = startReplica(world, stage, 'a');
  await world.clock.advance(5_000);
  startReplica(world, stage, 'b');
  await world.clock.advance(5_000);
  await world.clock.settle(a.ports.client.delete('Lease', { namespace, name: leaseName }));
  await world.clock.advance(60_000);
  t.strictSame(stage.told, ['a leads']);
  t.match(world.cluster.get('Lease', { namespace, name: leaseName })?.spec?.holderIdentity, 'a');
});

t.test('work that does not end when leadership is lost ends the election', async (t) => {
  const world = emptyWorld(8);
  const stage = newStage();
  const faults = scriptedFaults();
  const a = startReplica(world, stage, 'a', { faults, windDownMs: 3_600_000 });
  await world.clock.advance(5_000);
  faults.add({ matches: () => true, fault: { type: 'lose-request' }, times: 9 });
  await t.rejects(world.clock.settle(a.done), InvariantError);
});

t.test('what the work throws ends the election, and the Lease is free', async (t) => {
  const world = emptyWorld(9);
  const { client, clock, random } = world.startProcess('a');
  const { signal } = new AbortController();
  const election = runLeaderElection({
    client,
    clock,
    random,
    settings: { ...lease, identity: 'a', leaderElection: true },
    signal,
    lead: async () => {
      await clock.sleep(1_000);
      throw new InvariantError('a bug');
    },
  });
  await t.rejects(world.clock.settle(election), /a bug/);
  t.equal(world.cluster.get('Lease', { namespace, name: leaseName })?.spec?.holderIdentity, '');
});

t.test(
  'without election the work runs at once, to the signal, and no Lease is touched',
  async (t) => {
    const world = emptyWorld(10);
    const { client, clock, random } = world.startProcess('a');
    const end = new AbortController();
    let hasRun = false;
    const election = runLeaderElection({
      client,
      clock,
      random,
      settings: { ...lease, identity: 'a', leaderElection: false },
      signal: end.signal,
      lead: async (signal) => {
        hasRun = true;
        await clock.sleep(1e9, signal);
      },
    });
    t.ok(hasRun);
    end.abort(new Error('stopped'));
    await world.clock.settle(election);
    t.equal(world.cluster.count('Lease'), 0);
  },
);

/** A clock that is off by hours and runs a little fast or slow. */
function skewed(clock: Clock, offMs: number, rate: number): Clock {
  return {
    nowMs: () => clock.nowMs() * rate + offMs,
    monotonicMs: () => clock.monotonicMs() * rate,
    sleep: async (durationMs, signal) => await clock.sleep(durationMs / rate, signal),
    schedule: (durationMs, run) => clock.schedule(durationMs / rate, run),
  };
}

t.test('under faults, deaths and wrong clocks there are never two leaders', async (t) => {
  let reigns = 0;
  for (let seed = 0; seed < 40; seed += 1) {
    const world = emptyWorld(`election-${seed}`);
    const random = world.random.branch('test');
    const stage = newStage();
    const faults = randomFaults(random.branch('faults'), {
      refuse: 0.1,
      loseRequest: 0.1,
      loseAnswer: 0.1,
      delay: 0.1,
      cut: 0,
      lag: 0,
    });
    const start = (name: string) =>
      startReplica(world, stage, name, {
        faults,
        windDownMs: random.float() * 4_000,
        clockOf: (clock) =>
          skewed(clock, (random.float() - 0.5) * 1e8, 0.98 + random.float() * 0.04),
      });
    const replicas = [start('r0'), start('r1'), start('r2')];
    for (let round = 0; round < 40; round += 1) {
      await world.clock.advance(random.float() * 40_000);
      const index = random.integer(replicas.length);
      if (!random.chance(0.3)) continue;
      if (random.chance(0.5)) replicas[index]?.kill();
      else replicas[index]?.stop();
      replicas[index] = start(`r${index}-${round}`);
    }
    faults.stop();
    await world.clock.advance(120_000);
    t.strictSame(stage.clashes, [], `seed ${seed}`);
    t.equal(stage.leaders.size, 1, `seed ${seed}: somebody leads in the end`);
    reigns += stage.told.filter((line) => line.endsWith('leads')).length;
    for (const replica of replicas) replica.stop();
    await world.clock.advance(60_000);
    t.equal(stage.leaders.size, 0);
  }
  t.ok(reigns > 200, `leadership changed hands often: ${reigns}`);
});
