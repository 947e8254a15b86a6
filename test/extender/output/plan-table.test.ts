/** A plan as people read it in a terminal. */
import t from 'tap';
import type { Plan } from '../../../core/packing/plan.ts';
import { drawPlan } from '../../../extender/output/plan-drawing.ts';
import { renderPlanTable } from '../../../extender/output/plan-table.ts';
import { sampleFacts, samplePlan } from '../../support/sample-plan.ts';

function render(overrides: Partial<Plan> = {}, style = { colour: false, columns: 100 }): string {
  const plan = samplePlan(overrides);
  return renderPlanTable(plan, drawPlan(plan, sampleFacts), style);
}

t.test('the table as people read it', (t) => {
  t.matchSnapshot(render());
  t.end();
});

t.test('nodes are grouped over zones and summed', (t) => {
  const lines = render().split('\n');
  const row = lines.find((line) => line.includes('c6i.xlarge'));
  t.match(row, /^ +3 +c6i\.xlarge +default +us-east-1a\/b +0\.1700 +0\.5100 +5 /);
  t.match(
    lines.find((line) => line.includes('in all')),
    /^ +4 +in all +1\.0000 +6 /,
  );
  t.end();
});

t.test('without colours there is no escape sequence, with colours there is', (t) => {
  t.notOk(render().includes('\x1b'));
  t.ok(render({}, { colour: true, columns: 100 }).includes('\x1b['));
  t.end();
});

t.test('no line is wider than the terminal that was named', (t) => {
  const reason = 'a reason of many words that has to be wrapped '.repeat(6).trim();
  const text = render({ unschedulable: [{ pod: 'a/b', reason }] }, { colour: false, columns: 80 });
  t.strictSame(
    text.split('\n').filter((line) => line.length > 80),
    [],
  );
  t.end();
});

t.test('unschedulable pods are counted by reason with examples', (t) => {
  const unschedulable = Array.from({ length: 5 }, (_, index) => ({
    pod: `batch/job-${index}`,
    reason: 'no capacity',
  }));
  const text = render({ unschedulable });
  t.match(text, '5 pods without a place');
  t.match(text, 'batch/job-0, batch/job-1, batch/job-2, ...');
  t.notMatch(text, 'batch/job-3');
  t.end();
});

t.test('a plan without proof claims no gap', (t) => {
  const { cost } = samplePlan();
  const text = render({ cost: { ...cost, gap: null, proof: 'unproven' } });
  t.match(text, /Gap +unproven/);
  t.notMatch(text, 'Lower bound');
  t.end();
});

t.test('a plan of more kinds than a person reads sums up the rest', (t) => {
  const [node] = samplePlan().nodes;
  const nodes = Array.from({ length: 60 }, (_, index) => ({
    ...node!,
    name: `n-${index}`,
    pricePerHour: 1 + index / 100,
  }));
  const plan = samplePlan({ nodes });
  const facts = { ...sampleFacts, nodeOf: () => sampleFacts.nodeOf('default-c6i-xlarge-1') };
  const text = renderPlanTable(plan, drawPlan(plan, facts), { colour: false, columns: 100 });
  t.match(text, /20 +20 more kinds/);
  t.match(text, /60 +in all/);
  t.end();
});
