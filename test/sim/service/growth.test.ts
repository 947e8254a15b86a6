// From nothing to many nodes and back, and nothing left over: what one replica does in good order.

import t, { type Test } from 'tap';
import { labelCapacityType, labelInstanceCategory } from '../../../core/api/labels.ts';
import { batchShapes, startBatch, submitJob } from '../../../sim/workloads.ts';
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
const recordsMax = 100_000;
/** Real time: a busy machine needs a multiple of the half minute that it takes. */
t.setTimeout(1_800_000);

/** All nodes go, nothing stays, and nothing was wrong on the way. */
async function endsWell(t: Test, w: WholeWorld, limitMs = 30 * minute): Promise<number> {
  const tookMs = await w.until(
    'nothing is left',
    () => ownNodes(w) === 0 && w.living() === 0 && w.cluster.count('NodeClaim') === 0,
    limitMs,
  );
  await w.clock.advance(2 * collectionPeriodMs);
  t.equal(w.living(), 0, 'no instance is left over');
  t.strictSame(w.invariants.violations, []);
  t.ok(w.invariants.comparisons > 0);
  t.strictSame(
    w.replicas.flatMap(({ failures }) => failures),
    [],
  );
  return tookMs;
}

/** Pods of a Job that waits, by their first stated reason. */
function reasons(w: WholeWorld, replica: Replica, app: string): (string | undefined)[] {
  return [...w.cluster.all('Pod')]
    .filter(({ metadata, spec }) => metadata.labels?.['app'] === app && spec.nodeName === undefined)
    .map(({ metadata }) => statedReason(replica, metadata.uid));
}

function shape(name: string) {
  const found = batchShapes.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no shape ${name}`);
  return found;
}

t.test('a thousand pods at once run, end, and leave no node', async (t) => {
  const w = wholeWorld('burst');
  await w.startReplica('one');
  await w.clock.advance(5 * second);
  for (const one of batchShapes) submitJob(w.cluster, one, { pods: 200, runMs: 2 * minute });
  await w.clock.advance(5 * second);
  t.equal(unbound(w).length, 1_000);
  const boundMs = await w.until('all are bound', () => unbound(w).length === 0, 10 * minute);
  t.ok(boundMs < 4 * minute, `the last one was bound after ${boundMs} ms`);
  t.ok(w.replicas[0]?.service.isLeader);
  t.ok((await endsWell(t, w)) < 10 * minute);
  const ended = [...w.cluster.all('Job')].filter(({ status }) => status?.succeeded === 200);
  t.equal(ended.length, batchShapes.length, 'every Job has succeeded');
});

t.test('a day of batch work goes from no node to many and back to none', async (t) => {
  // Six in the morning; by ten in the evening nobody submits any more.
  const w = wholeWorld('day', { startMs: Date.UTC(2026, 0, 5, 6) });
  const replica = await w.startReplica('one');
  const work = startBatch(w.cluster, w.random.branch('day'), {
    shapes: batchShapes,
    jobsPerHour: 4,
  });
  let most = 0;
  for (let hour = 0; hour < 18; hour += 1) {
    await w.clock.advance(60 * minute);
    most = Math.max(most, ownNodes(w));
  }
  work.stop();
  t.ok(work.jobs > 20, `${work.jobs} Jobs`);
  t.ok(most > 2, `${most} nodes at the height of the day`);
  await endsWell(t, w, 3 * 60 * minute);
  t.strictSame(unbound(w), []);
  t.strictSame(replica.failures, []);
});

const scarcePools = Array.from({ length: 20 }, (_, index) => ({
  name: `pool-${index}`,
  requirements: [
    {
      key: labelInstanceCategory,
      operator: 'In' as const,
      values: index % 4 === 0 ? ['g', 'p'] : ['c', 'm', 'r'],
    },
    { key: labelCapacityType, operator: 'In' as const, values: ['on-demand'] },
  ],
  weight: 1 + (index % 5),
}));

t.test('2,170 pods, 20 pools, no GPUs to be had: light pods are decided within 2 s', async (t) => {
  const w = wholeWorld('starved', { pools: scarcePools });
  const isAccelerated = ({ instanceType }: { readonly instanceType: string }): boolean =>
    instanceType.startsWith('g');
  w.engine.drain(isAccelerated, w.clock.nowMs() + 60 * minute);
  const replica = await w.startReplica('one');
  await w.clock.advance(5 * second);
  submitJob(w.cluster, shape('train'), { pods: 170, runMs: minute });
  await w.clock.advance(20 * second);
  const triedMs = new Map<string, number>();
  w.cluster.listen('Pod', ({ object: { metadata, status } }) => {
    const isTried = status?.conditions?.some(({ reason }) => reason === 'Unschedulable') ?? false;
    if (isTried && metadata.labels?.['app'] === 'lint' && !triedMs.has(metadata.uid)) {
      triedMs.set(metadata.uid, w.clock.nowMs());
    }
  });
  for (let count = 0; count < 4; count += 1) {
    submitJob(w.cluster, shape('lint'), { pods: 500, runMs: minute });
  }
  await w.until('all are tried', () => triedMs.size === 2_000, minute);
  await w.clock.advance(3 * second);
  const waits = [...triedMs].map(([uid, atMs]) => {
    const planned = replica.service.recorder
      .recent(recordsMax)
      .find(({ subject, outcome }) => subject.uid === uid && outcome === 'planned');
    return (planned?.timeMs ?? Infinity) - atMs;
  });
  t.ok(Math.max(...waits) <= 2 * second, `the last one after ${Math.max(...waits)} ms`);
  await w.until('light pods are bound', () => reasons(w, replica, 'lint').length === 0, 5 * minute);
  const starved = reasons(w, replica, 'train');
  t.equal(starved.length, 170);
  t.ok(
    starved.every((one) => one !== undefined),
    'each has a reason',
  );
  t.comment(`starved: ${[...new Set(starved)].join(' | ')}`);
  for (const { metadata } of w.cluster.all('Job')) {
    if (metadata.name.startsWith('train')) {
      await w.clock.settle(
        replica.ports.client.delete('Job', metadata, { propagation: 'Background' }),
      );
    }
  }
  await endsWell(t, w);
});

t.test('where a limit is short, priority and then age decide who goes first', async (t) => {
  const [general] = scarcePools.slice(1, 2);
  if (general === undefined) throw new Error('no pool');
  const w = wholeWorld('limit', { pools: [{ ...general, limits: { cpu: '3' } }] });
  const replica = await w.startReplica('one');
  await w.clock.advance(5 * second);
  w.cluster.create('PriorityClass', { metadata: { name: 'high' }, value: 1_000 });
  const create = (name: string, priorityClassName?: string): void => {
    w.cluster.create('Pod', {
      metadata: { namespace: 'default', name, annotations: { 'sim/run-duration': '60s' } },
      spec: {
        restartPolicy: 'Never',
        ...(priorityClassName === undefined ? {} : { priorityClassName }),
        containers: [{ name: 'main', resources: { requests: { cpu: '1500m', memory: '1Gi' } } }],
      },
    });
  };
  const order: string[] = [];
  w.cluster.listen('Pod', ({ object, previous }) => {
    const isBound = object.spec.nodeName !== undefined && previous?.spec.nodeName === undefined;
    if (isBound && object.metadata.namespace === 'default') order.push(object.metadata.name);
  });
  // All within one window; the oldest is not the most important.
  create('old');
  create('young');
  create('urgent', 'high');
  await w.until('one is bound', () => order.length > 0, 5 * minute);
  t.equal(order[0], 'urgent');
  const [waiting] = [...w.cluster.all('Pod')].filter(({ spec }) => spec.nodeName === undefined);
  t.match(
    waiting === undefined ? 'none waits' : statedReason(replica, waiting.metadata.uid),
    /limit/,
  );
  await w.until('all have been bound', () => order.length === 3, 20 * minute);
  t.strictSame(order, ['urgent', 'old', 'young']);
  await endsWell(t, w);
});

t.test('a dry pool is answered with a substitute, without a new plan', async (t) => {
  const w = wholeWorld('dry');
  const dry = (key: { readonly zone: string; readonly capacityType: string }): boolean =>
    key.zone === 'us-east-1a' || key.capacityType === 'spot';
  w.engine.drain(dry, w.clock.nowMs() + 30 * minute);
  await w.startReplica('one');
  await w.clock.advance(5 * second);
  submitJob(w.cluster, shape('test'), { pods: 30, runMs: minute });
  await w.clock.advance(5 * second);
  const boundMs = await w.until('all are bound', () => unbound(w).length === 0, 5 * minute);
  t.ok(boundMs < 3 * minute, `bound after ${boundMs} ms`);
  t.ok([...w.engine.instances.values()].every((one) => !dry(one)));
  await endsWell(t, w);
});

t.test('a node that never joins is given up, and its pods get another', async (t) => {
  const w = wholeWorld('silent', { kubelets: { startMedianMs: 500 } });
  // The machines of the first launches die before their kubelets come.
  w.engine.listen(({ type, instance }) => {
    if (type === 'state' && instance.state === 'running' && w.engine.instances.size <= 2) {
      w.engine.fail(instance.instanceId);
    }
  });
  await w.startReplica('one');
  await w.clock.advance(5 * second);
  submitJob(w.cluster, shape('etl'), { pods: 4, runMs: minute });
  await w.clock.advance(5 * second);
  await w.until('all are bound', () => unbound(w).length === 0, 30 * minute);
  t.ok(w.engine.instances.size > 2);
  await endsWell(t, w);
});
