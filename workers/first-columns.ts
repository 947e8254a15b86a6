/**
 * What a search starts from: each class alone in its cheapest offering, and first values per class.
 *
 * In: a reduced problem. Out: patterns for the first master, duals for the first scan. Pure.
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

/** [class] USD: what a pod would pay for its largest share of the best offering if alone in it. */
export function shareValues(p: ReducedProblem, prices: Float64Array): Float64Array {
  const { n, R, O, capacity, many, source } = p;
  const values = new Float64Array(n);
  for (let c = 0; c < n; c++) {
    let best = Infinity;
    for (let k = 0; k < O; k++) {
      if ((many[k * n + c] as number) === 0) continue;
      let share = 0;
      for (let r = 0; r < R; r++) {
        const q = source.request[c * R + r] as number;
        if (q > 0) share = Math.max(share, q / (capacity[k * R + r] as number));
      }
      best = Math.min(best, (prices[k] as number) * share);
    }
    values[c] = best === Infinity ? 0 : best;
  }
  return values;
}
