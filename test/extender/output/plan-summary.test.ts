/** The sums and the words of a plan claim what is proven and no more. */
import t from 'tap';
import {
  formatCount,
  formatDuration,
  formatPercent,
  formatUsd,
  summarizePlan,
} from '../../../extender/output/plan-summary.ts';
import { samplePlan } from '../../support/sample-plan.ts';

t.test('counts, sums and groups the plan', (t) => {
  const summary = summarizePlan(samplePlan());
  t.equal(summary.nodeCount, 4);
  t.equal(summary.podsOnNewNodes, 6);
  t.equal(summary.podsOnExistingNodes, 1);
  t.equal(summary.existingNodesUsed, 1);
  t.equal(summary.perMonth, 730);
  t.equal(summary.firstFitExtra, 0.25);
  t.strictSame(summary.reasons, [
    { reason: 'no <admitted> type has nvidia.com/gpu 16', pods: ['ml/train-1', 'ml/train-2'] },
    { reason: 'NodePool default is at its limit of nodes', pods: ['shop/other'] },
  ]);
  t.equal(
    summary.headline,
    '6 pods on 4 new nodes, 1 pod on 1 existing node, 3 pods without a place',
  );
  t.end();
});

t.test('an existing node that receives nothing is not counted as used', (t) => {
  const existing = [{ node: 'a', pods: ['x/y'], placed: [] }];
  t.equal(summarizePlan(samplePlan({ existing })).existingNodesUsed, 0);
  t.end();
});

t.test('the words claim exactly what is proven', (t) => {
  const { cost } = samplePlan();
  const words = (change: Partial<typeof cost>): string =>
    summarizePlan(samplePlan({ cost: { ...cost, ...change } })).proofWords;
  t.match(words({}), /^certified: no plan .* costs less than \$0\.9950 per hour$/);
  t.match(words({ proof: 'optimal', gap: 0, lowerBound: 1 }), /^optimal: no plan/);
  t.match(words({ proof: 'unproven', gap: null }), /^unproven: .* no gap is claimed$/);
  t.match(
    words({ perHour: 0, lowerBound: 0, gap: 0, proof: 'optimal' }),
    /nothing has to be bought/,
  );
  t.match(words({ lowerBound: 0, gap: 1 }), /no lower bound above zero/);
  t.end();
});

t.test('the comparison with first-fit says more, less, the same or that it failed', (t) => {
  const { cost } = samplePlan();
  const words = (firstFitPerHour: number | null, perHour = 1): string =>
    summarizePlan(samplePlan({ cost: { ...cost, perHour, firstFitPerHour } })).firstFitWords;
  t.equal(words(1.25), 'first-fit would have cost $1.2500, 25 % more');
  t.equal(words(0.8), 'first-fit would have cost $0.8000, 20 % less');
  t.equal(words(1), 'first-fit would have cost the same');
  t.equal(words(null), 'first-fit could not place all of these pods');
  t.equal(words(0, 0), 'first-fit would have bought nothing either');
  t.end();
});

t.test('an empty plan has a headline and no division by zero', (t) => {
  const cost = { perHour: 0, lowerBound: 0, gap: 0, proof: 'optimal', firstFitPerHour: 0 } as const;
  const summary = summarizePlan(samplePlan({ nodes: [], existing: [], unschedulable: [], cost }));
  t.equal(summary.headline, 'no pod needs a place');
  t.equal(summary.firstFitExtra, null);
  t.end();
});

t.test('figures have as many digits as mean something', (t) => {
  t.equal(formatUsd(0.0345), '$0.0345');
  t.equal(formatUsd(1234.5), '$1,234.50');
  t.equal(formatPercent(0), '0 %');
  t.equal(formatPercent(0.00083), '0.08 %');
  t.equal(formatPercent(0.034), '3.4 %');
  t.equal(formatPercent(0.9712), '97 %');
  t.equal(formatCount(1, 'pod'), '1 pod');
  t.equal(formatCount(1204, 'pod'), '1,204 pods');
  t.equal(formatDuration(12.4), '12 ms');
  t.equal(formatDuration(843), '0.84 s');
  t.equal(formatDuration(12_340), '12.3 s');
  t.end();
});
