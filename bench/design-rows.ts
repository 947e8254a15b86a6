/**
 * Design section 12, rows 1 to 6, against what was measured.
 *
 * In: result files. Out: for each goal the measured figure, its worst seed, and whether the goal is
 * met by the median and by every seed. A goal whose measurement is not there says so; it is never
 * taken as met. The goals are the design's; this is the one place where they are written down.
 */
import { ms, percent } from './page-text.ts';
import {
  costReachedMs,
  gapAt,
  gapTargets,
  median,
  type ResultFile,
  type RunRecord,
  type SolveRecord,
  worst,
} from './result.ts';
import { summariseVectorpack, type VectorpackFile } from './vectorpack-result.ts';

export interface DesignRow {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: 'yes' | 'median only' | 'no' | 'not measured';
  /** By how much it is missed; '' if it is met. */
  readonly missedBy: string;
}

/** Least seeds that a row is judged on. */
export const seedsWanted = 10;

export interface Measurements {
  readonly files: readonly ResultFile[];
  readonly vectorpack: VectorpackFile | undefined;
}

type Value = (run: RunRecord) => number | null;

interface Goal {
  readonly what: string;
  readonly case: string;
  readonly pods: number;
  readonly classes: number;
  readonly goal: string;
  readonly limit: number;
  readonly value: Value;
  readonly format: (value: number) => string;
  /** What was reached instead where the goal never was. */
  readonly instead?: (runs: readonly RunRecord[]) => string;
}

const firstPlan: Value = (run) => run.cold.firstPlanMs;
const memory: Value = (run) => run.peakMemoryMiB;

function reachedMs(solve: SolveRecord | null, target: (typeof gapTargets)[number]): number | null {
  return solve?.gapReachedMs[gapTargets.indexOf(target)] ?? null;
}

/** A gap that is to be proven within `limit` ms, cold unless it says `warm`. */
function gapGoal(
  target: (typeof gapTargets)[number],
  where: Pick<Goal, 'case' | 'pods' | 'classes' | 'limit'>,
  start?: 'cold' | 'warm',
): Goal {
  const solve = (run: RunRecord): SolveRecord | null => (start === 'warm' ? run.warm : run.cold);
  const change = start === 'warm' ? ', 30 % of classes changed' : '';
  const gaps = (runs: readonly RunRecord[], atMs: number): string =>
    percent(median(runs.map((run) => gapAt(solve(run)?.curve ?? [], atMs))));
  return {
    ...where,
    what: `proven gap ${percent(target)}${start === undefined ? '' : `, ${start}`}${change}`,
    goal: seconds(where.limit),
    value: (run) => reachedMs(solve(run), target),
    format: ms,
    instead: (runs) => {
      const endMs = runs[0]?.request.timeLimitMs ?? where.limit;
      const last = where.limit < endMs ? `, ${gaps(runs, endMs)} after ${seconds(endMs)}` : '';
      return `median gap ${gaps(runs, where.limit)} after ${seconds(where.limit)}${last}`;
    },
  };
}

const goals: readonly Goal[] = [
  {
    what: 'first feasible plan',
    case: 'constrained',
    pods: 10_000,
    classes: 200,
    goal: '10 ms',
    limit: 10,
    value: firstPlan,
    format: ms,
  },
  gapGoal(0.01, { case: 'even-mix', pods: 1000, classes: 60, limit: 500 }),
  gapGoal(0.01, { case: 'skewed', pods: 1000, classes: 60, limit: 500 }),
  gapGoal(0.01, { case: 'skewed-small-nodes', pods: 1000, classes: 60, limit: 500 }),
  gapGoal(0.01, { case: 'constrained', pods: 10_000, classes: 200, limit: 1000 }, 'cold'),
  gapGoal(0.003, { case: 'constrained', pods: 10_000, classes: 200, limit: 5000 }, 'cold'),
  gapGoal(0.01, { case: 'constrained', pods: 10_000, classes: 200, limit: 300 }, 'warm'),
  gapGoal(0.01, { case: 'skewed', pods: 50_000, classes: 300, limit: 3000 }),
  gapGoal(0.01, { case: 'constrained', pods: 50_000, classes: 300, limit: 3000 }),
  {
    what: 'peak memory',
    case: 'skewed',
    pods: 50_000,
    classes: 300,
    goal: '512 MiB',
    limit: 512,
    value: memory,
    format: mib,
  },
  {
    what: 'peak memory',
    case: 'constrained',
    pods: 50_000,
    classes: 300,
    goal: '512 MiB',
    limit: 512,
    value: memory,
    format: mib,
  },
  {
    what: 'peak memory',
    case: 'constrained',
    pods: 100_000,
    classes: 300,
    goal: '512 MiB',
    limit: 512,
    value: memory,
    format: mib,
  },
];

/** All rows, in the order of the design's table. */
export function designRows(measurements: Measurements): DesignRow[] {
  return [
    ...goals.map((goal) => goalRow(goal, measurements.files)),
    ...karpenterRows(measurements.files),
    ...vectorpackRows(measurements.vectorpack),
  ];
}

function goalRow(goal: Goal, files: readonly ResultFile[]): DesignRow {
  const runs = runsOf(files, goal.case, goal.pods, goal.classes);
  const size = `${goal.pods.toLocaleString('en')} pods / ${goal.classes} classes`;
  const what = `${goal.what}: ${goal.case}, ${size}`;
  const { instead, ...rest } = goal;
  return judge({
    ...rest,
    what,
    values: runs.map(goal.value),
    ...(instead === undefined ? {} : { instead: instead(runs) }),
  });
}

function runsOf(
  files: readonly ResultFile[],
  name: string,
  pods: number,
  classes: number,
): RunRecord[] {
  return files
    .flatMap((file) => file.runs)
    .filter(
      ({ request }) =>
        request.case === name && request.pods === pods && request.classes === classes,
    );
}

interface Judgement {
  readonly what: string;
  readonly goal: string;
  /** Largest value that meets the goal. */
  readonly limit: number;
  /** One for each seed; null: never reached. */
  readonly values: readonly (number | null)[];
  readonly format: (value: number) => string;
  /** How far `value` is from `limit`; the multiple of it unless said otherwise. */
  readonly excess?: (value: number, limit: number) => string;
  /** What there is where no value is. */
  readonly instead?: string;
}

function judge(judgement: Judgement): DesignRow {
  const { what, goal, limit, values, format, excess = multiple } = judgement;
  const { instead = 'not reached in the time given' } = judgement;
  if (values.length === 0) return { what, goal, measured: '-', met: 'not measured', missedBy: '' };
  const middle = median(values);
  const last = worst(values);
  const seeds = `${values.length} run${values.length === 1 ? '' : 's'}`;
  const measured = `median ${format(middle)}, worst ${format(last)} (${seeds})`;
  const met = last <= limit ? 'yes' : middle <= limit ? 'median only' : 'no';
  const missed = met === 'no' ? middle : last;
  const by = Number.isFinite(missed) ? excess(missed, limit) : instead;
  return { what, goal, measured, met, missedBy: met === 'yes' ? '' : by };
}

const multiple = (value: number, limit: number): string =>
  `${(value / limit).toFixed(1)} times the goal`;

const points = (value: number, limit: number): string =>
  `${(100 * (value - limit)).toFixed(1)} percentage points`;

/** Runs in which Karpenter placed as many pods as we did, in its own time. */
function compared(runs: readonly RunRecord[]): RunRecord[] {
  return runs.filter(
    ({ karpenter, cold }) =>
      karpenter !== null && karpenter.unscheduled === cold.unserved && !karpenter.timedOut,
  );
}

function karpenterRows(files: readonly ResultFile[]): DesignRow[] {
  const all = compared(files.flatMap((file) => file.runs));
  const dearer: Value = (run) => run.cold.cost / run.karpenter!.cost - 1;
  const uncapped = all.filter(
    ({ request }) => shapeCases.has(request.case) && request.pods >= 1000,
  );
  const large = compared(runsOf(files, 'even-mix', 10_000, 120));
  const small = compared(runsOf(files, 'even-mix-small-nodes', 5000, 120));
  return [
    judge({
      what: 'cost against Karpenter, every case and seed',
      goal: 'never dearer',
      limit: 1e-9,
      values: all.map(dearer),
      format: signed,
      excess: points,
    }),
    ...speedRows('10,000 pods uncapped', large),
    ...speedRows('5,000 pods below 33 vCPU', small),
    judge({
      what: 'cost against Karpenter, shapes on uncapped pools, 1,000 pods and more',
      goal: '25 to 50 % lower',
      limit: -0.25,
      values: uncapped.map(dearer),
      format: signed,
      excess: points,
    }),
    judge({
      what: 'cost above the bound, 5,000 pods below 33 vCPU',
      goal: '1 %',
      limit: 0.01,
      values: small.map((run) => run.cold.gap),
      format: (value) => `${(100 * value).toFixed(2)} %`,
    }),
  ];
}

/** Our time as a share of the time of Karpenter's Solve. */
function speedRows(what: string, runs: readonly RunRecord[]): DesignRow[] {
  const share = (value: Value): (number | null)[] =>
    runs.map((run) => {
      const time = value(run);
      return time === null ? null : time / run.karpenter!.solveMs;
    });
  const common = { goal: '30 times faster', limit: 1 / 30, format: inverse };
  const beaten: Value = (run) => costReachedMs(run.cold.curve, run.karpenter!.cost);
  return [
    judge({
      ...common,
      what: `time to a plan no dearer than Karpenter's, ${what}`,
      values: share(beaten),
    }),
    judge({
      ...common,
      what: `time to a proven gap of 1 % against Karpenter's time, ${what}`,
      values: share((run) => reachedMs(run.cold, 0.01)),
    }),
  ];
}

const shapeCases: ReadonlySet<string> = new Set(['even-mix', 'complementary', 'awkward', 'skewed']);

function vectorpackRows(file: VectorpackFile | undefined): DesignRow[] {
  const what = 'Vectorpack, known optimum, at most 60 items, at most 3 s';
  if (file === undefined) {
    return [{ what, goal: '99 % hit', measured: '-', met: 'not measured', missedBy: '' }];
  }
  const summary = summariseVectorpack(file.records);
  const rate = summary.hits / summary.instances;
  const yes = (good: boolean): 'yes' | 'no' => (good ? 'yes' : 'no');
  const count = `${summary.instances} instances`;
  return [
    {
      what: `${what}: optimum hit`,
      goal: '99 %',
      measured: `${(100 * rate).toFixed(1)} % (${summary.hits} of ${count}; slowest ${ms(summary.slowestMs)})`,
      met: yes(rate >= 0.99),
      missedBy: rate >= 0.99 ? '' : `${(100 * (0.99 - rate)).toFixed(1)} percentage points`,
    },
    {
      what: `${what}: bounds above an optimum`,
      goal: '0',
      measured: `${summary.boundsAboveOptimum}`,
      met: yes(summary.boundsAboveOptimum === 0),
      missedBy: summary.boundsAboveOptimum === 0 ? '' : `${summary.boundsAboveOptimum}`,
    },
    {
      what: `${what}: infeasible plans`,
      goal: '0',
      measured: `${summary.infeasiblePlans}`,
      met: yes(summary.infeasiblePlans === 0),
      missedBy: summary.infeasiblePlans === 0 ? '' : `${summary.infeasiblePlans}`,
    },
  ];
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}

function mib(value: number): string {
  return `${Math.round(value)} MiB`;
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${(100 * value).toFixed(1)} %`;
}

function inverse(share: number): string {
  return Number.isFinite(share) && share > 0 ? `${(1 / share).toFixed(0)} times faster` : 'never';
}
