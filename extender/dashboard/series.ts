/**
 * The course of a few figures, in bounded room.
 *
 * In: points as time goes by. Out: at most `pointsMax` of them over the whole run: whenever the room
 * is used up every second point goes and points come half as often, until that would be too coarse;
 * from then on the oldest go. It knows nothing of what the points mean.
 */

export interface SeriesOptions {
  readonly pointsMax: number;
  /** Between points at first. */
  readonly intervalMs: number;
  /** Between points at last: the whole then covers `pointsMax` times this. */
  readonly intervalMaxMs: number;
}

export class Series<Point extends readonly [timeMs: number, ...rest: unknown[]]> {
  readonly #options: SeriesOptions;
  #intervalMs: number;
  #points: Point[] = [];

  constructor(options: SeriesOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs;
  }

  /** Oldest first. */
  get points(): readonly Point[] {
    return this.#points;
  }

  /** True if a point of this time would be kept. A clock that was set back starts anew. */
  isDue(timeMs: number): boolean {
    const last = this.#points.at(-1);
    return last === undefined || timeMs < last[0] || timeMs - last[0] >= this.#intervalMs;
  }

  /**
   * Keeps a point that is due. `appended`: the others are as they were; `thinned`: some went;
   * `ignored`: it was not due.
   */
  add(point: Point): 'appended' | 'thinned' | 'ignored' {
    if (!this.isDue(point[0])) return 'ignored';
    const last = this.#points.at(-1);
    if (last !== undefined && point[0] < last[0]) {
      this.#points = [point];
      return 'thinned';
    }
    this.#points.push(point);
    if (this.#points.length <= this.#options.pointsMax) return 'appended';
    if (this.#intervalMs * 2 <= this.#options.intervalMaxMs) {
      this.#intervalMs *= 2;
      // The newest stays, whatever the number of points.
      const newest = this.#points.length - 1;
      this.#points = this.#points.filter((_, index) => (newest - index) % 2 === 0);
    } else {
      this.#points.shift();
    }
    return 'thinned';
  }
}
