/**
 * What a bench writes down: the form of the files under `bench/results`.
 *
 * In: nothing. Out: types, and the two readings of an anytime curve that reports need. Money is in
 * USD per hour, times are in milliseconds, memory in MiB. A result file is made by `run.ts` or
 * `vectorpack.ts` and read by `report.ts`; nothing in it is typed by hand.
 */
import type { PackingSolution, Proof, SolverStats } from '../core/packing/solution.ts';
import type { MachineDescription } from './machine.ts';

export const resultFormat = 1;

/** What one child process is asked to do. */
export interface RunRequest {
  readonly case: string;
  readonly pods: number;
  readonly classes: number;
  readonly seed: number;
  readonly timeLimitMs: number;
  /** Stop early at this proven gap. */
  readonly gap: number;
  readonly threads: number;
  readonly master: 'glpk' | 'highs';
  /** Also solve again, with 30 % of the classes' demands changed, in the same pool. */
  readonly warm: boolean;
  readonly peer: 'karpenter' | 'none';
  readonly peerTimeoutMs: number;
}

/** The input, so that a figure can be matched to what it was measured on. */
export interface InputRecord {
  readonly pods: number;
  readonly families: number;
  readonly classes: number;
  readonly offerings: number;
  /** Pods that no offering could ever hold, by the model. */
  readonly rejected: number;
  /** First 16 hexadecimal digits of the SHA-256 of the packing problem's arrays. */
  readonly hash: string;
}

/** [ms, cost, lower bound] whenever one of them improved; cost is null while there is no plan. */
export type CurvePoint = readonly [number, number | null, number];

/** Gaps whose first reaching is recorded. */
export const gapTargets = [0.05, 0.02, 0.01, 0.003] as const;

export interface SolveRecord {
  readonly cost: number;
  readonly lowerBound: number;
  /** (cost - lower bound) / cost, of the certificate as re-computed by its checker; null if none. */
  readonly gap: number | null;
  readonly proof: Proof;
  readonly stoppedBy: SolverStats['stoppedBy'];
  /** The solver's own clock. */
  readonly wallMs: number;
  /** From the call of the pool to its answer, the hand-over of the problem included. */
  readonly roundTripMs: number;
  readonly firstPlanMs: number | null;
  /** For each of {@link gapTargets}: when the proven gap first was at most that; null if never. */
  readonly gapReachedMs: readonly (number | null)[];
  readonly nodes: number;
  readonly unserved: number;
  readonly columns: number;
  readonly iterations: number;
  readonly offeringsKept: number;
  readonly phases: Readonly<Record<string, number>>;
  readonly solutionHash: string;
  /** What the independent verifier found wrong with plan, cost or certificate; empty is right. */
  readonly violations: readonly string[];
  readonly curve: readonly CurvePoint[];
}

export interface FirstFitRecord {
  /** Null if it could not place every pod that the solver placed. */
  readonly cost: number | null;
  readonly nodes: number;
  readonly ms: number;
  readonly violations: readonly string[];
}

export interface KarpenterRecord {
  readonly version: string;
  readonly concurrency: number;
  readonly cost: number;
  readonly nodes: number;
  readonly unscheduled: number;
  readonly solveMs: number;
  readonly buildMs: number;
  readonly timedOut: boolean;
  readonly violations: readonly string[];
}

export interface RunRecord {
  readonly request: RunRequest;
  readonly input: InputRecord;
  /** Load average of the last minute, before and after. */
  readonly load: readonly [number, number];
  readonly modelMs: number;
  /** Opening the pool and one plan of a single pod: threads, WASM, first compilation. */
  readonly solverStartMs: number;
  readonly cold: SolveRecord;
  readonly warm: SolveRecord | null;
  /** Price-blind first-fit, the way Karpenter packs. */
  readonly firstFit: FirstFitRecord;
  /** Our own price-aware first-fit, the solver's first incumbent. */
  readonly priceAwareFirstFit: FirstFitRecord;
  readonly karpenter: KarpenterRecord | null;
  /** High-water mark of resident memory of the process that built, modelled and solved. */
  readonly peakMemoryMiB: number;
}

/** A run that did not end well: it is part of the result, not left out of it. */
export interface FailedRun {
  readonly request: RunRequest;
  readonly error: string;
}

export interface ResultFile {
  readonly format: typeof resultFormat;
  readonly kind: 'runs';
  readonly case: string;
  readonly description: string;
  readonly startedAt: string;
  readonly machine: MachineDescription;
  readonly runs: readonly RunRecord[];
  readonly failed: readonly FailedRun[];
}

const maxCurvePoints = 80;

/** The solver's curve in USD, thinned to what a drawing can show. */
export function curveOf(stats: SolverStats): CurvePoint[] {
  const points = stats.curve.map(
    ([ms, cost, bound]): CurvePoint => [
      Math.round(ms * 10) / 10,
      Number.isFinite(cost) && cost > 0 ? cost / 1e9 : null,
      bound / 1e9,
    ],
  );
  const step = Math.ceil(points.length / maxCurvePoints);
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
}

/** When the solver's curve first shows a plan; null if it never does. */
export function firstPlanMs(solution: PackingSolution): number | null {
  const point = solution.stats.curve.find(([, cost]) => Number.isFinite(cost) && cost > 0);
  return point?.[0] ?? null;
}

/** When the proven gap first was at most `target`; null if it never was. */
export function gapReachedMs(solution: PackingSolution, target: number): number | null {
  const point = solution.stats.curve.find(
    ([, cost, bound]) => cost > 0 && (cost - bound) / cost <= target,
  );
  return point?.[0] ?? null;
}

/** When the plan first was no dearer than `costUsd`; null if it never was. */
export function costReachedMs(curve: readonly CurvePoint[], costUsd: number): number | null {
  return curve.find(([, cost]) => cost !== null && cost <= costUsd)?.[0] ?? null;
}

/** The gap proven by then; null while there is no plan. */
export function gapAt(curve: readonly CurvePoint[], atMs: number): number | null {
  const last = curve.findLast(([ms, cost]) => ms <= atMs && cost !== null);
  if (last === undefined) return null;
  const [, cost, lowerBound] = last;
  return cost === null || cost === 0 ? 0 : (cost - lowerBound) / cost;
}

/** The middle value of numbers; NaN of none. Null counts as infinitely large. */
export function median(values: readonly (number | null)[]): number {
  const sorted = values.map((value) => value ?? Infinity).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The largest value; NaN of none. Null counts as infinitely large. */
export function worst(values: readonly (number | null)[]): number {
  return values.length === 0 ? Number.NaN : Math.max(...values.map((value) => value ?? Infinity));
}
