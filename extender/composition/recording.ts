/**
 * What is recorded: decisions in memory, Events in the cluster.
 *
 * In: ports. Out: the Recorder port of the controllers, and what the servers read from it.
 */
import type { DecisionRecord, Recorder } from '../../core/ports.ts';
import { DecisionRing } from '../records/decision-ring.ts';

export interface Recording extends Recorder {
  readonly ring: DecisionRing;
  /** Calls `listener` with every new decision. Returns how to end it. */
  subscribe(listener: (record: DecisionRecord) => void): () => void;
  /** Sends what waits, within a deadline. */
  flush(): Promise<void>;
}

export function startRecording(_options: unknown): Recording {
  const ring = new DecisionRing();
  const listeners = new Set<(record: DecisionRecord) => void>();
  return {
    ring,
    event: () => undefined,
    decide: (record) => {
      ring.add(record);
      for (const listener of listeners) listener(record);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    flush: async () => undefined,
  };
}
