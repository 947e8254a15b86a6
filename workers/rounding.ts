/**
 * From a fractional LP solution to whole bins: floors with completion, and diving.
 *
 * In: column generation with a solved master, demand per class. Out: groups that cover the demand
 * exactly, or null where counts and limits left pods over. Sources: solver.md stage D.
 */
import type { ColumnGeneration } from './column-generation.ts';
import type { Column, Group } from './columns.ts';
import type { KernelMemory, Pattern } from './kernel-memory.ts';
import type { SeededRandom } from './random.ts';
import type { ReducedProblem } from './reduce.ts';

/** Offerings that a completion considers, best first. */
export const orderSize = 24;

/** LP re-solves of one dive at most. */
const diveStepsMax = 400;

/**
 * Fills `order` with the offerings of the best ratio of knapsack bound to price, and for every class
 * the best one that takes it; returns how many. `pick(k)` may veto (sampling).
 */
export function orderOfferings(
  p: ReducedProblem,
  m: KernelMemory,
  demand: Int32Array,
  size: number,
): number {
  const rank = Array.from({ length: p.O }, (_, k) => k);
  const ratio = Float64Array.from(
    rank,
    (k) => (m.upper[k] as number) / ((p.price[k] as number) + 1e-9),
  );
  rank.sort((a, b) => (ratio[b] as number) - (ratio[a] as number) || a - b);
  const chosen = rank.slice(0, size);
  const taken = new Set(chosen);
  const covered = new Uint8Array(p.n);
  for (const k of chosen)
    for (let c = 0; c < p.n; c++) if ((p.many[k * p.n + c] as number) > 0) covered[c] = 1;
  for (let c = 0; c < p.n; c++) {
    if (covered[c] === 1 || (demand[c] as number) === 0) continue;
    const k = rank.find((q) => (p.many[q * p.n + c] as number) > 0);
    if (k === undefined || taken.has(k)) continue;
    taken.add(k);
    chosen.push(k);
    for (let d = 0; d < p.n; d++) if ((p.many[k * p.n + d] as number) > 0) covered[d] = 1;
  }
  chosen.forEach((k, i) => {
    m.order[i] = k;
  });
  return chosen.length;
}

/** Takes the groups' bins out of the counts and limits that completions may still use. */
export function reserve(p: ReducedProblem, m: KernelMemory, groups: readonly Group[]): void {
  m.resetStock();
  for (const { pattern, copies } of groups) {
    const k = pattern.offering;
    if (m.countLeft[k] !== 0x7fffffff) m.countLeft[k] = (m.countLeft[k] as number) - copies;
    p.limitWeight.forEach((w, l) => {
      m.limitLeft[l] = (m.limitLeft[l] as number) - (w[k] as number) * copies;
    });
  }
}

/** Most whole bins of a pattern that `rem`, counts and limits allow. */
function room(p: ReducedProblem, m: KernelMemory, column: Column, rem: Int32Array): number {
  let most = m.countLeft[column.offering] as number;
  column.classes.forEach((c, e) => {
    most = Math.min(most, Math.floor((rem[c] as number) / (column.counts[e] as number)));
  });
  p.limitWeight.forEach((w, l) => {
    const x = w[column.offering] as number;
    if (x > 0) most = Math.min(most, Math.floor((m.limitLeft[l] as number) / x));
  });
  return Math.max(0, most);
}

function use(
  p: ReducedProblem,
  m: KernelMemory,
  column: Column,
  copies: number,
  rem: Int32Array,
  out: Group[],
): void {
  const pattern: Pattern = {
    offering: column.offering,
    classes: column.classes,
    counts: column.counts as Int32Array,
  };
  out.push({ pattern, copies });
  column.classes.forEach((c, e) => {
    rem[c] = (rem[c] as number) - (column.counts[e] as number) * copies;
  });
  if (m.countLeft[column.offering] !== 0x7fffffff) {
    m.countLeft[column.offering] = (m.countLeft[column.offering] as number) - copies;
  }
  p.limitWeight.forEach((w, l) => {
    m.limitLeft[l] = (m.limitLeft[l] as number) - (w[column.offering] as number) * copies;
  });
}

function completeRest(
  m: KernelMemory,
  rem: Int32Array,
  out: Group[],
  orderCount: number,
  noise: number,
): Group[] | null {
  m.rem.set(rem);
  out.push(...m.complete(orderCount, 1, noise));
  for (const left of m.rem) if (left > 0) return null;
  return out;
}

/** Whole bins by flooring x + theta, the rest by guided completion under values `y`. */
export function roundFloor(
  p: ReducedProblem,
  m: KernelMemory,
  cg: ColumnGeneration,
  x: Float64Array,
  demand: Int32Array,
  theta: number,
  noise: number,
): Group[] | null {
  const rem = demand.slice();
  const out: Group[] = [];
  m.resetStock();
  const byFraction = cg.columns
    .map((column, k) => ({ column, x: x[k] ?? 0 }))
    .filter((q) => q.column.kind === 'pattern' && q.x + theta >= 1 - 1e-6)
    .sort((a, b) => b.x - a.x);
  for (const { column, x: share } of byFraction) {
    const copies = Math.min(Math.floor(share + theta + 1e-6), room(p, m, column, rem));
    if (copies > 0) use(p, m, column, copies, rem, out);
  }
  return completeRest(m, rem, out, orderOfferings(p, m, demand, orderSize), noise);
}

/** Where a dive writes its duals after the last re-solve: better values for completions. */
export interface DiveContext {
  /** Sets the demand of the master's cover rows. */
  setDemand(demand: Int32Array): void;
  solve(): { x: Float64Array; dual: Float64Array };
  expired(): boolean;
}

/** Fixes whole bins, re-solves for the rest, and so on; the end by completion. */
export function dive(
  p: ReducedProblem,
  m: KernelMemory,
  cg: ColumnGeneration,
  context: DiveContext,
  demand: Int32Array,
  random: SeededRandom,
): Group[] | null {
  const rem = demand.slice();
  const out: Group[] = [];
  m.resetStock();
  let { x, dual } = context.solve();
  for (let step = 0; step < diveStepsMax && !context.expired(); step++) {
    let fixed = false;
    let best: { column: Column; fraction: number } | null = null;
    cg.columns.forEach((column, k) => {
      const share = x[k] ?? 0;
      if (column.kind !== 'pattern' || share < 1e-6) return;
      const most = room(p, m, column, rem);
      if (most === 0) return;
      const whole = Math.floor(share + 1e-6);
      if (whole > 0) {
        use(p, m, column, Math.min(whole, most), rem, out);
        fixed = true;
      } else if (best === null || share > best.fraction) best = { column, fraction: share };
    });
    if (!fixed) {
      const pick = best as { column: Column } | null;
      if (pick === null) break;
      use(p, m, pick.column, 1, rem, out);
    }
    if (rem.every((left) => left === 0)) return out;
    context.setDemand(rem);
    ({ x, dual } = context.solve());
    for (let c = 0; c < p.n; c++) m.value[c] = Math.max(1e-7, dual[c] as number);
  }
  return completeRest(m, rem, out, orderOfferings(p, m, demand, orderSize), 0.05 * random.next());
}
