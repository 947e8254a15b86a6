/**
 * The instance types of each EC2NodeClass, with what can be had of them now.
 *
 * In: a node class. Out: its types, the same array until prices, refusals, reservations or the class
 * change; types that did not change stay the same objects. Reservations that the class names are
 * offerings of their types, as soon as EC2 has told how much they hold. It asks nobody.
 */
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { imageFor } from '../../../core/ec2/images.ts';
import { blockDrainMs, type ReservationLedger } from '../../../core/ec2/reservation-ledger.ts';
import type { UnavailableOfferings } from '../../../core/ec2/unavailable-offerings.ts';
import { InputError } from '../../../core/errors.ts';
import {
  type AllocatableOptions,
  resolveInstanceTypes,
} from '../../../core/scheduling/allocatable.ts';
import type {
  InstanceType,
  InstanceTypeFacts,
  Offering,
} from '../../../core/state/instance-type.ts';

export interface TypeBookOptions {
  readonly facts: () => readonly InstanceTypeFacts[];
  readonly unavailable: UnavailableOfferings;
  readonly reservations: ReservationLedger;
  readonly allocatable: AllocatableOptions;
  readonly nowMs: () => number;
}

export interface TypesOfClass {
  readonly list: readonly InstanceType[];
  readonly byName: ReadonlyMap<string, InstanceType>;
}

interface Entry {
  readonly facts: readonly InstanceTypeFacts[];
  /** As if everything could be had. */
  readonly resolved: readonly InstanceType[];
  version: number;
  reserved: string;
  current: TypesOfClass;
}

/** Node classes held; the one that was not asked for the longest goes first. */
const classesMax = 64;

export class TypeBook {
  readonly #options: TypeBookOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new WeakMap<EC2NodeClass, string>();

  constructor(options: TypeBookOptions) {
    this.#options = options;
  }

  /** O(1) while nothing changes, else O(types x offerings). */
  of(nodeClass: EC2NodeClass): TypesOfClass {
    const { unavailable, nowMs } = this.#options;
    const key = this.#keyOf(nodeClass);
    const entry = this.#entryOf(key, nodeClass);
    const version = unavailable.version(nowMs());
    const offerings = this.#reservedOfferings(nodeClass);
    const reserved = JSON.stringify([...offerings]);
    if (entry.version !== version || entry.reserved !== reserved) {
      entry.version = version;
      entry.reserved = reserved;
      entry.current = this.#marked(entry, offerings);
    }
    // Asked for last: stays the longest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.current;
  }

  #entryOf(key: string, nodeClass: EC2NodeClass): Entry {
    const facts = this.#options.facts();
    const known = this.#entries.get(key);
    if (known?.facts === facts) return known;
    const resolved = this.#resolved(facts, nodeClass).map((type) =>
      hasImage(nodeClass, type) ? type : withOfferings(type, () => false),
    );
    const entry = { facts, resolved, version: -1, reserved: '', current: typesOfClass(resolved) };
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= classesMax && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }

  /** None for a class whose settings cannot be read: its own condition says why. */
  #resolved(facts: readonly InstanceTypeFacts[], nodeClass: EC2NodeClass): readonly InstanceType[] {
    try {
      return resolveInstanceTypes(facts, nodeClass, this.#options.allocatable);
    } catch (error) {
      if (error instanceof InputError) return [];
      throw error;
    }
  }

  /** What of the class decides its types. */
  #keyOf(nodeClass: EC2NodeClass): string {
    let key = this.#keys.get(nodeClass);
    if (key === undefined) {
      const { apiVersion, metadata, spec, status } = nodeClass;
      key = JSON.stringify([apiVersion, metadata.name, spec, status?.subnets, status?.amis]);
      this.#keys.set(nodeClass, key);
    }
    return key;
  }

  /** Instance type -> offerings of the reservations that the class names and that go on. */
  #reservedOfferings({ status }: EC2NodeClass): ReadonlyMap<string, readonly Offering[]> {
    const { reservations, nowMs } = this.#options;
    const atMs = nowMs();
    const offerings = new Map<string, Offering[]>();
    for (const one of status?.capacityReservations ?? []) {
      // They take fleets of a kind that is not asked for here, and are taken back as spot is.
      if (one.interruptible === true) continue;
      const { id, instanceType, availabilityZone: zone, reservationType: kind = 'default' } = one;
      const endsMs = one.endTime === undefined ? Infinity : Date.parse(one.endTime);
      const marginMs = kind === 'capacity-block' ? blockDrainMs : 0;
      const availableCount = reservations.left(id);
      if (availableCount === undefined || endsMs - atMs <= marginMs) continue;
      const offering: Offering = {
        zone,
        capacityType: 'reserved',
        priceNanoUsdPerHour: 0,
        available: one.state !== 'expiring',
        reservation: { id, kind, availableCount },
      };
      offerings.set(instanceType, [...(offerings.get(instanceType) ?? []), offering]);
    }
    return offerings;
  }

  #marked(
    { resolved, current }: Entry,
    reserved: ReadonlyMap<string, readonly Offering[]>,
  ): TypesOfClass {
    const { unavailable, nowMs } = this.#options;
    const atMs = nowMs();
    let hasChanged = false;
    const list = resolved.map((type, index) => {
      const own = reserved.get(type.name);
      const whole = own === undefined ? type : { ...type, offerings: [...type.offerings, ...own] };
      const marked = withOfferings(
        whole,
        ({ zone, capacityType, reservation }) =>
          !unavailable.isUnavailable(
            {
              instanceType: type.name,
              zone,
              capacityType,
              ...(reservation === undefined ? {} : { reservationId: reservation.id }),
            },
            atMs,
          ),
      );
      const before = current.list[index];
      if (before !== undefined && isSame(before, marked)) return before;
      hasChanged = true;
      return marked;
    });
    return hasChanged ? typesOfClass(list) : current;
  }
}

function typesOfClass(list: readonly InstanceType[]): TypesOfClass {
  return { list, byName: new Map(list.map((type) => [type.name, type])) };
}

/** Before its images are known a class is not ready, and nothing is launched from it anyway. */
function hasImage(nodeClass: EC2NodeClass, type: InstanceType): boolean {
  return (nodeClass.status?.amis ?? []).length === 0 || imageFor(nodeClass, type) !== undefined;
}

/** The same object if all of its available offerings may stay so. */
function withOfferings(
  type: InstanceType,
  mayStay: (offering: InstanceType['offerings'][number]) => boolean,
): InstanceType {
  if (type.offerings.every((offering) => !offering.available || mayStay(offering))) return type;
  return {
    ...type,
    offerings: type.offerings.map((offering) =>
      offering.available && !mayStay(offering) ? { ...offering, available: false } : offering,
    ),
  };
}

/** Two markings of one resolved type. */
function isSame(a: InstanceType, b: InstanceType): boolean {
  return (
    a === b ||
    (a.offerings.length === b.offerings.length &&
      a.allocatable === b.allocatable &&
      a.offerings.every((offering, index) => isSameOffering(offering, b.offerings[index])))
  );
}

function isSameOffering(a: Offering, b: Offering | undefined): boolean {
  return (
    a.available === b?.available &&
    a.reservation?.id === b.reservation?.id &&
    a.reservation?.availableCount === b.reservation?.availableCount
  );
}
