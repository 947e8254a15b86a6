/** What is made of measurements: curves, goals, the page. */
import t from 'tap';
import { drawCurves } from '../../bench/curve-drawing.ts';
import { designRows } from '../../bench/design-rows.ts';
import { page } from '../../bench/report.ts';
import {
  type CurvePoint,
  costReachedMs,
  curveOf,
  gapTargets,
  median,
  type ResultFile,
  type RunRecord,
  resultFormat,
  type SolveRecord,
  worst,
} from '../../bench/result.ts';
import { formatRun, formatSummary } from '../../bench/run-lines.ts';
import { summariseVectorpack, type VectorpackRecord } from '../../bench/vectorpack-result.ts';
import type { SolverStats } from '../../core/packing/solution.ts';

const curve: readonly CurvePoint[] = [
  [2, null, 0],
  [5, 120, 0],
  [40, 104, 90],
  [300, 101, 100],
];

function solve(over: Partial<SolveRecord> = {}): SolveRecord {
  return {
    cost: 101,
    lowerBound: 100,
    gap: 1 / 101,
    proof: 'certified',
    stoppedBy: 'deadline',
    wallMs: 1000,
    roundTripMs: 1010,
    firstPlanMs: 5,
    gapReachedMs: gapTargets.map(() => 300),
    nodes: 12,
    unserved: 0,
    columns: 100,
    iterations: 10,
    offeringsKept: 80,
    phases: { bound: 600, improve: 400 },
    solutionHash: '0123456789abcdef',
    violations: [],
    curve,
    ...over,
  };
}

function run(seed: number, over: Partial<RunRecord> = {}): RunRecord {
  const firstFit = { cost: 150, nodes: 9, ms: 3, violations: [] };
  return {
    request: {
      case: 'constrained',
      pods: 10_000,
      classes: 200,
      seed,
      timeLimitMs: 5000,
      gap: 0,
      threads: 2,
      master: 'glpk',
      warm: false,
      peer: 'none',
      peerTimeoutMs: 1000,
    },
    input: { pods: 10_000, families: 200, classes: 214, offerings: 5000, rejected: 0, hash: 'abc' },
    load: [0.5, 1.5],
    modelMs: 100,
    solverStartMs: 50,
    cold: solve(),
    warm: null,
    firstFit,
    priceAwareFirstFit: firstFit,
    karpenter: null,
    peakMemoryMiB: 200,
    ...over,
  };
}

function file(runs: readonly RunRecord[]): ResultFile {
  return {
    format: resultFormat,
    kind: 'runs',
    case: runs[0]!.request.case,
    description: 'A case.',
    startedAt: '2026-01-01T00:00:00.000Z',
    machine: { cpuModel: 'cpu', cpuCount: 2, memoryMiB: 1024, platform: 'linux', node: 'v24' },
    runs,
    failed: [],
  };
}

t.test('a cost that a curve never reaches is never reached', async (t) => {
  t.equal(costReachedMs(curve, 104), 40);
  t.equal(costReachedMs(curve, 100.5), null);
});

t.test('a long curve is thinned but keeps its ends', async (t) => {
  const points = Array.from({ length: 1000 }, (_, i) => [i, 2e9, i * 1e6] as const);
  const thinned = curveOf({ curve: points } as unknown as SolverStats);
  t.ok(thinned.length <= 82);
  t.strictSame(thinned[0], [0, 2, 0]);
  t.strictSame(thinned.at(-1), [999, 2, 0.999]);
});

t.test('never is larger than any time', async (t) => {
  t.equal(median([1, null, 3]), 3);
  t.equal(median([1, null, null]), Infinity);
  t.equal(worst([1, 2]), 2);
  t.equal(worst([1, null]), Infinity);
});

t.test('a goal is met, met by the median only, missed, or not measured', async (t) => {
  const at = (ms: number | null): RunRecord => run(1, { cold: solve({ firstPlanMs: ms }) });
  const verdict = (times: readonly (number | null)[]): string => {
    const rows = designRows({ files: [file(times.map(at))], vectorpack: undefined });
    return rows.find(({ what }) => what.startsWith('first feasible plan'))!.met;
  };
  t.equal(verdict([8, 9, 10]), 'yes');
  t.equal(verdict([8, 9, 11]), 'median only');
  t.equal(verdict([8, 11, 12]), 'no');
  t.equal(verdict([8, null, null]), 'no');
  const rows = designRows({ files: [file([at(5)])], vectorpack: undefined });
  t.equal(rows.find(({ what }) => what.startsWith('Vectorpack'))!.met, 'not measured');
});

t.test('being dearer than Karpenter anywhere is seen', async (t) => {
  const beside = (cost: number): RunRecord =>
    run(1, {
      karpenter: {
        version: 'v1',
        concurrency: 2,
        cost,
        nodes: 3,
        unscheduled: 0,
        solveMs: 30_000,
        buildMs: 1,
        timedOut: false,
        violations: [],
      },
    });
  const met = (costs: readonly number[]): string =>
    designRows({ files: [file(costs.map(beside))], vectorpack: undefined }).find(({ what }) =>
      what.startsWith('cost against Karpenter, every'),
    )!.met;
  t.equal(met([150, 160, 170]), 'yes');
  t.equal(met([150, 160, 100]), 'median only');
});

t.test('the page shows what the verifier found wrong', async (t) => {
  const good = page({ files: [file([run(1)])], vectorpack: undefined });
  t.match(good, /Violations found by the verifier: none/);
  const bad = run(2, { cold: solve({ violations: ['over-capacity: bin 3'] }) });
  t.match(page({ files: [file([bad])], vectorpack: undefined }), /seed 2: over-capacity: bin 3/);
  t.match(formatRun(bad), /VIOLATIONS: over-capacity/);
  t.match(formatSummary(file([run(1), bad])), /2 seeds/);
});

t.test('a drawing is well-formed and holds a line for each seed and their median', async (t) => {
  const svg = drawCurves(
    'a < b',
    [{ label: 'cold', colour: '#000000', curves: [curve, curve] }],
    1,
    5000,
  );
  t.equal(svg.match(/<polyline/g)?.length, 3);
  t.match(svg, /a &lt; b/);
  t.notMatch(svg, /NaN|undefined|Infinity/);
});

t.test('a Vectorpack plan that breaks a rule is not a hit', async (t) => {
  const record: VectorpackRecord = {
    name: 'a',
    hash: 'x',
    items: 20,
    dimensions: 3,
    optimum: 10,
    bestPublished: 11,
    bins: 10,
    bound: 9.5,
    boundAboveOptimum: false,
    proof: 'certified',
    ms: 10,
    hitMs: 5,
    solutionHash: 'y',
    violations: [],
  };
  const summary = summariseVectorpack([
    record,
    { ...record, violations: ['over-capacity: bin 0'] },
    { ...record, bins: 11, boundAboveOptimum: true },
  ]);
  t.equal(summary.hits, 1);
  t.equal(summary.infeasiblePlans, 1);
  t.equal(summary.boundsAboveOptimum, 1);
});
