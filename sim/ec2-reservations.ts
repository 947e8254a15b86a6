/**
 * Capacity reservations and capacity blocks of the simulated EC2.
 *
 * In: reservations as an account has them. Out: places taken and given back, which of them an
 * instance may use, and what is left. A block ends at its time; ending instances is the engine's.
 */

export interface CapacityReservation {
  readonly id: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly totalCount: number;
  /** `open`: any matching on-demand instance uses it; `targeted`: only those that name it. */
  readonly match: 'open' | 'targeted';
  readonly kind: 'default' | 'capacity-block';
  /** Its owner may take instances back. */
  readonly isInterruptible?: boolean;
  /** When it ends; never if absent. */
  readonly endMs?: number;
  readonly startMs?: number;
  /** Ours unless given. */
  readonly ownerId?: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface ReservationBook {
  /** All, in the order in which they came. */
  list(): readonly CapacityReservation[];
  get(id: string): CapacityReservation | undefined;
  add(reservation: CapacityReservation): void;
  available(id: string): number;
  /** An open reservation with room for such an instance. */
  findOpen(instanceType: string, zone: string): CapacityReservation | undefined;
  take(id: string): void;
  give(id: string): void;
  /** It holds nothing from now on. */
  expire(id: string): void;
  isActive(id: string): boolean;
}

export function createReservationBook(initial: readonly CapacityReservation[]): ReservationBook {
  const all = new Map(initial.map((one) => [one.id, one]));
  const used = new Map<string, number>();
  const expired = new Set<string>();
  const available = (id: string): number =>
    expired.has(id) ? 0 : (all.get(id)?.totalCount ?? 0) - (used.get(id) ?? 0);
  return {
    list: () => [...all.values()],
    get: (id) => all.get(id),
    add: (reservation) => {
      all.set(reservation.id, reservation);
    },
    available,
    findOpen: (instanceType, zone) =>
      [...all.values()].find(
        (one) =>
          one.match === 'open' &&
          one.kind === 'default' &&
          one.instanceType === instanceType &&
          one.zone === zone &&
          available(one.id) > 0,
      ),
    take: (id) => {
      used.set(id, (used.get(id) ?? 0) + 1);
    },
    give: (id) => {
      used.set(id, (used.get(id) ?? 0) - 1);
    },
    expire: (id) => {
      expired.add(id);
    },
    isActive: (id) => all.has(id) && !expired.has(id),
  };
}
