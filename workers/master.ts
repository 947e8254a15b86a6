/**
 * The master linear program as the column generation needs it: minimise cost over columns >= 0
 * subject to rows >= lower bounds, re-solved warm after each change.
 *
 * Two adapters fill it: glpk.ts (default) and highs.ts. Duals come back clipped to >= 0.
 */

/** One column, sparse; row indices ascending or not, without repeats. */
export interface MasterColumn {
  readonly cost: number;
  readonly rows: Int32Array | readonly number[];
  readonly values: Float64Array | readonly number[];
}

export interface MasterResult {
  readonly objective: number;
  /** [column] */
  readonly x: Float64Array;
  /** [row], >= 0. */
  readonly dual: Float64Array;
}

export interface Master {
  readonly name: string;
  addColumns(columns: readonly MasterColumn[]): void;
  setRow(row: number, lower: number): void;
  setCost(column: number, cost: number): void;
  /** Throws MasterError when no optimum is found within the iteration bound. */
  solve(): MasterResult;
  dispose(): void;
}

/** The LP library failed (iteration bound, numerical trouble, crash): drop the master, rebuild. */
export class MasterError extends Error {
  override readonly name = 'MasterError';
}
