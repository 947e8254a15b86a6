/**
 * Canonicalises a problem for the search: drops offerings that no optimal plan needs.
 *
 * In: PackingProblem. Out: the kept offerings with their arrays, and for each dropped offering one
 * kept offering that dominates it (no dearer, no smaller, no stricter, no heavier on any limit), so
 * that what is proven for the kept ones holds for all. Pure; knows nothing of memory or LP.
 * Source: solver.md stage A.
 */
import { type PackingProblem, unlimitedCount, unlimitedPerBin } from '../core/packing/problem.ts';

/** The problem as the search sees it. Prices are in USD per hour here (floats: search only). */
export interface ReducedProblem {
  readonly source: PackingProblem;
  readonly n: number;
  readonly R: number;
  /** Kept offerings; index k everywhere below. */
  readonly O: number;
  /** [k] offering of the source. */
  readonly original: Int32Array;
  /** [source offering] the kept offering that stands for it, -1 if nothing fits it at all. */
  readonly keptFor: Int32Array;
  /** [k x R], clipped to what patterns can use. */
  readonly capacity: Float64Array;
  readonly boundCapacity: Float64Array;
  /** [k] price + steering, USD per hour. */
  readonly price: Float64Array;
  /** [k] price alone, USD per hour. */
  readonly money: Float64Array;
  /** [k] bins that may be opened, 0x7fffffff = any number. */
  readonly count: Int32Array;
  /** [k x n] most copies of a class in one bin for a plan. */
  readonly many: Int32Array;
  /** [k x n] the same for the bound. */
  readonly boundMany: Float64Array;
  /** [limit][k] weights. */
  readonly limitWeight: readonly Float64Array[];
  readonly limitMax: readonly number[];
  /** n x n, or null. */
  readonly conflicts: Uint8Array | null;
}

export const anyNumber = 0x7fffffff;
const nano = 1e-9;

/** ratio[r][s]: most of r that a pod may ask per unit of s; Infinity where some pod asks no s. */
function requestRatios(
  n: number,
  R: number,
  request: Float64Array,
  wanted: Uint8Array,
): Float64Array {
  const ratio = new Float64Array(R * R);
  for (let i = 0; i < n; i++) {
    if (wanted[i] === 0) continue;
    for (let r = 0; r < R; r++) {
      const a = request[i * R + r] as number;
      if (a === 0) continue;
      for (let s = 0; s < R; s++) {
        const b = request[i * R + s] as number;
        const q = b === 0 ? Infinity : a / b;
        if (q > (ratio[r * R + s] as number)) ratio[r * R + s] = q;
      }
    }
  }
  return ratio;
}

/** Lowers each capacity to the most that any content of the bin can use of it. */
function clip(capacity: Float64Array, at: number, R: number, ratio: Float64Array): void {
  for (let r = 0; r < R; r++) {
    let most = capacity[at + r] as number;
    for (let s = 0; s < R; s++) {
      const q = ratio[r * R + s] as number;
      if (s !== r && q !== Infinity) {
        most = Math.min(most, Math.floor((capacity[at + s] as number) * q * (1 + 1e-12) + 1e-9));
      }
    }
    capacity[at + r] = most;
  }
}

interface Scratch {
  readonly capacity: Float64Array;
  readonly boundCapacity: Float64Array;
}

/** True if a bin may hold a pod of some class, as the bound reads the problem. */
function takesAny(
  p: PackingProblem,
  mask: number,
  capacity: Float64Array,
  at: number,
  wanted: Uint8Array,
): boolean {
  const n = p.classCount;
  const R = p.resourceNames.length;
  for (let i = 0; i < n; i++) {
    if (wanted[i] === 0 || p.boundMasks[mask * n + i] === 0) continue;
    let r = 0;
    for (; r < R; r++) {
      const q = p.boundRequest[i * R + r] as number;
      if (q > 0 && q > (capacity[at + r] as number)) break;
    }
    if (r === R) return true;
  }
  return false;
}

/** Fills row `into` of `out` with the most copies per class. */
function fillMany(
  p: PackingProblem,
  masks: Uint16Array,
  mask: number,
  request: Float64Array,
  cap: Float64Array,
  capAt: number,
  wanted: Uint8Array,
  out: Int32Array | Float64Array,
  into: number,
): void {
  const { classCount: n, familyOf, demand } = p;
  const R = p.resourceNames.length;
  for (let i = 0; i < n; i++) {
    let most = 0;
    const rule = masks[mask * n + i] as number;
    if (rule > 0 && wanted[i] === 1) {
      most = demand[familyOf[i] as number] as number;
      if (rule !== unlimitedPerBin && rule < most) most = rule;
      for (let r = 0; r < R && most > 0; r++) {
        const q = request[i * R + r] as number;
        if (q > 0) most = Math.min(most, Math.floor((cap[capAt + r] as number) / q));
      }
    }
    out[into + i] = most;
  }
}

/**
 * One offering per (capacity, mask, limits): the cheapest with steering; others point to it in `twin`.
 * One that is cheaper in money alone stays beside it: the bound speaks of money.
 */
function dropTwins(
  p: PackingProblem,
  s: Scratch,
  candidates: number[],
  twin: Int32Array,
): number[] {
  const R = p.resourceNames.length;
  const sameBound = s.capacity === s.boundCapacity;
  const buckets = new Map<number, number[]>();
  const kept: number[] = [];
  const replaces = (a: number, b: number): boolean => {
    if (p.maskOf[a] !== p.maskOf[b]) return false;
    if ((p.priceNano[a] as number) > (p.priceNano[b] as number)) return false;
    for (let r = 0; r < R; r++) {
      if (s.capacity[a * R + r] !== s.capacity[b * R + r]) return false;
      if (!sameBound && s.boundCapacity[a * R + r] !== s.boundCapacity[b * R + r]) return false;
    }
    return p.limits.every((l) => l.weight[a] === l.weight[b]);
  };
  for (const o of candidates) {
    if (p.available[o] !== unlimitedCount) {
      kept.push(o);
      continue;
    }
    let h = p.maskOf[o] as number;
    for (let r = 0; r < R; r++)
      h = (Math.imul(h, 31) + (((s.capacity[o * R + r] as number) % 2147483647) | 0)) | 0;
    const bucket = buckets.get(h);
    const other = bucket?.find((k) => replaces(k, o));
    if (other !== undefined) twin[o] = other;
    else {
      if (bucket === undefined) buckets.set(h, [o]);
      else bucket.push(o);
      kept.push(o);
    }
  }
  return kept;
}

/** Lazily answers whether mask a allows at least what mask b allows (for classes in demand). */
function maskOrder(p: PackingProblem, wanted: Uint8Array): (a: number, b: number) => boolean {
  const { maskCount: M, classCount: n, masks, boundMasks } = p;
  const known = new Uint8Array(M * M);
  const atLeast = (m: Uint16Array, a: number, b: number): boolean => {
    for (let i = 0; i < n; i++) {
      if (wanted[i] === 1 && (m[a * n + i] as number) < (m[b * n + i] as number)) return false;
    }
    return true;
  };
  return (a, b) => {
    if (a === b) return true;
    let k = known[a * M + b] as number;
    if (k === 0) {
      k = atLeast(masks, a, b) && (boundMasks === masks || atLeast(boundMasks, a, b)) ? 2 : 1;
      known[a * M + b] = k;
    }
    return k === 2;
  };
}

/**
 * Reduces a problem. Classes of families without demand get no copies anywhere.
 * Work: O * (R + kept) comparisons that mostly end at the first, after one pass for twins.
 */
export function reduce(p: PackingProblem): ReducedProblem {
  const n = p.classCount;
  const R = p.resourceNames.length;
  const wanted = Uint8Array.from(p.familyOf, (f) => ((p.demand[f] as number) > 0 ? 1 : 0));
  const capacity = p.capacity.slice();
  const sameCapacity = p.capacity === p.boundCapacity && p.request === p.boundRequest;
  const boundCapacity = sameCapacity ? capacity : p.boundCapacity.slice();
  const ratio = requestRatios(n, R, p.request, wanted);
  const boundRatio = sameCapacity ? ratio : requestRatios(n, R, p.boundRequest, wanted);
  for (let o = 0; o < p.offeringCount; o++) {
    clip(capacity, o * R, R, ratio);
    if (!sameCapacity) clip(boundCapacity, o * R, R, boundRatio);
  }
  const s: Scratch = { capacity, boundCapacity };
  const total = p.priceNano.map((price, o) => price + (p.steerNano[o] as number));
  const keptFor = new Int32Array(p.offeringCount).fill(-1);
  const twin = new Int32Array(p.offeringCount).fill(-1);
  const order = Array.from({ length: p.offeringCount }, (_, o) => o).sort(
    (a, b) =>
      (total[a] as number) - (total[b] as number) ||
      (p.priceNano[a] as number) - (p.priceNano[b] as number) ||
      (capacity[b * R] as number) - (capacity[a * R] as number) ||
      a - b,
  );
  const usable = dropTwins(p, s, order, twin).filter((o) =>
    takesAny(p, p.maskOf[o] as number, boundCapacity, o * R, wanted),
  );
  const supersedes = maskOrder(p, wanted);
  const sameBound = capacity === boundCapacity;
  const dominates = (k: number, o: number): boolean => {
    for (let r = 0; r < R; r++) {
      if ((capacity[k * R + r] as number) < (capacity[o * R + r] as number)) return false;
      if (!sameBound && (boundCapacity[k * R + r] as number) < (boundCapacity[o * R + r] as number))
        return false;
    }
    if ((p.priceNano[k] as number) > (p.priceNano[o] as number)) return false;
    if (!supersedes(p.maskOf[k] as number, p.maskOf[o] as number)) return false;
    return p.limits.every((l) => (l.weight[k] as number) <= (l.weight[o] as number));
  };
  const kept: number[] = [];
  const unlimited = new Int32Array(usable.length);
  /** First amounts of those, side by side: most comparisons end there. */
  const first = new Float64Array(usable.length);
  let count = 0;
  for (const o of usable) {
    if (p.available[o] === unlimitedCount) {
      const least = capacity[o * R] as number;
      let by = 0;
      for (; by < count; by++)
        if ((first[by] as number) >= least && dominates(unlimited[by] as number, o)) break;
      if (by < count) {
        keptFor[o] = keptFor[unlimited[by] as number] as number;
        continue;
      }
      first[count] = least;
      unlimited[count++] = o;
    }
    keptFor[o] = kept.length;
    kept.push(o);
  }
  for (let o = 0; o < p.offeringCount; o++) {
    if (keptFor[o] === -1 && twin[o] !== -1) keptFor[o] = keptFor[twin[o] as number] as number;
  }
  return arrays(p, kept, keptFor, s, wanted);
}

function arrays(
  p: PackingProblem,
  kept: readonly number[],
  keptFor: Int32Array,
  s: Scratch,
  wanted: Uint8Array,
): ReducedProblem {
  const n = p.classCount;
  const R = p.resourceNames.length;
  const O = kept.length;
  const capacity = new Float64Array(O * R);
  const sameCapacity = s.capacity === s.boundCapacity;
  const boundCapacity = sameCapacity ? capacity : new Float64Array(O * R);
  const many = new Int32Array(O * n);
  const boundMany = new Float64Array(O * n);
  kept.forEach((o, k) => {
    capacity.set(s.capacity.subarray(o * R, o * R + R), k * R);
    if (!sameCapacity) boundCapacity.set(s.boundCapacity.subarray(o * R, o * R + R), k * R);
    const mask = p.maskOf[o] as number;
    fillMany(p, p.masks, mask, p.request, s.capacity, o * R, wanted, many, k * n);
    fillMany(
      p,
      p.boundMasks,
      mask,
      p.boundRequest,
      s.boundCapacity,
      o * R,
      wanted,
      boundMany,
      k * n,
    );
  });
  let conflicts: Uint8Array | null = null;
  if (p.conflicts.length > 0) {
    conflicts = new Uint8Array(n * n);
    for (let q = 0; q + 1 < p.conflicts.length; q += 2) {
      const a = p.conflicts[q] as number;
      const b = p.conflicts[q + 1] as number;
      conflicts[a * n + b] = 1;
      conflicts[b * n + a] = 1;
      // A class that may not meet itself stands alone: a cap, not a conflict.
      if (a === b) {
        conflicts[a * n + a] = 0;
        for (let k = 0; k < O; k++) many[k * n + a] = Math.min(1, many[k * n + a] as number);
      }
    }
  }
  return {
    source: p,
    n,
    R,
    O,
    keptFor,
    capacity,
    boundCapacity,
    many,
    boundMany,
    conflicts,
    original: Int32Array.from(kept),
    price: Float64Array.from(
      kept,
      (o) => ((p.priceNano[o] as number) + (p.steerNano[o] as number)) * nano,
    ),
    money: Float64Array.from(kept, (o) => (p.priceNano[o] as number) * nano),
    count: Int32Array.from(kept, (o) =>
      p.available[o] === unlimitedCount ? anyNumber : (p.available[o] as number),
    ),
    limitWeight: p.limits.map((l) => Float64Array.from(kept, (o) => l.weight[o] as number)),
    limitMax: p.limits.map((l) => l.max),
  };
}
