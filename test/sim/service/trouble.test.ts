// The whole service when things go wrong: processes die at every write, servers are away, pods and
// nodes go another way. In the end every pod has run, nothing is left over, no promise was broken.

import t, { type Test } from 'tap';
import { ClusterError } from '../../../core/ports.ts';
import type { ApiCall, ApiFaults } from '../../../sim/faults.ts';
import { batchShapes, submitJob } from '../../../sim/workloads.ts';
import {
  collectionPeriodMs,
  ownNodes,
  type Replica,
  statedReason,
  unbound,
  type WholeWorld,
  wholeWorld,
} from '../../support/whole-service.ts';

const second = 1_000;
const minute = 60 * second;
const jobPods = 12;
/** Real time: a busy machine needs a multiple of the half minute that it takes. */
t.setTimeout(900_000);

const test = batchShapes.find(({ name }) => name === 'test');
if (test === undefined) throw new Error('there is no shape');
const shape = test;

function isOver(w: WholeWorld): boolean {
  const isEmpty = ownNodes(w) === 0 && w.living() === 0 && w.cluster.count('NodeClaim') === 0;
  return isEmpty && unbound(w).length === 0 && w.cluster.count('Pod') > 0;
}

/** Runs until nothing is left; then every promise must have been kept. */
async function endsWell(t: Test, w: WholeWorld, what: string): Promise<void> {
  await w.until(`${what}: nothing is left`, () => isOver(w), 60 * minute);
  await w.clock.advance(2 * collectionPeriodMs);
  t.strictSame(w.invariants.violations, [], what);
  t.equal(w.living(), 0, what);
}

const submit = (w: WholeWorld, pods = jobPods): void =>
  submitJob(w.cluster, shape, { pods, runMs: 30 * second });

const isWrite = ({ verb, kind }: ApiCall): boolean =>
  ['create', 'replace', 'patch', 'apply', 'delete', 'bind', 'evict'].includes(verb) &&
  kind !== 'Event' &&
  kind !== 'Lease';

const nameOf = ({ verb, kind }: ApiCall): string => `${verb} ${kind}`;

/** Every kind of write of a run from no node to many and back, in the order of its first time. */
async function kindsOfWrites(): Promise<ReadonlyMap<string, number>> {
  const w = wholeWorld('writes');
  const counts = new Map<string, number>();
  const faults: ApiFaults = {
    on: (call) => {
      if (isWrite(call)) counts.set(nameOf(call), (counts.get(nameOf(call)) ?? 0) + 1);
      return undefined;
    },
  };
  await w.startReplica('one', { faults });
  submit(w);
  await w.clock.advance(20 * second);
  await w.until('nothing is left', () => isOver(w), 60 * minute);
  return counts;
}

t.test('kill -9 before and after every kind of write, then a restart', async (t) => {
  const kinds = await kindsOfWrites();
  t.ok(kinds.size >= 6, [...kinds.keys()].join(', '));
  for (const [name, count] of kinds) {
    for (const moment of ['before', 'after'] as const) {
      // The first, and one in the middle: the same write serves launch, registration and the end.
      for (const number of new Set([1, Math.ceil(count / 2)])) {
        const w = wholeWorld('writes');
        const what = `${moment} ${name} number ${number}`;
        let seen = 0;
        let deaths = 0;
        await w.startReplica('one', {
          crashPoint: {
            moment,
            matches: (call) => isWrite(call) && nameOf(call) === name && (seen += 1) === number,
          },
          onDeath: () => {
            deaths += 1;
            w.clock.schedule(5 * second, () => void w.startReplica('two'));
          },
        });
        submit(w);
        await w.clock.advance(20 * second);
        await endsWell(t, w, what);
        t.equal(deaths, 1, what);
        const launched = w.engine.instances.size;
        t.ok(launched <= 2 * jobPods, `${what}: ${launched} instances`);
      }
    }
  }
});

t.test('kill -9 in the middle of each call of EC2', async (t) => {
  for (const action of ['CreateFleet', 'TerminateInstances', 'DescribeInstances']) {
    let first: Replica | undefined;
    const w = wholeWorld(`kill ${action}`, {
      ec2: {
        faults: {
          on: (called) => {
            if (called === action && first?.ports.process.isAlive === true) first.kill();
            return undefined;
          },
        },
      },
    });
    const one = await w.startReplica('one');
    // What it looks at when it starts is not what this is about.
    await w.clock.advance(5 * second);
    first = one;
    submit(w);
    await w.until('it dies', () => !one.ports.process.isAlive, 10 * minute);
    await w.clock.advance(3 * second);
    await w.startReplica('two');
    await endsWell(t, w, action);
  }
});

t.test('two replicas, and the leader dies in the middle of a burst', async (t) => {
  for (const atMs of [300, 900, 1_500, 20_000, 45_000]) {
    const w = wholeWorld(`failover ${atMs}`);
    const one = await w.startReplica('one');
    await w.clock.advance(5 * second);
    const two = await w.startReplica('two');
    t.ok(one.service.isLeader);
    await w.clock.advance(5 * second);
    submit(w, 100);
    await w.clock.advance(atMs);
    one.kill();
    await w.clock.advance(25 * second);
    t.ok(two.service.isLeader, `after ${atMs} ms`);
    const waiting = new Set(unbound(w));
    const mute = [...w.cluster.all('Pod')].filter(
      ({ metadata }) =>
        waiting.has(`${metadata.namespace}/${metadata.name}`) &&
        statedReason(two, metadata.uid) === undefined,
    );
    t.strictSame(mute, [], `the new leader knows why ${waiting.size} pods wait`);
    await endsWell(t, w, `after ${atMs} ms`);
    t.strictSame([...one.failures, ...two.failures], []);
  }
});

t.test('the API server is away for 30 s, and has forgotten when it comes back', async (t) => {
  for (const atMs of [500, 5_000, 40_000, 60_000]) {
    const w = wholeWorld(`outage ${atMs}`);
    let isAway = false;
    const error = new ClusterError('Unavailable', 'connect ECONNREFUSED');
    const faults: ApiFaults = { on: () => (isAway ? { type: 'refuse', error } : undefined) };
    const replica = await w.startReplica('one', { faults });
    await w.clock.advance(5 * second);
    submit(w, 40);
    await w.clock.advance(atMs);
    isAway = true;
    await w.clock.advance(30 * second);
    isAway = false;
    w.cluster.forget();
    await endsWell(t, w, `after ${atMs} ms`);
    t.strictSame(replica.failures, []);
  }
});

t.test('pods that are deleted or bound elsewhere at any moment hold nothing up', async (t) => {
  for (const atMs of [200, 1_200, 10_000, 35_000, 50_000, 70_000]) {
    const w = wholeWorld(`pods ${atMs}`);
    const replica = await w.startReplica('one');
    await w.clock.advance(5 * second);
    submit(w, 20);
    await w.clock.advance(atMs);
    const waiting = [...w.cluster.all('Pod')].filter(
      ({ metadata, spec }) => metadata.namespace === 'default' && spec.nodeName === undefined,
    );
    const user = w.startProcess('user');
    for (const { metadata } of waiting.slice(0, 5)) void user.client.delete('Pod', metadata);
    const [node] = w.cluster.all('Node');
    for (const { metadata } of node === undefined ? [] : waiting.slice(5, 6)) {
      const { namespace = '', name, uid } = metadata;
      void user.client.bind({ namespace, name, uid }, node?.metadata.name ?? '');
    }
    await w.until(`after ${atMs} ms: nothing is left`, () => isOver(w), 60 * minute);
    t.equal(w.living(), 0);
    // Whoever binds past the scheduler may overcommit a node; we never do.
    const others = w.invariants.violations.filter(({ kind }) => kind === 'launched twice');
    t.strictSame(others, [], `after ${atMs} ms`);
    t.strictSame(replica.failures, []);
  }
});

t.test('in every bind mode, with other schedulers, and without extender', async (t) => {
  for (const bind of ['default', 'own', 'none'] as const) {
    for (const hasExtender of [true, false]) {
      const what = `${bind}, ${hasExtender ? 'with' : 'without'} extender`;
      const schedulerNames = ['default-scheduler', 'volcano', 'stowage'];
      const w = wholeWorld(what, { hasExtender, schedulerNames });
      const replica = await w.startReplica('one', { settings: { bind } });
      await w.clock.advance(5 * second);
      submit(w, 20);
      for (const [index, schedulerName] of [...schedulerNames, ...schedulerNames].entries()) {
        w.cluster.create('Pod', {
          metadata: {
            namespace: 'default',
            name: `${schedulerName}-${index}`,
            annotations: { 'sim/run-duration': '40s' },
          },
          spec: {
            schedulerName,
            restartPolicy: 'Never',
            containers: [{ name: 'main', resources: { requests: { cpu: '1', memory: '1Gi' } } }],
          },
        });
      }
      await w.clock.advance(20 * second);
      await endsWell(t, w, what);
      t.strictSame(replica.failures, [], what);
    }
  }
});

t.test('a reservation whose pods never come expires, and its node goes', async (t) => {
  const w = wholeWorld('expiry');
  // The leader dies when the node is about to come; who follows finds the pods gated or gone.
  const one = await w.startReplica('one');
  await w.clock.advance(5 * second);
  submit(w, 8);
  await w.until('claims are launched', () => w.living() > 0, minute);
  one.kill();
  const user = w.startProcess('user');
  const jobs = [...w.cluster.all('Job')];
  for (const { metadata } of jobs) {
    await w.clock.settle(user.client.delete('Job', metadata, { propagation: 'Background' }));
  }
  const two = await w.startReplica('two');
  w.cluster.create('Pod', {
    metadata: { namespace: 'default', name: 'gone' },
    spec: { containers: [{ name: 'main' }], nodeName: 'nowhere' },
  });
  await endsWell(t, w, 'expiry');
  t.strictSame(two.failures, []);
});
