/**
 * The whole solver on random problems: every plan legal, every bound below every optimum.
 *
 * `FUZZ_CASES=10000 npx tap test/workers/solve-problem.test.ts` tries more; `FUZZ_SEED` others.
 */
import { assert, asyncProperty, integer, record } from 'fast-check';
import t from 'tap';
import type { PackingProblem } from '../../core/packing/problem.ts';
import type { PackingSolution } from '../../core/packing/solution.ts';
import { solveProblem } from '../../workers/solve-problem.ts';
import { bruteForceCost } from '../support/brute-force.ts';
import { fleetProblem } from '../support/fleet-problem.ts';
import { problemSpecs, type RandomProblemSpec, randomProblem } from '../support/random-problem.ts';
import { tinyProblem, withPrices } from '../support/reduced-problem.ts';
import {
  countingClock,
  defaultOptions,
  findSolutionFlaws,
  servedBy,
  solveHere,
  steeredCost,
} from '../support/solving.ts';

const fuzzCases = Number(process.env['FUZZ_CASES'] ?? 400);
const fuzzSeed = Number(process.env['FUZZ_SEED'] ?? 1);

const tinySizes = { families: 5, offerings: 5, pods: 7 };

/** A solve within a budget of work; see `countingClock`. */
function solveWithin(
  problem: PackingProblem,
  work: number,
  options: Parameters<typeof solveHere>[1] = {},
): Promise<PackingSolution> {
  // Ten of the milliseconds are kept for the certificate.
  return solveHere(problem, { ...options, timeLimitMs: work + 10 }, { epochMs: countingClock() });
}

function complain(spec: RandomProblemSpec, flaws: readonly string[]): void {
  if (flaws.length > 0) throw new Error(`${JSON.stringify(spec)}: ${flaws.join('; ')}`);
}

t.test(
  'a tiny problem: a legal plan, a bound that brute force confirms',
  { timeout: 0 },
  async (t) => {
    const proofs = { optimal: 0, certified: 0, unproven: 0 };
    await assert(
      asyncProperty(
        record({
          spec: problemSpecs(tinySizes),
          work: integer({ min: 0, max: 600 }),
          seed: integer(),
        }),
        async ({ spec, work, seed }) => {
          const problem = randomProblem(spec);
          const solution = await solveWithin(problem, work, { seed });
          proofs[solution.proof]++;
          complain(spec, findSolutionFlaws(problem, solution, 'brute-force'));
        },
      ),
      { numRuns: fuzzCases, seed: fuzzSeed },
    );
    t.equal(proofs.unproven, 0, 'every certificate is accepted');
    t.ok(proofs.optimal > fuzzCases / 3, `${proofs.optimal} of ${fuzzCases} proven optimal`);
  },
);

t.test(
  'a larger problem: a legal plan and bound, no dearer than first-fit',
  { timeout: 0 },
  async () => {
    await assert(
      asyncProperty(
        problemSpecs({ families: 20, offerings: 25, pods: 300 }),
        integer({ min: 0, max: 400 }),
        async (spec, work) => {
          const problem = withPrices(randomProblem(spec), 1e6);
          const solution = await solveWithin(problem, work, { gap: 0.005 });
          complain(spec, findSolutionFlaws(problem, solution, 'unknown'));
          if (solution.proof === 'unproven') throw new Error('a certificate was not accepted');
        },
      ),
      { numRuns: Math.ceil(fuzzCases / 10), seed: fuzzSeed },
    );
  },
);

t.test('given time, nearly every tiny problem is solved to its optimum', async (t) => {
  let optimal = 0;
  const cases = 60;
  for (let seed = 0; seed < cases; seed++) {
    const problem = tinyProblem(seed, ['steering'], tinySizes);
    const solution = await solveHere(problem, { gap: 0 });
    t.strictSame(findSolutionFlaws(problem, solution, 'brute-force'), [], `seed ${seed}`);
    if (solution.costNano === bruteForceCost(problem, servedBy(problem, solution))) optimal++;
  }
  t.ok(optimal >= 0.97 * cases, `${optimal} of ${cases}`);
});

/** A solution without what depends on the speed of the machine. */
function withoutTimes({ stats, ...rest }: PackingSolution): unknown {
  const { classes, offerings, offeringsKept, columns, iterations, seed, stoppedBy, curve } = stats;
  const values = curve.map(([, cost, bound]) => [cost, bound]);
  return {
    ...rest,
    classes,
    offerings,
    offeringsKept,
    columns,
    iterations,
    seed,
    stoppedBy,
    values,
  };
}

t.test('the same problem, seed and budget give the same answer, certificate and all', async (t) => {
  for (let seed = 0; seed < 15; seed++) {
    const problem = withPrices(
      tinyProblem(seed, [], { families: 15, offerings: 15, pods: 150 }),
      1e6,
    );
    const [first, second] = [
      await solveWithin(problem, 250, { seed, gap: 0.01 }),
      await solveWithin(problem, 250, { seed, gap: 0.01 }),
    ];
    t.strictSame(withoutTimes(second), withoutTimes(first), `seed ${seed}`);
  }
});

t.test('another seed may find another plan, and proves it as well', async (t) => {
  const problem = fleetProblem({
    seed: 4,
    families: 25,
    pods: 400,
    types: 40,
    zones: 2,
    existing: 0,
  });
  const plans = new Set<string>();
  for (let seed = 0; seed < 4; seed++) {
    const solution = await solveWithin(problem, 300, { seed, gap: 0.001 });
    t.strictSame(findSolutionFlaws(problem, solution, 'unknown'), [], `seed ${seed}`);
    plans.add(JSON.stringify(solution.bins));
  }
  t.ok(plans.size > 1, `${plans.size} different plans`);
});

t.test('the curve of a solve only gets better and ends at what is published', async (t) => {
  for (let seed = 0; seed < 40; seed++) {
    const problem = tinyProblem(seed, [], { families: 10, offerings: 10, pods: 80 });
    const told: (readonly [number, number, number])[] = [];
    const { solution } = await solveProblem(
      problem,
      { ...defaultOptions, gap: 0.01, timeLimitMs: 300 },
      {
        epochMs: countingClock(),
        aborted: () => false,
        planPort: null,
        warm: null,
        progress: (...point) => told.push(point),
      },
    );
    const { curve } = solution.stats;
    curve.forEach(([at, cost, bound], k) => {
      const [before, dearer, lower] = curve[k - 1] ?? [0, Infinity, 0];
      t.ok(at >= before, `seed ${seed}: time goes on`);
      // Money alone: where steering weighs, a better plan may cost a little more of it.
      if (steeredCost(problem, solution) === solution.costNano)
        t.ok(cost <= dearer, `seed ${seed}: cost ${cost} after ${dearer}`);
      t.ok(bound >= lower, `seed ${seed}: bound ${bound} after ${lower}`);
    });
    t.strictSame(curve.at(-1)?.slice(1), [solution.costNano, solution.lowerBoundNano]);
    t.ok(told.length > 0, 'somebody was told');
  }
});

t.test('what an earlier solve left never makes a later one unsound', async (t) => {
  for (let seed = 0; seed < 40; seed++) {
    const run = (problem: PackingProblem, warm: Parameters<typeof solveProblem>[2]['warm']) =>
      solveProblem(
        problem,
        { ...defaultOptions, timeLimitMs: 200 },
        {
          epochMs: countingClock(),
          aborted: () => false,
          progress: () => undefined,
          planPort: null,
          warm,
        },
      );
    const problem = tinyProblem(seed, [], tinySizes);
    const { warm } = await run(problem, null);
    const next: readonly (readonly [string, PackingProblem])[] = [
      ['the same', problem],
      ['a pod less', { ...problem, demand: problem.demand.map((pods) => Math.max(0, pods - 1)) }],
      ['other prices', { ...problem, priceNano: problem.priceNano.toReversed() }],
      ['another problem', tinyProblem(seed + 1, [], tinySizes)],
    ];
    for (const [what, other] of next) {
      const { solution } = await run(other, warm);
      const flaws = findSolutionFlaws(other, solution, 'brute-force');
      t.strictSame(flaws, [], `seed ${seed}: ${what}`);
    }
  }
});

t.test('nothing to place is an optimal plan of no bins', async (t) => {
  const problem = tinyProblem(3);
  const solution = await solveHere({ ...problem, demand: new Int32Array(problem.familyCount) });
  t.match(solution, { bins: [], costNano: 0, lowerBoundNano: 0, proof: 'optimal' });
});

t.test('pods that fit nowhere are left out and cost nothing', async (t) => {
  const problem = tinyProblem(3);
  const request = problem.request.map(() => 1e6);
  const solution = await solveHere({ ...problem, request, boundRequest: request });
  t.match(solution, { bins: [], costNano: 0, proof: 'optimal', certificate: null });
  t.strictSame(solution.unserved, problem.demand);
});

t.test(
  'a plan that is best only because amounts are rounded up is not called optimal',
  async (t) => {
    let stricter = 0;
    for (let seed = 0; seed < 60; seed++) {
      const loose = tinyProblem(seed, [], tinySizes);
      const strict = {
        ...loose,
        request: loose.boundRequest.map((amount) => Math.ceil(amount * 1.5)),
      };
      const [best, rounded] = [await solveHere(loose), await solveHere(strict)];
      const isSame = best.unserved.every((count, f) => count === rounded.unserved[f]);
      if (!isSame) continue;
      t.ok(rounded.lowerBoundNano <= best.costNano, `seed ${seed}`);
      if (rounded.costNano > best.costNano) stricter += 1;
    }
    t.ok(stricter > 5, `${stricter} plans were really dearer for it`);
  },
);
