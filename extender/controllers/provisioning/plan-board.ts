/**
 * What the last plan was, for those who show it.
 *
 * In: figures of each plan. Out: the latest, and when the window of the batch that a claim comes from
 * was closed, for measuring how long a launch takes. Bounded; lost with the process.
 */
import type { PlanFigures, PlanState } from '../../dashboard/plan-state.ts';

/** Claims whose batch is remembered; a launch call follows within seconds. */
const claimsMax = 10_000;

export class PlanBoard implements PlanState {
  #latest: PlanFigures | undefined;
  readonly #closedMs = new Map<string, number>();

  latest(): PlanFigures | undefined {
    return this.#latest;
  }

  publish(figures: PlanFigures): void {
    this.#latest = figures;
  }

  /** The window of this claim's batch was closed at this monotonic time. */
  noteClaim(name: string, closedMs: number): void {
    this.#closedMs.set(name, closedMs);
    for (const oldest of this.#closedMs.keys()) {
      if (this.#closedMs.size <= claimsMax) break;
      this.#closedMs.delete(oldest);
    }
  }

  /** Answers once per claim. */
  takeClaim(name: string): number | undefined {
    const closedMs = this.#closedMs.get(name);
    this.#closedMs.delete(name);
    return closedMs;
  }
}
