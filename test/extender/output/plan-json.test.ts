/** A plan as JSON text: order, lines and chunks. */
import t from 'tap';
import type { Plan } from '../../../core/packing/plan.ts';
import { planJsonChunks } from '../../../extender/output/plan-json.ts';
import { samplePlan } from '../../support/sample-plan.ts';

t.test('the chunks join to the plan itself', (t) => {
  const plan = samplePlan();
  t.strictSame(JSON.parse([...planJsonChunks(plan)].join('')), plan);
  t.end();
});

t.test('keys keep their order whatever order the plan was built in', (t) => {
  const plan = samplePlan();
  const shuffled = Object.fromEntries(Object.entries(plan).reverse()) as unknown as Plan;
  const nodes = plan.nodes.map(
    (node) => Object.fromEntries(Object.entries(node).reverse()) as unknown as Plan['nodes'][0],
  );
  t.equal([...planJsonChunks({ ...shuffled, nodes })].join(''), [...planJsonChunks(plan)].join(''));
  t.end();
});

t.test('every node, existing node and unschedulable pod has a line of its own', (t) => {
  const lines = [...planJsonChunks(samplePlan())].join('').split('\n');
  t.equal(lines.filter((line) => line.startsWith('    {')).length, 4 + 1 + 3);
  t.equal(lines.at(-1), '', 'the document ends with a newline');
  t.end();
});

t.test('an empty plan is valid JSON', (t) => {
  const plan = samplePlan({ nodes: [], existing: [], unschedulable: [], notes: [] });
  t.strictSame(JSON.parse([...planJsonChunks(plan)].join('')), plan);
  t.end();
});

t.test('a big plan comes in many chunks of bounded size', (t) => {
  const [node] = samplePlan().nodes;
  const nodes = Array.from({ length: 5000 }, () => node!);
  const chunks = [...planJsonChunks(samplePlan({ nodes }))];
  t.ok(chunks.length > 10, `${chunks.length} chunks`);
  t.ok(
    chunks.every((chunk) => chunk.length < 128 * 1024),
    'no chunk is large',
  );
  t.end();
});
