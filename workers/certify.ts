/**
 * Writes the certificate of a bound: integers that anybody can check.
 *
 * In: the best dual point with its multipliers. Out: a Certificate (see core/packing/solution.ts),
 * scaled down until it is valid for every offering, dropped ones included; null if that takes more
 * than `triesMax` rounds. What it is worth is for core/packing/certificate.ts to say.
 */
import { type PackingProblem, unlimitedCount, unlimitedPerBin } from '../core/packing/problem.ts';
import type { Certificate } from '../core/packing/solution.ts';
import { relaxKnapsack } from './fluid.ts';
import type { DualPoint } from './lagrangian.ts';
import type { MasterRows } from './master-rows.ts';
import type { ReducedProblem } from './reduce.ts';
import { type Tables, tableBounds } from './tables.ts';

/** 2^-10 nano-USD per MiB or millicore: finer than any price. */
const fractionBits = 10;
const scale = 2 ** fractionBits;
const nanoPerUsd = 1e9;
const triesMax = 6;
/** Room for rounding multipliers to integers. */
const slack = 1 - 2e-7;

interface Draft {
  readonly y: Float64Array;
  readonly limit: Float64Array;
  readonly multipliers: Float64Array[];
  readonly multiplierOf: Int32Array;
}

/** U(o) * 2^t of one offering under multipliers L, from the problem's own arrays. */
function knapsackBound(p: PackingProblem, o: number, draft: Draft, L: Float64Array): number {
  const { classCount: n, boundRequest, boundCapacity, boundMasks, demand, familyOf } = p;
  const R = L.length;
  let total = 0;
  for (let r = 0; r < R; r++) total += (L[r] as number) * (boundCapacity[o * R + r] as number);
  const mask = (p.maskOf[o] as number) * n;
  for (let c = 0; c < n; c++) {
    const rule = boundMasks[mask + c] as number;
    if (rule === 0 || (draft.y[c] as number) === 0) continue;
    let gain = (draft.y[c] as number) * scale;
    for (let r = 0; r < R; r++) gain -= (L[r] as number) * (boundRequest[c * R + r] as number);
    if (gain <= 0) continue;
    let most = demand[familyOf[c] as number] as number;
    if (rule !== unlimitedPerBin) most = Math.min(most, rule);
    for (let r = 0; r < R; r++) {
      const q = boundRequest[c * R + r] as number;
      if (q > 0) most = Math.min(most, Math.floor((boundCapacity[o * R + r] as number) / q));
    }
    total += gain * most;
  }
  return total;
}

/** (price + mu * weight) * 2^t. */
function allowance(p: PackingProblem, o: number, draft: Draft): number {
  let total = (p.priceNano[o] as number) * scale;
  p.limits.forEach((l, i) => {
    total += (draft.limit[i] as number) * (l.weight[o] as number);
  });
  return total;
}

/** Most copies of each class in one bin of the offering, as the bound may assume. */
function mostCopies(p: PackingProblem, o: number): Float64Array {
  const { classCount: n, boundRequest, boundCapacity, boundMasks, demand, familyOf } = p;
  const R = p.resourceNames.length;
  return Float64Array.from({ length: n }, (_, c) => {
    const rule = boundMasks[(p.maskOf[o] as number) * n + c] as number;
    let most = demand[familyOf[c] as number] as number;
    if (rule !== unlimitedPerBin) most = Math.min(most, rule);
    for (let r = 0; r < R; r++) {
      const q = boundRequest[c * R + r] as number;
      if (q > 0) most = Math.min(most, Math.floor((boundCapacity[o * R + r] as number) / q));
    }
    return most;
  });
}

/** Gives an offering the best multipliers for its own capacities instead of its stand-in's. */
function sharpen(p: PackingProblem, o: number, draft: Draft): void {
  const R = p.resourceNames.length;
  const { lambda } = relaxKnapsack({
    most: mostCopies(p, o),
    request: p.boundRequest,
    capacity: p.boundCapacity.subarray(o * R, o * R + R),
    y: draft.y,
  });
  draft.multiplierOf[o] =
    draft.multipliers.push(lambda.map((v) => Math.max(0, Math.round(v * scale)))) - 1;
}

interface Claims {
  readonly tables: Tables | null;
  /** Offerings whose bound rests on a table. */
  readonly offerings: number[];
}

interface Loose {
  readonly offering: number;
  /** allowance / U under multipliers, < 1. */
  readonly ratio: number;
}

/** Offerings whose multipliers do not do, by mask: their tables may. Returns the worst ratio left. */
function claim(p: PackingProblem, draft: Draft, loose: readonly Loose[], claims: Claims): number {
  const grid = (claims.tables as Tables).grid;
  let worst = 1;
  for (const group of Map.groupBy(loose, (one) => p.maskOf[one.offering]).values()) {
    const offerings = group.map((one) => one.offering);
    const values = tableBounds(p, offerings, draft.y, grid);
    group.forEach(({ offering, ratio }, i) => {
      const byTable = allowance(p, offering, draft) / ((values[i] as number) * scale);
      if (byTable > ratio) claims.offerings.push(offering);
      worst = Math.min(worst, Math.max(ratio, byTable));
    });
  }
  return worst;
}

/** min over offerings without a count of allowance / U, at most 1; sharpens all where that helps. */
function worstRatio(
  p: PackingProblem,
  draft: Draft,
  isCovered: (o: number) => boolean,
  claims: Claims,
): number {
  let worst = 1;
  const loose: Loose[] = [];
  for (let o = 0; o < p.offeringCount; o++) {
    const at = (): number =>
      knapsackBound(
        p,
        o,
        draft,
        draft.multipliers[draft.multiplierOf[o] as number] as Float64Array,
      );
    const allowed = allowance(p, o, draft);
    const before = at();
    if (before <= allowed) continue;
    const given = draft.multiplierOf[o] as number;
    sharpen(p, o, draft);
    const u = at();
    // Rounded to integers, the sharpest multipliers may be the worse ones.
    if (u > before) draft.multiplierOf[o] = given;
    // What a counted bin is worth beyond its price is paid for in the bound, not scaled away.
    if (u <= allowed || p.available[o] !== unlimitedCount) continue;
    const ratio = allowed / Math.min(before, u);
    if (isCovered(o)) loose.push({ offering: o, ratio });
    else worst = Math.min(worst, ratio);
  }
  return loose.length === 0 ? worst : Math.min(worst, claim(p, draft, loose, claims));
}

export function writeCertificate(
  p: ReducedProblem,
  rows: MasterRows,
  point: DualPoint,
  theta: number,
  lambda: Float64Array,
  tables: Tables | null,
): Certificate | null {
  const source = p.source;
  let factor = theta * slack;
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const usd = factor * nanoPerUsd;
    const zero = new Float64Array(p.R);
    const draft: Draft = {
      y: point.y.map((v) => Math.max(0, Math.floor(v * usd))),
      limit: point.limit.map((v) => Math.max(0, Math.round(v * nanoPerUsd * scale))),
      multipliers: [
        ...Array.from({ length: p.O }, (_, k) =>
          lambda.slice(k * p.R, k * p.R + p.R).map((v) => Math.max(0, Math.round(v * usd * scale))),
        ),
        zero,
      ],
      multiplierOf: p.keptFor.map((k) => (k < 0 ? p.O : k)),
    };
    const claims: Claims = { tables, offerings: [] };
    const isCovered = (o: number): boolean => tables?.covered[p.keptFor[o] as number] === 1;
    const ratio = worstRatio(source, draft, isCovered, claims);
    if (ratio < 1) {
      factor *= ratio * slack;
      continue;
    }
    const domainDual = source.domainGroups.map((g) => g.domains.map(() => 0));
    rows.domainRows.forEach((row, q) => {
      const group = domainDual[row.group] as number[];
      group[row.domain] = Math.round((point.domain[q] as number) * usd);
    });
    return {
      demand: Array.from(source.demand),
      fractionBits,
      classDual: Array.from(draft.y),
      domainDual,
      limitDual: Array.from(draft.limit),
      multipliers: draft.multipliers.map((m) => Array.from(m)),
      multiplierOf: Array.from(draft.multiplierOf),
      tables:
        tables === null || claims.offerings.length === 0
          ? []
          : [{ offerings: claims.offerings, resources: [0, 1], grid: tables.grid }],
    };
  }
  return null;
}
