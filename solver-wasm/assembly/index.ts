// The plain build: what every WebAssembly engine runs.
import { evaluatePlain, scan } from './bound-scan.ts';
import { cheapest } from './cheapest.ts';
import { complete } from './complete.ts';
import { patternSearch } from './pattern-search.ts';

export { cheapest, complete, patternSearch };

export function boundScan(h: i32, steps: i32): i32 {
  return scan(h, steps, evaluatePlain);
}
