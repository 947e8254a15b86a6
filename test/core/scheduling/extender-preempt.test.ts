/** The preempt verb drops the candidates that the filter verb would reject. */
import t from 'tap';
import { keptCandidates } from '../../../core/scheduling/extender-preempt.ts';
import type { ExtenderNode } from '../../../core/scheduling/extender-view.ts';
import { askingPod, extenderNode, nowMs, reservation } from '../../support/extender-fixtures.ts';

const nodes = new Map<string, ExtenderNode>([
  ['held', extenderNode('held', { reservation: reservation() })],
  ['open', extenderNode('open')],
]);
const view = { node: (name: string) => nodes.get(name) };
const candidates = ['held', 'open', 'unknown'].map((nodeName) => ({
  nodeName,
  victimUids: ['uid-victim'],
  budgetViolations: 0,
}));

function namesKept(uid: string, among = candidates): string[] {
  return keptCandidates(view, among, askingPod({ uid }), nowMs).map(({ nodeName }) => nodeName);
}

t.test('no victim dies for a node that the filter would then refuse', async (t) => {
  t.strictSame(namesKept('uid-foreign'), ['open', 'unknown']);
});

t.test('the owner of a reservation may preempt on its own node', async (t) => {
  t.strictSame(namesKept('uid-owner'), ['held', 'open', 'unknown']);
});

t.test(
  'candidates without a victim are dropped: kube-scheduler takes them for an error',
  async (t) => {
    const without = { nodeName: 'open', victimUids: [], budgetViolations: 0 };
    t.strictSame(namesKept('uid-foreign', [without, ...candidates]), ['open', 'unknown']);
  },
);

t.test('candidates come back as they were', async (t) => {
  const one = { nodeName: 'open', victimUids: ['b', 'a'], budgetViolations: 2 };
  t.strictSame(keptCandidates(view, [one], askingPod(), nowMs), [one]);
});
