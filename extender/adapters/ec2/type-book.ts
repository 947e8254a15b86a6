/**
 * The instance types of each EC2NodeClass, with what can be had of them now.
 *
 * In: a node class. Out: its types, the same array until prices, refusals, free addresses or the class
 * change; types that did not change stay the same objects. It asks nobody.
 */
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { imageFor } from '../../../core/ec2/images.ts';
import type { SubnetLedger } from '../../../core/ec2/subnet-ledger.ts';
import type { UnavailableOfferings } from '../../../core/ec2/unavailable-offerings.ts';
import { InputError } from '../../../core/errors.ts';
import {
  type AllocatableOptions,
  resolveInstanceTypes,
} from '../../../core/scheduling/allocatable.ts';
import type { InstanceType, InstanceTypeFacts } from '../../../core/state/instance-type.ts';
import { addressesOf } from './fleet-preparation.ts';

export interface TypeBookOptions {
  readonly facts: () => readonly InstanceTypeFacts[];
  readonly unavailable: UnavailableOfferings;
  readonly ledger: SubnetLedger;
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
  room: string;
  current: TypesOfClass;
}

/** Node classes held; the one that was not asked for the longest goes first. */
const classesMax = 64;
/** No node takes more addresses at its start, so that more of them change nothing. */
const addressesMatter = 128;

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
    const rooms = this.#rooms(nodeClass);
    const room = JSON.stringify([...rooms]);
    if (entry.version !== version || entry.room !== room) {
      entry.version = version;
      entry.room = room;
      entry.current = this.#marked(entry, rooms);
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
    const resolved = resolveInstanceTypes(facts, nodeClass, this.#options.allocatable).map(
      (type) => (hasImage(nodeClass, type) ? type : withOfferings(type, () => false)),
    );
    const entry = { facts, resolved, version: -1, room: '', current: typesOfClass(resolved) };
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

  /** Zone -> free addresses of its roomiest subnet, as far as they matter. */
  #rooms(nodeClass: EC2NodeClass): ReadonlyMap<string, number> {
    const { ledger, nowMs } = this.#options;
    const rooms = new Map<string, number>();
    for (const { id, zone } of nodeClass.status?.subnets ?? []) {
      const free = ledger.knows(id) ? ledger.free(id, nowMs()) : addressesMatter;
      rooms.set(zone, Math.max(rooms.get(zone) ?? 0, Math.min(free, addressesMatter)));
    }
    return rooms;
  }

  #marked({ resolved, current }: Entry, rooms: ReadonlyMap<string, number>): TypesOfClass {
    const { unavailable, nowMs } = this.#options;
    const atMs = nowMs();
    let hasChanged = false;
    const list = resolved.map((type, index) => {
      const addresses = addressesOf(type);
      const marked = withOfferings(
        type,
        ({ zone, capacityType }) =>
          (rooms.get(zone) ?? addressesMatter) >= Math.min(addresses, addressesMatter) &&
          !unavailable.isUnavailable({ instanceType: type.name, zone, capacityType }, atMs),
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
      a.offerings.every((offering, index) => offering.available === b.offerings[index]?.available))
  );
}
