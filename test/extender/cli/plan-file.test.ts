/** A written plan is read back whole or refused at its mistake. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { InputError } from '../../../core/errors.ts';
import { readPlan } from '../../../extender/cli/plan-file.ts';
import { planJsonChunks } from '../../../extender/output/plan-json.ts';
import { samplePlan } from '../../support/sample-plan.ts';

const folder = t.testdir({});

async function fileOf(value: unknown): Promise<string> {
  const file = join(folder, 'plan.json');
  await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value));
  return file;
}

t.test('a plan that was written is read back whole', async (t) => {
  const plan = samplePlan();
  t.strictSame(await readPlan(await fileOf([...planJsonChunks(plan)].join(''))), plan);
  const { cost } = plan;
  const unproven = samplePlan({
    cost: { ...cost, gap: null, proof: 'unproven', firstFitPerHour: null },
  });
  t.strictSame(await readPlan(await fileOf(unproven)), unproven);
});

t.test('members that are not known yet are let pass', async (t) => {
  const read = await readPlan(await fileOf({ ...samplePlan(), later: 1 }));
  t.equal(read.kind, 'Plan');
});

const { nodes, ...withoutNodes } = samplePlan();
const mistakes = [
  { name: 'no JSON', value: '{"a":', message: /plan\.json: is not JSON/ },
  { name: 'another kind', value: { ...samplePlan(), kind: 'Pod' }, message: /kind: .*Plan/ },
  { name: 'a missing list', value: withoutNodes, message: /nodes/ },
  {
    name: 'a price in words',
    value: samplePlan({ nodes: [{ ...nodes[0]!, pricePerHour: 'free' as unknown as number }] }),
    message: /nodes\[0\]\.pricePerHour: expected .*number.*found "free"/,
  },
];
for (const { name, value, message } of mistakes) {
  t.test(`${name} is refused with the place of the mistake`, async (t) => {
    await t.rejects(readPlan(await fileOf(value)), { name: 'InputError', message });
  });
}

t.test('a file that is not there is wrong input, not a bug', async (t) => {
  await t.rejects(readPlan(join(folder, 'none.json')), InputError);
});
