/**
 * Does with a bin less, or a cheaper one: a tabu search over plans that leave some pods out.
 *
 * In: bins that stay, pods without a place, what one further bin for them may cost, a bound of work.
 * Out: the same bins with other contents and that further bin, or null. A move puts one or two of
 * the pods left out into a bin and takes up to two out of it; what is left out should weigh little
 * and is done as soon as one bin below the budget holds it. What a move has taken out stays out of
 * that bin for a while, and what it has put in stays in. Pods that are left out for long grow heavier.
 * Work is counted in contents looked at; no clock.
 * Source: consistent neighbourhood search for bin packing (Buljubasic and Vasquez, Computers &
 * Operations Research 76, 2016), here for bins of different kinds.
 */
import type { Pattern } from './kernel-memory.ts';
import type { SeededRandom } from './random.ts';
import type { ReducedProblem } from './reduce.ts';

/** Mean moves for which pods stay out of a bin, or in it. Measured on the Vectorpack instances. */
const outFor = 3;
const inFor = 8;
/** How much heavier pods left out get at most in a move that does not help. */
const growth = 0.005;
/** Moves without less left out, after which this share of the bins is emptied. */
const patience = 5000;
const emptied = 0.25;
const tie = 1e-12;

/** What may be rebuilt. */
export interface Elimination {
  /** Bins whose offerings stay. */
  readonly bins: readonly Pattern[];
  /** [class] pods without a place. */
  readonly loose: Int32Array;
  /** Offerings that a further bin may have, cheapest first. */
  readonly further: ArrayLike<number>;
}

/** Every bin afterwards, the further one (if it takes one) last. */
export type Rebuilt = readonly Pattern[];

interface Move {
  bin: number;
  gain: number;
  /** Local classes, -1 for none. */
  out1: number;
  out2: number;
  in1: number;
  in2: number;
}

class Search {
  readonly #p: ReducedProblem;
  readonly #random: SeededRandom;
  readonly #bins: readonly Pattern[];
  readonly #further: ArrayLike<number>;
  /** Classes of the problem that occur here: local numbers from now on. */
  readonly #classes: Int32Array;
  readonly #n: number;
  readonly #request: Float64Array;
  /** [bin x class] copies, most copies. */
  readonly #count: Int32Array;
  readonly #most: Int32Array;
  /** [bin x resource] */
  readonly #free: Float64Array;
  /** [class] */
  readonly #loose: Int32Array;
  readonly #size: Float64Array;
  readonly #weight: Float64Array;
  /** [bin x class] the move from which on a class may be put in, taken out. */
  readonly #inFrom: Int32Array;
  readonly #outFrom: Int32Array;
  readonly #gap: Float64Array;
  readonly #gapAfter: Float64Array;
  readonly #left: number[] = [];
  readonly #held: number[] = [];
  readonly #move: Move = { bin: -1, gain: 0, out1: -1, out2: -1, in1: -1, in2: -1 };
  #ties = 0;
  #moves = 0;
  #work = 0;

  constructor(p: ReducedProblem, { bins, loose, further }: Elimination, random: SeededRandom) {
    this.#p = p;
    this.#random = random;
    this.#bins = bins;
    this.#further = further;
    const occurs = new Uint8Array(p.n);
    for (const { classes } of bins) for (const c of classes) occurs[c] = 1;
    loose.forEach((q, c) => {
      if (q > 0) occurs[c] = 1;
    });
    this.#classes = Int32Array.from(occurs.keys()).filter((c) => occurs[c] === 1);
    const local = new Int32Array(p.n).fill(-1);
    this.#classes.forEach((c, i) => {
      local[c] = i;
    });
    const { R } = p;
    const n = this.#classes.length;
    const B = bins.length;
    this.#n = n;
    this.#request = new Float64Array(n * R);
    this.#classes.forEach((c, i) =>
      this.#request.set(p.source.request.subarray(c * R, c * R + R), i * R),
    );
    this.#count = new Int32Array(B * n);
    this.#most = new Int32Array(B * n);
    this.#free = new Float64Array(B * R);
    this.#loose = Int32Array.from(this.#classes, (c) => loose[c] as number);
    bins.forEach(({ offering: k, classes, counts }, b) => {
      this.#classes.forEach((c, i) => {
        this.#most[b * n + i] = p.many[k * p.n + c] as number;
      });
      this.#free.set(p.capacity.subarray(k * R, k * R + R), b * R);
      classes.forEach((c, e) => this.#put(b, local[c] as number, counts[e] as number));
    });
    this.#size = this.#sizes();
    this.#weight = this.#size.slice();
    this.#inFrom = new Int32Array(B * n);
    this.#outFrom = new Int32Array(B * n);
    this.#gap = new Float64Array(R);
    this.#gapAfter = new Float64Array(R);
  }

  /** Shares of what all bins have together, dear where it is scarce; 1 on average. */
  #sizes(): Float64Array {
    const { R, capacity } = this.#p;
    const total = new Float64Array(R);
    for (const { offering: k } of this.#bins)
      for (let r = 0; r < R; r++) total[r] = (total[r] as number) + (capacity[k * R + r] as number);
    const load = new Float64Array(R);
    for (let i = 0; i < this.#n; i++) {
      let copies = this.#loose[i] as number;
      for (let b = 0; b < this.#bins.length; b++) copies += this.#count[b * this.#n + i] as number;
      for (let r = 0; r < R; r++)
        load[r] = (load[r] as number) + copies * (this.#request[i * R + r] as number);
    }
    const size = Float64Array.from({ length: this.#n }, (_, i) => {
      let sum = 0;
      for (let r = 0; r < R; r++) {
        const all = Math.max(1, total[r] as number);
        sum += ((this.#request[i * R + r] as number) / all) * ((load[r] as number) / all);
      }
      return sum;
    });
    const mean = size.reduce((a, b) => a + b, 0) / Math.max(1, this.#n);
    return size.map((v) => v / Math.max(mean, 1e-300));
  }

  #put(b: number, i: number, copies: number): void {
    const { R } = this.#p;
    this.#count[b * this.#n + i] = (this.#count[b * this.#n + i] as number) + copies;
    for (let r = 0; r < R; r++) {
      this.#free[b * R + r] =
        (this.#free[b * R + r] as number) - copies * (this.#request[i * R + r] as number);
    }
  }

  /** Puts copies of what is left out into a bin; negative copies the other way. */
  #shift(b: number, i: number, copies: number): void {
    if (i < 0) return;
    this.#put(b, i, copies);
    this.#loose[i] = (this.#loose[i] as number) - copies;
  }

  /** Searches until `workMax`; true if all pods have a place but those of a further bin. */
  run(workMax: number, stop: () => boolean): boolean {
    let best = Infinity;
    let since = 0;
    while (this.#work < workMax) {
      if ((this.#moves & 63) === 0 && stop()) return false;
      let size = 0;
      this.#left.length = 0;
      for (let i = 0; i < this.#n; i++) {
        if (this.#loose[i] === 0) continue;
        this.#left.push(i);
        size += (this.#loose[i] as number) * (this.#size[i] as number);
      }
      if (this.#left.length === 0 || this.furtherOffering() >= 0) return true;
      this.#moves++;
      if (size < best - 1e-9) {
        best = size;
        since = this.#moves;
      }
      this.#left.sort((a, b) => (this.#weight[b] as number) - (this.#weight[a] as number));
      this.#findMove();
      if (this.#move.bin < 0) {
        this.#outFrom.fill(0);
        this.#inFrom.fill(0);
        this.#empty(1);
      } else if (this.#moves - since > patience) {
        since = this.#moves;
        best = Infinity;
        this.#weight.set(this.#size);
        this.#empty(Math.max(2, Math.floor(this.#bins.length * emptied)));
      } else this.#make();
    }
    return false;
  }

  /** The cheapest offering that holds what is left out, -1 if none does. */
  furtherOffering(): number {
    const { n, R, capacity, many } = this.#p;
    const sum = this.#gap.fill(0);
    for (const i of this.#left) {
      for (let r = 0; r < R; r++)
        sum[r] =
          (sum[r] as number) + (this.#loose[i] as number) * (this.#request[i * R + r] as number);
    }
    let clash: boolean | null = null;
    this.#work += this.#further.length >> 3;
    next: for (let q = 0; q < this.#further.length; q++) {
      const k = this.#further[q] as number;
      for (let r = 0; r < R; r++)
        if ((sum[r] as number) > (capacity[k * R + r] as number)) continue next;
      for (const i of this.#left)
        if ((many[k * n + (this.#classes[i] as number)] as number) < (this.#loose[i] as number))
          continue next;
      clash ??= this.#left.some((i) => this.#left.some((j) => this.#conflict(i, j)));
      return clash ? -1 : k;
    }
    return -1;
  }

  #conflict(i: number, j: number): boolean {
    const { conflicts, n } = this.#p;
    if (conflicts === null) return false;
    return conflicts[(this.#classes[i] as number) * n + (this.#classes[j] as number)] === 1;
  }

  #empty(bins: number): void {
    for (let q = 0; q < bins; q++) {
      const b = this.#random.below(this.#bins.length);
      for (let i = 0; i < this.#n; i++) {
        const copies = this.#count[b * this.#n + i] as number;
        if (copies > 0) this.#shift(b, i, -copies);
      }
    }
    this.#work += bins * this.#n;
  }

  /** Finds the move after which the least weight is left out. */
  #findMove(): void {
    const { R } = this.#p;
    const n = this.#n;
    const move = this.#move;
    move.bin = -1;
    move.gain = -Infinity;
    this.#ties = 0;
    const w = this.#weight;
    const heaviest = this.#left[0] as number;
    const second = (this.#loose[heaviest] as number) > 1 ? heaviest : this.#left[1];
    const most = (w[heaviest] as number) + (second === undefined ? 0 : (w[second] as number));
    for (let b = 0; b < this.#bins.length; b++) {
      const held = this.#held;
      held.length = 0;
      for (let i = 0; i < n; i++) {
        if (
          (this.#count[b * n + i] as number) > 0 &&
          (this.#outFrom[b * n + i] as number) <= this.#moves
        )
          held.push(i);
      }
      this.#work += held.length + 1;
      for (let x = -1; x < held.length; x++) {
        const out1 = x < 0 ? -1 : (held[x] as number);
        const lost = out1 < 0 ? 0 : (w[out1] as number);
        for (let z = x; z < (x < 0 ? 0 : held.length); z++) {
          // z = x: nothing else, or a second copy, which is one more pod of the class.
          const out2 = z === x ? -1 : (held[z] as number);
          const out = lost + (out2 < 0 ? 0 : (w[out2] as number));
          if (most - out < move.gain - tie) continue;
          for (let r = 0; r < R; r++) {
            let gap = this.#free[b * R + r] as number;
            if (out1 >= 0) gap += this.#request[out1 * R + r] as number;
            if (out2 >= 0) gap += this.#request[out2 * R + r] as number;
            this.#gap[r] = gap;
          }
          this.#fill(b, out1, out2, out);
        }
      }
    }
  }

  /** True if one more pod of class i may stand in bin b once out1 and out2 have left it. */
  #allowed(b: number, i: number, out1: number, out2: number): boolean {
    const n = this.#n;
    if (i === out1 || i === out2 || (this.#inFrom[b * n + i] as number) > this.#moves) return false;
    if ((this.#count[b * n + i] as number) >= (this.#most[b * n + i] as number)) return false;
    if (this.#p.conflicts === null) return true;
    for (let j = 0; j < n; j++) {
      const there = (this.#count[b * n + j] as number) - (j === out1 || j === out2 ? 1 : 0);
      if (there > 0 && this.#conflict(i, j)) return false;
    }
    return true;
  }

  /** Offers every way to put one or two pods into the gap of a bin; `out` is the weight taken out. */
  #fill(b: number, out1: number, out2: number, out: number): void {
    const { R } = this.#p;
    const w = this.#weight;
    const req = this.#request;
    for (let x = 0; x < this.#left.length; x++) {
      const in1 = this.#left[x] as number;
      const w1 = (w[in1] as number) - out;
      if (w1 + (w[in1] as number) < this.#move.gain - tie) return;
      this.#work++;
      if (!this.#allowed(b, in1, out1, out2)) continue;
      let fits = true;
      for (let r = 0; r < R && fits; r++) {
        const gap = (this.#gap[r] as number) - (req[in1 * R + r] as number);
        this.#gapAfter[r] = gap;
        fits = gap >= 0;
      }
      if (!fits) continue;
      this.#offer(b, w1, out1, out2, in1, -1);
      for (let z = (this.#loose[in1] as number) > 1 ? x : x + 1; z < this.#left.length; z++) {
        const in2 = this.#left[z] as number;
        const gain = w1 + (w[in2] as number);
        if (gain < this.#move.gain - tie) break;
        this.#work++;
        if (!this.#allowed(b, in2, out1, out2) || this.#conflict(in1, in2)) continue;
        const n = this.#n;
        if (
          z === x &&
          (this.#count[b * n + in1] as number) + 2 > (this.#most[b * n + in1] as number)
        )
          continue;
        let both = true;
        for (let r = 0; r < R && both; r++)
          both = (this.#gapAfter[r] as number) >= (req[in2 * R + r] as number);
        if (both) this.#offer(b, gain, out1, out2, in1, in2);
      }
    }
  }

  /** Keeps a move if it is the best so far; of equals each with the same chance. */
  #offer(b: number, gain: number, out1: number, out2: number, in1: number, in2: number): void {
    const move = this.#move;
    if (gain < move.gain - tie) return;
    if (gain > move.gain + tie) this.#ties = 0;
    this.#ties++;
    if (this.#ties > 1 && this.#random.next() * this.#ties >= 1) return;
    move.bin = b;
    move.gain = gain;
    move.out1 = out1;
    move.out2 = out2;
    move.in1 = in1;
    move.in2 = in2;
  }

  #make(): void {
    const { bin: b, gain, out1, out2, in1, in2 } = this.#move;
    const n = this.#n;
    const until = (mean: number): number =>
      this.#moves + 1 + Math.floor(mean * (0.5 + this.#random.next()));
    this.#shift(b, out1, -1);
    this.#shift(b, out2, -1);
    this.#shift(b, in1, 1);
    this.#shift(b, in2, 1);
    if (out1 >= 0) this.#inFrom[b * n + out1] = until(outFor);
    if (out2 >= 0) this.#inFrom[b * n + out2] = until(outFor);
    this.#outFrom[b * n + in1] = until(inFor);
    if (in2 >= 0) this.#outFrom[b * n + in2] = until(inFor);
    if (gain > tie) return;
    for (const i of this.#left) {
      if ((this.#loose[i] as number) > 0)
        this.#weight[i] = (this.#weight[i] as number) * (1 + growth * this.#random.next());
    }
  }

  #pattern(offering: number, counts: Int32Array): Pattern {
    const held = Array.from(counts.keys()).filter((i) => (counts[i] as number) > 0);
    return {
      offering,
      classes: Int32Array.from(held, (i) => this.#classes[i] as number),
      counts: Int32Array.from(held, (i) => counts[i] as number),
    };
  }

  /** The bins that hold something, after `run` has said yes. */
  rebuilt(): Rebuilt {
    const n = this.#n;
    const bins = this.#bins.map(({ offering }, b) =>
      this.#pattern(offering, this.#count.subarray(b * n, b * n + n)),
    );
    if (this.#left.length > 0) bins.push(this.#pattern(this.furtherOffering(), this.#loose));
    return bins.filter(({ classes }) => classes.length > 0);
  }
}

/** One search; null if it found nothing within `workMax` contents looked at. */
export function eliminate(
  p: ReducedProblem,
  problem: Elimination,
  random: SeededRandom,
  workMax: number,
  stop: () => boolean,
): Rebuilt | null {
  const search = new Search(p, problem, random);
  return search.run(workMax, stop) ? search.rebuilt() : null;
}
