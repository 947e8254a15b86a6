/**
 * `npm run bench`: our solver on named workloads, beside first-fit and Karpenter.
 *
 * In: the command line. Out: a line for each run, a summary for each case, and a JSON file for each
 * case under `bench/results`. Each run is a process of its own, so that memory and compilation of
 * one do not colour the next. It measures nothing itself: `measured-run.ts` does.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { InputError } from '../core/errors.ts';
import { choiceOption, integerOption, numberOption, runProgram } from './arguments.ts';
import { benchCases, findCase } from './cases/registry.ts';
import { describeMachine } from './machine.ts';
import {
  type FailedRun,
  type ResultFile,
  type RunRecord,
  type RunRequest,
  resultFormat,
} from './result.ts';
import { formatRun, formatSummary } from './run-lines.ts';
import { findSuite, type Measurement } from './suites.ts';

const help = `Usage: npm run bench -- [options]

  --list                 name every case and leave
  --case NAME            case to run; repeatable
  --suite quick|design   a list of cases with sizes (default: quick, unless --case is given)
  --pods N --classes N   size; default: the case's own
  --seeds K              seeds 1 to K (default 3)
  --first-seed N         start at another seed
  --time-limit S         seconds for each solve (default 5)
  --gap G                stop at this proven gap (default 0: use the time)
  --threads 1|2          worker threads (default 2)
  --master glpk|highs    master LP (default glpk)
  --warm                 solve again with 30 % of the classes changed
  --peer karpenter|none  also ask Karpenter's own scheduler (default none; a suite may say so)
  --peer-timeout S       most seconds for Karpenter (default 1800)
  --out DIR              where the JSON goes (default bench/results)
  --no-write             print only
`;

const maxSeeds = 1000;
const maxSeconds = 3600;
/** Building, modelling and checking around the solve, on a busy machine. */
const overheadMs = 10 * 60_000;

interface Options {
  readonly measurements: readonly Measurement[];
  readonly seeds: number;
  readonly firstSeed: number;
  readonly gap: number;
  readonly threads: number;
  readonly master: 'glpk' | 'highs';
  readonly peerTimeoutMs: number;
  readonly outDirectory: string | undefined;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      case: { type: 'string', multiple: true, default: [] },
      suite: { type: 'string' },
      pods: { type: 'string' },
      classes: { type: 'string' },
      seeds: { type: 'string', default: '3' },
      'first-seed': { type: 'string', default: '1' },
      'time-limit': { type: 'string' },
      gap: { type: 'string', default: '0' },
      threads: { type: 'string', default: '2' },
      master: { type: 'string', default: 'glpk' },
      warm: { type: 'boolean' },
      peer: { type: 'string' },
      'peer-timeout': { type: 'string', default: '1800' },
      out: { type: 'string', default: join(import.meta.dirname, 'results') },
      'no-write': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (values.list) {
    for (const { name, description, defaultPods, defaultClasses } of benchCases) {
      console.log(
        `${name.padEnd(28)} ${`${defaultPods}/${defaultClasses}`.padStart(10)}  ${description}`,
      );
    }
    return;
  }
  const given = {
    pods: optional(values.pods, (value) => integerOption('pods', value, 1, 1_000_000)),
    classes: optional(values.classes, (value) => integerOption('classes', value, 1, 100_000)),
    timeLimitS: optional(values['time-limit'], (value) =>
      numberOption('time-limit', value, 0.001, maxSeconds),
    ),
    warm: values.warm,
    peer: optional(
      values.peer,
      (value) => choiceOption('peer', value, ['karpenter', 'none']) === 'karpenter',
    ),
  };
  const suite = values.suite ?? (values.case.length === 0 ? 'quick' : undefined);
  const listed = suite === undefined ? [] : findSuite(suite);
  const named = values.case.map((name): Measurement => {
    const { defaultPods, defaultClasses } = findCase(name);
    return { case: name, pods: defaultPods, classes: defaultClasses, timeLimitS: 5 };
  });
  const overrides = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  await runAll({
    measurements: [...listed, ...named].map((measurement) => ({ ...measurement, ...overrides })),
    seeds: integerOption('seeds', values.seeds, 1, maxSeeds),
    firstSeed: integerOption('first-seed', values['first-seed'], 0, 2 ** 31),
    gap: numberOption('gap', values.gap, 0, 1),
    threads: integerOption('threads', values.threads, 1, 2),
    master: choiceOption('master', values.master, ['glpk', 'highs']),
    peerTimeoutMs: 1000 * numberOption('peer-timeout', values['peer-timeout'], 1, 2 * maxSeconds),
    outDirectory: values['no-write'] ? undefined : values.out,
  });
}

function optional<T>(value: string | undefined, parse: (value: string) => T): T | undefined {
  return value === undefined ? undefined : parse(value);
}

async function runAll(options: Options): Promise<void> {
  const machine = describeMachine();
  console.log(
    `${machine.cpuModel}, ${machine.cpuCount} cores, ${machine.memoryMiB} MiB, node ${machine.node}`,
  );
  for (const measurement of options.measurements) {
    const file = await runMeasurement(measurement, options);
    console.log(`${formatSummary(file)}\n`);
    if (file.failed.length > 0) process.exitCode = 1;
    if (options.outDirectory === undefined) continue;
    mkdirSync(options.outDirectory, { recursive: true });
    const name = `${measurement.case}-${measurement.pods}x${measurement.classes}.json`;
    writeFileSync(join(options.outDirectory, name), toText(file));
  }
}

async function runMeasurement(measurement: Measurement, options: Options): Promise<ResultFile> {
  const { description, karpenter } = findCase(measurement.case);
  if (measurement.peer === true && karpenter !== true) {
    throw new InputError({ field: '--peer' }, `${measurement.case}: ${karpenter}`);
  }
  const startedAt = new Date().toISOString();
  const runs: RunRecord[] = [];
  const failed: FailedRun[] = [];
  console.log(`\n${measurement.case}, ${measurement.pods} pods, ${measurement.classes} classes`);
  for (let seed = options.firstSeed; seed < options.firstSeed + options.seeds; seed++) {
    const request: RunRequest = {
      case: measurement.case,
      pods: measurement.pods,
      classes: measurement.classes,
      seed,
      timeLimitMs: 1000 * measurement.timeLimitS,
      gap: options.gap,
      threads: options.threads,
      master: options.master,
      warm: measurement.warm ?? false,
      peer: measurement.peer === true ? 'karpenter' : 'none',
      peerTimeoutMs: options.peerTimeoutMs,
    };
    const record = await runChild(request);
    if ('error' in record) {
      failed.push(record);
      console.log(`  seed ${seed} FAILED: ${record.error}`);
    } else {
      runs.push(record);
      console.log(`  ${formatRun(record)}`);
    }
  }
  const { case: name } = measurement;
  const machine = describeMachine();
  return {
    format: resultFormat,
    kind: 'runs',
    case: name,
    description,
    startedAt,
    machine,
    runs,
    failed,
  };
}

/** One run in a process of its own. */
async function runChild(request: RunRequest): Promise<RunRecord | FailedRun> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'measured-run.ts')], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: overheadMs + 2 * request.timeLimitMs + request.peerTimeoutMs,
  });
  // A child that ends early closes the pipe; its exit code and words then tell more than EPIPE.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(request));
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve(code === null ? `signal ${signal}` : `code ${code}`),
    );
  });
  const [output, errors, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (end !== 'code 0') return { request, error: `${end}: ${lastWords(errors)}` };
  return JSON.parse(output) as RunRecord;
}

function lastWords(errors: string): string {
  const lines = errors.trim().split('\n');
  return lines.find((line) => /^\w*Error/.test(line)) ?? lines.at(-1) ?? '';
}

/** JSON with one run a line: small, and a diff shows which run changed. */
function toText(file: ResultFile): string {
  const { runs, failed, ...head } = file;
  const lines = (values: readonly object[]): string =>
    values.length === 0
      ? '[]'
      : `[\n${values.map((value) => JSON.stringify(value)).join(',\n')}\n]`;
  const opening = JSON.stringify(head).slice(0, -1);
  return `${opening},\n"runs":${lines(runs)},\n"failed":${lines(failed)}}\n`;
}

if (import.meta.main) await runProgram(main);
