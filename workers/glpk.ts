/**
 * The GLPK master: the wasm that ships inside glpk.js, kept alive and warm-started.
 *
 * glpk.js's own JSON interface builds a fresh problem per call, 6 to 12 times slower (solver.md 0.4).
 * Its module has minified export names, so the exact file is pinned by hash: with any other build
 * this adapter refuses, and `glpk-json.ts` serves. GPL-3.0, see NOTICE.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Master, type MasterColumn, MasterError, type MasterResult } from './master.ts';

/** glpk.js 5.0.0, dist/glpk.wasm. */
const pinnedSha256 = 'acf09a204bbed381fd00fe57a3d4f8337986f28245daba5e977831ba1fc090ca';

/** Simplex iterations per solve: far above what a master of 2,000 rows needs. */
const iterationLimit = 50_000;
const GLP_MIN = 1;
const GLP_LO = 2;
const GLP_OPT = 5;
/** Byte offsets in glp_smcp (glpk.h): method, and the iteration limit. */
const methOffset = 4;
const itLimOffset = 56;
const GLP_PRIMAL = 1;

interface GlpkExports {
  createProb(): number;
  setObjDir(p: number, dir: number): void;
  addRows(p: number, count: number): number;
  addCols(p: number, count: number): number;
  setRowBnds(p: number, i: number, type: number, lower: number, upper: number): void;
  setColBnds(p: number, j: number, type: number, lower: number, upper: number): void;
  setObjCoef(p: number, j: number, coefficient: number): void;
  loadMatrix(p: number, count: number, ia: number, ja: number, ar: number): void;
  deleteProb(p: number): void;
  simplex(p: number, parm: number): number;
  getStatus(p: number): number;
  getObjVal(p: number): number;
  getRowDual(p: number, i: number): number;
  getColPrim(p: number, j: number): number;
  smcp(messages: number, presolve: number, itLimit: number, tmLimit: number): number;
  malloc(bytes: number): number;
  free(address: number): void;
  memory: WebAssembly.Memory;
}

/** Minified export names of the pinned build. */
const exportNames: readonly (readonly [keyof GlpkExports, string])[] = [
  ['createProb', 'o'],
  ['setObjDir', 'q'],
  ['addRows', 'r'],
  ['addCols', 's'],
  ['setRowBnds', 'v'],
  ['setColBnds', 'w'],
  ['setObjCoef', 'x'],
  ['loadMatrix', 'y'],
  ['deleteProb', 'A'],
  ['simplex', 'I'],
  ['getStatus', 'J'],
  ['getObjVal', 'K'],
  ['getRowDual', 'M'],
  ['getColPrim', 'N'],
  ['smcp', 'W'],
  ['malloc', 'X'],
  ['free', 'Y'],
  ['memory', 'l'],
];

/** Where glpk.js keeps its build; a distribution without it serves `--master=highs` only. */
function packageDir(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('glpk.js/node'));
  } catch (cause) {
    throw new Error(
      'the GLPK master needs the package "glpk.js": install it, or choose --master=highs',
      { cause },
    );
  }
}

function readPinned(): Uint8Array<ArrayBuffer> | null {
  const bytes = new Uint8Array(readFileSync(join(packageDir(), 'glpk.wasm')));
  return createHash('sha256').update(bytes).digest('hex') === pinnedSha256 ? bytes : null;
}

/** A fresh instance: a GLPK error aborts a whole instance, so masters do not share one. */
function instantiate(module: WebAssembly.Module): GlpkExports {
  let memory: WebAssembly.Memory | undefined;
  const view = (): DataView => new DataView((memory as WebAssembly.Memory).buffer);
  const imports: Record<string, (...args: number[]) => number> = {};
  for (const { name } of WebAssembly.Module.imports(module)) imports[name] = () => 0;
  const abort = (): never => {
    throw new MasterError('GLPK aborted');
  };
  imports['a'] = abort;
  imports['k'] = abort;
  // Emscripten's growth hook: make room for at least `size` bytes.
  imports['j'] = (size) => {
    const wanted = size >>> 0;
    const m = memory as WebAssembly.Memory;
    const now = m.buffer.byteLength;
    if (wanted > now) m.grow(Math.ceil((Math.max(wanted, now * 1.2) - now) / 65536));
    return 1;
  };
  // fd_write: GLPK's terminal output is counted as written and dropped.
  imports['c'] = (_fd, iov, count, written) => {
    let total = 0;
    for (let k = 0; k < count; k++) total += view().getUint32(iov + 8 * k + 4, true);
    view().setUint32(written, total, true);
    return 0;
  };
  const raw = new WebAssembly.Instance(module, { a: imports }).exports;
  memory = raw['l'] as WebAssembly.Memory;
  (raw['m'] as () => void)();
  const named: Record<string, unknown> = {};
  for (const [name, short] of exportNames) named[name] = raw[short];
  return named as unknown as GlpkExports;
}

class GlpkMaster implements Master {
  readonly name = 'glpk';
  readonly #g: GlpkExports;
  readonly #p: number;
  readonly #parm: number;
  readonly #rows: number;
  #columns = 0;
  #entries = 0;
  // Triplets, 1-based as GLPK wants them; grown by doubling.
  #ia = new Int32Array(1 << 14);
  #ja = new Int32Array(1 << 14);
  #ar = new Float64Array(1 << 14);

  constructor(module: WebAssembly.Module, rows: readonly number[]) {
    const g = instantiate(module);
    this.#g = g;
    this.#rows = rows.length;
    this.#p = g.createProb();
    g.setObjDir(this.#p, GLP_MIN);
    g.addRows(this.#p, rows.length);
    rows.forEach((lower, i) => g.setRowBnds(this.#p, i + 1, GLP_LO, lower, 0));
    this.#parm = g.smcp(iterationLimit, 0, 2147483647, 0);
    const view = new DataView(g.memory.buffer);
    view.setInt32(this.#parm + methOffset, GLP_PRIMAL, true);
    view.setInt32(this.#parm + itLimOffset, iterationLimit, true);
  }

  addColumns(columns: readonly MasterColumn[]): void {
    if (columns.length === 0) return;
    const g = this.#g;
    const first = g.addCols(this.#p, columns.length);
    columns.forEach((column, q) => {
      g.setColBnds(this.#p, first + q, GLP_LO, 0, 0);
      g.setObjCoef(this.#p, first + q, column.cost);
      for (let e = 0; e < column.rows.length; e++) {
        this.#entries++;
        if (this.#entries >= this.#ia.length) this.#double();
        this.#ia[this.#entries] = (column.rows[e] as number) + 1;
        this.#ja[this.#entries] = first + q;
        this.#ar[this.#entries] = column.values[e] as number;
      }
    });
    this.#columns += columns.length;
    // There is no export to set one column, so the whole matrix is loaded; the basis survives.
    const length = this.#entries + 1;
    const pi = g.malloc(length * 4);
    const pj = g.malloc(length * 4);
    const pa = g.malloc(length * 8);
    const buffer = g.memory.buffer;
    new Int32Array(buffer, pi, length).set(this.#ia.subarray(0, length));
    new Int32Array(buffer, pj, length).set(this.#ja.subarray(0, length));
    new Float64Array(buffer, pa, length).set(this.#ar.subarray(0, length));
    g.loadMatrix(this.#p, this.#entries, pi, pj, pa);
    g.free(pi);
    g.free(pj);
    g.free(pa);
  }

  #double(): void {
    const longer = <T extends Int32Array | Float64Array>(a: T, b: T): T => {
      b.set(a);
      return b;
    };
    this.#ia = longer(this.#ia, new Int32Array(this.#ia.length * 2));
    this.#ja = longer(this.#ja, new Int32Array(this.#ja.length * 2));
    this.#ar = longer(this.#ar, new Float64Array(this.#ar.length * 2));
  }

  setRow(row: number, lower: number): void {
    this.#g.setRowBnds(this.#p, row + 1, GLP_LO, lower, 0);
  }

  setCost(column: number, cost: number): void {
    this.#g.setObjCoef(this.#p, column + 1, cost);
  }

  solve(): MasterResult {
    const g = this.#g;
    const code = g.simplex(this.#p, this.#parm);
    const status = g.getStatus(this.#p);
    if (code !== 0 || status !== GLP_OPT)
      throw new MasterError(`GLPK simplex: code ${code}, status ${status}`);
    const x = new Float64Array(this.#columns);
    for (let k = 0; k < x.length; k++) x[k] = Math.max(0, g.getColPrim(this.#p, k + 1));
    const dual = new Float64Array(this.#rows);
    for (let i = 0; i < dual.length; i++) dual[i] = Math.max(0, g.getRowDual(this.#p, i + 1));
    return { objective: g.getObjVal(this.#p), x, dual };
  }

  dispose(): void {
    this.#g.deleteProb(this.#p);
  }
}

let pinned: WebAssembly.Module | null | undefined;

function pinnedModule(): WebAssembly.Module | null {
  if (pinned === undefined) {
    const bytes = readPinned();
    pinned = bytes === null ? null : new WebAssembly.Module(bytes);
  }
  return pinned;
}

/**
 * True if the installed glpk.js is the build that this adapter knows. Throws an Error that says what
 * to install where there is none at all.
 */
export function isPinnedGlpk(): boolean {
  return pinnedModule() !== null;
}

/** A master on the pinned GLPK build; null if the installed build is another one. */
export function createGlpkMaster(rows: readonly number[]): Master | null {
  const module = pinnedModule();
  return module === null ? null : new GlpkMaster(module, rows);
}
