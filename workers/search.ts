/**
 * One search: bound and plan for one problem, advanced in rounds whose work is counted, not timed.
 *
 * In: a problem that can be served in full (what cannot be is taken out before, see
 * solve-problem.ts), a first plan. Out: the incumbent, the bound, the certificate. The clock is only
 * asked whether to stop, so that two runs that both finish take the same path.
 */
import type { PackingProblem } from '../core/packing/problem.ts';
import type { Bin, Certificate } from '../core/packing/solution.ts';
import { writeCertificate } from './certify.ts';
import { ColumnGeneration } from './column-generation.ts';
import type { Group } from './columns.ts';
import { contentOf, groupsOf, Incumbent } from './incumbent.ts';
import { KernelMemory, type Pattern } from './kernel-memory.ts';
import { loadKernels } from './kernels.ts';
import type { DualPoint } from './lagrangian.ts';
import type { Master } from './master.ts';
import { buildRows, type MasterRows } from './master-rows.ts';
import { Neighbourhood } from './neighbourhood.ts';
import { SeededRandom } from './random.ts';
import { type ReducedProblem, reduce } from './reduce.ts';
import { dive, orderOfferings, orderSize, roundFloor } from './rounding.ts';
import { splitDemand } from './split-demand.ts';

/** Thetas of one floor rounding. */
const thetas = [0, 0.3, 0.5, 0.15] as const;

/** Pricing steps over whole patterns before a rounding. */
const integerSteps = 12;

export interface SearchStart {
  readonly problem: PackingProblem;
  readonly firstPlan: readonly Bin[];
  readonly seed: number;
  readonly createMaster: (rows: readonly number[]) => Master;
  /** Columns and duals of an earlier, similar problem, in this problem's terms. */
  readonly warmPatterns: readonly Pattern[];
  readonly warmPoint: DualPoint | null;
}

export class Search {
  readonly p: ReducedProblem;
  readonly rows: MasterRows;
  readonly cg: ColumnGeneration;
  readonly incumbent: Incumbent;
  boundDone = false;
  readonly #m: KernelMemory;
  readonly #random: SeededRandom;
  readonly #neighbourhood: Neighbourhood;
  /** [class] pods to place, once the split over domains is decided. */
  #demand: Int32Array;
  #y: Float64Array;

  constructor(start: SearchStart) {
    this.p = reduce(start.problem);
    this.#m = new KernelMemory(loadKernels(), this.p);
    this.#m.seed(start.seed);
    this.#random = new SeededRandom(start.seed);
    this.rows = buildRows(this.p);
    this.incumbent = new Incumbent(this.p);
    this.cg = new ColumnGeneration(this.p, this.rows, this.#m, start.createMaster, start.warmPoint);
    this.#neighbourhood = new Neighbourhood(this.p, this.#m, this.#random);
    const first = groupsOf(this.p, start.firstPlan);
    this.incumbent.take(first);
    this.#demand = contentOf(this.p, first);
    this.#y = this.cg.bestPoint.y;
    this.cg.addPatterns(first.map((g) => g.pattern));
    this.cg.addPatterns(this.#singles());
    this.cg.addPatterns(start.warmPatterns);
  }

  /** For each class the offering that holds it cheapest when filled with nothing else. */
  #singles(): Pattern[] {
    const { n, O, many, price } = this.p;
    const result: Pattern[] = [];
    for (let c = 0; c < n; c++) {
      let best = -1;
      let score = Infinity;
      for (let k = 0; k < O; k++) {
        const copies = many[k * n + c] as number;
        if (copies > 0 && (price[k] as number) / copies < score) {
          score = (price[k] as number) / copies;
          best = k;
        }
      }
      if (best >= 0) {
        const counts = Int32Array.of(many[best * n + c] as number);
        result.push({ offering: best, classes: Int32Array.of(c), counts });
      }
    }
    return result;
  }

  /** A greedy plan at the duals so far: fast, and a source of complementary columns. */
  greedyRound(): void {
    const m = this.#m;
    m.y.set(this.cg.bestPoint.y);
    if (this.cg.iterations === 0) {
      m.target.set(this.p.price);
      m.boundScan(8);
    }
    this.#values(this.cg.bestPoint.y);
    m.resetStock();
    m.rem.set(this.#demand);
    const groups = m.complete(orderOfferings(this.p, m, this.#demand, orderSize), 1, 0);
    this.cg.addPatterns(groups.map((g) => g.pattern));
    if (m.rem.every((left) => left === 0)) this.incumbent.take(groups);
  }

  #values(y: Float64Array): void {
    this.#y = y;
    for (let c = 0; c < this.p.n; c++) this.#m.value[c] = Math.max(1e-7, y[c] as number);
  }

  /** Up to `steps` steps of column generation. */
  boundRound(steps: number, gap: number, stop: () => boolean): void {
    for (let s = 0; s < steps && !this.boundDone && !stop(); s++) this.boundDone = this.cg.step(gap).done;
  }

  /** Decides the split over domains from the LP and keeps it if it leads to a cheaper plan. */
  #resplit(): Int32Array {
    if (this.p.source.domainGroups.length === 0) return this.#demand;
    const wish = new Float64Array(this.p.n);
    const x = this.cg.lp?.x;
    this.cg.columns.forEach((column, k) => {
      if (column.kind === 'split') wish[column.classes[0] as number] = x?.[k] ?? 0;
    });
    return splitDemand(this.p.source, wish, this.#demand);
  }

  /** Plans from the LP by flooring, each improved by `tries` moves. */
  floorRound(tries: number, stop: () => boolean): void {
    if (this.cg.lp === null) return;
    const demand = this.#resplit();
    const lp = this.cg.integerPhase(integerSteps, stop);
    for (const [q, theta] of thetas.entries()) {
      if (stop()) return;
      this.#values(lp.dual.subarray(0, this.p.n));
      this.#take(roundFloor(this.p, this.#m, this.cg, lp.x, demand, theta, q < 2 ? 0 : 0.15), tries, stop);
    }
  }

  /** Improves a plan and takes it if it beats the incumbent; a plan for another split may win too. */
  #take(groups: Group[] | null, tries: number, stop: () => boolean): void {
    if (groups === null) return;
    this.#neighbourhood.start(groups, this.#y);
    this.#neighbourhood.run(tries, stop);
    const better = this.#neighbourhood.groups();
    if (this.incumbent.take(better)) this.#demand = contentOf(this.p, better);
  }

  /** One dive with LP re-solves; the master's rows are put back afterwards. */
  diveRound(tries: number, stop: () => boolean): void {
    const { cg, p } = this;
    if (cg.lp === null) return;
    const demand = this.#resplit();
    cg.columns.forEach((c, k) => {
      if (c.kind !== 'pattern') cg.master.setCost(k, 1e6);
    });
    this.rows.lower.forEach((_, i) => {
      if (i >= p.n) cg.master.setRow(i, i < this.#firstStockRow() ? -1e9 : (this.rows.lower[i] as number));
    });
    const setDemand = (rem: Int32Array): void => rem.forEach((d, c) => cg.master.setRow(c, d));
    setDemand(demand);
    const context = { setDemand, solve: () => cg.master.solve(), expired: stop };
    const groups = dive(p, this.#m, cg, context, demand, this.#random);
    this.rows.lower.forEach((lower, i) => cg.master.setRow(i, lower));
    cg.columns.forEach((c, k) => {
      if (c.kind !== 'pattern') cg.master.setCost(k, c.cost);
    });
    this.#take(groups, tries, stop);
  }

  /** Rows below this index and beyond the classes speak of splits; from here on of limits, counts. */
  #firstStockRow(): number {
    const stock = [...this.rows.limitRow, ...this.rows.countRow.filter((r) => r >= 0)];
    return stock.length === 0 ? this.rows.lower.length : Math.min(...stock);
  }

  /** `tries` moves from the incumbent. Returns how many improved it. */
  improveRound(tries: number, stop: () => boolean): number {
    const before = this.incumbent.cost;
    this.#neighbourhood.start(this.incumbent.groups, this.#y);
    const taken = this.#neighbourhood.run(tries, stop);
    if (this.#neighbourhood.cost < before - 1e-10) this.incumbent.take(this.#neighbourhood.groups());
    return taken;
  }

  certificate(): Certificate | null {
    return writeCertificate(this.p, this.rows, this.cg.bestPoint, this.cg.bestTheta, this.cg.bestLambda);
  }

  dispose(): void {
    this.cg.dispose();
  }
}
