/**
 * Columns that every master starts with: each class alone in its cheapest offering.
 */
import type { Pattern } from './kernel-memory.ts';
import type { ReducedProblem } from './reduce.ts';

/** For each class the offering that holds it cheapest when filled with nothing else. */
export function singleClassPatterns(p: ReducedProblem, price: Float64Array): Pattern[] {
  const { n, O, many } = p;
  const result: Pattern[] = [];
  for (let c = 0; c < n; c++) {
    let best = -1;
    let score = Infinity;
    for (let k = 0; k < O; k++) {
      const copies = many[k * n + c] as number;
      if (copies > 0 && (price[k] as number) / copies < score) {
        score = (price[k] as number) / copies;
        best = k;
      }
    }
    if (best < 0) continue;
    result.push({
      offering: best,
      classes: Int32Array.of(c),
      counts: Int32Array.of(many[best * n + c] as number),
    });
  }
  return result;
}
