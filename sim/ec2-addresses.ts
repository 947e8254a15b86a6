/**
 * Private addresses of the simulated EC2: who has which, and how many are left in a subnet.
 *
 * In: subnets with their CIDR blocks, or a number of addresses per zone where there are none. Out:
 * addresses as integers, taken and given back. As in a VPC the first four addresses and the last of
 * a subnet are nobody's, and an address that was given back rests as long as there are others: a
 * Node is named after its address, and pods may still stand under the name of the last one. It knows
 * nothing of instances.
 */

export interface SubnetRange {
  readonly subnetId: string;
  readonly zone: string;
  /** IPv4, such as `10.0.0.0/24`. */
  readonly cidr: string;
}

export interface AddressBook {
  /** Free addresses there. Without a subnet: of the zone. */
  free(zone: string, subnetId: string | undefined): number;
  /** Takes one; `undefined` if none is free or there is no such subnet. */
  take(zone: string, subnetId: string | undefined): number | undefined;
  give(zone: string, subnetId: string | undefined, address: number): void;
  /** Takes many that are nobody's in particular (pods), or gives them back if negative; all or none. */
  hold(zone: string, subnetId: string | undefined, count: number): boolean;
  /** The subnet that a launch without one gets in a zone: the first. */
  defaultSubnet(zone: string): string | undefined;
}

const reservedAtStart = 4;
const reservedAtEnd = 1;
/** Where no subnets are given: 10.0.0.0/8, one range for all zones. */
const sharedBase = 0x0a000000;
const sharedSize = 2 ** 24;

interface Range {
  readonly zone: string;
  readonly base: number;
  readonly size: number;
  /** Given back, the oldest first. */
  readonly returned: number[];
  next: number;
  used: number;
}

/**
 * @param perZone used only without subnets
 * @throws RangeError for a CIDR block that is none
 */
export function createAddressBook(
  subnets: readonly SubnetRange[],
  perZone = Infinity,
): AddressBook {
  const ranges = new Map(subnets.map((one) => [one.subnetId, rangeOf(one)]));
  const shared = { base: sharedBase, size: sharedSize, returned: [] as number[], next: 1 };
  const usedPerZone = new Map<string, number>();
  const isShared = subnets.length === 0;

  function free(zone: string, subnetId: string | undefined): number {
    if (isShared) return perZone - (usedPerZone.get(zone) ?? 0);
    const range = subnetId === undefined ? undefined : ranges.get(subnetId);
    return range === undefined ? 0 : range.size - range.used;
  }

  function countInZone(zone: string, change: 1 | -1): void {
    usedPerZone.set(zone, (usedPerZone.get(zone) ?? 0) + change);
  }

  return {
    free,
    take: (zone, subnetId) => {
      if (free(zone, subnetId) < 1) return undefined;
      if (isShared) {
        countInZone(zone, 1);
        return addressOf(shared);
      }
      const range = ranges.get(subnetId ?? '');
      if (range === undefined) return undefined;
      range.used += 1;
      return addressOf(range);
    },
    give: (zone, subnetId, address) => {
      if (isShared) {
        countInZone(zone, -1);
        shared.returned.push(address);
        return;
      }
      const range = ranges.get(subnetId ?? '');
      if (range === undefined) return;
      range.used -= 1;
      range.returned.push(address);
    },
    hold: (zone, subnetId, count) => {
      if (free(zone, subnetId) < count) return false;
      const range = ranges.get(subnetId ?? '');
      if (range === undefined) usedPerZone.set(zone, (usedPerZone.get(zone) ?? 0) + count);
      else range.used += count;
      return true;
    },
    defaultSubnet: (zone) => subnets.find((subnet) => subnet.zone === zone)?.subnetId,
  };
}

/** A fresh one while there is any, then the one that was given back first. */
function addressOf(range: Pick<Range, 'base' | 'size' | 'returned' | 'next'>): number {
  const isFresh = range.next < range.size || range.returned.length === 0;
  return isFresh ? range.base + range.next++ : (range.returned.shift() ?? range.base);
}

/** Dotted form. */
export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

function rangeOf({ cidr, zone }: SubnetRange): Range {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = (match?.slice(1) ?? []).map(Number);
  if (match === null || bits < 16 || bits > 28) {
    throw new RangeError(`expected a CIDR block of /16 to /28 as in 10.0.0.0/24, found ${cidr}`);
  }
  const base = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d + reservedAtStart;
  const size = 2 ** (32 - bits) - reservedAtStart - reservedAtEnd;
  return { zone, base, size, returned: [], next: 0, used: 0 };
}
