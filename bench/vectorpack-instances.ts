/**
 * The Vectorpack instances with known optima, as packing problems.
 *
 * In: `New_instances.tar.gz` and `New_base_OPT.csv` of the shared data folder (Mommessin et al.,
 * Computers & Operations Research; MIT). Out: one problem each, with one bin type at price 1, and
 * the optimum where it is known. It solves nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../core/errors.ts';
import { type PackingProblem, unlimitedCount, unlimitedPerBin } from '../core/packing/problem.ts';
import { sharedDataPath } from './shared-data.ts';
import { readTar } from './tar.ts';

export interface VectorpackInstance {
  readonly name: string;
  readonly items: number;
  readonly problem: PackingProblem;
  /** Fewest bins; undefined where nobody knows. */
  readonly optimum: number | undefined;
  /** Fewest bins by any of the published heuristics; undefined where not listed. */
  readonly bestPublished: number | undefined;
}

/** Price of the one bin type: 1 USD per hour. */
export const binPriceNano = 1_000_000_000;

/**
 * All instances, in the order of their names.
 * @throws InputError when the data are not there or not of the expected form
 */
export function readVectorpack(): VectorpackInstance[] {
  const archive = sharedDataPath('vectorpack/New_instances.tar.gz');
  if (!existsSync(archive)) {
    throw new InputError(
      { file: archive },
      'the Vectorpack instances are not here; this sweep needs the shared data',
    );
  }
  const optima = readColumn('vectorpack/New_base_OPT.csv', 'OPT');
  const published = readColumn('vectorpack/New_summary_known.csv', 'best_overall');
  const instances = readTar(gunzipSync(readFileSync(archive)))
    .filter((entry) => entry.name.endsWith('.vbp'))
    .map((entry): VectorpackInstance => {
      const name = basename(entry.name, '.vbp');
      const { problem, items } = parseInstance(entry.content.toString('utf8'), name);
      return {
        name,
        items,
        problem,
        optimum: optima.get(name),
        bestPublished: published.get(name),
      };
    });
  return instances.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Values of one column by instance name; -1 stands for unknown and is left out. */
function readColumn(file: string, column: string): Map<string, number> {
  const path = sharedDataPath(file);
  const [header = '', ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const at = header.trim().split('\t').indexOf(column);
  if (at < 0) throw new InputError({ file: path }, `expected a column ${column}`);
  const values = new Map<string, number>();
  for (const line of lines) {
    const cells = line.trim().split('\t');
    const value = Number(cells[at]);
    if (!Number.isInteger(value)) throw new InputError({ file: path }, `${line}: not an integer`);
    if (value >= 0) values.set(cells[0]!, value);
  }
  return values;
}

/**
 * A problem from the text of a `.vbp` file: number of dimensions; capacities; number of items; then
 * for each item its weights and how often it occurs. Items with equal weights become one family.
 */
export function parseInstance(
  text: string,
  name: string,
): { problem: PackingProblem; items: number } {
  const numbers = text.trim().split(/\s+/).map(Number);
  const malformed = (): never => {
    throw new InputError({ file: `${name}.vbp` }, 'not a vector bin packing instance');
  };
  const dimensions = numbers[0] ?? malformed();
  const lines = numbers[dimensions + 1] ?? malformed();
  const capacity = numbers.slice(1, dimensions + 1);
  const width = dimensions + 1;
  const rows = numbers.slice(dimensions + 2);
  if (rows.length !== lines * width || !rows.every(Number.isInteger)) malformed();
  const demandOf = new Map<string, { weights: number[]; demand: number }>();
  for (let line = 0; line < lines; line++) {
    const weights = rows.slice(line * width, line * width + dimensions);
    const demand = rows[line * width + dimensions]!;
    const key = weights.join(' ');
    const known = demandOf.get(key);
    if (known === undefined) demandOf.set(key, { weights, demand });
    else known.demand += demand;
  }
  const families = [...demandOf.values()];
  const items = families.reduce((sum, family) => sum + family.demand, 0);
  return { items, problem: oneBinTypeProblem(capacity, families) };
}

function oneBinTypeProblem(
  capacity: readonly number[],
  families: readonly { readonly weights: readonly number[]; readonly demand: number }[],
): PackingProblem {
  const count = families.length;
  const request = Float64Array.from(families.flatMap(({ weights }) => weights));
  const capacities = Float64Array.from(capacity);
  const masks = new Uint16Array(count).fill(unlimitedPerBin);
  return {
    resourceNames: capacity.map((_, i) => `dimension${i}`),
    familyCount: count,
    demand: Int32Array.from(families, ({ demand }) => demand),
    priority: new Float64Array(count),
    classCount: count,
    familyOf: Int32Array.from(families.keys()),
    request,
    boundRequest: request,
    offeringCount: 1,
    capacity: capacities,
    boundCapacity: capacities,
    priceNano: Float64Array.of(binPriceNano),
    steerNano: Float64Array.of(0),
    available: Int32Array.of(unlimitedCount),
    maskOf: Int32Array.of(0),
    maskCount: 1,
    masks,
    boundMasks: masks,
    conflicts: new Int32Array(0),
    domainGroups: [],
    limits: [],
  };
}
