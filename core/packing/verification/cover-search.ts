/**
 * Is there a cheaper set of bins for these few pods? Searched exhaustively, within a budget of steps.
 *
 * In: classes of pods with a value each (a bound on every rest of them), kinds of bins, a price to
 * undercut. Out: a price below it, that there is none, or that the steps ran out. It knows no
 * offerings, rules or proofs, and shares no code with the solver.
 *
 * Method. Bins are chosen for the most valuable pod left, one after another. A pod more in a bin never
 * makes a plan dearer, so only contents to which nothing can be added are tried. A bin may cost more
 * than its contents are worth only as far as the price to undercut leaves room beyond the value of
 * all pods; the room that is left goes down with every bin. Rests that led nowhere are remembered with
 * the room they had. Prices and values are integers below 2^53 and are added exactly; the estimates
 * that cut branches off are rounded, and allow for it.
 */

/** A kind of bin that any number may be opened of. */
export interface Box {
  /** Nano-USD per hour. */
  readonly price: number;
  /** [resource] */
  readonly capacity: Float64Array;
  /** [class] most pods by rule, by demand and by each resource alone. */
  readonly most: Int32Array;
  /** [resource] nano-USD per unit, >= 0: what an estimate takes free room to be worth. */
  readonly roomValue: Float64Array;
}

/** What is to be packed. Classes are in order of their values, the highest first. */
export interface CoverTask {
  /** [class] pods. */
  readonly demand: Int32Array;
  /** [class] nano-USD per pod; no content of a box is worth more than the box's price. */
  readonly value: Float64Array;
  /** [class][resource] */
  readonly request: readonly Float64Array[];
  /** [class] classes that may not share a box with it. */
  readonly foes: readonly ReadonlySet<number>[];
  readonly boxes: readonly Box[];
}

export type CoverAnswer =
  | { readonly outcome: 'none' }
  | { readonly outcome: 'found'; readonly costNano: number }
  | { readonly outcome: 'gave-up' };

/** Rests of pods that one search remembers; beyond them it gives up. */
const restsMax = 200_000;

/**
 * The least that a box costs beyond its contents, if these are worth at most `estimate`, a sum of less
 * than a thousand rounded terms >= 0. Never too high.
 */
export function leastOverhead(price: number, estimate: number): number {
  return price - estimate * (1 + 1e-12) - 1;
}

interface Content {
  readonly counts: Int32Array;
  /** Price less value: what the box takes of the room. */
  readonly overhead: number;
}

/** One search; `steps` counts what it looks at: classes of boxes and of contents, partial or full. */
export class CoverSearch {
  steps = 0;
  readonly #task: CoverTask;
  readonly #stepsMax: number;
  /** Rest -> the most room with which it led nowhere. */
  readonly #futile = new Map<string, number>();
  #isOut = false;

  constructor(task: CoverTask, stepsMax: number) {
    this.#task = task;
    this.#stepsMax = stepsMax;
  }

  /** Looks for bins that cost less than `targetNano` together. */
  below(targetNano: number): CoverAnswer {
    const { demand, value } = this.#task;
    const worth = demand.reduce((sum, pods, c) => sum + pods * value[c]!, 0);
    const room = targetNano - 1 - worth;
    const left = room < 0 ? undefined : this.#search(demand, room);
    if (left !== undefined) return { outcome: 'found', costNano: targetNano - 1 - left };
    return { outcome: this.#isOut ? 'gave-up' : 'none' };
  }

  /** The room that is left when `rest` is packed; undefined if it cannot be. */
  #search(rest: Int32Array, room: number): number | undefined {
    if (rest.every((pods) => pods === 0)) return room;
    const key = rest.join();
    if (room <= (this.#futile.get(key) ?? -1)) return undefined;
    for (const { counts, overhead } of this.#contents(rest, room)) {
      const next = rest.map((pods, c) => pods - counts[c]!);
      const left = this.#search(next, room - overhead);
      if (left !== undefined) return left;
      if (this.#isOut) return undefined;
    }
    this.#futile.set(key, room);
    this.#isOut ||= this.#futile.size > restsMax;
    return undefined;
  }

  /** Full contents with a pod of the first class left, each in its cheapest box, cheapest first. */
  #contents(rest: Int32Array, room: number): readonly Content[] {
    const first = rest.findIndex((pods) => pods > 0);
    const byCounts = new Map<string, Content>();
    for (const box of this.#task.boxes) {
      if (box.most[first]! > 0) this.#fill(box, first, rest, room, byCounts);
      if (this.#isOut) return [];
    }
    return [...byCounts.values()].sort((a, b) => a.overhead - b.overhead);
  }

  #fill(
    box: Box,
    first: number,
    rest: Int32Array,
    room: number,
    byCounts: Map<string, Content>,
  ): void {
    const { value, request, foes } = this.#task;
    const { price, most, roomValue } = box;
    const free = box.capacity.slice();
    const counts = new Int32Array(rest.length);
    const wanted = rest.map((pods, c) => Math.min(pods, most[c]!));
    const gains = this.#gainsAfter(box, wanted);
    const fitting = (c: number): number => {
      for (const foe of foes[c]!) if (counts[foe]! > 0) return 0;
      return mostThatFit(request[c]!, free, wanted[c]! - counts[c]!);
    };
    const put = (c: number, pods: number): void => {
      counts[c]! += pods;
      for (let r = 0; r < free.length; r++) free[r]! -= pods * request[c]![r]!;
    };
    this.steps += rest.length;
    const visit = (c: number, worth: number): void => {
      this.steps += c < rest.length ? 1 : rest.length;
      this.#isOut ||= this.steps > this.#stepsMax;
      const estimate = worth + gains[c]! + priceOf(free, roomValue);
      if (this.#isOut || leastOverhead(price, estimate) > room) return;
      if (c < rest.length) {
        const top = fitting(c);
        for (let pods = top; pods >= (c === first ? 1 : 0); pods--) {
          put(c, pods);
          visit(c + 1, worth + pods * value[c]!);
          put(c, -pods);
        }
        return;
      }
      const overhead = price - worth;
      if (overhead > room || wanted.some((_, other) => fitting(other) > 0)) return;
      const key = counts.join();
      if (overhead < (byCounts.get(key)?.overhead ?? Infinity)) {
        byCounts.set(key, { counts: counts.slice(), overhead });
      }
    };
    visit(first, 0);
  }

  /** [class] what this class and those behind it add at most, beside the room that they use. */
  #gainsAfter({ roomValue }: Box, wanted: Int32Array): Float64Array {
    const { value, request } = this.#task;
    const gains = new Float64Array(wanted.length + 1);
    for (let c = wanted.length - 1; c >= 0; c--) {
      const gain = Math.max(0, value[c]! - priceOf(request[c]!, roomValue));
      gains[c] = gains[c + 1]! + wanted[c]! * gain;
    }
    return gains;
  }
}

/** What amounts are worth at so much a unit. */
export function priceOf(amounts: Float64Array, unitValue: Float64Array): number {
  let sum = 0;
  for (let r = 0; r < amounts.length; r++) sum += amounts[r]! * unitValue[r]!;
  return sum;
}

/** Pods, of at most `pods`, whose requests fit into `room` together. */
export function mostThatFit(request: Float64Array, room: Float64Array, pods: number): number {
  let most = pods;
  for (let r = 0; r < room.length; r++) {
    if (request[r]! > 0) most = Math.min(most, Math.floor(room[r]! / request[r]!));
  }
  return most;
}
