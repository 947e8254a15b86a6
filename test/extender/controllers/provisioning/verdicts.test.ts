// What is known of a pending pod is told once, and again when it changes.

import t from 'tap';
import type { DecisionRecord } from '../../../../core/ports.ts';
import { type Verdict, Verdicts } from '../../../../extender/controllers/provisioning/verdicts.ts';
import { createVirtualClock } from '../../../../sim/virtual-clock.ts';
import { livePod } from '../../../support/live-pods.ts';

function fresh() {
  const decisions: DecisionRecord[] = [];
  const events: string[] = [];
  const verdicts = new Verdicts({
    clock: createVirtualClock(),
    recorder: {
      decide: (record) => void decisions.push(record),
      event: ({ name }, type, reason, message) =>
        void events.push(`${name} ${type} ${reason} ${message}`),
    },
  });
  return { verdicts, decisions, events };
}

const pod = livePod('a', { nodeName: '' });
const left: Verdict = { outcome: 'unschedulable', reason: 'fits nowhere' };

t.test('the same verdict is told once', async (t) => {
  const { verdicts, decisions, events } = fresh();
  for (let count = 0; count < 3; count += 1) verdicts.tell(pod, left);
  t.equal(decisions.length, 1);
  t.match(decisions[0], {
    actor: 'provisioner',
    subject: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
    outcome: 'unschedulable',
    reason: 'fits nowhere',
  });
  t.strictSame(events, ['a Warning FailedScheduling fits nowhere']);
});

t.test('another verdict is told, and the first again when it comes back', async (t) => {
  const { verdicts, decisions, events } = fresh();
  verdicts.tell(pod, left);
  verdicts.tell(pod, { outcome: 'planned', reason: 'nodeclaim/x', details: { claim: 'x' } });
  verdicts.tell(pod, left);
  verdicts.tell(pod, { outcome: 'unschedulable', reason: 'over the limit' });
  t.strictSame(
    decisions.map(({ outcome, reason }) => `${outcome}: ${reason}`),
    [
      'unschedulable: fits nowhere',
      'planned: nodeclaim/x',
      'unschedulable: fits nowhere',
      'unschedulable: over the limit',
    ],
  );
  t.strictSame(decisions[1]?.details, { claim: 'x' });
  t.match(events[1], /^a Normal Nominated/);
});

t.test('what only waits is recorded, but no Event is written', async (t) => {
  const { verdicts, decisions, events } = fresh();
  verdicts.tell(pod, { outcome: 'waiting', reason: 'gates' });
  verdicts.tell(pod, { outcome: 'fits-existing', reason: 'fits node n' });
  t.equal(decisions.length, 2);
  t.strictSame(events, []);
});

t.test('pods that are not pending any more are forgotten', async (t) => {
  const { verdicts, decisions } = fresh();
  const other = livePod('b', { nodeName: '' });
  verdicts.tell(pod, left);
  verdicts.tell(other, left);
  verdicts.retain((uid) => uid === 'uid-b');
  verdicts.tell(pod, left);
  verdicts.tell(other, left);
  t.strictSame(
    decisions.map(({ subject }) => subject.name),
    ['a', 'b', 'a'],
  );
});
