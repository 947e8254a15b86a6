/**
 * How many instances each capacity reservation still has room for, those launched since it was told
 * taken off.
 *
 * In: counts as EC2 told them, launches as they succeed, the time. Out: what is left. What EC2 tells
 * lags: a count that is no higher than what was reckoned here includes all launches, a higher one may
 * lack the latest, which stay taken off for a while. It asks nobody.
 */
import { countLagMs } from './subnet-ledger.ts';

/** EC2 empties a block from half an hour before its end, and it is drained before that. */
export const blockDrainMs = 40 * 60_000;

/** What EC2 tells of a reservation. */
export interface ReservationCount {
  readonly id: string;
  readonly availableCount: number;
}

interface Entry {
  told: number;
  /** When instances were launched that EC2 may not have counted yet. */
  launchesMs: number[];
}

export class ReservationLedger {
  readonly #entries = new Map<string, Entry>();

  /** Takes in what EC2 tells at `nowMs`. */
  observe(counts: readonly ReservationCount[], nowMs: number): void {
    for (const { id, availableCount } of counts) {
      const left = this.left(id) ?? 0;
      const launchesMs = this.#entries.get(id)?.launchesMs ?? [];
      this.#entries.set(id, {
        told: availableCount,
        launchesMs:
          availableCount <= left ? [] : launchesMs.filter((atMs) => nowMs - atMs < countLagMs),
      });
    }
  }

  /** Places left; undefined until EC2 has told of it. */
  left(id: string): number | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined ? undefined : Math.max(0, entry.told - entry.launchesMs.length);
  }

  /** An instance was launched into it. */
  launched(id: string, nowMs: number): void {
    this.#entries.get(id)?.launchesMs.push(nowMs);
  }
}
