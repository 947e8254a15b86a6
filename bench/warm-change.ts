/**
 * The next batch of a warm solver: the same problem, some demands changed.
 *
 * In: a problem and a seed. Out: the problem with the demand of 30 % of its families moved by up to
 * 40 % either way, as in `reference/solver.md` section 2. Nothing else differs.
 */
import type { PackingProblem } from '../core/packing/problem.ts';
import { createRandom } from './random.ts';

const shareOfFamilies = 0.3;
const largestMove = 0.4;

export function changeDemands(problem: PackingProblem, seed: number): PackingProblem {
  const random = createRandom(seed, 'warm-change');
  const changed = random
    .shuffle([...problem.demand.keys()])
    .slice(0, Math.ceil(shareOfFamilies * problem.familyCount));
  const demand = Int32Array.from(problem.demand);
  for (const family of changed) {
    const factor = 1 + largestMove * (2 * random.next() - 1);
    demand[family] = Math.max(1, Math.round(demand[family]! * factor));
  }
  return { ...problem, demand };
}
