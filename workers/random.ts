/**
 * Seeded random numbers for the search: xorshift32, the same on every machine.
 */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 0x6d2b79f5, 0x2c1b3c6d) | 0 || 0x9e3779b9;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** Uniform in [0, 1). */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) / 4294967296;
  }

  /** Uniform in 0 .. k-1. */
  below(k: number): number {
    return Math.floor(this.next() * k);
  }
}
