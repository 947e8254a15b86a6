/**
 * Column generation, in two modes: raising the lower bound, or collecting good bin contents.
 *
 * In: a reduced problem in kernel memory, a master, first columns. Out, after each `step`: the best
 * bound with the duals that gave it, the LP solution, the columns. Stops by itself when the bound
 * meets the LP or nothing more can be priced. Work is counted in steps; no clock is read here.
 * Source: solver.md stage C (Wentges smoothing, SIMD Lagrangian scan, pattern search, fluid columns).
 */

import { type Mode, tuning } from './column-tuning.ts';
import {
  type Column,
  type ColumnKind,
  columnKey,
  possibleColumns,
  reducedCost,
} from './columns.ts';
import { exchangeColumns } from './exchange.ts';
import { shareValues } from './first-columns.ts';
import { fluidContent } from './fluid.ts';
import type { KernelMemory, Pattern } from './kernel-memory.ts';
import { boundAt, type DualPoint, dearness, dualPoint, mix } from './lagrangian.ts';
import { type Master, MasterError, type MasterResult } from './master.ts';
import { binColumn, type MasterRows, splitColumns } from './master-rows.ts';
import type { ReducedProblem } from './reduce.ts';
import { planTables, priceByTables, repair, type Tables } from './tables.ts';

export interface StepReport {
  readonly added: number;
  readonly done: boolean;
}

type Content = Pick<Column, 'classes' | 'counts'>;

export class ColumnGeneration {
  readonly columns: Column[] = [];
  bound = -Infinity;
  bestPoint: DualPoint;
  bestTheta = 1;
  bestLambda: Float64Array;
  lp: MasterResult | null = null;
  iterations = 0;
  readonly #p: ReducedProblem;
  readonly #rows: MasterRows;
  readonly #memory: KernelMemory;
  readonly #createMaster: (rows: readonly number[]) => Master;
  #master: Master;
  readonly #seen = new Set<string>();
  #alpha: number = tuning.smoothing;

  readonly #mode: Mode;
  /** What a bin costs: money for the bound, money and steering for plans. */
  readonly #prices: Float64Array;
  #guided = false;
  /** Bound mode: tables for small bins, and whether they are in use by now. */
  readonly tables: Tables | null;
  #exact = false;
  #refutations = 0;
  /** [offering] the knapsack bounds at the best point. */
  #bestUpper: Float64Array = new Float64Array(0);

  constructor(
    mode: Mode,
    p: ReducedProblem,
    rows: MasterRows,
    memory: KernelMemory,
    createMaster: (rows: readonly number[]) => Master,
    start: DualPoint | null,
  ) {
    this.#mode = mode;
    this.#prices = mode === 'bound' ? p.money : p.price;
    this.#p = p;
    this.#rows = rows;
    this.#memory = memory;
    this.#createMaster = createMaster;
    this.#master = createMaster(rows.lower);
    this.bestPoint = start ?? {
      y: shareValues(p, this.#prices),
      domain: new Float64Array(rows.domainRows.length),
      limit: new Float64Array(p.limitMax.length),
    };
    this.bestLambda = memory.lambda.slice();
    this.tables = mode === 'bound' ? planTables(p) : null;
    this.#push(splitColumns(p, rows));
    if (mode === 'bound') this.#push(exchangeColumns(p, rows));
  }

  /** Adds integer patterns (an incumbent, a pool from an earlier solve). */
  addPatterns(patterns: readonly Pattern[]): number {
    return this.#addBins(patterns.map((q) => this.#bin('pattern', q.offering, q)));
  }

  /** Adds fractional contents (from an earlier solve). */
  addFluid(contents: readonly Pick<Column, 'offering' | 'classes' | 'counts'>[]): number {
    return this.#addBins(contents.map((q) => this.#bin('fluid', q.offering, q)));
  }

  /** [column] reduced costs at the last LP's duals: what to keep for later. */
  reducedCosts(): Float64Array {
    const dual = this.lp?.dual ?? new Float64Array(this.#rows.lower.length);
    return Float64Array.from(this.columns, (c) => reducedCost(c, dual));
  }

  #addBins(bins: readonly Column[]): number {
    const fresh: Column[] = [];
    for (const column of bins) {
      const key = columnKey(column.offering, column.classes, column.counts);
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      fresh.push(column);
    }
    this.#push(fresh);
    return fresh.length;
  }

  #bin(kind: ColumnKind, k: number, { classes, counts }: Content): Column {
    return binColumn(this.#p, this.#rows, kind, k, classes, counts, this.#prices);
  }

  #push(columns: readonly Column[]): void {
    this.#master.addColumns(columns);
    for (const c of columns) this.columns.push(c);
  }

  /** Re-solves the master; on a numerical failure rebuilds it cold once. */
  solveMaster(): MasterResult {
    try {
      this.lp = this.#master.solve();
    } catch (error) {
      if (!(error instanceof MasterError)) throw error;
      this.#master = this.#createMaster(this.#rows.lower);
      this.#master.addColumns(this.columns);
      this.lp = this.#master.solve();
    }
    return this.lp;
  }

  get master(): Master {
    return this.#master;
  }

  /** Plan mode: prices near these duals (the bound search's best) instead of its own past. */
  guide(point: DualPoint): void {
    this.bestPoint = point;
    this.#guided = true;
    this.#alpha = tuning.guidance;
  }

  /**
   * Plan mode: adds good patterns of every offering that nearly pays at the guiding duals, whatever
   * the LP says of them now. Returns how many were new.
   */
  enrich(): number {
    const p = this.#p;
    const m = this.#memory;
    const point = this.bestPoint;
    m.y.set(point.y);
    for (let k = 0; k < p.O; k++) m.target[k] = dearness(p, point, k, p.money);
    m.boundScan(tuning.scanSteps);
    const rank: { k: number; ratio: number }[] = [];
    for (let k = 0; k < p.O; k++) {
      const ratio = (m.upper[k] as number) / ((m.target[k] as number) + 1e-9);
      if (ratio > tuning.enrichAbove) rank.push({ k, ratio });
    }
    rank.sort((x, z) => z.ratio - x.ratio || x.k - z.k);
    const bins: Column[] = [];
    for (const { k } of rank.slice(0, tuning.enrichOfferings)) {
      for (const { pattern } of m.search(k, tuning.enrichRounds, tuning.enrichKeep)) {
        bins.push(this.#bin('pattern', k, pattern));
      }
    }
    return this.#addBins(bins);
  }

  /**
   * Plan mode: one step for a rest of the demand (the master's rows hold it): patterns of no more
   * copies than `rem`. Returns the LP before the new columns.
   */
  residualStep(rem: Int32Array): { lp: MasterResult; added: number } {
    const p = this.#p;
    const m = this.#memory;
    const lp = this.#master.solve();
    const point = dualPoint(p, this.#rows, lp.dual);
    m.y.set(point.y);
    m.rem.set(rem);
    for (let k = 0; k < p.O; k++) m.target[k] = dearness(p, point, k, this.#prices);
    m.boundScan(tuning.residualScanSteps);
    const rank: { k: number; ratio: number }[] = [];
    for (let k = 0; k < p.O; k++) {
      const ratio = (m.upper[k] as number) / ((m.target[k] as number) + 1e-9);
      if (ratio > 1 + 1e-9) rank.push({ k, ratio });
    }
    rank.sort((x, z) => z.ratio - x.ratio || x.k - z.k);
    const bins: { d: number; column: Column }[] = [];
    for (const { k } of rank.slice(0, tuning.offeringsPerStep)) {
      for (const { pattern } of m.search(k, tuning.residualRounds, 2, true)) {
        const column = this.#bin('pattern', k, pattern);
        const d = reducedCost(column, lp.dual);
        if (d < -1e-7 * (column.cost + 1e-6)) bins.push({ d: d / (column.cost + 1e-6), column });
      }
    }
    bins.sort((x, z) => x.d - z.d);
    return { lp, added: this.#addBins(bins.map((b) => b.column)) };
  }

  /** From now on small bins are priced by tables: their fractional contents no longer count. */
  #goExact(tables: Tables): void {
    this.#exact = true;
    this.#alpha = tuning.smoothing;
    // Dropped, not priced out: a table may offer one of these contents again, as a whole one.
    this.#rebuild(
      this.columns.filter((c) => c.kind !== 'fluid' || tables.covered[c.offering] !== 1),
    );
  }

  /** One round: solve, smooth, scan, search, add. Where tables help, the end is priced with them. */
  step(gapTarget: number): StepReport {
    const report = this.#step(gapTarget);
    if (!report.done || this.tables === null || this.#exact) return report;
    this.#goExact(this.tables);
    return { ...report, done: false };
  }

  #step(gapTarget: number): StepReport {
    this.iterations++;
    const lp = this.solveMaster();
    const ahead = lp.objective - this.bound;
    if (this.#exact && ahead < -tuning.contradiction * this.bound && this.#dropRefuted())
      return { added: 0, done: false };
    if (ahead <= gapTarget * Math.abs(lp.objective)) return { added: 0, done: true };
    const here = dualPoint(this.#p, this.#rows, lp.dual);
    const a = this.bound === -Infinity ? 0.5 : this.#alpha;
    let added = this.#price(a > 0 ? mix(a, this.bestPoint, here) : here, lp.dual);
    if (this.#mode === 'bound' && added < tuning.thin && added > 0 && a > 0) {
      // Few offerings left to satisfy: a second point gives a second column of each.
      added += this.#price(here, lp.dual);
    }
    if (added === 0 && a > 0) {
      added = this.#price(here, lp.dual);
      this.#alpha = Math.max(0, this.#alpha - tuning.smoothingStep);
    }
    if (this.columns.length > tuning.purgeSize) this.#purge(lp.dual);
    return { added, done: added === 0 };
  }

  /** Scans at a point, takes its bound, searches the offerings that beat it; returns columns added. */
  #price(point: DualPoint, dual: Float64Array): number {
    const p = this.#p;
    const m = this.#memory;
    m.y.set(point.y);
    for (let k = 0; k < p.O; k++) m.target[k] = dearness(p, point, k, p.money);
    m.boundScan(tuning.scanSteps);
    if (!this.#guided) this.#takeBound(point);
    const target = Float64Array.from({ length: p.O }, (_, k) => {
      const row = this.#rows.countRow[k] as number;
      return dearness(p, point, k, this.#prices) + (row >= 0 ? (dual[row] as number) : 0);
    });
    const worth: { k: number; ratio: number }[] = [];
    for (let k = 0; k < p.O; k++) {
      const u = m.upper[k] as number;
      if (u > (target[k] as number) * (1 + 1e-9) + 1e-12)
        worth.push({ k, ratio: u / ((target[k] as number) + 1e-9) });
    }
    worth.sort((x, z) => z.ratio - x.ratio || x.k - z.k);
    const few = worth.length < tuning.few;
    const found: { d: number; column: Column }[] = [];
    const top = worth.slice(0, tuning.offeringsPerStep);
    if (this.#mode === 'bound') this.#fluid(top, point, dual, target, found);
    for (const { k } of this.#mode === 'bound' ? [] : top) {
      const results = m.search(
        k,
        few ? tuning.roundsWhenFew : tuning.rounds,
        few ? tuning.keepWhenFew : tuning.keep,
      );
      for (const { pattern } of results) {
        const column = this.#bin('pattern', k, pattern);
        const d = reducedCost(column, dual);
        if (d < -1e-7 * (column.cost + 1e-6)) {
          found.push({ d: d / (column.cost + 1e-6), column });
        }
      }
    }
    found.sort((x, z) => x.d - z.d);
    return this.#addBins(found.slice(0, tuning.columnsPerStep).map((f) => f.column));
  }

  /**
   * Solves the relaxed knapsacks of the offerings that beat their price: sharper multipliers for the
   * next scan, a sharper bound now, and fluid columns.
   */
  #fluid(
    top: readonly { k: number }[],
    point: DualPoint,
    dual: Float64Array,
    target: Float64Array,
    found: { d: number; column: Column }[],
  ): void {
    const p = this.#p;
    const m = this.#memory;
    if (this.#exact) this.#byTables(point, dual, target, found);
    for (const { k } of top) {
      if (this.#exact && this.tables?.covered[k] === 1) continue;
      const fluid = fluidContent(p, k, point.y);
      m.lambda.set(fluid.lambda, k * p.R);
      m.upper[k] = Math.min(m.upper[k] as number, fluid.value * (1 + 1e-9));
      if (fluid.value <= (target[k] as number) * (1 + 1e-7)) continue;
      const column = this.#bin('fluid', k, fluid);
      const d = reducedCost(column, dual);
      if (d < -1e-8 * (column.cost + 1e-6)) found.push({ d: d / (column.cost + 1e-6), column });
    }
    this.#takeBound(point);
  }

  #byTables(
    point: DualPoint,
    dual: Float64Array,
    target: Float64Array,
    found: { d: number; column: Column }[],
  ): void {
    const p = this.#p;
    const m = this.#memory;
    const wanted = Uint8Array.from({ length: p.O }, (_, k) =>
      (m.upper[k] as number) > (target[k] as number) * (1 + 1e-9) + 1e-12 ? 1 : 0,
    );
    const contents = priceByTables(p, this.tables as Tables, point.y, wanted, target, m.upper);
    for (const content of contents) {
      const k = content.offering;
      const whole = repair(p, content, point.y);
      const candidates = [this.#bin('fluid', k, whole)];
      // Rounding to the grid may allow more than fractions do: then fractions are the better bound.
      const fluid = fluidContent(p, k, point.y);
      m.lambda.set(fluid.lambda, k * p.R);
      const byFluid = fluid.value * (1 + 1e-9) < (m.upper[k] as number);
      if (byFluid) m.upper[k] = fluid.value * (1 + 1e-9);
      if ((m.upper[k] as number) <= (target[k] as number) * (1 + 1e-7)) continue;
      const loose = byFluid ? fluid : content;
      candidates.push(this.#bin('fluid', k, loose));
      for (const column of candidates) {
        const d = reducedCost(column, dual);
        if (d >= -1e-8 * (column.cost + 1e-6)) continue;
        found.push({ d: d / (column.cost + 1e-6), column });
        break;
      }
    }
  }

  #takeBound(point: DualPoint): void {
    const bound = boundAt(this.#p, this.#rows, point, this.#memory.upper);
    if (bound.value <= this.bound) return;
    this.bound = bound.value;
    this.bestPoint = point;
    this.bestTheta = bound.theta;
    this.bestLambda = this.#memory.lambda.slice();
    this.#bestUpper = this.#memory.upper.slice();
  }

  /**
   * A proven bound above the LP refutes some of its columns: contents that fit a table's grid but
   * not the fractions, or the other way round. Leaves them out; false if there are none, or this
   * has happened too often.
   */
  #dropRefuted(): boolean {
    if (this.#refutations >= tuning.refutationsMax) return false;
    this.#refutations++;
    const kept = possibleColumns(this.columns, this.bestPoint.y, this.#bestUpper);
    if (kept.length === this.columns.length) return false;
    this.#rebuild(kept);
    return true;
  }

  /** Rebuilds the master without columns that have long been too dear. */
  #purge(dual: Float64Array): void {
    const lp = this.lp as MasterResult;
    const kept = this.columns.filter(
      (c, k) =>
        c.offering < 0 ||
        (lp.x[k] as number) > 1e-9 ||
        reducedCost(c, dual) < tuning.purgeAbove * c.cost,
    );
    if (kept.length > tuning.purgeSize * 0.8) return;
    this.#rebuild(kept);
  }

  /** A fresh master with these columns only. */
  #rebuild(kept: readonly Column[]): void {
    this.columns.length = 0;
    this.#seen.clear();
    this.#master.dispose();
    this.#master = this.#createMaster(this.#rows.lower);
    for (const c of kept)
      if (c.offering >= 0) this.#seen.add(columnKey(c.offering, c.classes, c.counts));
    this.#push(kept);
  }

  dispose(): void {
    this.#master.dispose();
  }
}
