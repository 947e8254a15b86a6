/**
 * Masks: for each kind of place, most pods of each class in one bin; equal ones kept once.
 *
 * In: rows of limits over classes, as the plan must obey them and as the bound may assume them.
 * Out: numbered masks and the two arrays of `problem.ts`.
 */

/** A mask in both readings; one array twice where they agree. */
export interface Mask {
  readonly plan: Uint16Array;
  readonly bound: Uint16Array;
}

export class MaskTable {
  readonly masks: Mask[] = [];
  readonly #byHash = new Map<number, number[]>();

  /** Number of a mask with this content. */
  number(plan: Uint16Array, bound: Uint16Array): number {
    const hash = hashOf(plan) ^ (bound === plan ? 0 : hashOf(bound) * 31);
    const alike = this.#byHash.get(hash) ?? [];
    const known = alike.find((at) => {
      const mask = this.masks[at]!;
      return equal(mask.plan, plan) && equal(mask.bound, bound);
    });
    if (known !== undefined) {
      return known;
    }
    const same = bound === plan || equal(plan, bound);
    const number = this.masks.push({ plan, bound: same ? plan : bound }) - 1;
    alike.push(number);
    this.#byHash.set(hash, alike);
    return number;
  }

  /** The number of a mask that allows what all of them allow, in the bound what any allows. */
  merged(numbers: readonly number[]): number {
    const [first, ...others] = numbers.map((number) => this.masks[number]!);
    const plan = first!.plan.slice();
    const bound = first!.bound.slice();
    for (const other of others) {
      for (let c = 0; c < plan.length; c++) {
        plan[c] = Math.min(plan[c]!, other.plan[c]!);
        bound[c] = Math.max(bound[c]!, other.bound[c]!);
      }
    }
    return this.number(plan, bound);
  }
}

/** FNV-1a over 16-bit values. */
function hashOf(values: Uint16Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < values.length; i++) {
    hash = Math.imul(hash ^ values[i]!, 0x01000193);
  }
  return hash | 0;
}

function equal(a: Uint16Array, b: Uint16Array): boolean {
  if (a === b) {
    return true;
  }
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) {
      return false;
    }
  }
  return true;
}
