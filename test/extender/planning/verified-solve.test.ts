/** No unchecked solution is shown, and a failing solver still leaves a plan. */
import t from 'tap';
import { OverloadError } from '../../../core/errors.ts';
import { firstFitCostNano, solveVerified } from '../../../extender/planning/verified-solve.ts';
import { bin, sampleModel, solutionOf } from '../../support/sample-model.ts';

const model = sampleModel();
const { problem } = model;
const bins = [
  bin(4, [
    [0, 4],
    [2, 2],
  ]),
  bin(4, [
    [0, 2],
    [2, 2],
  ]),
];
const unproven = { ...solutionOf(model, bins), lowerBoundNano: 0, proof: 'unproven' } as const;

async function run(solve: Parameters<typeof solveVerified>[1]) {
  const complaints: string[] = [];
  const result = await solveVerified(problem, solve, (line) => complaints.push(line));
  return { ...result, complaints };
}

t.test('a solution that passes its check is the answer', async (t) => {
  const { solution, notes, complaints } = await run(async () => unproven);
  t.equal(solution, unproven);
  t.strictSame(notes, []);
  t.strictSame(complaints, []);
});

t.test('an interrupted search says so', async (t) => {
  const stats = { ...unproven.stats, stoppedBy: 'aborted' } as const;
  const { notes } = await run(async () => ({ ...unproven, stats }));
  t.match(notes, [/^Interrupted: this is the best plan/]);
});

t.test('a solution that breaks a rule is never shown: first-fit stands in, unproven', async (t) => {
  const tooFull = { ...unproven, bins: [bin(0, [[2, 4]]), bin(4, [[0, 6]])] };
  const { solution, notes, complaints } = await run(async () => tooFull);
  t.equal(solution.proof, 'unproven');
  t.equal(solution.certificate, null);
  t.strictSame([...solution.unserved], [0, 0]);
  t.match(notes, [/^The solver failed \(.*over-capacity.*first-fit's plan/]);
  t.match(complaints, [/bug, please report/]);
});

t.test('a solver that dies leaves a plan as well, and one line about it', async (t) => {
  const { solution, complaints } = await run(async () => {
    throw new Error('out of memory\n    at a stack');
  });
  t.strictSame([...solution.unserved], [0, 0]);
  t.match(complaints, [/out of memory$/]);
});

t.test('a solver that got no time is no bug, and leaves a plan as well', async (t) => {
  const { solution, notes, complaints } = await run(async () => {
    throw new OverloadError('no answer 60 s after its time was up');
  });
  t.strictSame([...solution.unserved], [0, 0]);
  t.match(solution, { proof: 'unproven', stats: { stoppedBy: 'deadline' } });
  t.match(notes, [/^The machine is overloaded .*first-fit's plan/]);
  t.match(complaints, [/^the machine is overloaded/]);
});

t.test('the stand-in is never dearer than what it is compared with', async (t) => {
  const { solution } = await run(async () => {
    throw new Error('broken');
  });
  const compared = firstFitCostNano(problem, solution);
  t.ok(compared !== null && solution.costNano <= compared);
});

t.test('first-fit is only compared if it places what the plan places', (t) => {
  const cost = firstFitCostNano(problem, unproven);
  t.ok(cost !== null && cost > 0);
  const scarce = sampleModel({ available: Int32Array.from([1, 1, 1, 1, 1, 1, 1]) }).problem;
  const huge = { ...scarce, demand: Int32Array.from([6, 400]) };
  t.equal(firstFitCostNano(huge, unproven), null);
  t.end();
});
