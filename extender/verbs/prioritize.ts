/**
 * The verb prioritize: `core/scheduling/extender-score.ts` for the nodes of a request.
 *
 * In: the decoded request with the nodes it names, the time. Out: a score per node, in the order of
 * the request.
 */
import { scoresOf } from '../../core/scheduling/extender-score.ts';
import type { ExtenderArgs } from '../wire.ts';

/** Integers from 0 to 10. O(nodes). */
export function prioritizeNodes({ pod, names }: ExtenderArgs, nowMs: number): Uint8Array {
  return scoresOf(names.nodes, names.count, pod, nowMs);
}
