/**
 * Columns of the master and how they are told apart.
 *
 * A *pattern* column is a bin with integer contents; a *fluid* column is the same with fractional
 * contents and serves the bound only; a *split* column sends demand of a family to one of its
 * classes; an *exchange* column lets a slot of a class hold a pod of a lesser one (a dual-optimal
 * inequality: solver.md 1g). Costs are USD per hour.
 */
import type { Pattern } from './kernel-memory.ts';

export type ColumnKind = 'pattern' | 'fluid' | 'split' | 'exchange';

/** Cost of a column that is to stay out of the basis. */
export const outOfUse = 1e6;

export interface Column {
  readonly kind: ColumnKind;
  readonly cost: number;
  /** Kept offering, -1 where there is none. */
  readonly offering: number;
  readonly classes: Int32Array;
  readonly counts: Float64Array | Int32Array;
  /** Master rows and coefficients, covers and others together. */
  readonly rows: Int32Array;
  readonly values: Float64Array;
}

/** Text that two columns share exactly when they are the same bin. */
export function columnKey(
  offering: number,
  classes: Int32Array,
  counts: ArrayLike<number>,
): string {
  let key = `${offering}:`;
  for (let e = 0; e < classes.length; e++) key += `${classes[e]},${counts[e]};`;
  return key;
}

/** cost - dual * column: negative if the column would improve the master. */
export function reducedCost(column: Column, dual: Float64Array): number {
  let d = column.cost;
  for (let e = 0; e < column.rows.length; e++) {
    d -= (column.values[e] as number) * (dual[column.rows[e] as number] as number);
  }
  return d;
}

/**
 * The columns that are worth no more at duals `y` than `upper` (by offering, proven) says that a
 * content can be; an exchange is worth nothing.
 */
export function possibleColumns(
  columns: readonly Column[],
  y: Float64Array,
  upper: Float64Array,
): Column[] {
  return columns.filter(({ kind, offering, classes, counts }) => {
    if (kind === 'split') return true;
    let worth = 0;
    classes.forEach((c, e) => {
      worth += (counts[e] as number) * (y[c] as number);
    });
    return worth <= (offering < 0 ? 0 : (upper[offering] as number)) * (1 + 1e-7) + 1e-12;
  });
}

/** A pattern with its number of bins. */
export interface Group {
  readonly pattern: Pattern;
  readonly copies: number;
}

/** Sum of prices with steering, USD per hour. */
export function costOf(groups: readonly Group[], price: Float64Array): number {
  let sum = 0;
  for (const g of groups) sum += (price[g.pattern.offering] as number) * g.copies;
  return sum;
}
