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
const cellsMax = 120_000;
const updatesMax = 60_000_000;
/** Share of a request that rounding down to the grid may lose on average. */
const lossMax = 0.004;

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

/** The coarsest grid along one resource: powers of two times the greatest common divisor. */
function unitsOf(p: PackingProblem, resource: number): number[] {
  const R = p.resourceNames.length;
  let unit = 0;
  for (let c = 0; c < p.classCount; c++) {
    if ((p.demand[p.familyOf[c] as number] as number) > 0)
      unit = gcd(unit, p.boundRequest[c * R + resource] as number);
  }
  const units: number[] = [];
  for (let u = Math.max(1, unit); lossOf(p, resource, u) <= lossMax && units.length < 20; u *= 2)
    units.push(u);
  return units;
}

/** Decides grid and groups; null if nothing would be gained. */
export function planTables(p: ReducedProblem): Tables | null {
  const { source, R } = p;
  if (R < 2) return null;
  const first = unitsOf(source, 0).at(-1);
  const second = unitsOf(source, 1).at(-1);
  if (first === undefined || second === undefined) return null;
  const cellsOf = (k: number): number =>
    (Math.floor((p.boundCapacity[k * R] as number) / first) + 1) *
    (Math.floor((p.boundCapacity[k * R + 1] as number) / second) + 1);
  const small = Array.from({ length: p.O }, (_, k) => k)
    .filter(
      (k) => source.available[p.original[k] as number] === unlimitedCount && cellsOf(k) <= cellsMax,
    )
    .sort((a, b) => cellsOf(a) - cellsOf(b));
  const byMask = Map.groupBy(small, (k) => source.maskOf[p.original[k] as number] as number);
  const perGroup = updatesMax / Math.max(1, byMask.size);
  const groups: TableGroup[] = [];
  for (const [mask, ks] of byMask) {
    let width = 0;
    let height = 0;
    const fit: number[] = [];
    for (const k of ks) {
      const w = Math.max(width, Math.floor((p.boundCapacity[k * R] as number) / first) + 1);
      const h = Math.max(height, Math.floor((p.boundCapacity[k * R + 1] as number) / second) + 1);
      if (w * h > cellsMax || w * h * p.n > perGroup) continue;
      width = w;
      height = h;
      fit.push(k);
    }
    if (fit.length > 0) groups.push({ offerings: Int32Array.from(fit), mask });
  }
  if (groups.length === 0) return null;
  const covered = new Uint8Array(p.O);
  for (const g of groups) for (const k of g.offerings) covered[k] = 1;
  return { grid: [first, second], groups, covered };
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
    const relax = (s: number): void => {
      const w = (v[s - back] as number) + value;
      if (w > (v[s] as number)) {
        v[s] = w;
        if (taken !== null) taken[s] = 1;
      }
    };
    if (layer.copies === 0) {
      for (let a = x; a <= width; a++)
        for (let s = a * stride + y; s < (a + 1) * stride; s++) relax(s);
    } else {
      for (let a = width; a >= x; a--)
        for (let s = (a + 1) * stride - 1; s >= a * stride + y; s--) relax(s);
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
