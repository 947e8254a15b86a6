/**
 * The GLPK master over glpk.js's own JSON interface, for builds that `glpk.ts` does not know.
 *
 * In: rows and columns as `master.ts` states them. Out: optima with duals. The interface keeps
 * nothing between calls, so every solve builds the problem anew and starts cold: 6 to 12 times
 * slower (solver.md 0.4), the same optima. It loads asynchronously: {@link loadGlpkJson} once per
 * thread, before the first master. GPL-3.0, see NOTICE.
 */
import type { GLPK, LP } from 'glpk.js/node';
import { type Master, type MasterColumn, MasterError, type MasterResult } from './master.ts';

/**
 * Seconds per solve. The interface has no iteration bound, so this guards against cycling; it is
 * far above what a master takes, lest the clock decide the path of a search.
 */
const solveSecondsMax = 30;

let library: GLPK | null = null;

/** Starts glpk.js in this thread; nothing happens where it runs already. */
export async function loadGlpkJson(): Promise<void> {
  if (library !== null) return;
  const { default: load } = await import('glpk.js/node');
  library = await load();
}

/** A coefficient as the interface wants it. */
interface Term {
  readonly name: string;
  readonly coef: number;
}

class GlpkJsonMaster implements Master {
  readonly name = 'glpk-json';
  readonly #glpk: GLPK;
  readonly #lower: number[];
  /** [row] */
  readonly #terms: Term[][];
  /** [column] */
  readonly #costs: number[] = [];

  constructor(glpk: GLPK, rows: readonly number[]) {
    this.#glpk = glpk;
    this.#lower = [...rows];
    this.#terms = rows.map(() => []);
  }

  addColumns(columns: readonly MasterColumn[]): void {
    for (const column of columns) {
      const name = `c${this.#costs.length}`;
      this.#costs.push(column.cost);
      for (let e = 0; e < column.rows.length; e++)
        this.#terms[column.rows[e] as number]?.push({ name, coef: column.values[e] as number });
    }
  }

  setRow(row: number, lower: number): void {
    this.#lower[row] = lower;
  }

  setCost(column: number, cost: number): void {
    this.#costs[column] = cost;
  }

  solve(): MasterResult {
    const glpk = this.#glpk;
    // glpk.js would abort, and with it every later call.
    if (this.#costs.length === 0) throw new MasterError('glpk.js: a problem without columns');
    const lp: LP = {
      name: 'master',
      objective: {
        direction: glpk.GLP_MIN,
        name: 'cost',
        vars: this.#costs.map((coef, k) => ({ name: `c${k}`, coef })),
      },
      subjectTo: this.#terms.map((vars, i) => ({
        name: `r${i}`,
        vars,
        bnds: { type: glpk.GLP_LO, lb: this.#lower[i] as number, ub: 0 },
      })),
    };
    const { status, z, vars, dual } = this.#run(lp);
    if (status !== glpk.GLP_OPT || dual === undefined)
      throw new MasterError(`glpk.js: status ${status}`);
    return {
      objective: z,
      x: Float64Array.from(this.#costs, (_, k) => Math.max(0, vars[`c${k}`] as number)),
      dual: Float64Array.from(this.#lower, (_, i) => Math.max(0, dual[`r${i}`] as number)),
    };
  }

  #run(lp: LP): ReturnType<GLPK['solve']>['result'] {
    try {
      const options = { msglev: this.#glpk.GLP_MSG_OFF, presol: false, tmlim: solveSecondsMax };
      return this.#glpk.solve(lp, options).result;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new MasterError(`glpk.js: ${message}`, { cause });
    }
  }

  /** Nothing lives outside this object between solves. */
  dispose(): void {}
}

/** A master on the JSON interface; {@link loadGlpkJson} must have finished in this thread. */
export function createGlpkJsonMaster(rows: readonly number[]): Master {
  if (library === null)
    throw new Error('loadGlpkJson() has to finish before the first glpk.js master');
  return new GlpkJsonMaster(library, rows);
}
