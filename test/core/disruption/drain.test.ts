// Draining: who leaves a node next, who is waited for, what a deadline does.

import * as fc from 'fast-check';
import t from 'tap';
import { drainStep, podStep, waveOf } from '../../../core/disruption/drain.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import { type LivePodOptions, livePod } from '../../support/live-pods.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');
const critical = { priorityClassName: 'system-node-critical' };
const names = (pods: readonly LivePod[]): string[] => pods.map(({ name }) => name);

t.test('pods leave in four waves, one after the other', async (t) => {
  const pods = [
    livePod('d', { owner: 'DaemonSet', spec: critical }),
    livePod('c', { spec: { priorityClassName: 'system-cluster-critical' } }),
    livePod('b', { owner: 'DaemonSet' }),
    livePod('a1'),
    livePod('a2', { owner: '' }),
  ];
  t.strictSame(names(drainStep(pods, undefined, nowMs).evict), ['a1', 'a2']);
  t.strictSame(names(drainStep(pods.slice(0, 3), undefined, nowMs).evict), ['b']);
  t.strictSame(names(drainStep(pods.slice(0, 2), undefined, nowMs).evict), ['c']);
  t.strictSame(names(drainStep(pods.slice(0, 1), undefined, nowMs).evict), ['d']);
  const none = drainStep([], undefined, nowMs);
  t.strictSame([none.wave, none.waiting.length, none.changesMs], [undefined, 0, Infinity]);
});

t.test('a wave waits for pods of the one before that are on their way', async (t) => {
  const leaving = livePod('a', { deletionMs: nowMs + 20_000 });
  const step = drainStep([leaving, livePod('b', { owner: 'DaemonSet' })], undefined, nowMs);
  t.equal(step.wave, 'workload');
  t.strictSame([names(step.evict), step.waiting.length], [[], 2]);
  t.equal(step.changesMs, nowMs + 20_000 + 60_001, 'it counts as stuck a minute after its time');
  const later = drainStep([leaving], undefined, nowMs + 80_001);
  t.equal(later.waiting.length, 0, 'nobody waits for ever');
});

t.test('pods that stay to the end are not waited for', async (t) => {
  const stay: LivePodOptions[] = [
    { spec: { tolerations: [{ operator: 'Exists' }] } },
    { spec: { tolerations: [{ key: 'karpenter.sh/disrupted', operator: 'Exists' }] } },
    { owner: 'Node' },
    { annotations: { 'kubernetes.io/config.mirror': 'x' } },
    { status: { phase: 'Succeeded' } },
    { status: { phase: 'Failed' } },
  ];
  for (const options of stay) {
    const step = drainStep([livePod('stays', options)], nowMs + 1_000, nowMs);
    t.strictSame([step.waiting.length, step.evict.length, step.force.length], [0, 0, 0]);
  }
});

t.test('a pod that asks not to be disrupted holds its wave, and so the node', async (t) => {
  const held = livePod('held', { annotations: { 'karpenter.sh/do-not-disrupt': 'true' } });
  const step = drainStep(
    [held, livePod('free'), livePod('later', { spec: critical })],
    undefined,
    nowMs,
  );
  t.strictSame([names(step.held), names(step.evict)], [['held'], ['free']]);
  t.equal(
    drainStep([held, livePod('later', { spec: critical })], undefined, nowMs).evict.length,
    0,
  );
  const forAnHour = livePod('hour', {
    annotations: { 'karpenter.sh/do-not-disrupt': '1h' },
    startedMs: nowMs - 3_000_000,
  });
  t.equal(drainStep([forAnHour], undefined, nowMs).changesMs, nowMs + 600_000);
  t.strictSame(names(drainStep([forAnHour], undefined, nowMs + 600_000).evict), ['hour']);
});

t.test('a deadline ends pods early enough, whatever their wave, budget or wish', async (t) => {
  const deadlineMs = nowMs + 60_000;
  const slow = livePod('slow', {
    spec: { terminationGracePeriodSeconds: 120, ...critical },
    annotations: { 'karpenter.sh/do-not-disrupt': 'true' },
  });
  const quick = livePod('quick', { spec: { terminationGracePeriodSeconds: 10 } });
  const step = drainStep([slow, quick], deadlineMs, nowMs);
  t.match(step.force, [{ pod: { name: 'slow' }, gracePeriodSeconds: 60 }]);
  t.strictSame(names(step.evict), ['quick'], 'who can still end in time is asked');
  t.equal(step.changesMs, deadlineMs - 10_000 + 1);
  t.match(drainStep([quick], deadlineMs, step.changesMs).force, [{ gracePeriodSeconds: 9 }]);
  t.match(drainStep([quick], deadlineMs, deadlineMs + 99_000).force, [{ gracePeriodSeconds: 1 }]);
});

t.test("a pod without a grace period of its own has the API server's", async (t) => {
  const deadlineMs = nowMs + 30_000;
  t.same(podStep(livePod('a'), deadlineMs, nowMs), { act: 'evict' });
  t.same(podStep(livePod('a'), deadlineMs, nowMs + 1), { act: 'force', gracePeriodSeconds: 29 });
});

t.test('a pod that ends too late is hurried once', async (t) => {
  const deadlineMs = nowMs + 20_000;
  const late = livePod('late', { deletionMs: nowMs + 3_600_000 });
  t.same(podStep(late, deadlineMs, nowMs), { act: 'force', gracePeriodSeconds: 20 });
  t.same(podStep(livePod('late', { deletionMs: nowMs + 20_000 }), deadlineMs, nowMs), {
    act: 'wait',
  });
  t.same(
    podStep(livePod('late', { deletionMs: nowMs + 91_000 }), deadlineMs, nowMs + 90_000),
    { act: 'wait' },
    'one second is the least',
  );
});

t.test('every pod that is waited for gets its turn, and no other pod does', async (t) => {
  const options = fc.record({
    owner: fc.constantFrom('', 'ReplicaSet', 'DaemonSet', 'Node', 'StatefulSet'),
    isCritical: fc.boolean(),
    isHeld: fc.boolean(),
    tolerates: fc.boolean(),
    deletionMs: fc.option(fc.integer({ min: nowMs - 200_000, max: nowMs + 200_000 })),
    graceSeconds: fc.integer({ min: 0, max: 300 }),
  });
  const pods = fc.array(options, { maxLength: 12 }).map((all) =>
    all.map((one, index) =>
      livePod(`pod-${index}`, {
        owner: one.owner,
        annotations: one.isHeld ? { 'karpenter.sh/do-not-disrupt': 'true' } : {},
        spec: {
          terminationGracePeriodSeconds: one.graceSeconds,
          ...(one.isCritical ? critical : {}),
          ...(one.tolerates ? { tolerations: [{ operator: 'Exists' as const }] } : {}),
        },
        ...(one.deletionMs === null ? {} : { deletionMs: one.deletionMs }),
      }),
    ),
  );
  const deadline = fc.option(fc.integer({ min: nowMs - 100_000, max: nowMs + 400_000 }), {
    nil: undefined,
  });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(pods, deadline, (all, deadlineMs) => {
        const step = drainStep(all, deadlineMs, nowMs);
        const waiting = new Set(step.waiting);
        const forced = step.force.map(({ pod }) => pod);
        const acted = [...step.evict, ...forced, ...step.held];
        const isSubset = acted.every((pod) => waiting.has(pod));
        const isOnce = new Set(acted).size === acted.length;
        const isOneWave = [...step.evict, ...step.held].every((pod) => waveOf(pod) === step.wave);
        const agrees = [...step.evict, ...forced].every(
          (pod) =>
            podStep(pod, deadlineMs, nowMs).act === (forced.includes(pod) ? 'force' : 'evict'),
        );
        // Nobody is left without anything that will happen: by itself, by us, or by time.
        const isLive =
          waiting.size === 0 ||
          acted.length > 0 ||
          step.changesMs < Infinity ||
          step.waiting.some(({ deletionMs }) => deletionMs !== 0);
        return isSubset && isOnce && isOneWave && agrees && isLive;
      }),
      { numRuns: 500 },
    ),
  );
});
