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

/** Sets of kept offerings by class, one bit each. */
interface Takers {
  /** 32-bit words of one class. */
  readonly words: number;
  /** Offerings that may hold the class. */
  readonly any: Uint32Array;
  /**
   * Offerings that may hold any number of the class that fits: where a rule allows a few only
   * (anti-affinity), a slot of another class is no slot for one more of this.
   */
  readonly free: Uint32Array;
}

function takers(p: ReducedProblem): Takers {
  const { maskOf, boundMasks, demand, familyOf } = p.source;
  const words = (p.O + 31) >> 5;
  const any = new Uint32Array(p.n * words);
  const free = new Uint32Array(p.n * words);
  for (let k = 0; k < p.O; k++) {
    const mask = maskOf[p.original[k] as number] as number;
    const bit = 1 << (k & 31);
    for (let c = 0; c < p.n; c++) {
      if ((p.boundMany[k * p.n + c] as number) === 0) continue;
      const at = c * words + (k >> 5);
      any[at] = (any[at] as number) | bit;
      const rule = boundMasks[mask * p.n + c] as number;
      const most = demand[familyOf[c] as number] as number;
      if (rule === unlimitedPerBin || rule >= most) free[at] = (free[at] as number) | bit;
    }
  }
  return { words, any, free };
}

/** True if every offering that takes i takes any number of j. */
function within({ words, any, free }: Takers, i: number, j: number): boolean {
  for (let w = 0; w < words; w++)
    if (((any[i * words + w] as number) & ~(free[j * words + w] as number)) !== 0) return false;
  return true;
}

/** Free columns between comparable classes, transitively reduced. Work: n^2 R + pairs * O / 32. */
export function exchangeColumns(p: ReducedProblem, rows: MasterRows): Column[] {
  if (p.n > classesMax) return [];
  const sets = takers(p);
  const below: number[][] = Array.from({ length: p.n }, (_, i) => {
    const lesser: number[] = [];
    for (let j = 0; j < p.n; j++) {
      if (i === j || rows.isSplit[i] === 1 || rows.isSplit[j] === 1) continue;
      if (!asksAtLeast(p, i, j) || (asksAtLeast(p, j, i) && j < i)) continue;
      if (within(sets, i, j)) lesser.push(j);
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
