/** When an interrupted node is waited with, ended, or left alone after all. */
import t from 'tap';
import type { Interruption } from '../../../core/interruption/interruption-record.ts';
import {
  type InterruptedNode,
  interruptionStep,
  replacementWaitMs,
} from '../../../core/interruption/next-step.ts';
import { livePod } from '../../support/live-pods.ts';

const nowMs = Date.parse('2026-01-01T00:00:00Z');
const spot: Interruption = {
  kind: 'spot_interrupted',
  sinceMs: nowMs,
  endsMs: nowMs + 120_000,
  message: 'spot',
};
const waiting: InterruptedNode = {
  interruption: spot,
  isInitialized: true,
  pods: [livePod('web')],
  replacements: ['coming'],
  unplaced: 0,
};

t.test(
  'the replacement is waited for, but never so long that pods miss their time to end',
  async (t) => {
    const step = interruptionStep(waiting, nowMs);
    // 5 s to spare, 30 s for the pod, 10 s to ask it.
    t.strictSame(step, { type: 'wait', untilMs: nowMs + 75_000 });
    t.match(interruptionStep(waiting, nowMs + 75_000), {
      type: 'end',
      deadlineMs: nowMs + 115_000,
      why: 'there is no time left to wait for a replacement',
    });
    const slow = livePod('slow', { spec: { terminationGracePeriodSeconds: 600 } });
    t.equal(
      interruptionStep({ ...waiting, pods: [slow] }, nowMs).type,
      'end',
      'a slow pod is asked at once',
    );
  },
);

t.test('it ends as soon as every pod has room that is ready', async (t) => {
  t.equal(interruptionStep({ ...waiting, replacements: ['ready'] }, nowMs).type, 'end');
  t.equal(interruptionStep({ ...waiting, replacements: [] }, nowMs).type, 'end');
  for (const [replacements, unplaced] of [
    [['ready', 'coming'], 0],
    [['ready', 'gone'], 0],
    [['ready'], 1],
    [undefined, 0],
  ] as const) {
    t.equal(interruptionStep({ ...waiting, replacements, unplaced }, nowMs).type, 'wait');
  }
});

t.test('nothing is waited for where nothing can be saved', async (t) => {
  const lost = { ...spot, kind: 'instance_terminated', endsMs: undefined } as const;
  t.match(interruptionStep({ ...waiting, interruption: lost }, nowMs), {
    type: 'end',
    deadlineMs: nowMs,
  });
  t.equal(interruptionStep({ ...waiting, isInitialized: false }, nowMs).type, 'end');
  t.equal(interruptionStep({ ...waiting, pods: [] }, nowMs).type, 'end');
  const daemon = livePod('agent', { owner: 'DaemonSet' });
  t.equal(interruptionStep({ ...waiting, pods: [daemon] }, nowMs).type, 'end');
});

t.test('where nothing presses a replacement is given up after a while', async (t) => {
  const change = { ...spot, kind: 'scheduled_change', endsMs: undefined } as const;
  const risk = { ...spot, kind: 'rebalance_recommendation', endsMs: undefined } as const;
  const lateMs = nowMs + replacementWaitMs;
  t.strictSame(interruptionStep({ ...waiting, interruption: change }, nowMs), {
    type: 'wait',
    untilMs: lateMs,
  });
  t.match(interruptionStep({ ...waiting, interruption: change }, lateMs), {
    type: 'end',
    deadlineMs: undefined,
  });
  t.equal(interruptionStep({ ...waiting, interruption: risk }, lateMs).type, 'withdraw');
});
