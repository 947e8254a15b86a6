// The SIMD build: the same exports, the bound scan on two lanes.
import { scan } from './bound-scan.ts';
import { evaluateSimd } from './bound-scan-simd.ts';
import { cheapest } from './cheapest.ts';
import { complete } from './complete.ts';
import { patternSearch } from './pattern-search.ts';

export { cheapest, complete, patternSearch };

export function boundScan(h: i32, steps: i32): i32 {
  return scan(h, steps, evaluateSimd);
}
