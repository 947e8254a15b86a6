/**
 * Lays a reduced problem out in the kernels' memory and reads results back.
 *
 * In: ReducedProblem, Kernels. Out: typed views (valid for the life of the object: the memory is
 * grown once, before the views are made). The map is solver-wasm/assembly/layout.ts.
 */
import {
  fBoundCap,
  fBoundMany,
  fBoundReq,
  fCap,
  fConflicts,
  fCountLeft,
  fFresh,
  fLambda,
  fLimitCount,
  fLimitLeft,
  fLimitWeight,
  fMany,
  fN,
  fNPad,
  fO,
  fOrder,
  fOut,
  fPrice,
  fR,
  fRandom,
  fRem,
  fReq,
  fScores,
  fScratchF,
  fScratchI,
  fTarget,
  fUpper,
  fValue,
  fY,
  headerBytes,
  maxPatterns,
  maxResources,
  scratchFVectors,
  scratchIVectors,
} from '../solver-wasm/assembly/layout.ts';
import type { Kernels } from './kernels.ts';
import type { ReducedProblem } from './reduce.ts';

const pageBytes = 65536;
const firstByte = 65536;
/** Words that one completion may write; enough for 4,000 bin groups of 60 classes. */
const outWordsMin = 1 << 19;

/** Contents of one bin, sparse. */
export interface Pattern {
  readonly offering: number;
  readonly classes: Int32Array;
  readonly counts: Int32Array;
}

/** A problem in kernel memory. Not shared between threads. */
export class KernelMemory {
  readonly y: Float64Array;
  readonly value: Float64Array;
  readonly target: Float64Array;
  readonly price: Float64Array;
  readonly upper: Float64Array;
  readonly lambda: Float64Array;
  readonly rem: Int32Array;
  readonly countLeft: Int32Array;
  readonly limitLeft: Float64Array;
  readonly order: Int32Array;
  readonly #kernels: Kernels;
  readonly #h: number;
  readonly #p: ReducedProblem;
  readonly #nPad: number;
  readonly #outWords: number;
  readonly #out: Int32Array;
  readonly #outF: Float64Array;
  readonly #counts: Int32Array;
  readonly #countsAt: number;
  readonly #seedWord: Int32Array;

  constructor(kernels: Kernels, p: ReducedProblem) {
    this.#kernels = kernels;
    this.#p = p;
    const { n, R, O } = p;
    if (R > maxResources) throw new Error(`at most ${maxResources} resource dimensions, got ${R}`);
    const nPad = n + (n & 1);
    this.#nPad = nPad;
    const slotWords = 4 + maxPatterns * (2 + nPad);
    this.#outWords = Math.max(outWordsMin, slotWords);
    let at = firstByte;
    const take = (bytes: number): number => {
      const address = at;
      at = (at + bytes + 15) & ~15;
      return address;
    };
    const h = take(headerBytes);
    this.#h = h;
    const L = p.limitWeight.length;
    const place = {
      boundReq: take(R * nPad * 8),
      req: take(n * R * 8),
      boundCap: take(O * R * 8),
      cap: take(O * R * 8),
      price: take(O * 8),
      target: take(O * 8),
      boundMany: take(O * nPad * 8),
      many: take(O * n * 4),
      lambda: take(O * R * 8),
      upper: take(O * 8),
      y: take(nPad * 8),
      value: take(nPad * 8),
      conflicts: p.conflicts === null ? 0 : take(n * n),
      limitWeight: take(L * O * 8),
      limitLeft: take(L * 8 + 8),
      count: take(O * 4),
      rem: take(nPad * 4),
      scratchF: take(nPad * 8 * scratchFVectors + maxResources * 8 * 8),
      scratchI: take(nPad * 4 * scratchIVectors),
      out: take(this.#outWords * 4),
      order: take(O * 4),
      scores: take(O * 8),
      fresh: take(O * 4),
      counts: take(nPad * 4),
    };
    const missing = Math.ceil((at - kernels.memory.buffer.byteLength) / pageBytes);
    if (missing > 0) kernels.memory.grow(missing);
    const buffer = kernels.memory.buffer;
    const f = (address: number, length: number): Float64Array =>
      new Float64Array(buffer, address, length);
    const w = (address: number, length: number): Int32Array =>
      new Int32Array(buffer, address, length);

    const boundReq = f(place.boundReq, R * nPad).fill(0);
    for (let i = 0; i < n; i++) {
      for (let r = 0; r < R; r++)
        boundReq[r * nPad + i] = p.source.boundRequest[i * R + r] as number;
    }
    f(place.req, n * R).set(p.source.request);
    f(place.boundCap, O * R).set(p.boundCapacity);
    f(place.cap, O * R).set(p.capacity);
    const boundMany = f(place.boundMany, O * nPad).fill(0);
    for (let k = 0; k < O; k++) boundMany.set(p.boundMany.subarray(k * n, k * n + n), k * nPad);
    w(place.many, O * n).set(p.many);
    if (p.conflicts !== null) new Uint8Array(buffer, place.conflicts, n * n).set(p.conflicts);
    p.limitWeight.forEach((weights, l) => f(place.limitWeight + l * O * 8, O).set(weights));
    this.price = f(place.price, O);
    this.price.set(p.price);
    this.target = f(place.target, O);
    this.target.set(p.price);
    this.upper = f(place.upper, O);
    this.y = f(place.y, nPad).fill(0);
    this.value = f(place.value, nPad).fill(0);
    this.rem = w(place.rem, n);
    this.countLeft = w(place.count, O);
    this.limitLeft = f(place.limitLeft, L);
    this.order = w(place.order, O);
    this.lambda = f(place.lambda, O * R);
    this.resetMultipliers();
    this.#out = w(place.out, this.#outWords);
    this.#outF = f(place.out, this.#outWords >> 1);
    this.#counts = w(place.counts, n).fill(0);
    this.#countsAt = place.counts;
    const words: readonly (readonly [number, number])[] = [
      [fN, n],
      [fNPad, nPad],
      [fR, R],
      [fO, O],
      [fBoundReq, place.boundReq],
      [fReq, place.req],
      [fBoundCap, place.boundCap],
      [fCap, place.cap],
      [fPrice, place.price],
      [fTarget, place.target],
      [fBoundMany, place.boundMany],
      [fMany, place.many],
      [fLambda, place.lambda],
      [fUpper, place.upper],
      [fY, place.y],
      [fValue, place.value],
      [fConflicts, place.conflicts],
      [fLimitCount, L],
      [fLimitWeight, place.limitWeight],
      [fLimitLeft, place.limitLeft],
      [fCountLeft, place.count],
      [fRem, place.rem],
      [fScratchF, place.scratchF],
      [fScratchI, place.scratchI],
      [fRandom, 0x9e3779b9 | 0],
      [fOut, place.out],
      [fOrder, place.order],
      [fScores, place.scores],
      [fFresh, place.fresh],
    ];
    const header = w(h, headerBytes >> 2);
    for (const [field, value] of words) header[field >> 2] = value;
    this.#seedWord = w(h + fRandom, 1);
    this.resetStock();
  }

  /** Multipliers as if cpu-like resources shared the price evenly: a start for the scan. */
  resetMultipliers(): void {
    const { O, R } = this.#p;
    for (let k = 0; k < O; k++) {
      for (let r = 0; r < R; r++) {
        const c = this.#p.boundCapacity[k * R + r] as number;
        this.lambda[k * R + r] = r < 2 && c > 0 ? (0.5 * (this.#p.money[k] as number)) / c : 0;
      }
    }
  }

  /** Counts and limits as the problem gives them. */
  resetStock(): void {
    this.countLeft.set(this.#p.count);
    this.#p.limitMax.forEach((max, l) => {
      this.limitLeft[l] = max;
    });
  }

  seed(seed: number): void {
    this.#seedWord[0] = Math.imul(seed ^ 0x5bd1e995, 0x27d4eb2d) | 0 || 1;
  }

  boundScan(steps: number): number {
    return this.#kernels.boundScan(this.#h, steps);
  }

  /**
   * Patterns of one offering with the value that they have under `y`, best first; `within` caps
   * copies by `rem`.
   */
  search(
    offering: number,
    rounds: number,
    keep: number,
    within = false,
  ): { value: number; pattern: Pattern }[] {
    const found = this.#kernels.patternSearch(this.#h, offering, rounds, keep, within ? 1 : 0);
    const stride = 2 + this.#nPad;
    const result: { value: number; pattern: Pattern }[] = [];
    for (let k = 0; k < found; k++) {
      const at = 2 + k * stride;
      result.push({
        value: this.#outF[at >> 1] as number,
        pattern: this.#sparse(offering, at + 2),
      });
    }
    return result;
  }

  #sparse(offering: number, at: number): Pattern {
    let entries = 0;
    for (let i = 0; i < this.#p.n; i++) if (this.#out[at + i] !== 0) entries++;
    const classes = new Int32Array(entries);
    const counts = new Int32Array(entries);
    for (let i = 0, e = 0; i < this.#p.n; i++) {
      if (this.#out[at + i] === 0) continue;
      classes[e] = i;
      counts[e++] = this.#out[at + i] as number;
    }
    return { offering, classes, counts };
  }

  /**
   * Covers `rem` with bins of the first `orderCount` offerings of `order`; updates `rem`, counts and
   * limits. Returns the groups of equal bins.
   */
  complete(
    orderCount: number,
    bend: number,
    noise: number,
  ): { pattern: Pattern; copies: number }[] {
    this.#kernels.complete(this.#h, orderCount, this.#outWords, bend, noise);
    const out = this.#out;
    const groups: { pattern: Pattern; copies: number }[] = [];
    for (let g = 0, at = 1; g < (out[0] as number); g++) {
      const offering = out[at] as number;
      const copies = out[at + 1] as number;
      const entries = out[at + 2] as number;
      at += 3;
      const classes = new Int32Array(entries);
      const counts = new Int32Array(entries);
      for (let e = 0; e < entries; e++, at += 2) {
        classes[e] = out[at] as number;
        counts[e] = out[at + 1] as number;
      }
      groups.push({ pattern: { offering, classes, counts }, copies });
    }
    return groups;
  }

  /** The cheapest offering that holds the pattern, itself if there is none cheaper. */
  cheapest(pattern: Pattern): number {
    for (let e = 0; e < pattern.classes.length; e++) {
      this.#counts[pattern.classes[e] as number] = pattern.counts[e] as number;
    }
    const k = this.#kernels.cheapest(this.#h, pattern.offering, this.#countsAt);
    for (const i of pattern.classes) this.#counts[i] = 0;
    return k;
  }
}
