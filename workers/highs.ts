/**
 * The HiGHS master: the second backend, MIT-licensed, chosen by `--master=highs`.
 *
 * In: rows and columns as `master.ts` states them. Out: optima with duals; the model and its basis
 * live on between solves, so that a solve after a change is warm. The package `highs` is an optional
 * dependency and its runtime starts asynchronously: {@link loadHighs} once per thread, before the
 * first master. Two to three times slower than the GLPK master (solver.md section 8).
 */
import type { Highs, Model } from 'highs';
import { type Master, type MasterColumn, MasterError, type MasterResult } from './master.ts';

/** Simplex iterations per solve, as in the GLPK master. */
const iterationLimit = 50_000;

let runtime: Highs | null = null;

/**
 * Starts the HiGHS runtime of this thread; nothing happens where it runs already.
 *
 * Throws an Error that says what to install where the optional package is absent.
 */
export async function loadHighs(): Promise<void> {
  if (runtime !== null) return;
  const module: unknown = await import('highs').catch((cause: unknown) => {
    throw new Error(
      'the HiGHS master needs the optional package "highs": npm install highs@1.15.3',
      { cause },
    );
  });
  // Its declarations are typed as CommonJS, what Node imports is the ES module: the loader itself.
  runtime = await (module as { default: () => Promise<Highs> }).default();
}

/** Turns whatever HiGHS throws into the one error that the column generation knows. */
function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof MasterError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new MasterError(`HiGHS: ${message}`, { cause });
  }
}

class HighsMaster implements Master {
  readonly name = 'highs';
  readonly #highs: Highs;
  readonly #model: Model;
  readonly #rows: number;

  constructor(highs: Highs, rows: readonly number[]) {
    this.#highs = highs;
    this.#rows = rows.length;
    this.#model = guarded(() => highs.createModel());
    try {
      guarded(() => this.#start(rows));
    } catch (error) {
      // Nobody else will: the caller never gets to see this object.
      this.dispose();
      throw error;
    }
  }

  #start(rows: readonly number[]): void {
    this.#model.options.set({
      output_flag: false,
      solver: 'simplex',
      // Presolve would throw the basis of the last solve away.
      presolve: 'off',
      simplex_iteration_limit: iterationLimit,
    });
    if (rows.length === 0) return;
    this.#model.addRows({
      lower: Float64Array.from(rows),
      upper: new Float64Array(rows.length).fill(this.#highs.infinity),
      matrix: {
        format: 'csr',
        numRows: rows.length,
        numCols: 0,
        starts: new Int32Array(rows.length + 1),
        indices: new Int32Array(0),
        values: new Float64Array(0),
      },
    });
  }

  addColumns(columns: readonly MasterColumn[]): void {
    if (columns.length === 0) return;
    const starts = new Int32Array(columns.length + 1);
    columns.forEach((column, k) => {
      starts[k + 1] = (starts[k] as number) + column.rows.length;
    });
    const entries = starts[columns.length] as number;
    const indices = new Int32Array(entries);
    const values = new Float64Array(entries);
    columns.forEach((column, k) => {
      indices.set(column.rows, starts[k]);
      values.set(column.values, starts[k]);
    });
    guarded(() =>
      this.#model.addCols({
        cost: Float64Array.from(columns, (column) => column.cost),
        lower: new Float64Array(columns.length),
        upper: new Float64Array(columns.length).fill(this.#highs.infinity),
        matrix: {
          format: 'csc',
          numRows: this.#rows,
          numCols: columns.length,
          starts,
          indices,
          values,
        },
      }),
    );
  }

  setRow(row: number, lower: number): void {
    guarded(() => this.#model.changeRowBounds(row, lower, this.#highs.infinity));
  }

  setCost(column: number, cost: number): void {
    guarded(() => this.#model.changeColCost(column, cost));
  }

  solve(): MasterResult {
    return guarded(() => {
      this.#model.run();
      const status = this.#model.getModelStatus();
      if (status !== this.#highs.constants.modelStatus.optimal)
        throw new MasterError(`HiGHS simplex: model status ${status}`);
      const { colValue, rowDual } = this.#model.getSolution();
      return {
        objective: this.#model.getObjectiveValue(),
        x: colValue.map((value) => Math.max(0, value)),
        dual: rowDual.map((value) => Math.max(0, value)),
      };
    });
  }

  dispose(): void {
    this.#model.dispose();
  }
}

/** A master on HiGHS; {@link loadHighs} must have finished in this thread. */
export function createHighsMaster(rows: readonly number[]): Master {
  if (runtime === null) throw new Error('loadHighs() has to finish before the first HiGHS master');
  return new HighsMaster(runtime, rows);
}
