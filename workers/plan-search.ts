/**
 * The half of a solve that lowers the plan.
 *
 * In: a problem that the first plan serves in full, and that plan. Out: after each round the
 * cheapest plan found. Rounds are a fixed schedule of counted work: column generation over whole
 * contents, rounding from its LP, a dive, neighbourhood search. It never looks at the bound.
 */
import type { Bin } from '../core/packing/solution.ts';
import { ColumnGeneration } from './column-generation.ts';
import { costOf, type Group, outOfUse } from './columns.ts';
import { shareValues, singleClassPatterns } from './first-columns.ts';
import { binsOf, contentOf, groupsOf, Incumbent } from './incumbent.ts';
import { KernelMemory, type Pattern } from './kernel-memory.ts';
import { loadKernels } from './kernels.ts';
import type { DualPoint } from './lagrangian.ts';
import { type Master, MasterError } from './master.ts';
import { buildRows, type MasterRows } from './master-rows.ts';
import { Neighbourhood } from './neighbourhood.ts';
import { SeededRandom } from './random.ts';
import { anyNumber, type ReducedProblem } from './reduce.ts';
import { dive, orderOfferings, roundFloor, shrink, smallestOfferings } from './rounding.ts';
import { splitDemand } from './split-demand.ts';
import { type WarmColumn, warmColumns } from './warm-state.ts';

/** Work per round; sizes measured, see docs/DECISIONS.md. */
export const planTuning = {
  /** Column generation steps per round while it runs. */
  steps: 14,
  /** Rounds after which a plan is rounded from the LP; later every `floorEvery`-th round. */
  floorRounds: [1, 2, 3, 4, 5, 6, 7, 8] as readonly number[],
  floorEvery: 2,
  triesAfterFloor: 60,
  /** Moves per round: this divided by the number of classes, within the bounds beside it. */
  triesTimesClasses: 150_000,
  triesMin: 200,
  triesMax: 4000,
  /** Exhaustive moves per round, from which round on, and the work of each. */
  repacks: 2,
  repackFrom: 3,
  repackSteps: 20_000,
  /**
   * Where all bins cost the same, from which round on a bin is tried to be done without, and how
   * hard: by square of pods, up to a most. Elsewhere it does not pay (measured).
   */
  eliminateFrom: 2,
  eliminateWork: 3000,
  eliminateMax: 10_000_000,
  /** Rounds with a dive. */
  diveRounds: [24] as readonly number[],
  triesAfterDive: 300,
  thetas: [0, 0.3, 0.15, 0.5, 0.05, 0.4] as readonly number[],
} as const;

export class PlanSearch {
  readonly #p: ReducedProblem;
  readonly #rows: MasterRows;
  readonly cg: ColumnGeneration;
  readonly #incumbent: Incumbent;
  readonly #m: KernelMemory;
  readonly #random: SeededRandom;
  readonly #neighbourhood: Neighbourhood;
  #columnsDone = false;
  readonly #tries: number;
  /** True where any number of any bin may be opened. */
  readonly #unbounded: boolean;
  /** True where every bin costs the same. */
  readonly #alike: boolean;
  /** [class] values by size alone. */
  readonly #shares: Float64Array;
  #round = 0;
  #floors = 0;
  /** Rounds since the plan got cheaper, counted once the columns are done. */
  idle = 0;
  /** [class] pods to place: the split over domains that the incumbent uses. */
  #demand: Int32Array;
  #y: Float64Array;
  readonly #smallest: Int32Array;

  constructor(
    p: ReducedProblem,
    firstPlan: readonly Bin[],
    seed: number,
    createMaster: (rows: readonly number[]) => Master,
    warm: readonly Pattern[],
  ) {
    this.#p = p;
    this.#m = new KernelMemory(loadKernels(), p);
    this.#m.seed(seed);
    this.#random = new SeededRandom(seed);
    this.#rows = buildRows(p, 'plan');
    this.#incumbent = new Incumbent(p);
    this.#smallest = smallestOfferings(p);
    this.#shares = shareValues(p, p.price);
    this.#unbounded = p.limitMax.length === 0 && p.count.every((c) => c === anyNumber);
    const tries = Math.round(planTuning.triesTimesClasses / Math.max(1, p.n));
    this.#alike = p.price.every((price) => price === p.price[0]);
    this.#tries = this.#alike
      ? planTuning.triesMin
      : Math.min(planTuning.triesMax, Math.max(planTuning.triesMin, tries));
    this.cg = new ColumnGeneration('plan', p, this.#rows, this.#m, createMaster, null);
    this.#neighbourhood = new Neighbourhood(p, this.#m, this.#random);
    const first = groupsOf(p, firstPlan);
    this.#incumbent.take(first);
    this.#demand = contentOf(p, first);
    this.#y = this.cg.bestPoint.y;
    this.cg.addPatterns(first.map((g) => g.pattern));
    this.cg.addPatterns(singleClassPatterns(p, p.price));
    this.cg.addPatterns(warm);
  }

  /** USD per hour, steering included: what the search lowers. */
  get cost(): number {
    return this.#incumbent.cost;
  }

  /** USD per hour: what the plan costs. */
  get money(): number {
    return costOf(this.#incumbent.groups, this.#p.money);
  }

  /** What the next solve may start from. */
  warmColumns(): WarmColumn[] {
    return warmColumns(this.#p, this.cg.columns, this.cg.reducedCosts());
  }

  bins(): Bin[] {
    return binsOf(this.#p, this.#incumbent.groups);
  }

  /** One round of the schedule; `guide` is the bound search's best dual point, if it has a new one. */
  round(guide: DualPoint | null, stop: () => boolean): void {
    const before = this.cost;
    const r = ++this.#round;
    if (r === 1) this.#greedy();
    if (guide !== null) {
      this.cg.guide(guide);
      this.cg.enrich();
      this.#columnsDone = false;
    }
    try {
      this.#fromColumns(r, stop);
    } catch (error) {
      // The LP library gave up twice: go on without it.
      if (!(error instanceof MasterError)) throw error;
      this.#columnsDone = true;
    }
    if (r >= 2 && !stop()) this.#improve(stop);
    const settled = this.#columnsDone || r > (planTuning.diveRounds.at(-1) as number);
    this.idle = settled && this.cost >= before - 1e-10 ? this.idle + 1 : 0;
  }

  /** The part of a round that needs the LP: columns, roundings, a dive. */
  #fromColumns(r: number, stop: () => boolean): void {
    for (let s = 0; s < planTuning.steps && !this.#columnsDone && !stop(); s++) {
      this.#columnsDone = this.cg.step(1e-4).done;
    }
    const floors = planTuning.floorRounds;
    const late = r > (floors.at(-1) as number) && r % planTuning.floorEvery === 0;
    if (floors.includes(r) || late) this.#floor(stop);
    if (planTuning.diveRounds.includes(r) && !stop()) this.#dive(stop);
  }

  /** A greedy plan at the duals so far: fast, and a source of complementary columns. */
  #greedy(): void {
    const m = this.#m;
    m.y.set(this.cg.bestPoint.y);
    m.target.set(this.#p.price);
    m.boundScan(8);
    this.#values(this.cg.bestPoint.y);
    m.resetStock();
    m.rem.set(this.#demand);
    const order = orderOfferings(this.#p, m, this.#demand, this.#smallest);
    const groups = m.complete(order, 1, 0).map((group) => shrink(m, group));
    this.cg.addPatterns(groups.map((g) => g.pattern));
    if (m.rem.every((left) => left === 0)) this.#incumbent.take(groups);
  }

  #values(y: Float64Array): void {
    this.#y = y;
    for (let c = 0; c < this.#p.n; c++) this.#m.value[c] = Math.max(1e-7, y[c] as number);
  }

  /** The split over domains that the LP wishes, made legal. */
  #resplit(): Int32Array {
    const { source } = this.#p;
    if (source.domainGroups.length === 0) return this.#demand;
    const wish = new Float64Array(this.#p.n);
    const x = this.cg.lp?.x;
    this.cg.columns.forEach((column, k) => {
      if (column.kind === 'split') wish[column.classes[0] as number] = x?.[k] ?? 0;
    });
    // Families of one class are not split by columns: all of their demand goes there.
    source.familyOf.forEach((f, c) => {
      if (this.#rows.isSplit[c] === 0) wish[c] = source.demand[f] as number;
    });
    return splitDemand(source, wish, this.#demand);
  }

  #floor(stop: () => boolean): void {
    const lp = this.cg.solveMaster();
    const demand = this.#resplit();
    for (let q = 0; q < 2 && !stop(); q++) {
      const theta = planTuning.thetas[this.#floors++ % planTuning.thetas.length] as number;
      this.#values(lp.dual.subarray(0, this.#p.n));
      const noise = this.#floors <= 2 ? 0 : 0.15;
      this.#take(
        roundFloor(this.#p, this.#m, this.cg, lp.x, demand, this.#smallest, theta, noise),
        planTuning.triesAfterFloor,
        stop,
      );
    }
  }

  /** Improves a plan and takes it if it beats the incumbent, together with its split. */
  #take(groups: Group[] | null, tries: number, stop: () => boolean): void {
    if (groups === null) return;
    this.#neighbourhood.start(groups, this.#y);
    this.#neighbourhood.run(tries, stop);
    const better = this.#neighbourhood.groups();
    if (this.#incumbent.take(better)) this.#demand = contentOf(this.#p, better);
  }

  /** One dive with LP re-solves; the master's rows and costs are put back afterwards. */
  #dive(stop: () => boolean): void {
    const { cg } = this;
    const n = this.#p.n;
    cg.solveMaster();
    const demand = this.#resplit();
    cg.columns.forEach((c, k) => {
      if (c.kind !== 'pattern') cg.master.setCost(k, outOfUse);
    });
    const stockFrom = this.#firstStockRow();
    for (let i = n; i < stockFrom; i++) cg.master.setRow(i, -1e9);
    const setDemand = (rem: Int32Array): void => rem.forEach((d, c) => cg.master.setRow(c, d));
    setDemand(demand);
    let groups: Group[] | null = null;
    try {
      groups = dive(this.#p, this.#m, cg, { setDemand, expired: stop }, demand, this.#smallest);
    } catch (error) {
      // The columns known so far cannot cover this split within counts and limits: no plan from it.
      if (!(error instanceof MasterError)) throw error;
    }
    this.#rows.lower.forEach((lower, i) => cg.master.setRow(i, lower));
    cg.columns.forEach((c, k) => {
      if (c.kind !== 'pattern') cg.master.setCost(k, c.cost);
    });
    this.#take(groups, planTuning.triesAfterDive, stop);
  }

  /** Rows from the classes up to here speak of splits; from here on of limits and counts. */
  #firstStockRow(): number {
    const stock = [...this.#rows.limitRow, ...this.#rows.countRow.filter((r) => r >= 0)];
    return stock.length === 0 ? this.#rows.lower.length : Math.min(...stock);
  }

  #improve(stop: () => boolean): void {
    // Duals say what the LP misses, shares how large a pod is; each round mixes them anew.
    const dual = this.cg.lp?.dual;
    const t = this.#random.next();
    if (dual !== undefined)
      this.#values(this.#shares.map((v, c) => t * (dual[c] as number) + (1 - t) * v));
    this.#neighbourhood.start(this.#incumbent.groups, this.#y);
    this.#neighbourhood.run(this.#tries, stop);
    if (this.#unbounded && this.#round >= planTuning.repackFrom) {
      for (let q = 0; q < planTuning.repacks && !stop(); q++) {
        this.#neighbourhood.repack(this.#m.lambda, planTuning.repackSteps, stop);
      }
    }
    if (this.#alike && this.#round >= planTuning.eliminateFrom) this.#eliminate(stop);
    this.#incumbent.take(this.#neighbourhood.groups());
  }

  /** Tries to do with a bin less, which is all that helps where bins cost the same. */
  #eliminate(stop: () => boolean): void {
    const pods = this.#demand.reduce((a, b) => a + b, 0);
    const work = Math.min(planTuning.eliminateMax, planTuning.eliminateWork * pods * pods);
    this.#neighbourhood.eliminate(work, stop);
  }

  dispose(): void {
    this.cg.dispose();
  }
}
