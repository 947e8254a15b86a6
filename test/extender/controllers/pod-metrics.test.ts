/** Waiting times of pods, as the histograms have them. */
import t, { type Test } from 'tap';
import type { DecisionRecord } from '../../../core/ports.ts';
import { startPodMetrics } from '../../../extender/controllers/pod-metrics.ts';
import { createWorld } from '../../../sim/world.ts';
import { startControllers } from '../../support/controller-fixture.ts';

async function setUp(t: Test) {
  const world = createWorld({ seed: t.name, types: [] });
  const listeners = new Set<(record: DecisionRecord) => void>();
  const process = await startControllers(world, 'stowage', {
    start: (context) => [
      startPodMetrics(context, {
        subscribe: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      }),
    ],
  });
  const { pods } = process.context.metrics;
  const seen = async (metric: keyof typeof pods) => {
    const { values } = await pods[metric].get();
    const of = (suffix: string) =>
      values.find((value) => 'metricName' in value && value.metricName?.endsWith(suffix))?.value;
    return { count: of('_count'), sum: of('_sum') };
  };
  return { world, process, listeners, seen };
}

type Setting = Awaited<ReturnType<typeof setUp>>;

function createPod({ world }: Setting, name: string): string {
  const { metadata } = world.cluster.create('Pod', {
    metadata: { namespace: 'default', name },
    spec: { containers: [{ name: 'main' }] },
  });
  return metadata.uid;
}

function tell({ world }: Setting, name: string, status: object): void {
  const where = { namespace: 'default', name };
  const patch = { type: 'merge', body: { status } } as const;
  world.cluster.patch('Pod', where, patch, { subresource: 'status' });
}

const unschedulable = {
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
};

function decide(
  { world, listeners }: Setting,
  uid: string,
  more: Partial<DecisionRecord> = {},
): void {
  const record: DecisionRecord = {
    timeMs: world.clock.nowMs(),
    actor: 'provisioner',
    subject: { kind: 'Pod', namespace: 'default', name: 'a', uid },
    outcome: 'planned',
    reason: '',
    ...more,
  };
  for (const listener of listeners) listener(record);
}

t.test('the first decision is measured from when the pod was seen to wait', async (t) => {
  const set = await setUp(t);
  const uid = createPod(set, 'a');
  await set.world.clock.advance(5_000);
  decide(set, uid);
  t.equal((await set.seen('decisionSeconds')).count, 0, 'it does not wait yet');
  tell(set, 'a', unschedulable);
  await set.world.clock.advance(500);
  decide(set, uid, { outcome: 'waiting' });
  decide(set, uid, { actor: 'binder', outcome: 'released' });
  await set.world.clock.advance(500);
  decide(set, uid, { outcome: 'unschedulable' });
  await set.world.clock.advance(60_000);
  decide(set, uid);
  const { count, sum } = await set.seen('decisionSeconds');
  t.equal(count, 1, 'once');
  t.ok(sum !== undefined && sum > 0.9 && sum <= 1, `${sum} s`);
});

t.test('binding and start are measured from creation', async (t) => {
  const set = await setUp(t);
  const uid = createPod(set, 'a');
  await set.world.clock.advance(20_000);
  const pod = { namespace: 'default', name: 'a', uid };
  await set.world.clock.settle(set.process.ports.client.bind(pod, 'n1'));
  await set.world.clock.advance(10_000);
  tell(set, 'a', { phase: 'Running' });
  await set.world.clock.advance(1_000);
  const bound = await set.seen('boundSeconds');
  const started = await set.seen('startupSeconds');
  t.equal(bound.count, 1);
  t.ok(Math.abs((bound.sum ?? 0) - 20) < 0.1, `${bound.sum} s`);
  t.equal(started.count, 1);
  t.ok(Math.abs((started.sum ?? 0) - 30) < 0.1, `${started.sum} s`);
});

t.test('it ends with its signal', async (t) => {
  const set = await setUp(t);
  set.process.stop();
  await Promise.all(set.process.controllers.map(({ done }) => done));
  t.equal(set.listeners.size, 0);
});
