/**
 * Solves one packing problem: first plan, rounds of bound and plan in lockstep, the published answer.
 *
 * In: problem, options, an environment that says what time it is and whether to give up. Out: a
 * PackingSolution. Anytime: whatever stops it, the best plan and the best certified bound are
 * returned. The bound is the value that core/packing/certificate.ts computes, never a float.
 * A run that ends by reaching the gap or by running dry takes the same path on every machine and
 * with one thread or two; only a deadline cuts it at a place that depends on speed.
 */
import type { MessagePort } from 'node:worker_threads';
import { checkCertificate } from '../core/packing/certificate.ts';
import type { PackingProblem } from '../core/packing/problem.ts';
import type {
  Certificate,
  PackingSolution,
  Proof,
  SolveOptions,
  SolverStats,
} from '../core/packing/solution.ts';
import { BoundSearch } from './bound-search.ts';
import { createMaster, prepareMaster } from './create-master.ts';
import { type ExactOutcome, firstTrySteps, isTiny, lastTrySteps, searchExactly } from './exact.ts';
import { firstPlan } from './first-plan.ts';
import { binsOf } from './incumbent.ts';
import type { DualPoint } from './lagrangian.ts';
import { localPlanRole, remotePlanRole } from './plan-role.ts';
import { uniformProblem } from './problem-object.ts';
import type { SolveAnswer } from './protocol.ts';
import { reduce } from './reduce.ts';
import { makeWarmState, translate, type WarmState } from './warm-state.ts';

/** What the outside lends to a solve. */
export interface SolveEnvironment {
  /** Milliseconds since the epoch, with fractions: comparable between threads. */
  epochMs(): number;
  aborted(): boolean;
  /** Told of every improvement: costs in nano-USD per hour. */
  progress(elapsedMs: number, costNano: number, lowerBoundNano: number): void;
  /** Where a second thread serves plan rounds; null for one thread. */
  readonly planPort: MessagePort | null;
  /** What an earlier solve of a like problem left; null to start cold. */
  readonly warm: WarmState | null;
}

/** Bound steps per round: about as long as a plan round. */
const stepsPerRound = 20;
/** The first round whose plan half is told the bound's duals. */
const guideFrom = 1;
/** The bound search stops at this share of the gap asked for, between itself and its LP. */
const boundShare = 0.25;
/** Rounds without a better plan, the bound being finished, after which a solve gives up. */
const idleRoundsMax = 25;
/** Share of the time that is kept for writing and checking the certificate. */
const reserveShare = 0.04;
const reserveMinMs = 10;
const nanoPerUsd = 1e9;

/** A clock with named laps and the anytime curve. */
class Recorder {
  readonly phases: Record<string, number> = {};
  readonly curve: [number, number, number][] = [];
  readonly #env: SolveEnvironment;
  readonly #startMs: number;

  constructor(env: SolveEnvironment) {
    this.#env = env;
    this.#startMs = env.epochMs();
  }

  get startMs(): number {
    return this.#startMs;
  }

  elapsedMs(): number {
    return this.#env.epochMs() - this.#startMs;
  }

  lap<T>(name: string, run: () => T): T {
    const from = this.#env.epochMs();
    const result = run();
    this.phases[name] = (this.phases[name] ?? 0) + this.#env.epochMs() - from;
    return result;
  }

  /** The last point is the published answer, whatever floats said before. */
  end(costNano: number, boundNano: number): void {
    for (const point of this.curve) point[2] = Math.min(point[2], boundNano);
    this.curve.push([Math.round(this.elapsedMs() * 100) / 100, costNano, boundNano]);
    this.#env.progress(this.elapsedMs(), costNano, boundNano);
  }

  /** Adds the best cost and bound so far to the curve, if either got better. */
  note(cost: number, bound: number): void {
    const last = this.curve.at(-1);
    const costNano = Math.min(cost, last?.[1] ?? Infinity);
    const boundNano = Math.max(bound, last?.[2] ?? 0);
    if (last !== undefined && last[1] === costNano && last[2] === boundNano) return;
    const at = Math.round(this.elapsedMs() * 100) / 100;
    this.curve.push([at, costNano, boundNano]);
    this.#env.progress(at, costNano, boundNano);
  }
}

interface Verdict {
  readonly certificate: Certificate | null;
  readonly lowerBoundNano: number;
}

const unproven: Verdict = { certificate: null, lowerBoundNano: 0 };

function certify(problem: PackingProblem, bound: BoundSearch): Verdict {
  const certificate = bound.certificate();
  if (certificate === null) return unproven;
  const checked = checkCertificate(problem, certificate);
  return checked.ok ? { certificate, lowerBoundNano: checked.lowerBoundNano } : unproven;
}

/** Solves; see the header. Time: until the gap, the limit or exhaustion. */
export async function solveProblem(
  given: PackingProblem,
  options: SolveOptions,
  env: SolveEnvironment,
): Promise<SolveAnswer> {
  const problem = uniformProblem(given);
  const record = new Recorder(env);
  await prepareMaster(options.master);
  const first = record.lap('firstPlan', () =>
    firstPlan(problem, ({ costNano }) => record.note(costNano, 0)),
  );
  record.note(first.costNano, 0);
  const served = problem.demand.map((d, f) => d - (first.unserved[f] as number));
  if (served.every((d) => d === 0)) {
    const stats = { ...emptyStats(problem, options, record), stoppedBy: 'exhausted' as const };
    const solution = {
      ...first,
      lowerBoundNano: 0,
      proof: 'optimal' as const,
      certificate: null,
      stats,
    };
    return { solution, warm: env.warm };
  }
  const target = uniformProblem(problem, served);
  const deadline =
    record.startMs +
    options.timeLimitMs -
    Math.max(reserveMinMs, options.timeLimitMs * reserveShare);
  const stop = (): boolean => env.aborted() || env.epochMs() > deadline;
  const warm = record.lap('warm', () => translate(target, env.warm));
  const plan =
    env.planPort === null
      ? null
      : remotePlanRole(env.planPort, target, first.bins, options, deadline, warm?.plan ?? []);
  const p = record.lap('reduce', () => reduce(target));
  const make = (rows: readonly number[]) => createMaster(options.master, rows);
  const bound = new BoundSearch(p, first.bins, make, warm);
  const role = plan ?? localPlanRole(p, first.bins, options, warm?.plan ?? [], stop);
  let stoppedBy: SolverStats['stoppedBy'] = 'exhausted';
  const tiny = isTiny(p);
  let exact: ExactOutcome | null = null;
  let cost = first.costNano / nanoPerUsd;
  let columns = 0;
  let guided: DualPoint | null = null;
  let round = 0;
  for (;;) {
    role.begin(bound.cg.bestPoint === guided || round < guideFrom ? null : bound.cg.bestPoint);
    guided = bound.cg.bestPoint;
    round++;
    record.lap('bound', () => bound.round(stepsPerRound, options.gap * boundShare, stop));
    const from = env.epochMs();
    const report = await role.end();
    record.phases['plan'] = (record.phases['plan'] ?? 0) + env.epochMs() - from;
    cost = report.cost;
    columns = report.columns;
    record.note(Math.round(cost * nanoPerUsd), Math.max(0, Math.floor(bound.bound * nanoPerUsd)));
    if (cost - bound.bound <= options.gap * cost) {
      stoppedBy = 'gap';
      break;
    }
    if (stop()) {
      stoppedBy = env.aborted() ? 'aborted' : 'deadline';
      break;
    }
    const dry = bound.done && report.idle >= idleRoundsMax;
    if (tiny && bound.done && (exact === null || dry)) {
      const steps = dry ? lastTrySteps : firstTrySteps;
      exact = record.lap('exact', () => searchExactly(p, bound.feasibleDuals(), cost, steps, stop));
      if (exact.status === 'proven') break;
    }
    if (dry) break;
  }
  const found = await role.finish();
  const proven = exact?.status === 'proven';
  const exactGroups = exact?.groups ?? null;
  const bins = proven && exactGroups !== null ? binsOf(p, exactGroups) : found.bins;
  const costNano = bins.reduce(
    (s, b) => s + (problem.priceNano[b.offering] as number) * b.copies,
    0,
  );
  const verdict = record.lap('certify', () => certify(target, bound));
  const lowerBoundNano =
    proven && readsAlike(target) ? costNano : Math.min(verdict.lowerBoundNano, costNano);
  record.end(costNano, lowerBoundNano);
  let proof: Proof = verdict.certificate === null ? 'unproven' : 'certified';
  if (costNano === lowerBoundNano) proof = 'optimal';
  const stats: SolverStats = {
    ...emptyStats(problem, options, record),
    offeringsKept: p.O,
    columns: columns + bound.cg.columns.length,
    iterations: bound.cg.iterations,
    stoppedBy,
  };
  const left = makeWarmState(target, bound.cg.bestPoint.y, bound.warmColumns(), found.warm);
  bound.dispose();
  const solution: PackingSolution = {
    bins,
    unserved: first.unserved,
    costNano,
    lowerBoundNano,
    proof,
    certificate: verdict.certificate,
    stats,
  };
  return { solution, warm: left };
}

/**
 * True if what a plan must obey is no stricter than what a bound may assume: only then is the best
 * plan of all the best that there is. Amounts that are rounded differently, flexibility that is
 * demanded and pairs that are kept apart make the two differ.
 */
function readsAlike(p: PackingProblem): boolean {
  const isSame = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
    return true;
  };
  return (
    p.conflicts.length === 0 &&
    isSame(p.request, p.boundRequest) &&
    isSame(p.capacity, p.boundCapacity) &&
    isSame(p.masks, p.boundMasks)
  );
}

function emptyStats(
  problem: PackingProblem,
  options: SolveOptions,
  record: Recorder,
): Omit<SolverStats, 'stoppedBy'> {
  return {
    classes: problem.classCount,
    offerings: problem.offeringCount,
    offeringsKept: 0,
    columns: 0,
    iterations: 0,
    wallMs: record.elapsedMs(),
    phases: record.phases,
    seed: options.seed,
    curve: record.curve,
  };
}
