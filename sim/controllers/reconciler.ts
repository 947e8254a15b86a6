/**
 * A controller's work queue in simulated time.
 *
 * In: keys of what may need work. Out: one call per key a little later, however often it was named
 * meanwhile: as controllers do, so that they react to the state and not to each change.
 */
import type { Clock } from '../../core/ports.ts';

export interface Reconciler {
  /** Has a key looked at after `delayMs` (the controller's own delay unless given). */
  enqueue(key: string, delayMs?: number): void;
}

/** @param delayMs how long the controller's watch and queue take */
export function createReconciler(
  clock: Clock,
  delayMs: number,
  reconcile: (key: string) => void,
): Reconciler {
  const dueMs = new Map<string, number>();
  return {
    enqueue: (key, wantedMs = delayMs) => {
      const atMs = clock.nowMs() + wantedMs;
      const known = dueMs.get(key);
      if (known !== undefined && known <= atMs) return;
      dueMs.set(key, atMs);
      clock.schedule(wantedMs, () => {
        // An earlier call has taken this one's place.
        if (dueMs.get(key) !== atMs) return;
        dueMs.delete(key);
        reconcile(key);
      });
    },
  };
}
