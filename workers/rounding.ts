/**
 * From a fractional LP solution to whole bins: floors with completion, and diving.
 *
 * In: column generation with a solved master, demand per class. Out: groups that cover the demand
 * exactly, or null where counts and limits left pods over. Sources: solver.md stage D.
 */
import type { ColumnGeneration } from './column-generation.ts';
import type { Column, Group } from './columns.ts';
import type { KernelMemory, Pattern } from './kernel-memory.ts';
import type { ReducedProblem } from './reduce.ts';

/** Offerings that a completion considers, best first. */
const orderSize = 40;

/** Stages of one dive at most, column generation steps in each, and the share that one fixes. */
const diveStagesMax = 30;
const diveSteps = 6;
const diveShare = 0.2;

/** [class] the cheapest offering that takes it, -1 if none does. */
export function smallestOfferings(p: ReducedProblem): Int32Array {
  const smallest = new Int32Array(p.n).fill(-1);
  for (let k = 0; k < p.O; k++) {
    for (let c = 0; c < p.n; c++) {
      if ((p.many[k * p.n + c] as number) === 0) continue;
      const best = smallest[c] as number;
      if (best < 0 || (p.price[k] as number) < (p.price[best] as number)) smallest[c] = k;
    }
  }
  return smallest;
}

/**
 * Fills `order` with the offerings of the best ratio of knapsack bound to price, and for every class
 * the best and the smallest one that takes it; returns how many.
 */
export function orderOfferings(
  p: ReducedProblem,
  m: KernelMemory,
  demand: Int32Array,
  smallest: Int32Array,
): number {
  const rank = Array.from({ length: p.O }, (_, k) => k);
  const ratio = Float64Array.from(
    rank,
    (k) => (m.upper[k] as number) / ((p.price[k] as number) + 1e-9),
  );
  rank.sort((a, b) => (ratio[b] as number) - (ratio[a] as number) || a - b);
  const chosen = new Set(rank.slice(0, orderSize));
  for (let c = 0; c < p.n; c++) {
    if ((demand[c] as number) === 0) continue;
    const best = rank.find((k) => (p.many[k * p.n + c] as number) > 0);
    if (best === undefined) continue;
    chosen.add(best);
    // A small bin for what is left at the end.
    chosen.add(smallest[c] as number);
  }
  let count = 0;
  for (const k of chosen) m.order[count++] = k;
  return count;
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

/** The same bins in the cheapest offering that holds them. */
export function shrink(m: KernelMemory, { pattern, copies }: Group): Group {
  return { pattern: { ...pattern, offering: m.cheapest(pattern) }, copies };
}

function completeRest(
  m: KernelMemory,
  rem: Int32Array,
  out: Group[],
  orderCount: number,
  noise: number,
): Group[] | null {
  m.rem.set(rem);
  for (const group of m.complete(orderCount, 1, noise)) out.push(shrink(m, group));
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
  smallest: Int32Array,
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
  return completeRest(m, rem, out, orderOfferings(p, m, demand, smallest), noise);
}

/** What a dive needs of the master. */
export interface DiveContext {
  /** Sets the demand of the master's cover rows. */
  setDemand(demand: Int32Array): void;
  expired(): boolean;
}

/**
 * Fixes whole bins, generates columns for the rest, fixes more, and so on; the end by completion.
 * Each stage fixes what the LP has whole and, if that is little, its largest fractions, until a
 * share of the rest is gone.
 */
export function dive(
  p: ReducedProblem,
  m: KernelMemory,
  cg: ColumnGeneration,
  context: DiveContext,
  demand: Int32Array,
  smallest: Int32Array,
): Group[] | null {
  const rem = demand.slice();
  const out: Group[] = [];
  m.resetStock();
  for (let stage = 0; stage < diveStagesMax && !context.expired(); stage++) {
    context.setDemand(rem);
    let lp = cg.residualStep(rem).lp;
    for (let s = 1; s < diveSteps && !context.expired(); s++) {
      const step = cg.residualStep(rem);
      lp = step.lp;
      if (step.added === 0) break;
    }
    for (let c = 0; c < p.n; c++) m.value[c] = Math.max(1e-7, lp.dual[c] as number);
    const open = cg.columns
      .map((column, k) => ({ column, share: lp.x[k] ?? 0 }))
      .filter(({ column, share }) => column.kind === 'pattern' && share > 1e-6)
      .sort((a, b) => (b.share % 1) - (a.share % 1));
    let fixed = 0;
    for (const { column, share } of open) {
      const copies = Math.min(Math.floor(share + 1e-6), room(p, m, column, rem));
      if (copies === 0) continue;
      use(p, m, column, copies, rem, out);
      fixed += copies * column.cost;
    }
    for (const { column, share } of open) {
      if (fixed >= diveShare * lp.objective) break;
      if (share % 1 < 1e-6 || room(p, m, column, rem) === 0) continue;
      use(p, m, column, 1, rem, out);
      fixed += column.cost;
    }
    if (rem.every((left) => left === 0)) return out.map((group) => shrink(m, group));
    if (fixed === 0) break;
  }
  return completeRest(m, rem, out, orderOfferings(p, m, demand, smallest), 0);
}
