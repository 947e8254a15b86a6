/**
 * Where the dashboard reads decisions from.
 *
 * In: nothing. Out: the part of the decision ring that it needs.
 */
import type { DecisionRecord } from '../../core/ports.ts';

export interface DecisionSource {
  /** The last so many at most, in the order in which they were made. */
  recent(limit: number): readonly DecisionRecord[];
  /** Calls `listener` with every new one, inside the turn that made it. Returns how to end it. */
  subscribe(listener: (record: DecisionRecord) => void): () => void;
}
