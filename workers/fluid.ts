/**
 * The fractional content that an offering is worth most with: a column for the bound.
 *
 * Where no integer pattern of an offering beats its price although its knapsack bound does, one such
 * column tells the master so and the bound stops being held back by that offering (solver.md 1f).
 * In: duals. Out: the optimum of the knapsack with copies relaxed to reals, by the primal simplex
 * with bounded variables over R rows (rows scaled to 1, explicit basis inverse). If the iteration
 * bound is met the content so far is returned: it is feasible, merely not the best.
 * Work: about one pass of n * R per class in the content.
 */
import type { ReducedProblem } from './reduce.ts';

export interface FluidContent {
  readonly value: number;
  readonly classes: Int32Array;
  readonly counts: Float64Array;
  /** [resource] optimal multipliers, per unit: the sharpest Lagrangian bound there is. */
  readonly lambda: Float64Array;
}

const iterationsMax = 2000;
const tolerance = 1e-10;

/** One bounded knapsack relaxation: maximise value * x, rows * x <= 1, 0 <= x <= most. */
class Relaxation {
  readonly #R: number;
  readonly #n: number;
  /** [item x R], shares of capacity. */
  readonly #a: Float64Array;
  readonly #value: Float64Array;
  readonly #most: Float64Array;
  readonly #atUpper: Uint8Array;
  readonly #inBasis: Uint8Array;
  readonly #basis: Int32Array;
  readonly #inverse: Float64Array;
  readonly #basic: Float64Array;
  readonly #dual: Float64Array;
  readonly #direction: Float64Array;

  constructor(R: number, a: Float64Array, value: Float64Array, most: Float64Array) {
    const n = value.length;
    this.#R = R;
    this.#n = n;
    this.#a = a;
    this.#value = value;
    this.#most = most;
    this.#atUpper = new Uint8Array(n);
    this.#inBasis = new Uint8Array(n + R);
    this.#basis = Int32Array.from({ length: R }, (_, r) => n + r);
    for (let r = 0; r < R; r++) this.#inBasis[n + r] = 1;
    this.#inverse = new Float64Array(R * R);
    for (let r = 0; r < R; r++) this.#inverse[r * R + r] = 1;
    this.#basic = new Float64Array(R).fill(1);
    this.#dual = new Float64Array(R);
    this.#direction = new Float64Array(R);
  }

  #gain(j: number): number {
    if (j >= this.#n) return -(this.#dual[j - this.#n] as number);
    let d = this.#value[j] as number;
    for (let r = 0; r < this.#R; r++)
      d -= (this.#dual[r] as number) * (this.#a[j * this.#R + r] as number);
    return d;
  }

  /** The variable whose move pays most per unit of its own load; -1 at the optimum. */
  #entering(): number {
    let pick = -1;
    let best = tolerance;
    for (let j = 0; j < this.#n + this.#R; j++) {
      if (this.#inBasis[j] === 1) continue;
      const d = this.#gain(j);
      const pays = j < this.#n && this.#atUpper[j] === 1 ? -d : d;
      if (pays <= tolerance) continue;
      const scale = j < this.#n ? (this.#value[j] as number) : 1;
      if (pays / scale > best) {
        best = pays / scale;
        pick = j;
      }
    }
    return pick;
  }

  #column(j: number): void {
    const R = this.#R;
    for (let i = 0; i < R; i++) {
      let s = 0;
      if (j >= this.#n) s = this.#inverse[i * R + (j - this.#n)] as number;
      else
        for (let r = 0; r < R; r++)
          s += (this.#inverse[i * R + r] as number) * (this.#a[j * R + r] as number);
      this.#direction[i] = s;
    }
  }

  /** Moves variable j; false when the iteration made no sense (numerical end). */
  #move(j: number): void {
    const R = this.#R;
    this.#column(j);
    const up = j >= this.#n || this.#atUpper[j] === 0;
    const sign = up ? 1 : -1;
    let step = j < this.#n ? (this.#most[j] as number) : Infinity;
    let leave = -1;
    let toUpper = 0;
    for (let i = 0; i < R; i++) {
      const d = sign * (this.#direction[i] as number);
      const x = this.#basic[i] as number;
      const b = this.#basis[i] as number;
      if (d > 1e-12 && x / d < step) {
        step = Math.max(0, x / d);
        leave = i;
        toUpper = 0;
      } else if (d < -1e-12 && b < this.#n) {
        const room = ((this.#most[b] as number) - x) / -d;
        if (room < step) {
          step = Math.max(0, room);
          leave = i;
          toUpper = 1;
        }
      }
    }
    for (let i = 0; i < R; i++)
      this.#basic[i] = (this.#basic[i] as number) - sign * step * (this.#direction[i] as number);
    if (leave < 0) {
      this.#atUpper[j] = up ? 1 : 0;
      return;
    }
    const out = this.#basis[leave] as number;
    this.#inBasis[out] = 0;
    if (out < this.#n) this.#atUpper[out] = toUpper;
    this.#inBasis[j] = 1;
    this.#basis[leave] = j;
    this.#basic[leave] = up ? step : (this.#most[j] as number) - step;
    const pivot = this.#direction[leave] as number;
    for (let r = 0; r < R; r++)
      this.#inverse[leave * R + r] = (this.#inverse[leave * R + r] as number) / pivot;
    for (let i = 0; i < R; i++) {
      if (i === leave) continue;
      const f = this.#direction[i] as number;
      if (f === 0) continue;
      for (let r = 0; r < R; r++) {
        this.#inverse[i * R + r] =
          (this.#inverse[i * R + r] as number) - f * (this.#inverse[leave * R + r] as number);
      }
    }
  }

  /** [resource] duals of the last basis, per share of capacity, clipped to >= 0. */
  get dual(): Float64Array {
    return this.#dual.map((v) => Math.max(0, v));
  }

  /** Runs to the optimum; returns x per item. */
  run(): Float64Array {
    const R = this.#R;
    for (let iteration = 0; iteration < iterationsMax; iteration++) {
      this.#dual.fill(0);
      for (let i = 0; i < R; i++) {
        const b = this.#basis[i] as number;
        if (b >= this.#n) continue;
        for (let r = 0; r < R; r++) {
          this.#dual[r] =
            (this.#dual[r] as number) +
            (this.#value[b] as number) * (this.#inverse[i * R + r] as number);
        }
      }
      const j = this.#entering();
      if (j < 0) break;
      this.#move(j);
    }
    const x = Float64Array.from(this.#most, (m, j) => (this.#atUpper[j] === 1 ? m : 0));
    for (let i = 0; i < R; i++) {
      const b = this.#basis[i] as number;
      if (b < this.#n) x[b] = Math.max(0, this.#basic[i] as number);
    }
    return x;
  }
}

/** One knapsack with copies relaxed: `most` [class], `request` [class x R], `capacity` [R], `y` [class]. */
export interface KnapsackData {
  readonly most: ArrayLike<number>;
  readonly request: Float64Array;
  readonly capacity: Float64Array;
  readonly y: Float64Array;
}

/** Solves a relaxed knapsack. */
export function relaxKnapsack({ most, request, capacity, y }: KnapsackData): FluidContent {
  const R = capacity.length;
  const items: number[] = [];
  for (let c = 0; c < y.length; c++)
    if ((y[c] as number) > 1e-12 && (most[c] as number) > 0) items.push(c);
  const a = new Float64Array(items.length * R);
  items.forEach((c, j) => {
    for (let r = 0; r < R; r++) {
      const q = request[c * R + r] as number;
      a[j * R + r] = q > 0 ? q / (capacity[r] as number) : 0;
    }
  });
  const value = Float64Array.from(items, (c) => y[c] as number);
  const relaxation = new Relaxation(
    R,
    a,
    value,
    Float64Array.from(items, (c) => most[c] as number),
  );
  const x = relaxation.run();
  const lambda = relaxation.dual.map((v, r) =>
    (capacity[r] as number) > 0 ? v / (capacity[r] as number) : 0,
  );
  let worth = 0;
  const classes: number[] = [];
  const counts: number[] = [];
  items.forEach((c, j) => {
    const q = x[j] as number;
    if (q <= 1e-9) return;
    worth += q * (value[j] as number);
    classes.push(c);
    counts.push(q);
  });
  return {
    value: worth,
    classes: Int32Array.from(classes),
    counts: Float64Array.from(counts),
    lambda,
  };
}

/** The relaxed knapsack of a kept offering at duals y. */
export function fluidContent(p: ReducedProblem, k: number, y: Float64Array): FluidContent {
  return relaxKnapsack({
    most: p.boundMany.subarray(k * p.n, k * p.n + p.n),
    request: p.source.boundRequest,
    capacity: p.boundCapacity.subarray(k * p.R, k * p.R + p.R),
    y,
  });
}
