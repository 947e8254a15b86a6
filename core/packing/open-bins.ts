/**
 * Bins while they are being filled, first-fit: groups of copies with equal contents.
 *
 * In: classes and pods to add. Out: which groups took how many, and at the end the bins of a plan.
 * How much a bin can take is asked of a {@link Room}, so that bins of a known offering and bins
 * whose offering is still open (`karpenter-first-fit.ts`) fill by the same walk.
 */
import type { ClassNeeds } from './class-needs.ts';
import type { Bin } from './solution.ts';

/** `copies` bins with the same contents. */
export interface OpenBin {
  copies: number;
  /** Classes in the order of their arrival, with the pods of each in one copy. */
  readonly classes: number[];
  readonly counts: number[];
}

/** What a kind of bin can take, and how it takes it. */
export interface Room<B extends OpenBin> {
  /** Pods of class `c` that one copy can take besides what it holds, of at most `want`. */
  measure(bin: B, c: number, want: number): number;
  /** Books `pods` pods of class `c` in each copy; the contents are updated already. */
  book(bin: B, c: number, pods: number): void;
  /** The same bin, sharing nothing that changes, with `copies` copies. */
  clone(bin: B, copies: number): B;
}

/** An ordered list of open bins. */
export class OpenBins<B extends OpenBin> {
  readonly list: B[] = [];
  readonly #room: Room<B>;
  /** [class] groups before this one have no room for it, and never will: bins only fill. */
  readonly #cursor: Int32Array;

  constructor(classCount: number, room: Room<B>) {
    this.#room = room;
    this.#cursor = new Int32Array(classCount);
  }

  /** Puts up to `pods` pods of class `c` into open bins, in their order; returns how many. */
  join(c: number, pods: number): number {
    let left = pods;
    let at = this.#cursor[c]!;
    let isPrefixFull = true;
    while (at < this.list.length && left > 0) {
      const bin = this.list[at]!;
      const fit = this.#room.measure(bin, c, left);
      if (fit === 0) {
        at++;
        if (isPrefixFull) this.#cursor[c] = at;
        continue;
      }
      const taken = Math.min(fit, left);
      const copies = Math.min(bin.copies, Math.floor(left / taken));
      this.#split(at, copies);
      this.put(bin, c, taken);
      left -= copies * taken;
      isPrefixFull = false;
      at++;
    }
    return pods - left;
  }

  /** Adds `pods` pods of class `c` to each copy of `bin`. The caller knows that they fit. */
  put(bin: B, c: number, pods: number): void {
    const at = bin.classes.indexOf(c);
    if (at >= 0) {
      bin.counts[at]! += pods;
    } else {
      bin.classes.push(c);
      bin.counts.push(pods);
    }
    this.#room.book(bin, c, pods);
  }

  /** Leaves `copies` copies at `at`; the others follow it. */
  #split(at: number, copies: number): void {
    const bin = this.list[at]!;
    if (copies === bin.copies) return;
    this.list.splice(at + 1, 0, this.#room.clone(bin, bin.copies - copies));
    bin.copies = copies;
  }
}

/** Whether any class of `bin` may not meet class `c`. */
export function meetsFoe(needs: ClassNeeds, bin: OpenBin, c: number): boolean {
  const foes = needs.foes[c];
  return foes !== undefined && bin.classes.some((other) => foes.has(other));
}

/** Pods of class `c` in one copy of `bin`. */
export function countIn(bin: OpenBin, c: number): number {
  const at = bin.classes.indexOf(c);
  return at < 0 ? 0 : bin.counts[at]!;
}

/** A bin whose offering is settled. */
export interface FilledBin {
  readonly offering: number;
  readonly bin: OpenBin;
  copies: number;
}

/**
 * Bins of a plan, contents ascending by class. Bins of an offering that were filled alike and in the
 * same order become one.
 */
export function mergeBins(filled: readonly FilledBin[]): readonly Bin[] {
  const byHash = new Map<number, FilledBin[]>();
  const merged: FilledBin[] = [];
  for (const one of filled) {
    const hash = hashContents(one);
    const alike = byHash.get(hash);
    const twin = alike?.find((other) => isAlike(one, other));
    if (twin !== undefined) {
      twin.copies += one.copies;
      continue;
    }
    const own = { ...one };
    merged.push(own);
    if (alike === undefined) byHash.set(hash, [own]);
    else alike.push(own);
  }
  return merged.map(({ offering, bin, copies }) => {
    const order = [...bin.classes.keys()].sort((a, b) => bin.classes[a]! - bin.classes[b]!);
    const classes = Int32Array.from(order, (at) => bin.classes[at]!);
    const counts = Int32Array.from(order, (at) => bin.counts[at]!);
    return { offering, classes, counts, copies };
  });
}

function hashContents({ offering, bin }: FilledBin): number {
  let hash = offering;
  for (let i = 0; i < bin.classes.length; i++) {
    hash = (Math.imul(hash, 31) + bin.classes[i]!) | 0;
    hash = (Math.imul(hash, 31) + bin.counts[i]!) | 0;
  }
  return hash;
}

function isAlike(a: FilledBin, b: FilledBin): boolean {
  return (
    a.offering === b.offering &&
    a.bin.classes.length === b.bin.classes.length &&
    a.bin.classes.every((c, i) => c === b.bin.classes[i] && a.bin.counts[i] === b.bin.counts[i])
  );
}
