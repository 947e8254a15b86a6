/**
 * Lower bounds from duals, and the certificate that proves one.
 *
 * In: duals of the master and the knapsack bounds of a scan. Out: a float bound while searching; at
 * the end a Certificate in integers. The arithmetic of the certificate is described in
 * core/packing/solution.ts and re-done by core/packing/certificate.ts, which shares nothing with
 * this file. Source: Farley's scaling over Lagrangian knapsack bounds, solver.md section 3.
 */
import type { MasterRows } from './master-rows.ts';
import { anyNumber, type ReducedProblem } from './reduce.ts';

/** Duals in USD: a point at which a bound is computed. */
export interface DualPoint {
  /** [class], >= 0. */
  readonly y: Float64Array;
  /** [domain row] any sign: > 0 prices the minimum, < 0 the maximum. */
  readonly domain: Float64Array;
  /** [limit] >= 0, USD per unit of weight. */
  readonly limit: Float64Array;
}

export interface Bound {
  readonly value: number;
  /** Farley's factor: by how much the duals had to shrink to be feasible. */
  readonly theta: number;
}

/** Reads the duals of the master at the rows that a bound uses. */
export function dualPoint(p: ReducedProblem, rows: MasterRows, dual: Float64Array): DualPoint {
  return {
    y: dual.slice(0, p.n),
    domain: Float64Array.from(rows.domainRows, (d) => {
      if (!d.boundSafe) return 0;
      const low = d.lowRow >= 0 ? (dual[d.lowRow] as number) : 0;
      const high = d.highRow >= 0 ? (dual[d.highRow] as number) : 0;
      return low - high;
    }),
    limit: Float64Array.from(
      rows.limitRow,
      (row, l) => (dual[row] as number) * (rows.limitScale[l] as number),
    ),
  };
}

/** a * p + (1 - a) * q. */
export function mix(a: number, p: DualPoint, q: DualPoint): DualPoint {
  const blend = (x: Float64Array, z: Float64Array): Float64Array =>
    x.map((v, i) => a * v + (1 - a) * (z[i] as number));
  return { y: blend(p.y, q.y), domain: blend(p.domain, q.domain), limit: blend(p.limit, q.limit) };
}

/** price + mu * weight of a kept offering: what its contents must beat. */
export function dearness(
  p: ReducedProblem,
  point: DualPoint,
  k: number,
  prices: Float64Array,
): number {
  let total = prices[k] as number;
  for (let l = 0; l < point.limit.length; l++) {
    total += (point.limit[l] as number) * ((p.limitWeight[l] as Float64Array)[k] as number);
  }
  return total;
}

/** The demand term: the least that covering the demand can be worth at these duals. */
export function demandTerm(p: ReducedProblem, rows: MasterRows, point: DualPoint): number {
  const { familyOf, demand, familyCount } = p.source;
  const shift = new Float64Array(p.n);
  let sum = 0;
  rows.domainRows.forEach((d, q) => {
    const s = point.domain[q] as number;
    if (s === 0) return;
    for (const c of d.classes) shift[c] = (shift[c] as number) + s;
    sum += s > 0 ? s * d.min : s * d.max;
  });
  const least = new Float64Array(familyCount).fill(Infinity);
  for (let c = 0; c < p.n; c++) {
    const f = familyOf[c] as number;
    least[f] = Math.min(least[f] as number, (point.y[c] as number) - (shift[c] as number));
  }
  for (let f = 0; f < familyCount; f++) {
    if ((demand[f] as number) > 0) sum += (demand[f] as number) * (least[f] as number);
  }
  return sum;
}

/** The bound at a point, given `upper` [k] = knapsack bounds at the same point. */
export function boundAt(
  p: ReducedProblem,
  rows: MasterRows,
  point: DualPoint,
  upper: Float64Array,
): Bound {
  let theta = 1;
  for (let k = 0; k < p.O; k++) {
    const u = upper[k] as number;
    if (p.count[k] === anyNumber && u > 0)
      theta = Math.min(theta, dearness(p, point, k, p.money) / u);
  }
  let value = theta * demandTerm(p, rows, point);
  for (let k = 0; k < p.O; k++) {
    if (p.count[k] !== anyNumber) {
      const gain = theta * (upper[k] as number) - dearness(p, point, k, p.money);
      if (gain > 0) value -= gain * (p.count[k] as number);
    }
  }
  point.limit.forEach((mu, l) => {
    value -= mu * (p.limitMax[l] as number);
  });
  return { value, theta };
}
