/**
 * `npm run bench:report`: docs/BENCH.md, its drawings, and docs/BENCH-SERVICE.md, from the files under
 * `bench/results`.
 *
 * In: result files. Out: two pages and some SVG files below `docs/bench`. Nothing on the pages is
 * typed by hand but the sentences around the tables; a figure that was not measured is missing, not
 * estimated.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../core/errors.ts';
import { runProgram } from './arguments.ts';
import { drawCurves } from './curve-drawing.ts';
import { designRows, seedsWanted } from './design-rows.ts';
import type { MachineDescription } from './machine.ts';
import { ms, percent, table } from './page-text.ts';
import {
  gapTargets,
  median,
  type ResultFile,
  type RunRecord,
  resultFormat,
  worst,
} from './result.ts';
import { readServiceResults, servicePage } from './service-page.ts';
import { summariseVectorpack, type VectorpackFile } from './vectorpack-result.ts';

const resultsDirectory = join(import.meta.dirname, 'results');
const docsDirectory = join(import.meta.dirname, '..', 'docs');

interface Results {
  readonly files: readonly ResultFile[];
  readonly vectorpack: VectorpackFile | undefined;
}

/** What numbers cannot say: why goals are missed. Appended as it is. */
const notesFile = fileURLToPath(new URL('notes.md', import.meta.url));
const serviceNotesFile = fileURLToPath(new URL('service-notes.md', import.meta.url));

async function main(): Promise<void> {
  const results = readResults(resultsDirectory);
  mkdirSync(join(docsDirectory, 'bench'), { recursive: true });
  const drawings = results.files.map((file) => ({ file, name: `bench/${nameOf(file)}.svg` }));
  for (const { file, name } of drawings) writeFileSync(join(docsDirectory, name), drawing(file));
  writeFileSync(
    join(docsDirectory, 'BENCH.md'),
    `${page(results).trimEnd()}\n\n${readFileSync(notesFile, 'utf8')}`,
  );
  const service = `${servicePage(readServiceResults(resultsDirectory)).trimEnd()}\n\n${readFileSync(serviceNotesFile, 'utf8')}`;
  writeFileSync(join(docsDirectory, 'BENCH-SERVICE.md'), service);
  console.log(
    `docs/BENCH.md, BENCH-SERVICE.md and ${drawings.length} drawings from ${resultsDirectory}`,
  );
}

/** @throws InputError when there are none, or one is of another format */
export function readResults(directory: string): Results {
  const files: ResultFile[] = [];
  let vectorpack: VectorpackFile | undefined;
  for (const name of readdirSync(directory).sort()) {
    if (!name.endsWith('.json')) continue;
    const path = join(directory, name);
    // Files of other kinds are the other page's.
    const content = JSON.parse(readFileSync(path, 'utf8')) as
      | ResultFile
      | VectorpackFile
      | { readonly kind: 'other'; readonly format: typeof resultFormat };
    const format: number = content.format;
    if (format !== resultFormat) {
      throw new InputError({ file: path }, `expected format ${resultFormat}; measure again`);
    }
    if (content.kind === 'vectorpack') vectorpack = content;
    else if (content.kind === 'runs' && content.runs.length > 0) files.push(content);
  }
  if (files.length === 0 && vectorpack === undefined) {
    throw new InputError({ file: directory }, 'no results here; run `npm run bench` first');
  }
  return { files, vectorpack };
}

/** The whole page. */
export function page(results: Results): string {
  const { files, vectorpack } = results;
  return [
    '# What was measured',
    '',
    'Made by `npm run bench:report` from the files under `bench/results`; do not edit. To measure',
    'again: `npm run bench -- --suite design --seeds 10` and `npm run bench:vectorpack`, then the report.',
    '',
    ...machineLines(results),
    '',
    ...methodLines(files),
    '',
    '## Goals',
    '',
    `Judged on every seed; a row with fewer than ${seedsWanted} runs is preliminary.`,
    '',
    table(
      ['what', 'goal', 'measured', 'met', 'missed by'],
      designRows(results).map(({ what, goal, measured, met, missedBy }) => [
        what,
        goal,
        measured,
        met,
        missedBy,
      ]),
    ),
    '',
    '## Against Karpenter',
    '',
    'Medians over the seeds. "Saved" is 1 minus our cost over Karpenter\'s. "Beaten after" is when our',
    "plan first was no dearer than Karpenter's final one.",
    '',
    table(
      [
        'case',
        'pods / classes',
        'Karpenter $/h',
        'nodes',
        'Solve',
        'Stowage $/h',
        'nodes',
        'proven gap',
        'saved',
        'saved, worst seed',
        'beaten after',
      ],
      files.filter((file) => file.runs.some((run) => run.karpenter !== null)).map(karpenterCells),
    ),
    '',
    '## All cases',
    '',
    'Medians over the seeds, and the worst where it says so. "First-fit" is price-blind first-fit the',
    'way Karpenter packs; "price-aware" our own first incumbent: how much dearer than the final plan.',
    '',
    table(
      [
        'case',
        'pods / classes',
        'input (families, classes, offerings)',
        'runs',
        '$/h',
        'proven gap',
        'worst',
        'first plan',
        ...gapTargets.slice(1).map((target) => `to ${percent(target)}`),
        'first-fit',
        'price-aware',
        'peak memory',
      ],
      files.map(caseCells),
    ),
    '',
    '## What the time goes to',
    '',
    'Share of the solve by phase, median over the seeds; what stopped it.',
    '',
    table(
      ['case', 'pods / classes', 'phases', 'iterations', 'columns', 'stopped by'],
      files.map(phaseCells),
    ),
    '',
    '## Anytime curves',
    '',
    'Proven gap over time: one thin line for each seed, the median thick. A gap counts only up to the',
    'bound that the certificate checker confirmed in the end.',
    '',
    ...files.map((file) => `![${nameOf(file)}](bench/${nameOf(file)}.svg)`),
    '',
    '## Vectorpack',
    '',
    ...vectorpackLines(vectorpack),
    '',
    '## Inputs and plans',
    '',
    'Hashes of the packing problem and of the plan, for each seed.',
    '',
    ...files.map((file) => `- ${nameOf(file)}: ${file.runs.map(hashes).join(', ')}`),
    '',
    ...wrongLines(files),
  ].join('\n');
}

function machineLines({ files, vectorpack }: Results): string[] {
  const machines = new Map<string, string[]>();
  const add = (machine: MachineDescription, what: string): void => {
    const { cpuModel, cpuCount, memoryMiB, platform, node } = machine;
    const text = `${cpuModel}, ${cpuCount} cores, ${memoryMiB} MiB, ${platform}, Node ${node}`;
    machines.set(text, [...(machines.get(text) ?? []), what]);
  };
  for (const file of files) add(file.machine, nameOf(file));
  if (vectorpack !== undefined) add(vectorpack.machine, 'vectorpack');
  return [...machines].map(([text, names]) =>
    machines.size === 1 ? `Machine: ${text}.` : `Machine of ${names.join(', ')}: ${text}.`,
  );
}

function methodLines(files: readonly ResultFile[]): string[] {
  const runs = files.flatMap((file) => file.runs);
  const loads = runs.flatMap((run) => run.load);
  const versions = new Set(runs.flatMap((run) => run.karpenter?.version ?? []));
  const workers = new Set(runs.flatMap((run) => run.karpenter?.concurrency ?? []));
  const load =
    loads.length === 0
      ? ''
      : ` Load average during the runs: ${Math.min(...loads)} to ${Math.max(...loads)}.`;
  return [
    `Each run is a process of its own.${load} Threads are started and kernels compiled by a plan of one pod`,
    'before the clock starts; no plan, column or dual of the case exists then ("cold"). Times are the',
    "solver's own from the moment it has the problem. Every plan, cost and certificate was re-checked by",
    '`verifySolution`, which shares no code with the solver, and so were the plans of first-fit and Karpenter.',
    ...(versions.size === 0
      ? []
      : [
          `Karpenter: sigs.k8s.io/karpenter ${[...versions].join(', ')}, \`bench/peers/karpenter\`, ${[...workers].join(', ')} scheduler workers,`,
          'given the same pods, pools, allocatable and prices, without its one-minute limit, and charged the',
          'cheapest offering that each of its NodeClaims allows. Its time is that of Solve alone.',
        ]),
  ];
}

function karpenterCells(file: ResultFile): string[] {
  const runs = file.runs.filter((run) => run.karpenter !== null);
  const saved = runs.map((run) => 1 - run.cold.cost / run.karpenter!.cost);
  const beaten = runs.map((run) => {
    const { curve } = run.cold;
    return curve.find(([, cost]) => cost !== null && cost <= run.karpenter!.cost)?.[0] ?? null;
  });
  const leftOver = runs.some((run) => run.karpenter!.unscheduled !== run.cold.unserved)
    ? ' (!)'
    : '';
  return [
    `${file.case}${leftOver}`,
    sizeOf(file),
    usd(median(runs.map((run) => run.karpenter!.cost))),
    `${median(runs.map((run) => run.karpenter!.nodes))}`,
    ms(median(runs.map((run) => run.karpenter!.solveMs))),
    usd(median(runs.map((run) => run.cold.cost))),
    `${median(runs.map((run) => run.cold.nodes))}`,
    gapText(median(runs.map((run) => run.cold.gap))),
    percent(median(saved)),
    percent(Math.min(...saved)),
    ms(median(beaten)),
  ];
}

function caseCells(file: ResultFile): string[] {
  const { runs } = file;
  const input = runs[0]!.input;
  const gaps = runs.map((run) => run.cold.gap);
  const above = (pick: (run: RunRecord) => number | null): string => {
    const ratios = runs.map((run) => {
      const cost = pick(run);
      return cost === null ? null : cost / run.cold.cost - 1;
    });
    const middle = median(ratios);
    return Number.isFinite(middle) ? `+${percent(middle)}` : 'incomplete';
  };
  return [
    file.case,
    sizeOf(file),
    `${input.families}, ${input.classes}, ${input.offerings}`,
    `${runs.length}${file.failed.length > 0 ? ` (${file.failed.length} failed)` : ''}`,
    usd(median(runs.map((run) => run.cold.cost))),
    gapText(median(gaps)),
    gapText(worst(gaps)),
    ms(median(runs.map((run) => run.cold.firstPlanMs))),
    ...gapTargets
      .slice(1)
      .map((_, i) => ms(median(runs.map((run) => run.cold.gapReachedMs[i + 1] ?? null)))),
    above((run) => run.firstFit.cost),
    above((run) => run.priceAwareFirstFit.cost),
    `${Math.round(worst(runs.map((run) => run.peakMemoryMiB)))} MiB`,
  ];
}

function phaseCells(file: ResultFile): string[] {
  const names = new Set(file.runs.flatMap((run) => Object.keys(run.cold.phases)));
  const shares = [...names]
    .map((name) => ({
      name,
      share: median(
        file.runs.map((run) => (run.cold.phases[name] ?? 0) / Math.max(run.cold.wallMs, 1)),
      ),
    }))
    .filter(({ share }) => share >= 0.005)
    .sort((a, b) => b.share - a.share);
  const stops = Map.groupBy(file.runs, (run) => run.cold.stoppedBy);
  return [
    file.case,
    sizeOf(file),
    shares.map(({ name, share }) => `${name} ${Math.round(100 * share)} %`).join(', '),
    `${Math.round(median(file.runs.map((run) => run.cold.iterations)))}`,
    `${Math.round(median(file.runs.map((run) => run.cold.columns)))}`,
    [...stops].map(([stop, runs]) => `${stop} ${runs.length}`).join(', '),
  ];
}

function vectorpackLines(file: VectorpackFile | undefined): string[] {
  if (file === undefined) return ['Not measured.'];
  const summary = summariseVectorpack(file.records);
  const missed = file.records.filter(({ bins, optimum }) => bins > optimum);
  return [
    `${summary.instances} instances with a known optimum, at most ${file.maxItems} items, ${file.options.timeLimitMs / 1000} s each,`,
    `one bin type at price 1, seed ${file.options.seed}, ${file.options.threads} threads.`,
    '',
    table(
      ['', 'Stowage', 'best published heuristic'],
      [
        [
          'optimum hit',
          `${summary.hits} (${percent(summary.hits / summary.instances)})`,
          `${summary.publishedHits}`,
        ],
        ['mean gap to the optimum', percent(summary.meanGap), percent(summary.publishedMeanGap)],
        ['proven optimal by our own bound', `${summary.provenOptimal}`, '-'],
        ['bounds above an optimum', `${summary.boundsAboveOptimum}`, '-'],
        ['infeasible plans', `${summary.infeasiblePlans}`, '-'],
        ['slowest', ms(summary.slowestMs), '-'],
      ],
    ),
    ...(missed.length === 0
      ? []
      : [
          '',
          `Missed: ${missed.map(({ name, bins, optimum }) => `${name} (${bins}, optimum ${optimum})`).join(', ')}.`,
        ]),
  ];
}

/** Whatever a check found wrong is on the page, not only in the files. */
function wrongLines(files: readonly ResultFile[]): string[] {
  const lines = files.flatMap((file) => [
    ...file.failed.map(
      ({ request, error }) => `- ${nameOf(file)}, seed ${request.seed} failed: ${error}`,
    ),
    ...file.runs.flatMap((run) =>
      [run.cold, run.warm, run.firstFit, run.priceAwareFirstFit, run.karpenter]
        .flatMap((record) => record?.violations ?? [])
        .map((violation) => `- ${nameOf(file)}, seed ${run.request.seed}: ${violation}`),
    ),
  ]);
  return lines.length === 0
    ? ['Violations found by the verifier: none.', '']
    : ['## Found wrong', '', ...lines, ''];
}

function drawing(file: ResultFile): string {
  const limits = file.runs.map((run) => run.request.timeLimitMs);
  const series = [
    { label: 'cold', colour: '#0969da', curves: file.runs.map((run) => run.cold.curve) },
  ];
  const warm = file.runs.flatMap((run) => (run.warm === null ? [] : [run.warm.curve]));
  if (warm.length > 0) series.push({ label: 'warm', colour: '#bc4c00', curves: warm });
  return drawCurves(`${file.case}: ${sizeOf(file)}`, series, 1, Math.max(...limits));
}

function nameOf(file: ResultFile): string {
  const { pods, classes } = file.runs[0]!.request;
  return `${file.case}-${pods}x${classes}`;
}

function sizeOf(file: ResultFile): string {
  const { pods, classes } = file.runs[0]!.request;
  return `${pods.toLocaleString('en')} / ${classes}`;
}

const hashes = (run: RunRecord): string =>
  `${run.request.seed}: ${run.input.hash} -> ${run.cold.solutionHash}`;

const usd = (value: number): string => value.toFixed(2);

const gapText = (value: number): string =>
  Number.isFinite(value) ? `${(100 * value).toFixed(2)} %` : 'unproven';

if (import.meta.main) await runProgram(main);
