/** Practice changes when an answer comes, not what it is. */
import t from 'tap';
import { findProblemDefects } from '../../core/packing/problem-shape.ts';
import type { SolveOptions } from '../../core/packing/solution.ts';
import { createSolverPool } from '../../workers/pool.ts';
import { practiceProblem, warmUp } from '../../workers/warm-up.ts';
import { tinyProblem } from '../support/reduced-problem.ts';
import { findSolutionFlaws, solveHere } from '../support/solving.ts';

const options: SolveOptions = {
  gap: 0.01,
  timeLimitMs: 10_000,
  seed: 1,
  threads: 2,
  master: 'glpk',
};

t.test('the problem to practise on is a sound one that can be served in full', async (t) => {
  const problem = practiceProblem();
  t.strictSame([...findProblemDefects(problem)], []);
  t.strictSame(practiceProblem(), problem, 'the same every time');
  const solution = await solveHere(problem, { gap: 0.3 });
  t.strictSame(findSolutionFlaws(problem, solution, 'unknown'), []);
  t.ok(solution.unserved.every((pods) => pods === 0));
});

t.test('a pool that has practised gives the answer of one that has not', async (t) => {
  const problem = tinyProblem(7);
  const fresh = createSolverPool({ threads: 2 });
  const practised = createSolverPool({ threads: 2, warm: true });
  try {
    await practised.warmUp();
    const [a, b] = [await fresh.solve(problem, options), await practised.solve(problem, options)];
    t.strictSame(b.bins, a.bins);
    t.equal(b.lowerBoundNano, a.lowerBoundNano);
  } finally {
    await fresh.close();
    await practised.close();
  }
});

t.test('a thread practises with either LP library', async (t) => {
  await t.resolves(warmUp('glpk'));
  await t.resolves(warmUp('highs'));
});
