/**
 * One measured run, in a process of its own.
 *
 * In: a `RunRequest` as JSON on standard input. Out: a `RunRecord` as JSON on standard output. The
 * order matters: what is measured comes first, peers and checks afterwards, so that neither their
 * time nor their memory is counted as the solver's.
 */
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { NodePool } from '../core/api/nodepool.ts';
import { firstFit } from '../core/packing/first-fit.ts';
import { karpenterStyleFirstFit } from '../core/packing/karpenter-first-fit.ts';
import { buildModel } from '../core/packing/model.ts';
import type { PackingModel } from '../core/packing/packing-model.ts';
import type { PackingProblem } from '../core/packing/problem.ts';
import type { PackingSolution, SolveOptions } from '../core/packing/solution.ts';
import type { ClusterSnapshot } from '../core/state/snapshot.ts';
import { createSolverPool } from '../workers/pool.ts';
import { findCase } from './cases/registry.ts';
import { hashProblem } from './hash.ts';
import { instanceTypesFor, toInstanceTypeJson } from './instance-types.ts';
import { translateKarpenterPlan } from './karpenter-plan.ts';
import { loadNow } from './machine.ts';
import { askKarpenter, ensureKarpenterPeer } from './peers/karpenter.ts';
import type { FirstFitRecord, KarpenterRecord, RunRecord, RunRequest } from './result.ts';
import { planViolations, recordFirstFit, recordSolve } from './solve-record.ts';
import { tinyProblem } from './tiny-problem.ts';
import { changeDemands } from './warm-change.ts';
import {
  buildWorkload,
  toDaemonSetPodManifests,
  toPodManifests,
  toSnapshot,
  type Workload,
} from './workload.ts';

/** USD per hour: what adding some thousand floating-point prices may be off by. */
const costTolerance = 1e-6;

interface TimedSolve {
  readonly problem: PackingProblem;
  readonly solution: PackingSolution;
  readonly ms: number;
}

/** Everything that is measured of our own, before anything is checked. */
interface Measured {
  readonly modelMs: number;
  readonly solverStartMs: number;
  readonly model: PackingModel;
  readonly snapshot: ClusterSnapshot;
  readonly cold: TimedSolve;
  readonly warm: TimedSolve | null;
  readonly peakMemoryMiB: number;
}

async function measureRun(request: RunRequest): Promise<RunRecord> {
  const loadBefore = loadNow();
  const workload = buildWorkload(findCase(request.case), request);
  const measured = await measureSolver(request, workload);
  const { model, cold, warm } = measured;
  const { problem } = model;
  const firstFits = measureFirstFits(cold);
  const karpenter =
    request.peer === 'none' ? null : await measureKarpenter(request, workload, measured);
  return {
    request,
    input: {
      pods: measured.snapshot.pods.length,
      families: problem.familyCount,
      classes: problem.classCount,
      offerings: problem.offeringCount,
      rejected: model.unschedulable.length,
      hash: hashProblem(problem),
    },
    load: [loadBefore, loadNow()],
    modelMs: measured.modelMs,
    solverStartMs: measured.solverStartMs,
    cold: recordSolve(problem, cold.solution, cold.ms),
    warm: warm === null ? null : recordSolve(warm.problem, warm.solution, warm.ms),
    ...firstFits,
    karpenter,
    peakMemoryMiB: measured.peakMemoryMiB,
  };
}

async function measureSolver(request: RunRequest, workload: Workload): Promise<Measured> {
  const { seed } = request;
  const options: SolveOptions = {
    gap: request.gap,
    timeLimitMs: request.timeLimitMs,
    seed,
    threads: request.threads,
    master: request.master,
  };
  const poolStarted = performance.now();
  const pool = createSolverPool({ threads: request.threads, warm: request.warm });
  try {
    await pool.solve(tinyProblem, options);
    const solverStartMs = performance.now() - poolStarted;
    const modelStarted = performance.now();
    const snapshot = toSnapshot(workload);
    const types = instanceTypesFor(workload, seed);
    const model = buildModel(snapshot, () => types);
    const modelMs = performance.now() - modelStarted;
    const solve = async (problem: PackingProblem): Promise<TimedSolve> => {
      const started = performance.now();
      const solution = await pool.solve(problem, options);
      return { problem, solution, ms: performance.now() - started };
    };
    const cold = await solve(model.problem);
    const warm = request.warm ? await solve(changeDemands(model.problem, seed)) : null;
    const peakMemoryMiB = readPeakMemoryMiB();
    return { modelMs, solverStartMs, model, snapshot, cold, warm, peakMemoryMiB };
  } finally {
    await pool.close();
  }
}

function measureFirstFits({
  problem,
  solution,
}: TimedSolve): Pick<RunRecord, 'firstFit' | 'priceAwareFirstFit'> {
  const measure = (pack: typeof firstFit): FirstFitRecord => {
    const started = performance.now();
    const plan = pack(problem);
    return recordFirstFit(problem, plan, solution, performance.now() - started);
  };
  return {
    firstFit: measure(karpenterStyleFirstFit),
    priceAwareFirstFit: measure(firstFit),
  };
}

async function measureKarpenter(
  request: RunRequest,
  workload: Workload,
  measured: Measured,
): Promise<KarpenterRecord> {
  const binary = await ensureKarpenterPeer(console.error);
  const question = {
    instanceTypes: instanceTypesFor(workload, request.seed).map(toInstanceTypeJson),
    nodePools: workload.nodePools,
    pods: toPodManifests(workload),
    daemonSetPods: toDaemonSetPodManifests(workload),
  };
  const answer = await askKarpenter(binary, question, { timeoutMs: request.peerTimeoutMs });
  const model = modelForKarpenter(workload, request.seed, measured);
  const { plan, untranslated } = translateKarpenterPlan(model, measured.snapshot.pods, answer);
  return {
    version: answer.karpenter,
    concurrency: answer.concurrency,
    cost: answer.cost,
    nodes: answer.nodes.length,
    unscheduled: answer.unschedulable.length,
    solveMs: answer.solveMs,
    buildMs: answer.buildMs,
    timedOut: answer.timedOut,
    violations: [
      ...untranslated.slice(0, 5),
      ...planViolations(model.problem, plan),
      ...(Math.abs(plan.costNano / 1e9 - answer.cost) < costTolerance
        ? []
        : [`Karpenter's prices add up to ${answer.cost}, ours to ${plan.costNano / 1e9}`]),
    ],
  };
}

/**
 * The model that Karpenter's plan is judged by: ours, but for weights. We keep pods off pools of
 * lower weight; in Karpenter they may still join a node that another pod opened there.
 */
function modelForKarpenter(
  workload: Workload,
  seed: number,
  { model, snapshot }: Measured,
): PackingModel {
  const { nodePools } = workload;
  if (nodePools.every(({ spec }) => spec.weight === undefined)) return model;
  const types = instanceTypesFor(workload, seed);
  const unweighted = nodePools.map((pool): NodePool => {
    const { weight: _, ...spec } = pool.spec;
    return { ...pool, spec };
  });
  return buildModel({ ...snapshot, nodePools: unweighted }, () => types);
}

/**
 * High-water mark of this process. Linux counts the parent's pages at the moment of the fork into
 * `resourceUsage().maxRSS`, so its own mark for the new image is read where there is one.
 */
function readPeakMemoryMiB(): number {
  if (process.platform === 'linux') {
    const mark = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (mark !== null) return Number(mark[1]) / 1024;
  }
  return process.resourceUsage().maxRSS / 1024;
}

if (import.meta.main) {
  const request = JSON.parse(await text(process.stdin)) as RunRequest;
  process.stdout.write(JSON.stringify(await measureRun(request)));
}
