/**
 * Kernel memory with guards: every array of solver-wasm/assembly/layout.ts in exactly its stated
 * size, a guard band on both sides, contents drawn from dice.
 *
 * In: kernels, a reduced problem, a seed, the byte that guards are made of. Out: the address of the
 * header, the regions by name, and what a call did to each. It shares no code with
 * workers/kernel-memory.ts, so that both readings of the map are held against each other.
 */
import * as layout from '../../solver-wasm/assembly/layout.ts';
import type { Kernels } from '../../workers/kernels.ts';
import type { ReducedProblem } from '../../workers/reduce.ts';
import { Dice } from './random-problem.ts';

const guardBytes = 64;
const firstByte = 65_536;

/** One array: where it starts and how many bytes are its own. */
interface Region {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
}

/** Room for results: bytes that a search of `keep` patterns needs, or `words` of a completion. */
export interface OutRoom {
  readonly words: number;
}

export class GuardedMemory {
  readonly h: number;
  readonly #kernels: Kernels;
  readonly #guard: number;
  readonly #regions: Region[] = [];
  #next = firstByte;

  constructor(kernels: Kernels, p: ReducedProblem, seed: number, guard: number, out: OutRoom) {
    this.#kernels = kernels;
    this.#guard = guard;
    const { n, R, O } = p;
    const nPad = n + (n % 2);
    const L = p.limitWeight.length;
    const { scratchFVectors, scratchIVectors, maxResources } = layout;
    const sizes: readonly (readonly [string, number, number])[] = [
      ['header', -1, layout.headerBytes],
      ['boundReq', layout.fBoundReq, R * nPad * 8],
      ['req', layout.fReq, n * R * 8],
      ['boundCap', layout.fBoundCap, O * R * 8],
      ['cap', layout.fCap, O * R * 8],
      ['price', layout.fPrice, O * 8],
      ['target', layout.fTarget, O * 8],
      ['boundMany', layout.fBoundMany, O * nPad * 8],
      ['many', layout.fMany, O * n * 4],
      ['lambda', layout.fLambda, O * R * 8],
      ['upper', layout.fUpper, O * 8],
      ['y', layout.fY, nPad * 8],
      ['value', layout.fValue, n * 8],
      ...(p.conflicts === null
        ? []
        : ([['conflicts', layout.fConflicts, n * n]] satisfies [string, number, number][])),
      ['limitWeight', layout.fLimitWeight, L * O * 8],
      ['limitLeft', layout.fLimitLeft, L * 8],
      ['countLeft', layout.fCountLeft, O * 4],
      ['rem', layout.fRem, n * 4],
      ['scratchF', layout.fScratchF, nPad * 8 * scratchFVectors + maxResources * 8 * 8],
      ['scratchI', layout.fScratchI, n * 4 * scratchIVectors],
      ['out', layout.fOut, out.words * 4],
      ['order', layout.fOrder, O * 4],
      ['scores', layout.fScores, O * 8],
      ['fresh', layout.fFresh, O * 4],
      ['counts', -1, n * 4],
    ];
    for (const [name, , bytes] of sizes) this.#take(name, bytes);
    const missing = Math.ceil((this.#next - kernels.memory.buffer.byteLength) / 65_536);
    if (missing > 0) kernels.memory.grow(missing);
    new Uint8Array(kernels.memory.buffer, firstByte, this.#next - firstByte).fill(guard);
    this.h = this.#regions[0]!.address;
    for (const { name } of this.#regions) this.bytes(name).fill(0);
    const header = this.ints('header');
    const set = (field: number, value: number): void => {
      header[field >> 2] = value;
    };
    for (const [name, field] of sizes) if (field >= 0) set(field, this.#region(name).address);
    set(layout.fN, n);
    set(layout.fNPad, nPad);
    set(layout.fR, R);
    set(layout.fO, O);
    set(layout.fLimitCount, L);
    set(layout.fRandom, (seed * 2 + 1) | 0);
    this.#fill(p, new Dice(seed));
  }

  #take(name: string, bytes: number): void {
    this.#next += guardBytes;
    this.#regions.push({ name, address: this.#next, bytes });
    this.#next = (this.#next + bytes + guardBytes + 15) & ~15;
  }

  #region(name: string): Region {
    const region = this.#regions.find((one) => one.name === name);
    if (region === undefined) throw new Error(`no array ${name}`);
    return region;
  }

  address(name: string): number {
    return this.#region(name).address;
  }

  bytes(name: string): Uint8Array {
    const { address, bytes } = this.#region(name);
    return new Uint8Array(this.#kernels.memory.buffer, address, bytes);
  }

  floats(name: string): Float64Array {
    const { address, bytes } = this.#region(name);
    return new Float64Array(this.#kernels.memory.buffer, address, bytes / 8);
  }

  ints(name: string): Int32Array {
    const { address, bytes } = this.#region(name);
    return new Int32Array(this.#kernels.memory.buffer, address, bytes / 4);
  }

  /** Data of the problem; duals, multipliers, values and stock as a search might have them. */
  #fill(p: ReducedProblem, dice: Dice): void {
    const { n, R, O } = p;
    const nPad = n + (n % 2);
    const some = (most: number): number => (dice.between(0, 1000) / 1000) * most;
    const boundReq = this.floats('boundReq');
    for (let i = 0; i < n; i++) {
      for (let r = 0; r < R; r++) boundReq[r * nPad + i] = p.source.boundRequest[i * R + r]!;
    }
    this.floats('req').set(p.source.request);
    this.floats('boundCap').set(p.boundCapacity);
    this.floats('cap').set(p.capacity);
    this.floats('price').set(p.price);
    this.floats('target').set(p.money.map((price) => price * (0.5 + some(1))));
    const boundMany = this.floats('boundMany');
    for (let k = 0; k < O; k++) boundMany.set(p.boundMany.subarray(k * n, k * n + n), k * nPad);
    this.ints('many').set(p.many);
    if (p.conflicts !== null) this.bytes('conflicts').set(p.conflicts);
    p.limitWeight.forEach((weights, l) => this.floats('limitWeight').set(weights, l * O));
    this.floats('limitLeft').set(p.limitMax);
    this.ints('countLeft').set(p.count);
    const dearest = p.price.reduce((a, b) => Math.max(a, b), 1e-9);
    for (let i = 0; i < n; i++) {
      this.floats('y')[i] = dice.chance(20) ? 0 : some(dearest / 4);
      this.floats('value')[i] = dice.chance(10) ? 1e-7 : some(dearest / 4);
      this.ints('rem')[i] = dice.between(0, p.source.demand[p.source.familyOf[i]!]!);
    }
    for (let k = 0; k < O * R; k++) {
      const c = p.boundCapacity[k]!;
      this.floats('lambda')[k] = c > 0 && dice.chance(70) ? some(dearest) / c : 0;
    }
    const order = this.ints('order');
    for (let k = 0; k < O; k++) order[k] = k;
    for (let k = O - 1; k > 0; k--) {
      const other = dice.between(0, k);
      [order[k], order[other]] = [order[other]!, order[k]!];
    }
  }

  /** Everything from the first guard to the last, as it is now. */
  snapshot(): Uint8Array {
    const length = this.#next - firstByte;
    return new Uint8Array(this.#kernels.memory.buffer, firstByte, length).slice();
  }

  /** Names of the arrays that differ from a snapshot; `a guard` if a byte outside of all does. */
  changedSince(before: Uint8Array): string[] {
    const now = this.snapshot();
    const changed = new Set<string>();
    for (let at = 0; at < now.length; at++) {
      if (now[at] === before[at]) continue;
      const address = at + firstByte;
      const owner = this.#regions.find(
        (region) => address >= region.address && address < region.address + region.bytes,
      );
      changed.add(owner?.name ?? 'a guard');
    }
    return [...changed].sort();
  }

  /** True if every byte outside of the arrays is what it was made of. */
  guardsHold(): boolean {
    const outside = this.snapshot();
    for (const { address, bytes } of this.#regions)
      outside.fill(this.#guard, address - firstByte, address - firstByte + bytes);
    return outside.every((byte) => byte === this.#guard);
  }
}
