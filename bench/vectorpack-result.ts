/**
 * What the Vectorpack sweep writes down, and its summary.
 *
 * In: records of instances. Out: rates and means. Costs are numbers of bins.
 */
import type { Proof, SolveOptions } from '../core/packing/solution.ts';
import type { MachineDescription } from './machine.ts';
import type { resultFormat } from './result.ts';

export interface VectorpackRecord {
  readonly name: string;
  /** Of the packing problem, as in `InputRecord`. */
  readonly hash: string;
  readonly items: number;
  readonly dimensions: number;
  readonly optimum: number;
  readonly bestPublished: number | null;
  readonly bins: number;
  readonly bound: number;
  readonly boundAboveOptimum: boolean;
  readonly proof: Proof;
  readonly ms: number;
  /** When the plan first had as few bins as the optimum; null if it never had. */
  readonly hitMs: number | null;
  readonly solutionHash: string;
  readonly violations: readonly string[];
}

export interface VectorpackFile {
  readonly format: typeof resultFormat;
  readonly kind: 'vectorpack';
  readonly startedAt: string;
  readonly machine: MachineDescription;
  readonly load: readonly [number, number];
  readonly maxItems: number;
  readonly options: SolveOptions;
  readonly records: readonly VectorpackRecord[];
}

export interface VectorpackSummary {
  readonly instances: number;
  readonly hits: number;
  readonly publishedHits: number;
  readonly provenOptimal: number;
  /** Mean of (bins - optimum) / optimum. */
  readonly meanGap: number;
  /** The same of the best published heuristic, where one is listed. */
  readonly publishedMeanGap: number;
  readonly boundsAboveOptimum: number;
  readonly infeasiblePlans: number;
  readonly slowestMs: number;
}

export function summariseVectorpack(records: readonly VectorpackRecord[]): VectorpackSummary {
  const sound = records.filter(({ violations }) => violations.length === 0);
  const published = records.filter(({ bestPublished }) => bestPublished !== null);
  const mean = (values: readonly number[]): number =>
    values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
  return {
    instances: records.length,
    hits: sound.filter(({ bins, optimum }) => bins === optimum).length,
    publishedHits: published.filter(({ bestPublished, optimum }) => bestPublished === optimum)
      .length,
    provenOptimal: sound.filter(
      ({ proof, bins, optimum }) => proof === 'optimal' && bins === optimum,
    ).length,
    meanGap: mean(sound.map(({ bins, optimum }) => (bins - optimum) / optimum)),
    publishedMeanGap: mean(
      published.map(({ bestPublished, optimum }) => ((bestPublished ?? 0) - optimum) / optimum),
    ),
    boundsAboveOptimum: records.filter(({ boundAboveOptimum }) => boundAboveOptimum).length,
    infeasiblePlans: records.length - sound.length,
    slowestMs: Math.max(0, ...records.map(({ ms }) => ms)),
  };
}
