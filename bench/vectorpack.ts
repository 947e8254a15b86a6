/**
 * `npm run bench:vectorpack`: the solver against known optima.
 *
 * In: the Vectorpack instances of the shared data folder, the command line. Out: a line for each
 * instance that is missed or wrong, a summary, and `bench/results/vectorpack.json`. A bound above an
 * optimum or a plan that breaks a rule is a failure of the program, exit code 1.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { SolveOptions } from '../core/packing/solution.ts';
import { verifySolution } from '../core/packing/verify-solution.ts';
import { createSolverPool, type SolverPool } from '../workers/pool.ts';
import { integerOption, numberOption, runProgram } from './arguments.ts';
import { hashProblem, hashSolution } from './hash.ts';
import { describeMachine, loadNow } from './machine.ts';
import { resultFormat } from './result.ts';
import { binPriceNano, readVectorpack, type VectorpackInstance } from './vectorpack-instances.ts';
import {
  summariseVectorpack,
  type VectorpackFile,
  type VectorpackRecord,
  type VectorpackSummary,
} from './vectorpack-result.ts';

const help = `Usage: npm run bench:vectorpack -- [options]

  --max-items N     only instances of at most N items (default 60)
  --time-limit S    seconds for each instance (default 3)
  --limit N         an even sample of N instances (default: all)
  --seed N          seed of the solver (default 1)
  --threads 1|2     worker threads (default 2)
  --out DIR         where the JSON goes (default bench/results)
  --no-write        print only
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      'max-items': { type: 'string', default: '60' },
      'time-limit': { type: 'string', default: '3' },
      limit: { type: 'string' },
      seed: { type: 'string', default: '1' },
      threads: { type: 'string', default: '2' },
      out: { type: 'string', default: join(import.meta.dirname, 'results') },
      'no-write': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const maxItems = integerOption('max-items', values['max-items'], 1, 100_000);
  const known = readVectorpack().filter(
    ({ items, optimum }) => items <= maxItems && optimum !== undefined,
  );
  const limit =
    values.limit === undefined
      ? known.length
      : integerOption('limit', values.limit, 1, known.length);
  const instances = Array.from(
    { length: limit },
    (_, i) => known[Math.floor((i * known.length) / limit)]!,
  );
  const threads = integerOption('threads', values.threads, 1, 2);
  const options: SolveOptions = {
    gap: 0,
    timeLimitMs: 1000 * numberOption('time-limit', values['time-limit'], 0.01, 3600),
    seed: integerOption('seed', values.seed, 0, 2 ** 31),
    threads,
    master: 'glpk',
  };
  const startedAt = new Date().toISOString();
  const loadBefore = loadNow();
  const records = await solveAll(instances, options);
  const summary = summariseVectorpack(records);
  printSummary(summary);
  if (summary.boundsAboveOptimum > 0 || summary.infeasiblePlans > 0) process.exitCode = 1;
  if (values['no-write']) return;
  const file: VectorpackFile = {
    format: resultFormat,
    kind: 'vectorpack',
    startedAt,
    machine: describeMachine(),
    load: [loadBefore, loadNow()],
    maxItems,
    options,
    records,
  };
  mkdirSync(values.out, { recursive: true });
  const { records: _, ...head } = file;
  const lines = records.map((record) => JSON.stringify(record)).join(',\n');
  const text = `${JSON.stringify(head).slice(0, -1)},\n"records":[\n${lines}\n]}\n`;
  writeFileSync(join(values.out, 'vectorpack.json'), text);
}

async function solveAll(
  instances: readonly VectorpackInstance[],
  options: SolveOptions,
): Promise<VectorpackRecord[]> {
  const pool = createSolverPool({ threads: options.threads });
  const records: VectorpackRecord[] = [];
  try {
    for (const instance of instances) {
      const record = await solveOne(pool, instance, options);
      records.push(record);
      if (
        record.bins > record.optimum ||
        record.boundAboveOptimum ||
        record.violations.length > 0
      ) {
        console.log(formatRecord(record));
      }
    }
  } finally {
    await pool.close();
  }
  return records;
}

async function solveOne(
  pool: SolverPool,
  { name, items, problem, optimum = 0, bestPublished }: VectorpackInstance,
  options: SolveOptions,
): Promise<VectorpackRecord> {
  const solution = await pool.solve(problem, options);
  const verdict = verifySolution(problem, solution);
  const unserved = solution.unserved.reduce((a, b) => a + b, 0);
  const broken = verdict.ok
    ? []
    : verdict.violations.map(({ code, message }) => `${code}: ${message}`);
  if (unserved > 0) broken.push(`unserved: ${unserved} items`);
  const firstHit = solution.stats.curve.find(
    ([, cost]) => cost > 0 && cost <= optimum * binPriceNano,
  );
  return {
    name,
    hash: hashProblem(problem),
    items,
    dimensions: problem.resourceNames.length,
    optimum,
    bestPublished: bestPublished ?? null,
    bins: Math.round(solution.costNano / binPriceNano),
    bound: solution.lowerBoundNano / binPriceNano,
    boundAboveOptimum: solution.lowerBoundNano > optimum * binPriceNano,
    proof: solution.proof,
    ms: Math.round(solution.stats.wallMs),
    hitMs: firstHit === undefined ? null : Math.round(firstHit[0]),
    solutionHash: hashSolution(solution),
    violations: broken.slice(0, 5),
  };
}

function formatRecord(record: VectorpackRecord): string {
  const { name, items, hash, optimum, bins, bound, ms, violations } = record;
  const verdict = record.boundAboveOptimum ? ' BOUND ABOVE OPTIMUM' : '';
  const broken = violations.length > 0 ? ` VIOLATIONS: ${violations.join('; ')}` : '';
  return `${name} [${items} items, ${hash}]: ${bins} bins, optimum ${optimum}, bound ${bound.toFixed(2)}, ${ms} ms${verdict}${broken}`;
}

function printSummary(summary: VectorpackSummary): void {
  const { instances, hits, publishedHits, provenOptimal, meanGap, publishedMeanGap } = summary;
  const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)} %`;
  console.log(`${instances} instances with a known optimum`);
  console.log(
    `  optimum hit: ${hits} (${percent(hits / instances)}); best published heuristic: ${publishedHits}`,
  );
  console.log(`  proven optimal by our own bound: ${provenOptimal}`);
  console.log(
    `  mean gap to the optimum: ${percent(meanGap)}; best published heuristic: ${percent(publishedMeanGap)}`,
  );
  console.log(`  bounds above an optimum: ${summary.boundsAboveOptimum} (must be 0)`);
  console.log(`  infeasible plans: ${summary.infeasiblePlans} (must be 0)`);
}

if (import.meta.main) await runProgram(main);
