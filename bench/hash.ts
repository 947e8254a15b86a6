/**
 * Fingerprints of problems and plans.
 *
 * In: typed arrays and plain data. Out: 16 hexadecimal digits that change when anything that
 * matters to the solver, or anything about the plan, does. Not for security.
 */
import { createHash } from 'node:crypto';
import type { PackingProblem } from '../core/packing/problem.ts';
import type { PackingSolution } from '../core/packing/solution.ts';

const digits = 16;

/** Fingerprint of every number and name of a problem. */
export function hashProblem(problem: PackingProblem): string {
  const hash = createHash('sha256');
  for (const [name, value] of Object.entries(problem).sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}:`);
    if (ArrayBuffer.isView(value)) {
      hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    } else {
      hash.update(JSON.stringify(value, typedArraysAsLists));
    }
  }
  return hash.digest('hex').slice(0, digits);
}

/** Fingerprint of the plan alone: bins in a canonical order, and what is left out. */
export function hashSolution(solution: PackingSolution): string {
  const lines = solution.bins.map(
    ({ offering, classes, counts, copies }) =>
      `${offering}|${classes.join(' ')}|${counts.join(' ')}|${copies}`,
  );
  const hash = createHash('sha256');
  hash.update(lines.sort().join('\n'));
  hash.update(`unserved ${solution.unserved.join(' ')}`);
  return hash.digest('hex').slice(0, digits);
}

function typedArraysAsLists(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value;
}
