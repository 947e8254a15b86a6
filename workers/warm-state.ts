/**
 * What one solve leaves for the next: duals and columns, in terms that survive a changed batch.
 *
 * In: a finished search. Out: plain data; later the same columns and duals in a new problem's terms.
 * Used only if both problems have the same offerings; classes are told by what they ask and where
 * they may stand, so that new, gone and changed ones do no harm. A wrong guess costs time, never
 * correctness: columns are cut to what fits, duals are only a start.
 */
import { createHash } from 'node:crypto';
import type { PackingProblem } from '../core/packing/problem.ts';
import type { Column } from './columns.ts';
import type { Pattern } from './kernel-memory.ts';
import type { ReducedProblem } from './reduce.ts';

/** Columns kept from each half of a search, cheapest by reduced cost first. */
export const warmColumnsMax = 2500;

export interface WarmColumn {
  /** Offering of the problem that it comes from. */
  readonly offering: number;
  readonly classes: Int32Array;
  readonly counts: Float64Array | Int32Array;
}

export interface WarmState {
  /** Hash of everything about offerings. */
  readonly offerings: string;
  /** [class] text of requests and places. */
  readonly classKeys: readonly string[];
  /** [class] USD per pod. */
  readonly y: Float64Array;
  readonly bound: readonly WarmColumn[];
  readonly plan: readonly WarmColumn[];
}

function hashOfOfferings(p: PackingProblem): string {
  const hash = createHash('sha256').update(p.resourceNames.join());
  for (const a of [p.capacity, p.boundCapacity, p.priceNano, p.steerNano, p.available, p.maskOf]) {
    hash.update(new Uint8Array(a.buffer, a.byteOffset, a.byteLength));
  }
  return hash.digest('hex');
}

function keysOfClasses(p: PackingProblem): string[] {
  const R = p.resourceNames.length;
  return Array.from({ length: p.classCount }, (_, c) => {
    let key = p.request.subarray(c * R, c * R + R).join();
    for (let m = 0; m < p.maskCount; m++) key += `,${p.masks[m * p.classCount + c]}`;
    return key;
  });
}

/** Columns of a search worth keeping. */
export function warmColumns(
  p: ReducedProblem,
  columns: readonly Column[],
  reduced: Float64Array,
): WarmColumn[] {
  return columns
    .map((column, k) => ({ column, d: (reduced[k] as number) / (column.cost + 1e-6) }))
    .filter(({ column }) => column.offering >= 0)
    .sort((a, b) => a.d - b.d)
    .slice(0, warmColumnsMax)
    .map(({ column }) => ({
      offering: p.original[column.offering] as number,
      classes: column.classes,
      counts: column.counts,
    }));
}

/** The state to keep after a solve. */
export function makeWarmState(
  p: PackingProblem,
  y: Float64Array,
  bound: readonly WarmColumn[],
  plan: readonly WarmColumn[],
): WarmState {
  return { offerings: hashOfOfferings(p), classKeys: keysOfClasses(p), y, bound, plan };
}

export interface WarmStart {
  /** [class] USD per pod; -1 for classes that the earlier problem did not have. */
  readonly y: Float64Array;
  readonly bound: readonly WarmColumn[];
  readonly plan: readonly WarmColumn[];
}

/** An earlier state in the terms of a new problem (offerings by index of that problem), or null. */
export function translate(p: PackingProblem, state: WarmState | null): WarmStart | null {
  if (state === null || state.offerings !== hashOfOfferings(p)) return null;
  const now = new Map(keysOfClasses(p).map((key, c) => [key, c]));
  const classOf = Int32Array.from(state.classKeys, (key) => now.get(key) ?? -1);
  const y = new Float64Array(p.classCount).fill(-1);
  classOf.forEach((c, old) => {
    if (c >= 0) y[c] = state.y[old] as number;
  });
  const carry = (columns: readonly WarmColumn[]): WarmColumn[] =>
    columns.map(({ offering, classes, counts }) => {
      const kept = Array.from(
        classes,
        (old, e) => [classOf[old] as number, counts[e] as number] as const,
      )
        .filter(([c]) => c >= 0)
        .sort((a, b) => a[0] - b[0]);
      return {
        offering,
        classes: Int32Array.from(kept, (k) => k[0]),
        counts: Float64Array.from(kept, (k) => k[1]),
      };
    });
  return { y, bound: carry(state.bound), plan: carry(state.plan) };
}

/** A carried column over kept offerings, cut to what a bin may hold now; null if nothing is left. */
export function fit(
  p: ReducedProblem,
  { offering, classes, counts }: WarmColumn,
  most: ArrayLike<number>,
): { offering: number; classes: Int32Array; counts: Float64Array } | null {
  const k = p.keptFor[offering] as number;
  if (k < 0) return null;
  const kept: [number, number][] = [];
  classes.forEach((c, e) => {
    const q = Math.min(counts[e] as number, most[k * p.n + c] as number);
    if (q > 0) kept.push([c, q]);
  });
  if (kept.length === 0) return null;
  return {
    offering: k,
    classes: Int32Array.from(kept, (x) => x[0]),
    counts: Float64Array.from(kept, (x) => x[1]),
  };
}

/** Carried patterns as whole patterns of a new search. */
export function warmPatterns(p: ReducedProblem, columns: readonly WarmColumn[]): Pattern[] {
  return columns.flatMap((column) => {
    const bin = fit(p, column, p.many);
    return bin === null ? [] : [{ ...bin, counts: Int32Array.from(bin.counts) }];
  });
}
