/**
 * Which events have been acted on lately.
 *
 * In: IDs of events. Out: whether one was told before. A memory without need: acting twice changes
 * nothing, it only costs calls. Holds a bounded number of IDs, the latest.
 */

/** About 100 bytes each; a queue that forgets after five minutes holds fewer. */
const idsMax = 20_000;

export class RecentEvents {
  readonly #ids = new Set<string>();
  readonly #max: number;

  constructor(max = idsMax) {
    this.#max = max;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Events without an ID are never known. O(1). */
  add(id: string): void {
    if (id === '') return;
    this.#ids.delete(id);
    this.#ids.add(id);
    for (const oldest of this.#ids) {
      if (this.#ids.size <= this.#max) break;
      this.#ids.delete(oldest);
    }
  }
}
