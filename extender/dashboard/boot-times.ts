/**
 * How long nodes take, from the wish to being ready for pods.
 *
 * In: NodeClaims as they are seen. Out: when one that was made at some time should be ready: the
 * median of the last ones. It keeps `samplesMax` durations.
 */
import { conditionOf } from '../../core/api/conditions.ts';
import type { Live } from '../../core/api/kinds.ts';

const samplesMax = 64;

export class BootTimes {
  /** By UID of the claim, oldest first. */
  readonly #samples = new Map<string, number>();
  #medianMs: number | undefined;

  /** Counts a claim once, when it is ready for pods. */
  note(claim: Live<'NodeClaim'> | undefined): void {
    if (claim === undefined) return;
    const initialized = conditionOf(claim, 'Initialized');
    const { uid, creationTimestamp } = claim.metadata;
    if (initialized?.status !== 'True' || this.#samples.has(uid)) return;
    const durationMs =
      Date.parse(initialized.lastTransitionTime ?? '') - Date.parse(creationTimestamp);
    if (!(durationMs >= 0)) return;
    this.#samples.set(uid, durationMs);
    const [oldest] = this.#samples.keys();
    if (this.#samples.size > samplesMax && oldest !== undefined) this.#samples.delete(oldest);
    const sorted = [...this.#samples.values()].sort((a, b) => a - b);
    this.#medianMs = sorted[sorted.length >> 1];
  }

  /** null before any node has come. */
  expectedMs(createdMs: number): number | null {
    return this.#medianMs === undefined ? null : createdMs + this.#medianMs;
  }
}
