/**
 * `npm run fuzz`: random problems against every judge there is.
 *
 * In: the command line. Out: a line for each flaw, counts at the end, and exit code 1 if there was
 * any flaw. Nine problems of ten are so small that brute force knows the optimum; the tenth has up
 * to 300 pods. Each solve has a budget of work instead of time, so that a case number means the
 * same everywhere. Features, sizes and budgets are drawn anew for every case.
 */
import { parseArgs } from 'node:util';
import type { PackingProblem } from '../core/packing/problem.ts';
import type { PackingSolution } from '../core/packing/solution.ts';
import { bruteForceCost } from '../test/support/brute-force.ts';
import { Dice } from '../test/support/random-problem.ts';
import { type Sizes, tinyProblem, withPrices } from '../test/support/reduced-problem.ts';
import { countingClock, findSolutionFlaws, servedBy, solveHere } from '../test/support/solving.ts';
import { integerOption, runProgram } from './arguments.ts';

const help = `Usage: npm run fuzz -- [options]

  --cases N        problems (default 1000)
  --first-case N   start at another one (default 0)
`;

const tinySizes: Sizes = { families: 5, offerings: 5, pods: 7 };
const largerSizes: Sizes = { families: 20, offerings: 25, pods: 300 };
const largerEvery = 10;
/** Random prices are a few nano-USD: larger problems get those of a catalogue. */
const largerPrices = 1e6;
/** Readings of the clock that a solve may use up at most; some get none to speak of. */
const workMax = 600;
/** What a solve keeps for its certificate, in readings as well. */
const reserve = 10;
const tellEvery = 1000;

interface Counts {
  tiny: number;
  larger: number;
  optimalByProof: number;
  optimalByBruteForce: number;
  unproven: number;
  flaws: number;
}

function solveCase(index: number, problem: PackingProblem): Promise<PackingSolution> {
  const dice = new Dice(index ^ 0x5eed);
  const work = dice.between(0, workMax);
  return solveHere(
    problem,
    { seed: index, timeLimitMs: work + reserve },
    { epochMs: countingClock() },
  );
}

async function runCase(index: number, counts: Counts): Promise<void> {
  const isLarger = index % largerEvery === largerEvery - 1;
  const problem = isLarger
    ? withPrices(tinyProblem(index, [], largerSizes), largerPrices)
    : tinyProblem(index, [], tinySizes);
  const solution = await solveCase(index, problem);
  const flaws = findSolutionFlaws(problem, solution, isLarger ? 'unknown' : 'brute-force');
  if (solution.proof === 'unproven') counts.unproven++;
  if (solution.proof === 'optimal') counts.optimalByProof++;
  if (isLarger) counts.larger++;
  else {
    counts.tiny++;
    const best = bruteForceCost(problem, servedBy(problem, solution));
    if (best === solution.costNano) counts.optimalByBruteForce++;
  }
  for (const flaw of flaws) console.log(`case ${index}: ${flaw}`);
  counts.flaws += flaws.length;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      cases: { type: 'string', default: '1000' },
      'first-case': { type: 'string', default: '0' },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const cases = integerOption('cases', values.cases, 1, 10_000_000);
  const first = integerOption('first-case', values['first-case'], 0, 10_000_000);
  const counts: Counts = {
    tiny: 0,
    larger: 0,
    optimalByProof: 0,
    optimalByBruteForce: 0,
    unproven: 0,
    flaws: 0,
  };
  for (let index = first; index < first + cases; index++) {
    await runCase(index, counts);
    if ((index + 1 - first) % tellEvery === 0) console.log(`${index + 1 - first} cases`);
  }
  console.log(`${counts.tiny} tiny and ${counts.larger} larger problems`);
  console.log(`  at the optimum by brute force: ${counts.optimalByBruteForce} of ${counts.tiny}`);
  console.log(`  called optimal: ${counts.optimalByProof}; without a bound: ${counts.unproven}`);
  console.log(
    `  flaws (broken rules, bounds above an optimum, dearer than first-fit): ${counts.flaws}`,
  );
  if (counts.flaws > 0) process.exitCode = 1;
}

if (import.meta.main) await runProgram(main);
