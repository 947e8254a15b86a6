/**
 * Picks the LP library behind the master: GLPK's pinned wasm, glpk.js's own interface where the
 * installed build is another one, or HiGHS on request.
 *
 * Two of the three start asynchronously, masters are made synchronously: {@link prepareMaster} once
 * per thread and kind, then {@link createMaster} as often as wanted.
 */
import type { SolveOptions } from '../core/packing/solution.ts';
import { createGlpkMaster, isPinnedGlpk } from './glpk.ts';
import { createGlpkJsonMaster, loadGlpkJson } from './glpk-json.ts';
import { createHighsMaster, loadHighs } from './highs.ts';
import type { Master } from './master.ts';

export type MasterKind = SolveOptions['master'];

/**
 * Loads what masters of this kind need in this thread; cheap when it is loaded already.
 *
 * Throws an Error that names the package to install where it is absent.
 */
export async function prepareMaster(kind: MasterKind): Promise<void> {
  if (kind === 'highs') await loadHighs();
  else if (!isPinnedGlpk()) await loadGlpkJson();
}

/** A master with these lower bounds of rows; {@link prepareMaster} must have finished for its kind. */
export function createMaster(kind: MasterKind, rows: readonly number[]): Master {
  if (kind === 'highs') return createHighsMaster(rows);
  return createGlpkMaster(rows) ?? createGlpkJsonMaster(rows);
}
