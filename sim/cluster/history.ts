/**
 * What changed, version by version, as long as it is remembered.
 *
 * In: changes in rising order of version. Out: those after a version, or the news that it is
 * forgotten. One per kind, bounded by count, like the API server's watch cache.
 */
import type { Kind, Live } from '../../core/api/kinds.ts';

export interface Change<K extends Kind = Kind> {
  readonly version: number;
  readonly type: 'added' | 'modified' | 'deleted';
  /** The object after the change; of one deleted its last state under the version of its end. */
  readonly object: Live<K>;
  readonly previous: Live<K> | undefined;
}

export class History {
  #changes: Change[] = [];
  /** Index of the oldest change that counts: dropping from the front of an array is dear. */
  #first = 0;
  /** Everything up to and including this version is forgotten. */
  #forgotten: number;
  readonly #max: number;

  constructor(max: number, version: number) {
    this.#max = max;
    this.#forgotten = version;
  }

  add(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length - this.#first > this.#max) {
      this.#forgotten = this.#changes[this.#first]?.version ?? this.#forgotten;
      this.#first += 1;
      if (this.#first > this.#max) {
        this.#changes = this.#changes.slice(this.#first);
        this.#first = 0;
      }
    }
  }

  /** Changes after `version`, oldest first; `undefined` if some of them are forgotten. */
  after(version: number): readonly Change[] | undefined {
    if (version < this.#forgotten) return undefined;
    let low = this.#first;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#changes[middle]?.version ?? 0) > version) high = middle;
      else low = middle + 1;
    }
    return this.#changes.slice(low);
  }

  /** Forgets everything up to now. */
  forget(version: number): void {
    this.#changes = [];
    this.#first = 0;
    this.#forgotten = version;
  }
}
