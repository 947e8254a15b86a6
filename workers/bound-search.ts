/**
 * The half of a solve that raises the lower bound.
 *
 * In: a problem whose demand can be served. Out: a float bound after each round, a certificate at
 * the end. It never looks at plans: column generation over fractional contents, priced exactly.
 */
import type { Bin, Certificate } from '../core/packing/solution.ts';
import { writeCertificate } from './certify.ts';
import { ColumnGeneration } from './column-generation.ts';
import { singleClassPatterns } from './first-columns.ts';
import { groupsOf } from './incumbent.ts';
import { KernelMemory } from './kernel-memory.ts';
import { loadKernels } from './kernels.ts';
import { type Master, MasterError } from './master.ts';
import { buildRows, type MasterRows } from './master-rows.ts';
import type { ReducedProblem } from './reduce.ts';
import { orderOfferings, shrink, smallestOfferings } from './rounding.ts';
import { fit, type WarmColumn, type WarmStart, warmColumns } from './warm-state.ts';

/** Scan steps before the greedy plan. */
const greedyScanSteps = 8;

export class BoundSearch {
  readonly #p: ReducedProblem;
  readonly #rows: MasterRows;
  readonly cg: ColumnGeneration;
  done = false;

  constructor(
    p: ReducedProblem,
    firstPlan: readonly Bin[],
    createMaster: (rows: readonly number[]) => Master,
    warm: WarmStart | null,
  ) {
    this.#p = p;
    this.#rows = buildRows(p, 'bound');
    const memory = new KernelMemory(loadKernels(), p);
    this.cg = new ColumnGeneration('bound', p, this.#rows, memory, createMaster, null);
    if (warm !== null) {
      const { y } = this.cg.bestPoint;
      warm.y.forEach((v, c) => {
        if (v >= 0) y[c] = v;
      });
      this.cg.addFluid(warm.bound.flatMap((column) => fit(p, column, p.boundMany) ?? []));
    }
    this.cg.addPatterns(groupsOf(p, firstPlan).map((g) => g.pattern));
    this.cg.addPatterns(singleClassPatterns(p, p.money));
    if (warm === null) this.#startFromGreedy(memory);
  }

  /**
   * A greedy plan prices its pods: each bin's price by the shares of its contents. Duals that start
   * there are within a few steps of a useful bound; those of pods alone are not.
   */
  #startFromGreedy(memory: KernelMemory): void {
    const p = this.#p;
    const demand = Int32Array.from(p.source.familyOf, (f, c) =>
      this.#rows.isSplit[c] === 1 ? 0 : (p.source.demand[f] as number),
    );
    const { y } = this.cg.bestPoint;
    memory.y.set(y);
    memory.target.set(p.money);
    memory.boundScan(greedyScanSteps);
    for (let c = 0; c < p.n; c++) memory.value[c] = Math.max(1e-7, y[c] as number);
    memory.resetStock();
    memory.rem.set(demand);
    const order = orderOfferings(p, memory, demand, smallestOfferings(p));
    const groups = memory.complete(order, 1, 0).map((group) => shrink(memory, group));
    this.cg.addPatterns(groups.map((g) => g.pattern));
    const paid = new Float64Array(p.n);
    const placed = new Float64Array(p.n);
    for (const { pattern, copies } of groups) {
      const k = pattern.offering;
      const load = (c: number): number => {
        let sum = 0;
        for (let r = 0; r < p.R; r++) {
          const capacity = p.capacity[k * p.R + r] as number;
          if (capacity > 0) sum += (p.source.request[c * p.R + r] as number) / capacity;
        }
        return sum;
      };
      let total = 0;
      pattern.classes.forEach((c, e) => {
        total += load(c) * (pattern.counts[e] as number);
      });
      pattern.classes.forEach((c, e) => {
        const pods = (pattern.counts[e] as number) * copies;
        paid[c] =
          (paid[c] as number) + ((p.money[k] as number) * pods * load(c)) / Math.max(total, 1e-12);
        placed[c] = (placed[c] as number) + pods;
      });
    }
    for (let c = 0; c < p.n; c++) {
      if ((placed[c] as number) > 0) y[c] = (paid[c] as number) / (placed[c] as number);
    }
  }

  /** What the next solve may start from. */
  warmColumns(): WarmColumn[] {
    return warmColumns(this.#p, this.cg.columns, this.cg.reducedCosts());
  }

  /** USD per hour; -Infinity before the first round. */
  get bound(): number {
    return this.cg.bound;
  }

  /** Up to `steps` steps; stops early when the bound meets its LP within `gap`. */
  round(steps: number, gap: number, stop: () => boolean): void {
    try {
      for (let s = 0; s < steps && !this.done && !stop(); s++) this.done = this.cg.step(gap).done;
    } catch (error) {
      // The LP library gave up twice: the bound so far stands.
      if (!(error instanceof MasterError)) throw error;
      this.done = true;
    }
  }

  /** The best duals scaled so that no content of any offering is worth more than its price. */
  feasibleDuals(): { readonly y: Float64Array; readonly lambda: Float64Array } {
    const factor = this.cg.bestTheta * (1 - 1e-9);
    return {
      y: this.cg.bestPoint.y.map((v) => v * factor),
      lambda: this.cg.bestLambda.map((v) => v * factor),
    };
  }

  certificate(): Certificate | null {
    return writeCertificate(
      this.#p,
      this.#rows,
      this.cg.bestPoint,
      this.cg.bestTheta,
      this.cg.bestLambda,
      this.cg.tables,
    );
  }

  dispose(): void {
    this.cg.dispose();
  }
}
