/**
 * A small seeded generator, so that a workload is the same on every machine.
 *
 * In: a seed. Out: a stream of numbers (a counter and a
 * published 32-bit xor-multiply mixing function). It is for benches only: statistics do not rest on
 * the quality of its bits.
 */

/** Deterministic random numbers; each call advances the stream. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, limit). */
  below(limit: number): number;
  /** Uniform element of a list that is not empty. */
  pick<T>(values: readonly T[]): T;
  /** A new list with the same elements in random order. */
  shuffle<T>(values: readonly T[]): T[];
  /** Standard normal. */
  normal(): number;
}

/** A generator for `seed`; `stream` keeps generators of one seed apart. */
export function createRandom(seed: number, stream: string): Random {
  let state = seed >>> 0;
  for (let i = 0; i < stream.length; i++) {
    state = mix((state + 0x9e3779b9 + stream.charCodeAt(i)) >>> 0);
  }
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    return mix(state) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    pick: (values) => {
      const value = values[below(values.length)];
      if (value === undefined) throw new RangeError('nothing to pick from');
      return value;
    },
    shuffle: (values) => {
      const result = [...values];
      for (let i = result.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [result[i], result[j]] = [result[j]!, result[i]!];
      }
      return result;
    },
    // Box and Muller; 1 - next() keeps the logarithm finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
