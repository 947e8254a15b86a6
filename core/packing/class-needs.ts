/**
 * What one pod of each class asks of a bin, without the zeros.
 *
 * In: a problem. Out: per class the resources that it asks for and the classes that it may not
 * meet. Shared by the first-fit variants; it knows nothing of bins.
 */
import { type PackingProblem, unlimitedPerBin } from './problem.ts';

/** Requests and conflicts by class. */
export interface ClassNeeds {
  /** [class] resources of which a pod asks for some. */
  readonly resources: readonly Int32Array[];
  /** [class] classes that may not share a bin with it; undefined if none. */
  readonly foes: readonly (ReadonlySet<number> | undefined)[];
}

/** Tabulates the needs of all classes; O(classes x resources + conflicts). */
export function tabulateNeeds(problem: PackingProblem): ClassNeeds {
  const resourceCount = problem.resourceNames.length;
  const resources: Int32Array[] = [];
  for (let c = 0; c < problem.classCount; c++) {
    const asked: number[] = [];
    for (let r = 0; r < resourceCount; r++) {
      if (problem.request[c * resourceCount + r]! > 0) asked.push(r);
    }
    resources.push(Int32Array.from(asked));
  }
  const foes = Array.from<Set<number> | undefined>({ length: problem.classCount });
  for (let i = 0; i + 1 < problem.conflicts.length; i += 2) {
    const a = problem.conflicts[i]!;
    const b = problem.conflicts[i + 1]!;
    (foes[a] ??= new Set()).add(b);
    (foes[b] ??= new Set()).add(a);
  }
  return { resources, foes };
}

/** Most pods of class `c` by the rule of a mask row; Infinity if no rule. */
export function mostByMask(problem: PackingProblem, maskRow: number, c: number): number {
  const most = problem.masks[maskRow + c]!;
  return most === unlimitedPerBin ? Infinity : most;
}
