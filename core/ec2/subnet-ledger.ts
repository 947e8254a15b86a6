/**
 * How many private addresses each subnet has left, those of launches on their way taken off.
 *
 * In: subnets as EC2 told them, launches as they begin and end, the time. Out: the subnet of a zone
 * with the most room. What EC2 tells lags, so addresses of a launch that succeeded stay taken off
 * until a later answer must include them; those of one that failed come back at once. A subnet that
 * EC2 called full has no room until it is asked for again. It asks nobody.
 */

export interface Subnet {
  readonly id: string;
  readonly zone: string;
  readonly zoneId: string;
  readonly freeAddresses: number;
}

/** Addresses taken off a subnet for a launch. */
export interface Booking {
  readonly subnetId: string;
  readonly addresses: number;
}

/** EC2's count of free addresses lags launches by no more than this. */
export const countLagMs = 30_000;
/** For so long a subnet that was full is left alone, unless EC2 tells of room. */
export const fullMs = 180_000;

interface Entry {
  told: number;
  toldMs: number;
  fullUntilMs: number;
}

interface Held {
  readonly booking: Booking;
  /** When the launch came to an end; Infinity while it runs. */
  settledMs: number;
}

export class SubnetLedger {
  readonly #entries = new Map<string, Entry>();
  readonly #held = new Set<Held>();

  /** Takes in what EC2 tells at `nowMs`. */
  observe(subnets: readonly Subnet[], nowMs: number): void {
    for (const { id, freeAddresses } of subnets) {
      const known = this.#entries.get(id);
      const isRoomier = known !== undefined && freeAddresses > known.told;
      this.#entries.set(id, {
        told: freeAddresses,
        toldMs: nowMs,
        fullUntilMs: isRoomier || known === undefined ? 0 : known.fullUntilMs,
      });
    }
    for (const held of this.#held) {
      if (nowMs - held.settledMs > countLagMs) this.#held.delete(held);
    }
  }

  /** Subnets of the list that EC2 has not told of since `sinceMs`. */
  stale(subnetIds: readonly string[], sinceMs: number): readonly string[] {
    return subnetIds.filter((id) => (this.#entries.get(id)?.toldMs ?? 0) < sinceMs);
  }

  /** False until EC2 has told of it: then nothing stands against it either. */
  knows(subnetId: string): boolean {
    return this.#entries.has(subnetId);
  }

  /** Addresses that a launch may count on; 0 for a subnet that is not known. */
  free(subnetId: string, nowMs: number): number {
    return this.#left(subnetId, nowMs, () => true);
  }

  /** Addresses that no instance has: those of launches on their way are not taken off. */
  unclaimed(subnetId: string, nowMs: number): number {
    return this.#left(subnetId, nowMs, ({ settledMs }) => Number.isFinite(settledMs));
  }

  #left(subnetId: string, nowMs: number, counts: (held: Held) => boolean): number {
    const entry = this.#entries.get(subnetId);
    if (entry === undefined || entry.fullUntilMs > nowMs) return 0;
    let left = entry.told;
    for (const held of this.#held) {
      if (held.booking.subnetId === subnetId && counts(held)) left -= held.booking.addresses;
    }
    return Math.max(0, left);
  }

  /**
   * Of the subnets of one zone that with the most free addresses, at least `addresses` of them; by id
   * where two have the same.
   */
  roomiest(subnetIds: readonly string[], addresses: number, nowMs: number): string | undefined {
    let best: string | undefined;
    let most = addresses - 1;
    for (const id of subnetIds.toSorted()) {
      const free = this.free(id, nowMs);
      if (free > most) [best, most] = [id, free];
    }
    return best;
  }

  /** Takes addresses off. The answer is handed to {@link settle} when the launch has ended. */
  book(booking: Booking): Held {
    const held = { booking, settledMs: Number.POSITIVE_INFINITY };
    this.#held.add(held);
    return held;
  }

  /** @param isUsed whether an instance came of it */
  settle(held: Held, isUsed: boolean, nowMs: number): void {
    if (isUsed) held.settledMs = nowMs;
    else this.#held.delete(held);
  }

  /** EC2 said that it is full. */
  markFull(subnetId: string, nowMs: number): void {
    const entry = this.#entries.get(subnetId);
    if (entry !== undefined) entry.fullUntilMs = nowMs + fullMs;
  }
}
