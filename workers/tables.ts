/**
 * Exact pricing of small bins: one bounded two-resource knapsack table answers for every offering of
 * a mask up to the table's size.
 *
 * In: duals. Out: upper bounds that no content exceeds (requests and capacities are rounded down to
 * the grid, other resources left out: both only raise it), and the contents that attain them.
 * Worth it where requests share a coarse divisor; where they do not, no tables are made. The checker
 * has a table of its own (core/packing/knapsack-table.ts). Source: solver.md section 11.
 */
import { type PackingProblem, unlimitedCount, unlimitedPerBin } from '../core/packing/problem.ts';
import type { ReducedProblem } from './reduce.ts';

/** Cells of one table, and cell updates of one pricing round over all tables. */
const cellsMax = 1_500_000;
const updatesMax = 20_000_000;
/** With more classes a table costs more than it tells. */
const classesMax = 40;
/** Doublings of a unit that are looked at. */
const unitsMax = 12;
/** Share of a request that rounding down to the grid may lose on average. */
const lossMax = 0.01;

/** Offerings that share a table. */
export interface TableGroup {
  /** Kept offerings. */
  readonly offerings: Int32Array;
  readonly mask: number;
}

export interface Tables {
  readonly grid: readonly [number, number];
  readonly groups: readonly TableGroup[];
  /** [kept offering] 1 if some group has it. */
  readonly covered: Uint8Array;
}

export interface TableContent {
  readonly offering: number;
  readonly value: number;
  readonly classes: Int32Array;
  readonly counts: Int32Array;
}

function gcd(a: number, b: number): number {
  let x = a;
  let y = b;
  while (y > 0) [x, y] = [y, x % y];
  return x;
}

/** Average share of requests lost by rounding down to the grid, weighted by demand. */
function lossOf(p: PackingProblem, resource: number, unit: number): number {
  const R = p.resourceNames.length;
  let lost = 0;
  let total = 0;
  for (let c = 0; c < p.classCount; c++) {
    const q = p.boundRequest[c * R + resource] as number;
    const weight = p.demand[p.familyOf[c] as number] as number;
    lost += weight * (q % unit);
    total += weight * q;
  }
  return total === 0 ? 0 : lost / total;
}

/** Grid units along one resource that lose little: the greatest common divisor and its doubles. */
function unitsOf(
  p: PackingProblem,
  resource: number,
): { readonly unit: number; readonly loss: number }[] {
  const R = p.resourceNames.length;
  let divisor = 0;
  for (let c = 0; c < p.classCount; c++) {
    if ((p.demand[p.familyOf[c] as number] as number) > 0) {
      divisor = gcd(divisor, p.boundRequest[c * R + resource] as number);
    }
  }
  const units: { unit: number; loss: number }[] = [];
  for (let unit = Math.max(1, divisor), q = 0; q < unitsMax; q++, unit *= 2) {
    const loss = lossOf(p, resource, unit);
    if (loss > lossMax) break;
    units.push({ unit, loss });
  }
  return units;
}

/** Offerings that a grid can cover within the bounds, smallest first, by mask. */
function cover(p: ReducedProblem, grid: readonly [number, number]): Tables {
  const { source, R } = p;
  const side = (k: number, r: 0 | 1): number =>
    Math.floor((p.boundCapacity[k * R + r] as number) / grid[r]) + 1;
  const small = Array.from({ length: p.O }, (_, k) => k)
    .filter(
      (k) =>
        source.available[p.original[k] as number] === unlimitedCount &&
        side(k, 0) * side(k, 1) <= cellsMax,
    )
    .sort((a, b) => side(a, 0) * side(a, 1) - side(b, 0) * side(b, 1) || a - b);
  const byMask = Map.groupBy(small, (k) => source.maskOf[p.original[k] as number] as number);
  const groups: TableGroup[] = [];
  const covered = new Uint8Array(p.O);
  for (const [mask, ks] of byMask) {
    let width = 0;
    let height = 0;
    const fit: number[] = [];
    for (const k of ks) {
      const w = Math.max(width, side(k, 0));
      const h = Math.max(height, side(k, 1));
      if (w * h > cellsMax || w * h * p.n * byMask.size > updatesMax) continue;
      width = w;
      height = h;
      fit.push(k);
      covered[k] = 1;
    }
    if (fit.length > 0) groups.push({ offerings: Int32Array.from(fit), mask });
  }
  return { grid, groups, covered };
}

/**
 * Decides grid and groups: the grid that covers the most offerings, of those the one that loses
 * least. Null if nothing would be covered.
 */
export function planTables(p: ReducedProblem): Tables | null {
  if (p.R < 2 || p.O === 0 || p.n > classesMax) return null;
  let best: { tables: Tables; count: number; loss: number } | null = null;
  for (const first of unitsOf(p.source, 0)) {
    for (const second of unitsOf(p.source, 1)) {
      const tables = cover(p, [first.unit, second.unit]);
      const count = tables.covered.reduce((sum, v) => sum + v, 0);
      const loss = first.loss + second.loss;
      if (count === 0) continue;
      if (best === null || count > best.count || (count === best.count && loss < best.loss)) {
        best = { tables, count, loss };
      }
    }
  }
  return best === null ? null : best.tables;
}

interface Layer {
  readonly c: number;
  readonly copies: number;
  readonly back: number;
  readonly x: number;
  readonly y: number;
  readonly value: number;
  /** 1 where taking this layer improved the cell; null when no contents are asked for. */
  readonly taken: Uint8Array | null;
}

/** One filled table. */
class Table {
  readonly #height: number;
  readonly #values: Float64Array;
  readonly #layers: Layer[] = [];
  #weightless = 0;

  constructor(
    source: PackingProblem,
    offerings: readonly number[],
    y: ArrayLike<number>,
    grid: readonly [number, number],
    trace: boolean,
  ) {
    const R = source.resourceNames.length;
    const width = Math.max(
      ...offerings.map((o) => Math.floor((source.boundCapacity[o * R] as number) / grid[0])),
    );
    const height = Math.max(
      ...offerings.map((o) => Math.floor((source.boundCapacity[o * R + 1] as number) / grid[1])),
    );
    this.#height = height;
    const cells = (width + 1) * (height + 1);
    this.#values = new Float64Array(cells);
    for (let c = 0; c < source.classCount; c++) {
      const worth = y[c] as number;
      if (worth <= 0) continue;
      const most = Math.max(...offerings.map((o) => mostOf(source, o, c)));
      if (most === 0) continue;
      const dx = Math.floor((source.boundRequest[c * R] as number) / grid[0]);
      const dy = Math.floor((source.boundRequest[c * R + 1] as number) / grid[1]);
      if (dx === 0 && dy === 0) {
        this.#weightless += worth * most;
        continue;
      }
      const room = Math.min(
        dx === 0 ? Infinity : Math.floor(width / dx),
        dy === 0 ? Infinity : Math.floor(height / dy),
      );
      // Endless items may follow themselves; scarce ones are cut into powers of two, each once.
      for (let size = 1, left = most; left > 0; size *= 2) {
        const copies = room <= most ? 0 : Math.min(size, left);
        left = room <= most ? 0 : left - copies;
        const q = Math.max(1, copies);
        this.#add(
          {
            c,
            copies,
            x: dx * q,
            y: dy * q,
            back: dx * q * (height + 1) + dy * q,
            value: worth * q,
            taken: trace ? new Uint8Array(cells) : null,
          },
          width,
        );
      }
    }
  }

  #add(layer: Layer, width: number): void {
    const { back, x, y, value, taken } = layer;
    const height = this.#height;
    if (x > width || y > height) return;
    this.#layers.push(layer);
    const v = this.#values;
    const stride = height + 1;
    // Two loops, not one with a callback: this is where all the time goes.
    if (layer.copies === 0) {
      for (let a = x; a <= width; a++) {
        for (let s = a * stride + y, end = (a + 1) * stride; s < end; s++) {
          const w = (v[s - back] as number) + value;
          if (w > (v[s] as number)) {
            v[s] = w;
            if (taken !== null) taken[s] = 1;
          }
        }
      }
      return;
    }
    for (let a = width; a >= x; a--) {
      for (let s = (a + 1) * stride - 1, end = a * stride + y; s >= end; s--) {
        const w = (v[s - back] as number) + value;
        if (w > (v[s] as number)) {
          v[s] = w;
          if (taken !== null) taken[s] = 1;
        }
      }
    }
  }

  #cell(source: PackingProblem, o: number, grid: readonly [number, number]): number {
    const R = source.resourceNames.length;
    const a = Math.floor((source.boundCapacity[o * R] as number) / grid[0]);
    const b = Math.floor((source.boundCapacity[o * R + 1] as number) / grid[1]);
    return a * (this.#height + 1) + b;
  }

  value(source: PackingProblem, o: number, grid: readonly [number, number]): number {
    return this.#weightless + (this.#values[this.#cell(source, o, grid)] as number);
  }

  /** Copies per class of the best content (items without weight left out). */
  content(source: PackingProblem, o: number, grid: readonly [number, number]): Map<number, number> {
    const counts = new Map<number, number>();
    let s = this.#cell(source, o, grid);
    for (const layer of this.#layers.toReversed()) {
      const take = (q: number): void => {
        counts.set(layer.c, (counts.get(layer.c) ?? 0) + q);
        s -= layer.back;
      };
      if (layer.copies > 0) {
        if (layer.taken?.[s] === 1) take(layer.copies);
      } else while (layer.taken?.[s] === 1) take(1);
    }
    return counts;
  }
}

/** Most copies of a class in one bin, as the bound may assume. */
function mostOf(p: PackingProblem, o: number, c: number): number {
  const rule = p.boundMasks[(p.maskOf[o] as number) * p.classCount + c] as number;
  if (rule === 0) return 0;
  const R = p.resourceNames.length;
  let most = p.demand[p.familyOf[c] as number] as number;
  if (rule !== unlimitedPerBin) most = Math.min(most, rule);
  for (let r = 0; r < R; r++) {
    const q = p.boundRequest[c * R + r] as number;
    if (q > 0) most = Math.min(most, Math.floor((p.boundCapacity[o * R + r] as number) / q));
  }
  return most;
}

/** Upper bounds for offerings of one mask, in their order: for certificates. */
export function tableBounds(
  source: PackingProblem,
  offerings: readonly number[],
  y: ArrayLike<number>,
  grid: readonly [number, number],
): number[] {
  const table = new Table(source, offerings, y, grid, false);
  return offerings.map((o) => table.value(source, o, grid));
}

/**
 * Prices the covered offerings that `wanted` names. Lowers `upper`; returns the best content of each
 * whose table value beats `target`.
 */
export function priceByTables(
  p: ReducedProblem,
  tables: Tables,
  y: Float64Array,
  wanted: Uint8Array,
  target: Float64Array,
  upper: Float64Array,
): TableContent[] {
  const found: TableContent[] = [];
  for (const { offerings } of tables.groups) {
    const ks = Array.from(offerings).filter((k) => wanted[k] === 1);
    if (ks.length === 0) continue;
    const originals = ks.map((k) => p.original[k] as number);
    const table = new Table(p.source, originals, y, tables.grid, true);
    ks.forEach((k, i) => {
      const o = originals[i] as number;
      const value = table.value(p.source, o, tables.grid) * (1 + 1e-9);
      if (value < (upper[k] as number)) upper[k] = value;
      if (value <= (target[k] as number) * (1 + 1e-7)) return;
      const content = [...table.content(p.source, o, tables.grid)].sort((a, b) => a[0] - b[0]);
      if (content.length === 0) return;
      found.push({
        offering: k,
        value,
        classes: Int32Array.from(content, (e) => e[0]),
        counts: Int32Array.from(content, (e) => e[1]),
      });
    });
  }
  return found;
}

/** The content cut down until it fits the offering itself: pods of least value go first. */
export function repair(p: ReducedProblem, content: TableContent, y: Float64Array): TableContent {
  const { R, source } = p;
  const capacity = p.boundCapacity.subarray(content.offering * R, content.offering * R + R);
  const counts = content.counts.slice();
  const free = Float64Array.from(capacity, (c, r) => {
    let left = c;
    content.classes.forEach((i, e) => {
      left -= (counts[e] as number) * (source.boundRequest[i * R + r] as number);
    });
    return left;
  });
  const order = Array.from(content.classes, (_, e) => e).sort(
    (a, b) =>
      (y[content.classes[a] as number] as number) - (y[content.classes[b] as number] as number),
  );
  for (const e of order) {
    const i = content.classes[e] as number;
    while ((counts[e] as number) > 0 && free.some((left) => left < 0)) {
      counts[e] = (counts[e] as number) - 1;
      for (let r = 0; r < R; r++)
        free[r] = (free[r] as number) + (source.boundRequest[i * R + r] as number);
    }
  }
  const kept = order.filter((e) => (counts[e] as number) > 0).sort((a, b) => a - b);
  return {
    ...content,
    classes: Int32Array.from(kept, (e) => content.classes[e] as number),
    counts: Int32Array.from(kept, (e) => counts[e] as number),
  };
}
