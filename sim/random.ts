/**
 * Reproducible chance.
 *
 * In: a seed. Out: a stream of numbers, streams that branch off by name (so that one part's draws
 * do not shift another's), and the distributions that the simulated world needs. Generator: sfc32
 * (Doty-Humphrey's small fast counter), seeded through splitmix32; not for secrets.
 */
import type { Random } from '../core/ports.ts';

export interface SeededRandom extends Random {
  /** An independent stream; the same name under the same seed is the same stream. */
  branch(name: string): SeededRandom;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of the items; there must be at least one. */
  pick<T>(items: readonly T[]): T;
  /** A name part of lower-case letters and digits, as the API server makes them up. */
  suffix(length: number): string;
  /** A version 4 UUID. */
  uuid(): string;
}

/** The letters that Kubernetes uses in generated names: no vowels, no look-alikes. */
const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';
const hexDigits = '0123456789abcdef';

export function createRandom(seed: number | string): SeededRandom {
  const text = String(seed);
  let mixer = hashOf(text);
  const mix = (): number => {
    mixer = (mixer + 0x9e3779b9) | 0;
    let z = mixer;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  let [a, b, c, counter] = [mix(), mix(), mix(), 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let index = 0; index < 12; index += 1) next();

  const float = (): number => next() / 2 ** 32;
  const integer = (below: number): number => Math.floor(float() * below);
  const hex = (length: number): string => {
    let digits = '';
    for (let index = 0; index < length; index += 1) digits += hexDigits[integer(16)];
    return digits;
  };
  return {
    float,
    integer,
    branch: (name) => createRandom(`${text}/${name}`),
    chance: (probability) => float() < probability,
    pick: (items) => {
      const item = items[integer(items.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
    suffix: (length) => {
      let letters = '';
      for (let index = 0; index < length; index += 1) {
        letters += suffixLetters[integer(suffixLetters.length)];
      }
      return letters;
    },
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${'89ab'[integer(4)]}${hex(3)}-${hex(8)}${hex(4)}`,
  };
}

/** Standard normal, by Box and Muller. */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.float()));
  return radius * Math.cos(2 * Math.PI * random.float());
}

/** Lognormal with this median; `sigma` is the standard deviation of the logarithm. */
export function lognormal(random: Random, median: number, sigma: number): number {
  return median * Math.exp(sigma * normal(random));
}

/** Exponential with this mean: gaps between arrivals that know nothing of each other. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random.float());
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}
