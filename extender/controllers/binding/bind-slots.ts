/**
 * How many binds are under way at once.
 *
 * In: calls. Out: the same calls, so many at a time, in the order in which they came. What waits is
 * bounded by whoever calls.
 */
export class BindSlots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Settles as `call` does. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await call();
    } finally {
      const next = this.#waiting.shift();
      // The slot is handed on without becoming free between.
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
