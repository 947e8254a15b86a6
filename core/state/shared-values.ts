/**
 * One object for equal values, as long as somebody holds it.
 *
 * In: plain values. Out: the first value of equal content that is still in use. 100,000 pods of a
 * few templates then hold a few specs, and work that is cached per spec is done once. Values are
 * held weakly, so that a service that runs for months does not grow. A 53-bit
 * hash of its JSON text finds the candidates (cyrb53), and they are compared part by part, so that
 * no text is kept.
 */

/** Texts remembered; beyond it all are forgotten, which costs memory and nothing else. */
const textsMax = 50_000;

export class SharedValues {
  readonly #byHash = new Map<number, WeakRef<object>>();
  readonly #texts = new Map<string, string>();
  readonly #dead = new FinalizationRegistry<number>((hash) => {
    if (this.#byHash.get(hash)?.deref() === undefined) this.#byHash.delete(hash);
  });

  /** Distinct objects that are, or lately were, in use. */
  get count(): number {
    return this.#byHash.size;
  }

  /** The value that stands for all equal ones. O(length of its text). */
  share<T extends object>(value: T): T {
    const text = JSON.stringify(value);
    let hash = hashOf(text);
    for (;;) {
      const known = this.#byHash.get(hash)?.deref();
      if (known === undefined) break;
      if (isSame(known, value)) return known as T;
      // Two values of one hash: the next free number will do.
      hash += 1;
    }
    this.#byHash.set(hash, new WeakRef(value));
    this.#dead.register(value, hash);
    return value;
  }

  /** One string for equal strings: namespaces, phases, names of nodes. */
  text(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= textsMax) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}

/** Same members with the same values. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return names.every((name) => isSame(left[name], right[name]));
}

function hashOf(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 2 ** 32 * (0x1fffff & low) + (high >>> 0);
}
