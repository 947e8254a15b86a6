/**
 * Dual-optimal inequalities as columns: a slot for a class can hold a pod of a lesser one.
 *
 * If class i asks at least as much as j of everything and may stand only where any number of j may,
 * then some best duals have y_i >= y_j; a free column (+1 in j's cover row, -1 in i's) makes the
 * master keep to it and converge in fewer steps (solver.md 1g). Only for classes without rules over
 * domains, in bound mode. A wrong one could only weaken the bound, which is recomputed from y alone.
 */
import { unlimitedPerBin } from '../core/packing/problem.ts';
import type { Column } from './columns.ts';
import type { MasterRows } from './master-rows.ts';
import type { ReducedProblem } from './reduce.ts';

/** Above this many classes the n^2 comparison is not worth its time. */
const classesMax = 400;

function asksAtLeast(p: ReducedProblem, i: number, j: number): boolean {
  const req = p.source.boundRequest;
  for (let r = 0; r < p.R; r++) {
    if ((req[i * p.R + r] as number) < (req[j * p.R + r] as number)) return false;
  }
  return true;
}

/** [class][kept offering] 1 if a bin of it may hold the class. */
function takers(p: ReducedProblem): Uint8Array[] {
  return Array.from({ length: p.n }, (_, c) =>
    Uint8Array.from({ length: p.O }, (_, k) => ((p.boundMany[k * p.n + c] as number) > 0 ? 1 : 0)),
  );
}

/**
 * [class][kept offering] 1 if a bin of it may hold any number of the class that fits: where a rule
 * allows a few only (anti-affinity), a slot of another class is no slot for one more of this.
 */
function freeTakers(p: ReducedProblem): Uint8Array[] {
  const { maskOf, boundMasks, demand, familyOf } = p.source;
  return Array.from({ length: p.n }, (_, c) => {
    const most = demand[familyOf[c] as number] as number;
    return Uint8Array.from({ length: p.O }, (_, k) => {
      const mask = maskOf[p.original[k] as number] as number;
      const rule = boundMasks[mask * p.n + c] as number;
      return (p.boundMany[k * p.n + c] as number) > 0 && (rule === unlimitedPerBin || rule >= most)
        ? 1
        : 0;
    });
  });
}

/** Free columns between comparable classes, transitively reduced. Work: n^2 R + pairs * O. */
export function exchangeColumns(p: ReducedProblem, rows: MasterRows): Column[] {
  if (p.n > classesMax) return [];
  const sets = takers(p);
  const free = freeTakers(p);
  const within = (i: number, j: number): boolean =>
    (sets[i] as Uint8Array).every((v, k) => v <= ((free[j] as Uint8Array)[k] as number));
  const below: number[][] = Array.from({ length: p.n }, (_, i) => {
    const lesser: number[] = [];
    for (let j = 0; j < p.n; j++) {
      if (i === j || rows.isSplit[i] === 1 || rows.isSplit[j] === 1) continue;
      if (!asksAtLeast(p, i, j) || (asksAtLeast(p, j, i) && j < i)) continue;
      if (within(i, j)) lesser.push(j);
    }
    return lesser;
  });
  const columns: Column[] = [];
  below.forEach((lesser, i) => {
    const indirect = new Set(lesser.flatMap((j) => below[j] as number[]));
    for (const j of lesser) {
      if (indirect.has(j)) continue;
      columns.push({
        kind: 'exchange',
        offering: -1,
        cost: 0,
        classes: Int32Array.of(i, j),
        counts: Float64Array.of(-1, 1),
        rows: Int32Array.of(i, j),
        values: Float64Array.of(-1, 1),
      });
    }
  });
  return columns;
}
