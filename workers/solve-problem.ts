/**
 * Solves one packing problem: the schedule of rounds, the stop rules, the published answer.
 *
 * In: problem, options, and an environment that says what time it is and whether to give up. Out: a
 * PackingSolution. Anytime: whatever stops it, the best plan and the best certified bound are
 * returned. The bound is the value that core/packing/certificate.ts computes, never a float.
 */
import { checkCertificate } from '../core/packing/certificate.ts';
import { firstFit } from '../core/packing/first-fit.ts';
import type { PackingProblem } from '../core/packing/problem.ts';
import type { Certificate, PackingSolution, Proof, SolveOptions, SolverStats } from '../core/packing/solution.ts';
import { createGlpkMaster } from './glpk.ts';
import { binsOf } from './incumbent.ts';
import type { Master } from './master.ts';
import { Search } from './search.ts';

/** What the outside lends to a solve. */
export interface SolveEnvironment {
  nowMs(): number;
  aborted(): boolean;
  /** Told of every improvement: costs in nano-USD per hour. */
  progress(elapsedMs: number, costNano: number, lowerBoundNano: number): void;
}

/** Steps and tries per round; sizes measured, see docs/DECISIONS.md. */
const stepsPerRound = 8;
const triesPerRound = 400;
const triesAfterFloor = 150;
const triesAfterDive = 600;
/** Rounds of bound steps after which a plan is rounded from the LP. */
const floorRounds: readonly number[] = [2, 4, 7, 11, 16];
/** Rounds without a better plan, the bound being finished, after which the search gives up. */
const idleRoundsMax = 30;
/** Share of the time that is kept for writing and checking the certificate. */
const reserveShare = 0.04;
const reserveMinMs = 10;
const nano = 1e9;

function masterFactory(options: SolveOptions): (rows: readonly number[]) => Master {
  return (rows) => {
    if (options.master === 'highs') throw new Error('the HiGHS master is not built yet');
    const master = createGlpkMaster(rows);
    if (master === null) throw new Error('the installed glpk.js is not the pinned build');
    return master;
  };
}

/** The problem with only what a plan serves as its demand. */
export function withDemand(p: PackingProblem, demand: Int32Array): PackingProblem {
  return { ...p, demand };
}

interface Verdict {
  readonly certificate: Certificate | null;
  readonly lowerBoundNano: number;
}

function certify(problem: PackingProblem, search: Search): Verdict {
  const certificate = search.certificate();
  if (certificate === null) return { certificate: null, lowerBoundNano: 0 };
  const checked = checkCertificate(problem, certificate);
  return checked.ok
    ? { certificate, lowerBoundNano: checked.lowerBoundNano }
    : { certificate: null, lowerBoundNano: 0 };
}

/** Solves; see the header. Time: until the gap, the limit or exhaustion. */
export function solveProblem(problem: PackingProblem, options: SolveOptions, env: SolveEnvironment): PackingSolution {
  const startMs = env.nowMs();
  const elapsed = (): number => env.nowMs() - startMs;
  const limitMs = options.timeLimitMs - Math.max(reserveMinMs, options.timeLimitMs * reserveShare);
  const phases: Record<string, number> = {};
  const timed = <T>(name: string, run: () => T): T => {
    const from = env.nowMs();
    const result = run();
    phases[name] = (phases[name] ?? 0) + env.nowMs() - from;
    return result;
  };
  const curve: [number, number, number][] = [];
  const note = (costNano: number, boundNano: number): void => {
    const last = curve.at(-1);
    if (last !== undefined && last[1] === costNano && last[2] === boundNano) return;
    curve.push([Math.round(elapsed() * 100) / 100, costNano, boundNano]);
    env.progress(elapsed(), costNano, boundNano);
  };

  const first = timed('firstFit', () => firstFit(problem));
  note(first.costNano, 0);
  const served = problem.demand.map((d, f) => d - (first.unserved[f] as number));
  const target = withDemand(problem, served);
  if (served.every((d) => d === 0)) return answer(problem, first, null, null, options, { phases, curve, elapsed, stoppedBy: 'exhausted' });

  const search = timed('reduce', () =>
    new Search({
      problem: target, firstPlan: first.bins, seed: options.seed, createMaster: masterFactory(options), warmPatterns: [], warmPoint: null,
    }),
  );
  const stop = (): boolean => env.aborted() || elapsed() > limitMs;
  const reached = (): boolean => search.incumbent.cost - search.cg.bound <= options.gap * search.incumbent.cost;
  const look = (): void => note(Math.round(search.incumbent.cost * nano), Math.max(0, Math.floor(search.cg.bound * nano)));
  let stoppedBy: SolverStats['stoppedBy'] = 'exhausted';
  timed('greedy', () => search.greedyRound());
  look();
  let idle = 0;
  let dived = false;
  for (let round = 1; ; round++) {
    if (env.aborted() || stop()) {
      stoppedBy = env.aborted() ? 'aborted' : 'deadline';
      break;
    }
    timed('bound', () => search.boundRound(stepsPerRound, options.gap * 0.25, stop));
    look();
    if (reached()) {
      stoppedBy = 'gap';
      break;
    }
    const before = search.incumbent.cost;
    if (floorRounds.includes(round) || (search.boundDone && !dived)) {
      timed('floor', () => search.floorRound(triesAfterFloor, stop));
    }
    const near = search.cg.lp !== null && search.cg.lp.objective - search.cg.bound <= 0.004 * search.cg.lp.objective;
    if (!dived && (search.boundDone || near)) {
      dived = true;
      timed('dive', () => search.diveRound(triesAfterDive, stop));
    }
    if (search.boundDone || near) timed('improve', () => search.improveRound(triesPerRound, stop));
    look();
    if (reached()) {
      stoppedBy = 'gap';
      break;
    }
    idle = search.boundDone && search.incumbent.cost >= before - 1e-10 ? idle + 1 : 0;
    if (idle >= idleRoundsMax) break;
  }
  const verdict = timed('certify', () => certify(target, search));
  const bins = binsOf(search.p, search.incumbent.groups);
  const costNano = bins.reduce((s, b) => s + (problem.priceNano[b.offering] as number) * b.copies, 0);
  note(costNano, verdict.lowerBoundNano);
  const solution = answer(
    problem, { bins, costNano, unserved: first.unserved }, verdict, search, options, { phases, curve, elapsed, stoppedBy },
  );
  search.dispose();
  return solution;
}

interface Record_ {
  readonly phases: Record<string, number>;
  readonly curve: [number, number, number][];
  readonly elapsed: () => number;
  readonly stoppedBy: SolverStats['stoppedBy'];
}

function answer(
  problem: PackingProblem, plan: Pick<PackingSolution, 'bins' | 'costNano' | 'unserved'>, verdict: Verdict | null,
  search: Search | null, options: SolveOptions, record: Record_,
): PackingSolution {
  const lowerBoundNano = verdict === null ? 0 : Math.min(verdict.lowerBoundNano, plan.costNano);
  let proof: Proof = 'certified';
  if (plan.costNano === lowerBoundNano) proof = 'optimal';
  else if (verdict === null || verdict.certificate === null) proof = 'unproven';
  return {
    ...plan, lowerBoundNano, proof, certificate: verdict?.certificate ?? null,
    stats: {
      classes: problem.classCount, offerings: problem.offeringCount, offeringsKept: search?.p.O ?? 0,
      columns: search?.cg.columns.length ?? 0, iterations: search?.cg.iterations ?? 0, wallMs: record.elapsed(),
      phases: record.phases, seed: options.seed, stoppedBy: record.stoppedBy, curve: record.curve,
    },
  };
}
