/**
 * An upper bound on the value of one bin from a bounded knapsack over two resources.
 *
 * In: offerings that share a mask, values per class (integers), two resources and a grid. Out: for
 * each offering a value that no legal content of its bin exceeds. Requests and capacities are both
 * rounded down to the grid: if the sum of the requests is at most the capacity, so is the sum of
 * the rounded-down ones, hence nothing legal is lost. The other resources only limit how many pods
 * of one class fit. It shares no code with the solver's tables.
 */
import { mostPodsPerBin } from './bin-multiplicity.ts';
import type { PackingProblem } from './problem.ts';
import type { KnapsackTableClaim } from './solution.ts';

/** A cell update takes about a nanosecond; all tables of one certificate get this many. */
export const maxTableCellUpdates = 2_000_000_000;

/** Cells of one table at most (8 bytes each). */
export const maxTableCells = 8_000_000;

/** What a table may use of the problem. */
export interface TableInput {
  readonly problem: PackingProblem;
  /** [class] value of one pod, integer >= 0. */
  readonly values: readonly number[];
  /** [class] most pods of the class that the demand allows in one bin. */
  readonly demandOf: Int32Array;
}

/** Bin values by offering (parallel to the input), and what computing them cost. */
export interface TableResult {
  /** Upper bounds, in the order of the offerings; a value of 2^53 or more is not exact. */
  readonly binValues: readonly number[];
  readonly cellUpdates: number;
}

interface Item {
  readonly first: number;
  readonly second: number;
  readonly value: number;
  readonly copies: number;
}

/**
 * Fills one table for `offerings`, all of one mask.
 *
 * Returns a sentence instead if the table would pass {@link maxTableCells} or need more than
 * `budget` cell updates. Time: cells x items (x log2 of copies for items that are scarce).
 */
export function boundBinsByTable(
  input: TableInput,
  claim: KnapsackTableClaim,
  offerings: readonly number[],
  budget: number,
): TableResult | string {
  const { problem } = input;
  const resourceCount = problem.resourceNames.length;
  const [firstResource, secondResource] = claim.resources;
  const gridCapacity = (offering: number, axis: 0 | 1): number => {
    const capacity = problem.boundCapacity[offering * resourceCount + claim.resources[axis]]!;
    return Math.floor(capacity / claim.grid[axis]);
  };
  let width = 0;
  let height = 0;
  for (const offering of offerings) {
    width = Math.max(width, gridCapacity(offering, 0));
    height = Math.max(height, gridCapacity(offering, 1));
  }
  const cells = (width + 1) * (height + 1);
  if (cells > maxTableCells) return `needs ${cells} cells, at most ${maxTableCells} are allowed`;

  const all: Item[] = [];
  let weightless = 0;
  for (let c = 0; c < problem.classCount; c++) {
    const value = input.values[c]!;
    const most = value === 0 ? 0 : mostCopies(input, c, offerings);
    if (most === 0) continue;
    const row = c * resourceCount;
    const first = Math.floor(problem.boundRequest[row + firstResource]! / claim.grid[0]);
    const second = Math.floor(problem.boundRequest[row + secondResource]! / claim.grid[1]);
    if (first === 0 && second === 0) weightless += most * value;
    else all.push(...splitCopies(first, second, value, most, width, height));
  }
  const items = dropReplaceable(all);
  const cellUpdates = cells * items.length;
  if (cellUpdates > budget) return `needs ${cellUpdates} cell updates, ${budget} are left`;

  const table = new Float64Array(cells);
  for (const item of items) addItem(table, width, height, item);
  const binValues = offerings.map(
    (offering) =>
      weightless + table[gridCapacity(offering, 0) * (height + 1) + gridCapacity(offering, 1)]!,
  );
  return { binValues, cellUpdates };
}

/** Most pods of class `c` that one bin of any of `offerings` can hold, all else empty. */
function mostCopies(input: TableInput, c: number, offerings: readonly number[]): number {
  let most = 0;
  for (const offering of offerings) {
    most = Math.max(most, mostPodsPerBin(input.problem, offering, c, input.demandOf[c]!));
  }
  return most;
}

/** `copies` 0: as many as fit. Scarce items are cut into powers of two, each taken once. */
function splitCopies(
  first: number,
  second: number,
  value: number,
  most: number,
  width: number,
  height: number,
): readonly Item[] {
  const fit = Math.min(
    first === 0 ? Infinity : Math.floor(width / first),
    second === 0 ? Infinity : Math.floor(height / second),
  );
  if (fit <= most) return fit === 0 ? [] : [{ first, second, value, copies: 0 }];
  const parts: Item[] = [];
  let left = most;
  for (let size = 1; left > 0; size *= 2) {
    const copies = Math.min(size, left);
    left -= copies;
    parts.push({ first: first * copies, second: second * copies, value: value * copies, copies });
  }
  return parts;
}

/**
 * Without items that another one replaces: no larger, worth no less, and any number of it to be had.
 * The table stays the same.
 */
function dropReplaceable(items: readonly Item[]): readonly Item[] {
  const endless = items.filter((item) => item.copies === 0);
  return items.filter((item) => {
    const rival = endless.find(
      (other) =>
        other !== item &&
        other.first <= item.first &&
        other.second <= item.second &&
        other.value >= item.value,
    );
    // Of two equal endless items the first stays.
    return (
      rival === undefined || (isEqual(rival, item) && items.indexOf(item) < items.indexOf(rival))
    );
  });
}

function isEqual(a: Item, b: Item): boolean {
  return (
    a.first === b.first && a.second === b.second && a.value === b.value && a.copies === b.copies
  );
}

/** Any number of an item: ascending, so that a cell may build on itself; once: descending. */
function addItem(table: Float64Array, width: number, height: number, item: Item): void {
  const stride = height + 1;
  const back = item.first * stride + item.second;
  const { value, second } = item;
  if (item.copies === 0) {
    for (let x = item.first; x <= width; x++) {
      const end = x * stride + height;
      for (let cell = x * stride + second; cell <= end; cell++) {
        const candidate = table[cell - back]! + value;
        if (candidate > table[cell]!) table[cell] = candidate;
      }
    }
    return;
  }
  for (let x = width; x >= item.first; x--) {
    const end = x * stride + second;
    for (let cell = x * stride + height; cell >= end; cell--) {
      const candidate = table[cell - back]! + value;
      if (candidate > table[cell]!) table[cell] = candidate;
    }
  }
}
