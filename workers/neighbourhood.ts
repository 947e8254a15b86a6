/**
 * Lowers the cost of a plan: take a few bins apart, put their pods into cheaper ones.
 *
 * In: groups that cover the demand; duals as values. Out: after each call the cheapest plan found.
 * A bin is the more likely to be taken apart the less its contents are worth against its price.
 * Each new bin moves to the cheapest offering that holds it. Work is counted in tries; no clock.
 * Source: destroy and repair driven by reduced cost, solver.md stage D.
 */
import type { Group } from './columns.ts';
import { eliminate } from './elimination.ts';
import { repackExactly } from './exact.ts';
import type { KernelMemory, Pattern } from './kernel-memory.ts';
import type { SeededRandom } from './random.ts';
import type { ReducedProblem } from './reduce.ts';
import { substitutes } from './substitutes.ts';

/** Bins taken apart per try, and bins looked at to pick each. */
const removeMin = 2;
const removeSpread = 6;
const tournament = 5;
/** Offerings that one try may open. */
const sampleSize = 4;
/** Of which drawn from all offerings alike: small sizes for what is left at the end. */
const strangers = 2;
const poolSize = 64;

/** The first `count` offerings of a ranking that take a class. Work: until they are found. */
function firstTakers(
  p: ReducedProblem,
  rank: ArrayLike<number>,
  c: number,
  count: number,
): Int32Array {
  const found: number[] = [];
  for (let q = 0; q < rank.length && found.length < count; q++) {
    const k = rank[q] as number;
    if ((p.many[k * p.n + c] as number) > 0) found.push(k);
  }
  return Int32Array.from(found);
}

/** Bins and pods that one exhaustive move takes apart, and how far it trusts the values as bounds. */
const repackBins = 6;
const repackPods = 60;
const repackTrust = 0.995;

/** Pairs of classes in the bins that an elimination rebuilds: what one of its moves looks at. */
const rebuiltPairs = 3000;
/** Share of eliminations that start with all of those bins empty. */
const anewShare = 0.5;
const nothing = new Int32Array(0);

export class Neighbourhood {
  readonly #p: ReducedProblem;
  readonly #m: KernelMemory;
  readonly #random: SeededRandom;
  #bins: Pattern[] = [];
  #waste: number[] = [];
  #cost = 0;
  #y: Float64Array = new Float64Array(0);
  #pool: Int32Array = new Int32Array(0);
  /** [class] a few offerings that take it: the best ratios, then the smallest prices. */
  #takers: Int32Array[] = [];
  /** [class] the cheapest bins that take it at all. */
  readonly #smallest: readonly Int32Array[];
  readonly #meanPrice: number;
  readonly #byPrice: Int32Array;

  constructor(p: ReducedProblem, m: KernelMemory, random: SeededRandom) {
    this.#p = p;
    this.#m = m;
    this.#random = random;
    const byPrice = Int32Array.from({ length: p.O }, (_, k) => k).sort(
      (a, b) => (p.price[a] as number) - (p.price[b] as number) || a - b,
    );
    this.#byPrice = byPrice;
    this.#smallest = Array.from({ length: p.n }, (_, c) => firstTakers(p, byPrice, c, 3));
    this.#meanPrice = p.price.reduce((a, b) => a + b, 0) / Math.max(1, p.O);
  }

  get cost(): number {
    return this.#cost;
  }

  /** The current plan as groups of one. */
  groups(): Group[] {
    return this.#bins.map((pattern) => ({ pattern, copies: 1 }));
  }

  /** Starts from a plan, with values per class and ratios of knapsack bound to price as in memory. */
  start(groups: readonly Group[], y: Float64Array): void {
    const p = this.#p;
    this.#y = y;
    this.#bins = groups.flatMap((g) => Array.from({ length: g.copies }, () => g.pattern));
    this.#cost = this.#bins.reduce((s, b) => s + (p.price[b.offering] as number), 0);
    this.#waste = this.#bins.map((b) => this.#wasteOf(b));
    const ratio = Float64Array.from(
      { length: p.O },
      (_, k) => (this.#m.upper[k] as number) / ((p.price[k] as number) + 1e-9),
    );
    const rank = Array.from({ length: p.O }, (_, k) => k).sort(
      (a, b) => (ratio[b] as number) - (ratio[a] as number) || a - b,
    );
    this.#pool = Int32Array.from(rank.slice(0, poolSize));
    this.#takers = Array.from({ length: p.n }, (_, c) =>
      Int32Array.from([...firstTakers(p, rank, c, 3), ...(this.#smallest[c] as Int32Array)]),
    );
    for (let c = 0; c < p.n; c++) this.#m.value[c] = Math.max(1e-7, y[c] as number);
  }

  #wasteOf(b: Pattern): number {
    const price = this.#p.price[b.offering] as number;
    let worth = 0;
    b.classes.forEach((c, e) => {
      worth += (b.counts[e] as number) * (this.#y[c] as number);
    });
    return (price - worth) / Math.max(price, this.#meanPrice * 0.05);
  }

  #pick(taken: Set<number>): number {
    const n = this.#bins.length;
    if (this.#random.next() < 0.3) return this.#random.below(n);
    let best = this.#random.below(n);
    for (let t = 1; t < tournament; t++) {
      const k = this.#random.below(n);
      if (!taken.has(k) && (this.#waste[k] as number) > (this.#waste[best] as number)) best = k;
    }
    return best;
  }

  /** Fills `order` with a sample of good offerings and takers of every class to place. */
  #sample(rem: Int32Array): number {
    const m = this.#m;
    const chosen = new Set<number>();
    const size = Math.min(sampleSize, this.#pool.length);
    for (let t = 0; t < size * 2 && chosen.size < size; t++) {
      const at = Math.floor(this.#random.next() * this.#random.next() * this.#pool.length);
      chosen.add(this.#pool[at] as number);
    }
    for (let t = 0; t < strangers; t++) chosen.add(this.#random.below(this.#p.O));
    for (let c = 0; c < this.#p.n; c++) {
      if ((rem[c] as number) === 0) continue;
      const takers = this.#takers[c] as Int32Array;
      if (takers.length === 0) continue;
      chosen.add(takers[this.#random.below(takers.length)] as number);
      chosen.add((this.#smallest[c] as Int32Array)[0] as number);
    }
    let count = 0;
    for (const k of chosen) m.order[count++] = k;
    return count;
  }

  /** Tries `tries` moves; returns how many were taken. `stop` is asked between tries. */
  run(tries: number, stop: () => boolean): number {
    const p = this.#p;
    const m = this.#m;
    let taken = 0;
    m.resetStock();
    this.#reserveAll();
    for (let t = 0; t < tries && this.#bins.length > 0; t++) {
      if ((t & 15) === 0 && stop()) break;
      const size = Math.min(
        this.#bins.length,
        removeMin + this.#random.below(Math.min(removeSpread, this.#bins.length)),
      );
      const gone = new Set<number>();
      for (let q = 0; q < size * 2 && gone.size < size; q++) gone.add(this.#pick(gone));
      m.rem.fill(0);
      let old = 0;
      for (const k of gone) {
        const b = this.#bins[k] as Pattern;
        old += p.price[b.offering] as number;
        this.#stock(b, 1);
        b.classes.forEach((c, e) => {
          m.rem[c] = (m.rem[c] as number) + (b.counts[e] as number);
        });
      }
      const orderCount = this.#sample(m.rem);
      const bend = this.#random.below(3);
      const noise = this.#random.next() < 0.3 ? 0 : 0.4 * this.#random.next();
      const found = m.complete(orderCount, bend, noise);
      const fresh = m.rem.some((left) => left > 0) ? null : this.#cheaper(found);
      const cost =
        fresh === null ? Infinity : fresh.reduce((s, b) => s + (p.price[b.offering] as number), 0);
      // complete() took its bins out of the stock; put them back and take out what stays.
      for (const g of found) this.#stock(g.pattern, g.copies);
      // At equal cost, waste gathered in few bins is worth more: such a bin can be shrunk or emptied.
      const better =
        cost < old - 1e-10 || (cost <= old + 1e-12 && this.#gathered(gone, fresh as Pattern[]));
      if (better) {
        if (cost < old - 1e-10) taken++;
        this.#replace(gone, fresh as Pattern[]);
        this.#cost += cost - old;
        for (const b of fresh as Pattern[]) this.#stock(b, -1);
      } else for (const k of gone) this.#stock(this.#bins[k] as Pattern, -1);
    }
    return taken;
  }

  /** True if the fresh bins concentrate their waste at least as much as those taken apart. */
  #gathered(gone: Set<number>, fresh: readonly Pattern[]): boolean {
    let before = 0;
    let after = 0;
    for (const k of gone) before += this.#squareWaste(this.#bins[k] as Pattern);
    for (const b of fresh) after += this.#squareWaste(b);
    return after >= before;
  }

  #squareWaste(b: Pattern): number {
    const price = this.#p.price[b.offering] as number;
    let worth = 0;
    b.classes.forEach((c, e) => {
      worth += (b.counts[e] as number) * (this.#y[c] as number);
    });
    return (price - worth) * (price - worth);
  }

  /**
   * Takes apart a few of the most wasteful bins and packs their pods again, exhaustively within
   * `steps`. Only where no counts or limits bind. Returns true if the plan got cheaper.
   */
  repack(lambda: Float64Array, steps: number, stop: () => boolean): boolean {
    const p = this.#p;
    const m = this.#m;
    const gone = new Set<number>();
    const rem = new Int32Array(p.n);
    let pods = 0;
    let old = 0;
    for (let q = 0; q < repackBins * 2 && gone.size < repackBins && pods < repackPods; q++) {
      const k = this.#pick(gone);
      if (gone.has(k)) continue;
      gone.add(k);
      const b = this.#bins[k] as Pattern;
      old += p.price[b.offering] as number;
      for (const [e, c] of b.classes.entries()) {
        rem[c] = (rem[c] as number) + (b.counts[e] as number);
        pods += b.counts[e] as number;
      }
    }
    const offerings = m.order.slice(0, this.#sample(rem));
    const guide = { y: this.#y.map((v) => v * repackTrust), lambda };
    const groups = repackExactly(p, rem, guide, offerings, old, steps, stop);
    if (groups === null) return false;
    const fresh = this.#cheaper(groups);
    this.#cost += fresh.reduce((s, b) => s + (p.price[b.offering] as number), 0) - old;
    this.#replace(gone, fresh);
    return true;
  }

  /**
   * Tries to do with one bin in the place of two by rearranging many of the others, within `work`.
   * Returns true if the plan got cheaper.
   */
  eliminate(work: number, stop: () => boolean): boolean {
    const p = this.#p;
    const gone = new Set<number>();
    for (let q = 0; q < 4 && gone.size < 2; q++) gone.add(this.#pick(gone));
    const removed = Array.from(gone, (k) => this.#bins[k] as Pattern);
    const further = substitutes(p, removed, this.#byPrice);
    if (further.length === 0) return false;
    const loose = new Int32Array(p.n);
    const takeOut = ({ classes, counts }: Pattern): void =>
      classes.forEach((c, e) => {
        loose[c] = (loose[c] as number) + (counts[e] as number);
      });
    removed.forEach(takeOut);
    const others = this.#sampleOthers(gone);
    // From nothing at times: what stands may be in the way of every better plan.
    const anew = this.#random.next() < anewShare;
    const bins = others.map((k) => {
      const bin = this.#bins[k] as Pattern;
      if (!anew) return bin;
      takeOut(bin);
      return { offering: bin.offering, classes: nothing, counts: nothing };
    });
    const rebuilt = eliminate(p, { bins, loose, further }, this.#random, work, stop);
    if (rebuilt === null) return false;
    for (const k of others) gone.add(k);
    let old = 0;
    for (const k of gone) old += p.price[(this.#bins[k] as Pattern).offering] as number;
    const fresh = this.#cheaper(rebuilt.map((pattern) => ({ pattern, copies: 1 })));
    this.#cost += fresh.reduce((s, b) => s + (p.price[b.offering] as number), 0) - old;
    this.#replace(gone, fresh);
    return true;
  }

  /** Bins beside `gone`: all, or as many as their pairs of classes allow, drawn alike. */
  #sampleOthers(gone: ReadonlySet<number>): number[] {
    const order = Array.from(this.#bins.keys()).filter((k) => !gone.has(k));
    let pairs = 0;
    let size = 0;
    for (; size < order.length && pairs < rebuiltPairs; size++) {
      const at = size + this.#random.below(order.length - size);
      const k = order[at] as number;
      order[at] = order[size] as number;
      order[size] = k;
      pairs += (this.#bins[k] as Pattern).classes.length ** 2;
    }
    return order.slice(0, size);
  }

  #cheaper(found: readonly Group[]): Pattern[] {
    return found.flatMap(({ pattern, copies }) => {
      const k = this.#m.cheapest(pattern);
      const bin = k === pattern.offering ? pattern : { ...pattern, offering: k };
      return Array.from({ length: copies }, () => bin);
    });
  }

  #replace(gone: Set<number>, fresh: readonly Pattern[]): void {
    const bins: Pattern[] = [];
    const waste: number[] = [];
    // Swap in place: the order of bins only matters for reproducibility.
    this.#bins.forEach((b, k) => {
      if (gone.has(k)) return;
      bins.push(b);
      waste.push(this.#waste[k] as number);
    });
    for (const b of fresh) {
      bins.push(b);
      waste.push(this.#wasteOf(b));
    }
    this.#bins = bins;
    this.#waste = waste;
  }

  #reserveAll(): void {
    for (const b of this.#bins) this.#stock(b, -1);
  }

  /** Gives `copies` bins of the pattern's offering back to (or takes them from) counts and limits. */
  #stock(b: Pattern, copies: number): void {
    const m = this.#m;
    const k = b.offering;
    if (m.countLeft[k] !== 0x7fffffff) m.countLeft[k] = (m.countLeft[k] as number) + copies;
    for (let l = 0; l < this.#p.limitWeight.length; l++) {
      m.limitLeft[l] =
        (m.limitLeft[l] as number) +
        ((this.#p.limitWeight[l] as Float64Array)[k] as number) * copies;
    }
  }
}
