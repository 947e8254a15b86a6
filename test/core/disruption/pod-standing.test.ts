// What a pod means for the end of its node.

import t from 'tap';
import {
  isDrained,
  isProtected,
  isReschedulable,
  protectionOf,
} from '../../../core/disruption/pod-standing.ts';
import { livePod } from '../../support/live-pods.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');
const asks = (value: string) => ({ annotations: { 'karpenter.sh/do-not-disrupt': value } });

t.test('pods that want another place keep a node in use', async (t) => {
  t.ok(isReschedulable(livePod('a')));
  t.ok(isReschedulable(livePod('a', { owner: '' })), 'also those that nobody will replace');
  t.ok(isReschedulable(livePod('a', { status: { phase: 'Pending' } })));
  t.notOk(isReschedulable(livePod('a', { owner: 'DaemonSet' })));
  t.notOk(isReschedulable(livePod('a', { owner: 'Node' })));
  t.notOk(isReschedulable(livePod('a', { annotations: { 'kubernetes.io/config.mirror': '' } })));
  t.notOk(isReschedulable(livePod('a', { status: { phase: 'Succeeded' } })));
  t.notOk(isReschedulable(livePod('a', { deletionMs: nowMs })));
});

t.test('of a StatefulSet a pod that ends counts until it has ended', async (t) => {
  const ending = { owner: 'StatefulSet', deletionMs: nowMs };
  t.ok(isReschedulable(livePod('a', ending)));
  t.notOk(isReschedulable(livePod('a', { ...ending, status: { phase: 'Failed' } })));
});

t.test('do-not-disrupt holds for ever, for a time from the start, or not at all', async (t) => {
  const of = (value: string, startedMs?: number) =>
    protectionOf(
      livePod('a', { ...asks(value), ...(startedMs === undefined ? {} : { startedMs }) }),
      nowMs,
    );
  t.same(protectionOf(livePod('a'), nowMs), { state: 'none' });
  t.same(of('true'), { state: 'active', untilMs: Infinity });
  t.same(of('30m', nowMs - 60_000), { state: 'active', untilMs: nowMs + 29 * 60_000 });
  t.same(of('30m', nowMs - 1_800_000), { state: 'elapsed' });
  t.same(of('30m'), { state: 'active', untilMs: Infinity }, 'it has not started yet');
  for (const value of ['false', '', 'yes', '0s', '-5m']) {
    t.same(of(value, nowMs), { state: 'invalid', value });
  }
});

t.test('a pod that ends anyway protects nothing', async (t) => {
  t.ok(isProtected(livePod('a', asks('true')), nowMs));
  t.notOk(isProtected(livePod('a', { ...asks('true'), deletionMs: nowMs }), nowMs));
  t.notOk(isProtected(livePod('a', { ...asks('true'), status: { phase: 'Failed' } }), nowMs));
});

t.test('a pod stuck in its end is waited for a minute longer', async (t) => {
  t.ok(isDrained(livePod('a', { deletionMs: nowMs - 60_000 }), nowMs));
  t.notOk(isDrained(livePod('a', { deletionMs: nowMs - 60_001 }), nowMs));
});
