/**
 * Exhaustive search for tiny batches: the plan that no other plan undercuts.
 *
 * In: a reduced problem without rules over domains, limits or counted offerings, feasible duals (a
 * bound for every rest of the demand), a plan to beat. Out: `proven` with the best plan, or
 * `gave-up` when the work bound is met. Branches on the bin of the most valuable pod left; only
 * contents to which nothing can be added matter, and only those whose reduced cost fits into what is
 * left between bound and plan. Rests that were solved before are remembered.
 */
import type { Group } from './columns.ts';
import type { Pattern } from './kernel-memory.ts';
import { anyNumber, type ReducedProblem } from './reduce.ts';

/** Batches beyond these sizes are not tried. */
const podsMax = 100;
const classesMax = 40;
/** Steps of pattern enumeration: a first try, and a last one when nothing else improves the plan. */
export const firstTrySteps = 200_000;
export const lastTrySteps = 60_000_000;
/** Rests remembered over one search. */
const restsMax = 60_000;
const epsilon = 1e-11;

export interface ExactOutcome {
  readonly status: 'proven' | 'gave-up';
  /** The best plan, null if the one to beat is the best. */
  readonly groups: readonly Group[] | null;
  readonly rests: number;
}

/** True if the search is made for this problem. */
export function isTiny(p: ReducedProblem): boolean {
  const pods = p.source.demand.reduce((a, b) => a + b, 0);
  return (
    pods <= podsMax &&
    p.n <= classesMax &&
    p.source.domainGroups.length === 0 &&
    p.limitMax.length === 0 &&
    p.count.every((c) => c === anyNumber) &&
    p.price.every((v, k) => v === p.money[k])
  );
}

interface Candidate {
  readonly pattern: Pattern;
  readonly price: number;
  /** price - y * content. */
  readonly reduced: number;
}

interface Known {
  /** No plan for this rest costs less. */
  bound: number;
  /** The first bin of the best plan, if it is known. */
  choice: Candidate | null;
}

class GaveUp extends Error {}

class ExactSearch {
  rests = 0;
  readonly #p: ReducedProblem;
  readonly #y: Float64Array;
  readonly #lambda: Float64Array;
  readonly #stepsMax: number;
  readonly #stop: () => boolean;
  readonly #offerings: ArrayLike<number>;
  readonly #known = new Map<string, Known>();
  #steps = 0;

  constructor(
    p: ReducedProblem,
    guide: ExactGuide,
    offerings: ArrayLike<number>,
    stepsMax: number,
    stop: () => boolean,
  ) {
    this.#p = p;
    this.#y = guide.y;
    this.#lambda = guide.lambda;
    this.#offerings = offerings;
    this.#stepsMax = stepsMax;
    this.#stop = stop;
  }

  #worth(rem: Int32Array): number {
    let sum = 0;
    for (let c = 0; c < rem.length; c++) sum += (rem[c] as number) * (this.#y[c] as number);
    return sum;
  }

  #tick(): void {
    if (++this.#steps > this.#stepsMax || ((this.#steps & 1023) === 0 && this.#stop()))
      throw new GaveUp();
  }

  /** All maximal contents of offering k with at least one pod of `first` and reduced cost < room. */
  #contents(k: number, first: number, rem: Int32Array, room: number, out: Candidate[]): void {
    const { n, R, capacity, many, conflicts, source } = this.#p;
    const price = this.#p.price[k] as number;
    const lambda = this.#lambda.subarray(k * R, k * R + R);
    const free = capacity.slice(k * R, k * R + R);
    const order = [first];
    for (let c = 0; c < n; c++) {
      if (c !== first && (rem[c] as number) > 0 && (many[k * n + c] as number) > 0) order.push(c);
    }
    // What the rest of the order can add at most, beside the priced resources left.
    const gain = order.map((c) => {
      let g = this.#y[c] as number;
      for (let r = 0; r < R; r++)
        g -= (lambda[r] as number) * (source.request[c * R + r] as number);
      return Math.max(0, g) * Math.min(rem[c] as number, many[k * n + c] as number);
    });
    const suffix = new Float64Array(order.length + 1);
    for (let i = order.length - 1; i >= 0; i--)
      suffix[i] = (suffix[i + 1] as number) + (gain[i] as number);
    const counts = new Int32Array(order.length);
    const fits = (c: number): number => {
      let q = Math.min(rem[c] as number, many[k * n + c] as number);
      for (let r = 0; r < R; r++) {
        const x = source.request[c * R + r] as number;
        if (x > 0) q = Math.min(q, Math.floor((free[r] as number) / x));
      }
      return q;
    };
    const clash = (c: number): boolean =>
      conflicts !== null &&
      order.some((d, j) => (counts[j] as number) > 0 && conflicts[c * n + d] === 1);
    const take = (c: number, q: number): void => {
      for (let r = 0; r < R; r++)
        free[r] = (free[r] as number) - q * (source.request[c * R + r] as number);
    };
    const visit = (i: number, value: number): void => {
      this.#tick();
      let most = value + (suffix[i] as number);
      for (let r = 0; r < R; r++) most += (lambda[r] as number) * (free[r] as number);
      if (price - most >= room) return;
      if (i === order.length) {
        const maximal = order.every(
          (c, j) =>
            (counts[j] as number) >= Math.min(rem[c] as number, many[k * n + c] as number) ||
            clash(c) ||
            fits(c) < 1,
        );
        if (!maximal || price - value >= room) return;
        const held = order
          .map((c, j) => [c, counts[j] as number] as const)
          .filter(([, q]) => q > 0)
          .sort((a, b) => a[0] - b[0]);
        const pattern = {
          offering: k,
          classes: Int32Array.from(held, (h) => h[0]),
          counts: Int32Array.from(held, (h) => h[1]),
        };
        out.push({ pattern, price, reduced: price - value });
        return;
      }
      const c = order[i] as number;
      const top = clash(c) ? 0 : fits(c);
      for (let q = top; q >= (i === 0 ? 1 : 0); q--) {
        counts[i] = q;
        take(c, q);
        visit(i + 1, value + q * (this.#y[c] as number));
        take(c, -q);
      }
      counts[i] = 0;
    };
    if (fits(first) >= 1) visit(0, 0);
  }

  #candidates(rem: Int32Array, room: number): Candidate[] {
    let first = -1;
    for (let c = 0; c < rem.length; c++) {
      if (
        (rem[c] as number) > 0 &&
        (first < 0 || (this.#y[c] as number) > (this.#y[first] as number))
      )
        first = c;
    }
    const out: Candidate[] = [];
    for (let q = 0; q < this.#offerings.length; q++) {
      const k = this.#offerings[q] as number;
      if ((this.#p.many[k * this.#p.n + first] as number) > 0) {
        this.#contents(k, first, rem, room, out);
      }
    }
    const best = new Map<string, Candidate>();
    for (const one of out) {
      const key = `${one.pattern.classes.join()}|${one.pattern.counts.join()}`;
      const other = best.get(key);
      if (other === undefined || one.price < other.price) best.set(key, one);
    }
    return [...best.values()].sort(
      (a, b) => a.reduced - b.reduced || a.pattern.offering - b.pattern.offering,
    );
  }

  /** The least cost of covering `rem` if it is below `budget`, else something >= budget. */
  solve(rem: Int32Array, budget: number): number {
    const bound = this.#worth(rem);
    if (rem.every((q) => q === 0)) return 0;
    if (bound >= budget - epsilon) return budget;
    const key = rem.join();
    const known = this.#known.get(key);
    if (known !== undefined && (known.choice !== null || known.bound >= budget - epsilon))
      return known.bound;
    if (++this.rests > restsMax) throw new GaveUp();
    let best = budget;
    let choice: Candidate | null = null;
    for (const one of this.#candidates(rem, budget - bound)) {
      if (one.reduced >= best - bound - epsilon) break;
      const rest = rem.slice();
      one.pattern.classes.forEach((c, e) => {
        rest[c] = (rest[c] as number) - (one.pattern.counts[e] as number);
      });
      const cost = one.price + this.solve(rest, best - one.price);
      if (cost < best - epsilon) {
        best = cost;
        choice = one;
      }
    }
    this.#known.set(key, { bound: best, choice });
    return best;
  }

  /** The bins of the best plan, after `solve` has found one. */
  plan(demand: Int32Array): Group[] {
    const rem = demand.slice();
    const groups: Group[] = [];
    while (rem.some((q) => q > 0)) {
      const choice = this.#known.get(rem.join())?.choice;
      if (choice === undefined || choice === null)
        throw new Error('the best plan has a gap: a bug in the exact search');
      groups.push({ pattern: choice.pattern, copies: 1 });
      choice.pattern.classes.forEach((c, e) => {
        rem[c] = (rem[c] as number) - (choice.pattern.counts[e] as number);
      });
    }
    return groups;
  }
}

/** Values by class, [class], and multipliers, [offering x resource], that prune the search. */
export interface ExactGuide {
  readonly y: Float64Array;
  readonly lambda: Float64Array;
}

function run(
  p: ReducedProblem,
  demand: Int32Array,
  guide: ExactGuide,
  offerings: ArrayLike<number>,
  cost: number,
  steps: number,
  stop: () => boolean,
): ExactOutcome {
  const search = new ExactSearch(p, guide, offerings, steps, stop);
  try {
    const best = search.solve(demand, cost - epsilon);
    const groups = best < cost - 2 * epsilon ? search.plan(demand) : null;
    return { status: 'proven', groups, rests: search.rests };
  } catch (error) {
    if (!(error instanceof GaveUp)) throw error;
    return { status: 'gave-up', groups: null, rests: search.rests };
  }
}

/**
 * Looks for a plan below `cost` (USD per hour) for the whole demand. The guide must be feasible:
 * y * content <= price for every content of every offering; then `proven` is a proof.
 */
export function searchExactly(
  p: ReducedProblem,
  guide: ExactGuide,
  cost: number,
  steps: number,
  stop: () => boolean,
): ExactOutcome {
  const demand = Int32Array.from(p.source.familyOf, (f) => p.source.demand[f] as number);
  const all = Int32Array.from({ length: p.O }, (_, k) => k);
  return run(p, demand, guide, all, cost, steps, stop);
}

/**
 * Looks for bins below `cost` for a few pods (`rem` by class), out of `offerings`: a move of the
 * neighbourhood search that is exact inside. Null if there are none or the work bound is met.
 */
export function repackExactly(
  p: ReducedProblem,
  rem: Int32Array,
  guide: ExactGuide,
  offerings: ArrayLike<number>,
  cost: number,
  steps: number,
  stop: () => boolean,
): readonly Group[] | null {
  return run(p, rem, guide, offerings, cost, steps, stop).groups;
}
