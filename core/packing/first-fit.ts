/**
 * The plan that is always there: price-aware first-fit decreasing.
 *
 * In: a problem. Out: bins that obey every rule of it, and the pods that found no place. Existing
 * nodes fill first. Families go by priority, then by what a pod of theirs costs alone; each joins
 * the open bins that have room, in their order, then opens the offering with the lowest price per
 * pod. At the end every bin moves to the cheapest offering that holds its contents. It works on
 * families and copies of bins, never on single pods except where a skew rule makes it.
 *
 * It is a safety net: it proves nothing and is often far from the optimum.
 */
import { BinBudget } from './bin-budget.ts';
import { type ClassNeeds, mostByMask, tabulateNeeds } from './class-needs.ts';
import { placeFamilies } from './family-placement.ts';
import { listExisting, type OfferingTable, tabulateOfferings } from './offering-table.ts';
import { countIn, meetsFoe, mergeBins, type OpenBin, OpenBins, type Room } from './open-bins.ts';
import type { PackingProblem } from './problem.ts';
import type { Bin } from './solution.ts';

/** A plan without a proof. */
export interface FirstFitPlan {
  readonly bins: readonly Bin[];
  /** [family] pods without a place. */
  readonly unserved: Int32Array;
  /** Sum of the prices of the bins, nano-USD per hour. */
  readonly costNano: number;
}

/**
 * A feasible plan within milliseconds, by price-aware first-fit decreasing.
 *
 * If pods are left over although their class fits somewhere, a second pass goes strictly by
 * priority and family index, and the plan that serves the more important families wins.
 * Time: O(families x (open bins + offerings kept) x resources).
 */
export function firstFit(problem: PackingProblem): FirstFitPlan {
  const costOf = problem.priceNano.map((price, o) => price + problem.steerNano[o]!);
  const table = tabulateOfferings(problem, costOf);
  const needs = tabulateNeeds(problem);
  const chooser = new OfferingChooser(problem, table, needs);
  const rank = new Float64Array(problem.classCount);
  for (let c = 0; c < problem.classCount; c++) rank[c] = chooser.costOfOnePod(c);

  const bySize = orderFamilies(problem, sizeFamilies(problem, rank));
  const plan = pack(problem, table, needs, chooser, rank, bySize);
  if (plan.unserved.every((pods) => pods === 0)) return plan;
  const byRank = orderFamilies(problem, new Float64Array(problem.familyCount));
  const other = pack(problem, table, needs, chooser, rank, byRank);
  return servesMore(byRank, other, plan) ? other : plan;
}

/** [family] the least that one pod of it costs. */
function sizeFamilies(problem: PackingProblem, rank: Float64Array): Float64Array {
  const size = new Float64Array(problem.familyCount).fill(Infinity);
  problem.familyOf.forEach((family, c) => {
    size[family] = Math.min(size[family]!, rank[c]!);
  });
  return size;
}

/** Families by priority, then size, both descending, then index. */
function orderFamilies(problem: PackingProblem, size: Float64Array): readonly number[] {
  const { priority } = problem;
  const bySize = (a: number, b: number): number => (size[a] === size[b] ? 0 : size[b]! - size[a]!);
  return Array.from(size.keys()).sort(
    (a, b) => priority[b]! - priority[a]! || bySize(a, b) || a - b,
  );
}

/** Whether `plan` leaves fewer of the most important family on which the two differ. */
function servesMore(order: readonly number[], plan: FirstFitPlan, other: FirstFitPlan): boolean {
  const family = order.find((f) => plan.unserved[f] !== other.unserved[f]);
  return family === undefined
    ? plan.costNano < other.costNano
    : plan.unserved[family]! < other.unserved[family]!;
}

/** A bin whose offering is decided. */
interface PricedBin extends OpenBin {
  offering: number;
  /** Position in the table; -1 for existing nodes. */
  position: number;
  /** [resource] what is left in one copy. */
  free: Float64Array;
}

function pack(
  problem: PackingProblem,
  table: OfferingTable,
  needs: ClassNeeds,
  chooser: OfferingChooser,
  rank: Float64Array,
  order: readonly number[],
): FirstFitPlan {
  const resourceCount = problem.resourceNames.length;
  const budget = new BinBudget(problem);
  const bins = new OpenBins<PricedBin>(problem.classCount, priceRoom(problem, needs));
  const open = (offering: number, position: number, copies: number): PricedBin => {
    const row = offering * resourceCount;
    const free = problem.capacity.slice(row, row + resourceCount);
    const bin = { offering, position, free, copies, classes: [], counts: [] };
    bins.list.push(bin);
    return bin;
  };
  for (const offering of listExisting(problem)) {
    const copies = budget.room(offering);
    if (copies > 0) open(offering, -1, copies);
  }
  const unserved = placeFamilies(problem, order, rank, {
    place(c, pods, expected) {
      let left = pods - bins.join(c, pods);
      while (left > 0) {
        const choice = chooser.choose(c, Math.max(left, expected - pods + left), budget);
        if (choice === undefined) break;
        const offering = table.offering[choice.position]!;
        const perBin = Math.min(choice.fit, left);
        const copies = Math.min(Math.floor(left / perBin), budget.room(offering));
        budget.take(offering, copies);
        bins.put(open(offering, choice.position, copies), c, perBin);
        left -= copies * perBin;
      }
      return pods - left;
    },
  });
  for (const bin of bins.list) downsize(problem, table, budget, bin);
  const filled = bins.list
    .filter((bin) => bin.classes.length > 0)
    .map((bin) => ({ offering: bin.offering, bin, copies: bin.copies }));
  const costNano = filled.reduce(
    (cost, { offering, copies }) => cost + copies * problem.priceNano[offering]!,
    0,
  );
  return { bins: mergeBins(filled), unserved, costNano };
}

function priceRoom(problem: PackingProblem, needs: ClassNeeds): Room<PricedBin> {
  const resourceCount = problem.resourceNames.length;
  return {
    measure(bin, c, want) {
      const { free } = bin;
      const asked = needs.resources[c]!;
      const row = c * resourceCount;
      for (let i = 0; i < asked.length; i++) {
        if (problem.request[row + asked[i]!]! > free[asked[i]!]!) return 0;
      }
      const maskRow = problem.maskOf[bin.offering]! * problem.classCount;
      let fit = Math.min(want, mostByMask(problem, maskRow, c));
      if (fit === 0 || meetsFoe(needs, bin, c)) return 0;
      if (needs.foes[c]?.has(c) === true) fit = 1;
      fit = Math.min(fit, mostByMask(problem, maskRow, c) - countIn(bin, c));
      for (let i = 0; i < asked.length; i++) {
        const r = asked[i]!;
        fit = Math.min(fit, Math.floor(free[r]! / problem.request[row + r]!));
      }
      return fit;
    },
    book(bin, c, pods) {
      const row = c * resourceCount;
      for (let r = 0; r < resourceCount; r++) bin.free[r]! -= pods * problem.request[row + r]!;
    },
    clone: (bin, copies) => ({
      ...bin,
      copies,
      free: bin.free.slice(),
      classes: [...bin.classes],
      counts: [...bin.counts],
    }),
  };
}

/** Moves a bin to the cheapest offering that holds its contents, if that is cheaper. */
function downsize(
  problem: PackingProblem,
  table: OfferingTable,
  budget: BinBudget,
  bin: PricedBin,
): void {
  if (bin.position < 0) return;
  const resourceCount = problem.resourceNames.length;
  const load = bin.free.map(
    (free, r) => problem.capacity[bin.offering * resourceCount + r]! - free,
  );
  budget.take(bin.offering, -bin.copies);
  const cost = table.cost[bin.position]!;
  for (let position = 0; table.cost[position]! < cost; position++) {
    if (!holds(problem, table, position, bin, load)) continue;
    const offering = table.offering[position]!;
    if (budget.room(offering) < bin.copies) continue;
    const row = offering * resourceCount;
    bin.free = problem.capacity.slice(row, row + resourceCount).map((all, r) => all - load[r]!);
    bin.offering = offering;
    bin.position = position;
    break;
  }
  budget.take(bin.offering, bin.copies);
}

/** Whether the offering at `position` holds `bin`'s contents, which take `load`. */
export function holds(
  problem: PackingProblem,
  table: OfferingTable,
  position: number,
  bin: OpenBin,
  load: Float64Array,
): boolean {
  const row = position * load.length;
  for (let r = 0; r < load.length; r++) if (load[r]! > table.capacity[row + r]!) return false;
  const maskRow = table.maskRow[position]!;
  for (let i = 0; i < bin.classes.length; i++) {
    if (bin.counts[i]! > mostByMask(problem, maskRow, bin.classes[i]!)) return false;
  }
  return true;
}

/** An offering for a class, and how many of its pods one bin takes. */
interface Choice {
  readonly position: number;
  readonly fit: number;
}

/** Finds the offering with the lowest cost per pod of one class. */
class OfferingChooser {
  readonly #problem: PackingProblem;
  readonly #table: OfferingTable;
  readonly #needs: ClassNeeds;
  /** [class] what {@link costOfOnePod} chose. */
  readonly #first: (Choice | undefined)[];
  #lastBest = 0;

  constructor(problem: PackingProblem, table: OfferingTable, needs: ClassNeeds) {
    this.#problem = problem;
    this.#table = table;
    this.#needs = needs;
    this.#first = Array.from<Choice | undefined>({ length: problem.classCount });
  }

  /** Cost of a pod of class `c` in bins full of its like; Infinity if nothing takes it. */
  costOfOnePod(c: number): number {
    const demand = this.#problem.demand[this.#problem.familyOf[c]!]!;
    const choice = this.#scan(c, demand, undefined);
    this.#first[c] = choice;
    return choice === undefined ? Infinity : this.#table.cost[choice.position]! / choice.fit;
  }

  /** The offering with the lowest cost per pod when `want` pods are to come. */
  choose(c: number, want: number, budget: BinBudget): Choice | undefined {
    const first = this.#first[c];
    if (first === undefined) return undefined;
    // Best when all pods were to come; fewer pods only make the others worse.
    if (first.fit <= want && budget.room(this.#table.offering[first.position]!) >= 1) return first;
    return this.#scan(c, want, budget);
  }

  #scan(c: number, want: number, budget: BinBudget | undefined): Choice | undefined {
    const table = this.#table;
    let best: Choice | undefined;
    let bestScore = Infinity;
    // What was best for the last class is a good start: it lets most others be passed over.
    for (let step = table.count === 0 ? 0 : -1; step < table.count; step++) {
      const position = step < 0 ? this.#lastBest : step;
      const cost = table.cost[position]!;
      // Dearer offerings follow: none beats the best even when full of the pods that are wanted.
      if (best !== undefined && cost >= bestScore * want) break;
      const least = best === undefined ? 1 : Math.floor(cost / bestScore) + 1;
      const fit = this.#fitIn(position, c, least, want);
      if (fit === 0) continue;
      const score = cost / fit;
      if (best !== undefined && score >= bestScore) continue;
      if (budget !== undefined && budget.room(table.offering[position]!) < 1) continue;
      best = { position, fit };
      bestScore = score;
    }
    this.#lastBest = best?.position ?? this.#lastBest;
    return best;
  }

  /** Pods of class `c`, at most `want`, in an empty bin; 0 if fewer than `least`. */
  #fitIn(position: number, c: number, least: number, want: number): number {
    const table = this.#table;
    const { request, resourceNames } = this.#problem;
    let fit = Math.min(want, mostByMask(this.#problem, table.maskRow[position]!, c));
    if (this.#needs.foes[c]?.has(c) === true) fit = Math.min(fit, 1);
    if (fit < least) return 0;
    const asked = this.#needs.resources[c]!;
    const requestRow = c * resourceNames.length;
    const capacityRow = position * resourceNames.length;
    for (let i = 0; i < asked.length; i++) {
      const r = asked[i]!;
      if (request[requestRow + r]! * least > table.capacity[capacityRow + r]!) return 0;
    }
    for (let i = 0; i < asked.length; i++) {
      const r = asked[i]!;
      fit = Math.min(fit, Math.floor(table.capacity[capacityRow + r]! / request[requestRow + r]!));
    }
    return fit;
  }
}
