/**
 * `node bench/cli-run.ts`: a bench case through the command line, as a user runs it.
 *
 * In: a case and its size. Out: the manifests as a file, then what `stowage plan` on that file took:
 * wall time from start to exit, peak memory of the whole process, cost and bound, and the verdict of
 * `stowage verify`. Everything counts here: start of Node, reading, model, solve, output.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { InputError } from '../core/errors.ts';
import type { Plan } from '../core/packing/plan.ts';
import { integerOption, numberOption, runProgram } from './arguments.ts';
import { findCase } from './cases/registry.ts';
import { buildWorkload, toManifests, type Workload } from './workload.ts';

const help = `Usage: node bench/cli-run.ts --case NAME [options]

  --pods N --classes N   size; default: the case's own
  --seed N               (default 1)
  --time-limit S         of the plan (default 5)
  --deployments          write Deployments instead of single Pods
  --emit FILE            only write the manifests (JSON) to FILE
`;

/** How often the size of the running process is looked at; its mark never falls, so no peak is lost. */
const samplePeriodMs = 20;

const repository = join(import.meta.dirname, '..');
const entry = [
  '--disable-warning=ExperimentalWarning',
  join(repository, 'extender', 'cli', 'main.ts'),
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      case: { type: 'string' },
      pods: { type: 'string' },
      classes: { type: 'string' },
      seed: { type: 'string', default: '1' },
      'time-limit': { type: 'string', default: '5' },
      deployments: { type: 'boolean', default: false },
      emit: { type: 'string' },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (values.case === undefined) throw new InputError({ field: '--case' }, 'expected a name');
  const benchCase = findCase(values.case);
  const { defaultPods, defaultClasses } = benchCase;
  const workload = buildWorkload(benchCase, {
    pods:
      values.pods === undefined ? defaultPods : integerOption('pods', values.pods, 1, 1_000_000),
    classes:
      values.classes === undefined
        ? defaultClasses
        : integerOption('classes', values.classes, 1, 100_000),
    seed: integerOption('seed', values.seed, 0, 2 ** 31),
  });
  const timeLimitS = numberOption('time-limit', values['time-limit'], 0.001, 3600);
  if (values.emit !== undefined) {
    await writeManifests(workload, values.deployments, values.emit);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'stowage-bench-'));
  try {
    const manifests = join(directory, 'manifests.json');
    await writeManifests(workload, values.deployments, manifests);
    await planAndVerify(workload, manifests, join(directory, 'plan.json'), timeLimitS);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function writeManifests(
  workload: Workload,
  deployments: boolean,
  path: string,
): Promise<void> {
  await pipeline(Readable.from(listText(workload, deployments)), createWriteStream(path));
}

function* listText(workload: Workload, deployments: boolean): Generator<string> {
  yield '{"apiVersion":"v1","kind":"List","items":[';
  let separator = '\n';
  for (const manifest of toManifests(workload, deployments)) {
    yield separator + JSON.stringify(manifest);
    separator = ',\n';
  }
  yield '\n]}\n';
}

async function planAndVerify(
  workload: Workload,
  manifests: string,
  planFile: string,
  timeLimitS: number,
): Promise<void> {
  const model = ['-f', manifests, '--memory-overhead', `${workload.memoryOverhead}`];
  const planned = await runCli([
    'plan',
    ...model,
    '-o',
    'json',
    '--out',
    planFile,
    '--gap',
    '0',
    '--time-limit',
    `${timeLimitS}s`,
  ]);
  const megabytes = (statSync(manifests).size / 1e6).toFixed(1);
  console.log(
    `plan: exit ${planned.code}, ${(planned.ms / 1000).toFixed(2)} s, peak ${Math.round(planned.peakMiB)} MiB, ${megabytes} MB of manifests`,
  );
  if (planned.code === 1) {
    process.exitCode = 1;
    return;
  }
  const plan = JSON.parse(readFileSync(planFile, 'utf8')) as Plan;
  const { perHour, lowerBound, gap, proof } = plan.cost;
  console.log(
    `  $${perHour.toFixed(4)}/h, bound $${lowerBound.toFixed(4)}, gap ${gap === null ? 'unproven' : `${(100 * gap).toFixed(3)} %`} (${proof}), ${plan.nodes.length} nodes, ${plan.unschedulable.length} unschedulable, solve ${Math.round(plan.solver.wallMs)} ms`,
  );
  const verified = await runCli(['verify', ...model, planFile]);
  console.log(
    `verify: exit ${verified.code}, ${(verified.ms / 1000).toFixed(2)} s, peak ${Math.round(verified.peakMiB)} MiB`,
  );
  if (verified.code !== 0) process.exitCode = 1;
}

interface CliResult {
  readonly code: number | null;
  readonly ms: number;
  readonly peakMiB: number;
}

async function runCli(args: readonly string[]): Promise<CliResult> {
  const started = performance.now();
  const child = spawn(process.execPath, [...entry, ...args], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peakMiB = 0;
  const look = setInterval(() => {
    peakMiB = Math.max(peakMiB, memoryMarkMiB(child.pid));
  }, samplePeriodMs);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    return { code, ms: performance.now() - started, peakMiB };
  } finally {
    clearInterval(look);
  }
}

/** High-water mark of a running process; 0 where the system does not tell, or it has just ended. */
function memoryMarkMiB(pid: number | undefined): number {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      (error.code === 'ENOENT' || error.code === 'ESRCH')
    )
      return 0;
    throw error;
  }
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

if (import.meta.main) await runProgram(main);
