/**
 * Private addresses: how many a node takes, and how many nodes find theirs.
 *
 * In: an instance type, free addresses of subnets. Out: counts. The plan and the launch both reckon by
 * this, so that what is planned can be launched. It keeps nothing.
 */
import { resourceEfa } from '../api/labels.ts';
import type { InstanceType } from '../state/instance-type.ts';

/** Subnets of one zone that nodes of some classes are launched into. */
export interface AddressSupply {
  readonly zone: string;
  readonly subnetIds: readonly string[];
  /** [subnet] addresses that no launched node has, and no other will get. */
  readonly free: readonly number[];
  /** Names of the classes whose nodes may take addresses of at least one of the subnets. */
  readonly nodeClasses: ReadonlySet<string>;
}

/**
 * Addresses that a node takes when it starts: its VPC CNI attaches one interface and keeps another
 * one warm, both full; no more than its pods may use. Every EFA interface beyond the first has one of
 * its own, whether or not it is asked for.
 */
export function addressesOf({ facts, capacity }: Pick<InstanceType, 'facts' | 'capacity'>): number {
  const ofPods = Math.max(1, Math.min(capacity['pods'] ?? 0, 2 * facts.ipv4PerEni));
  return ofPods + Math.max(0, (capacity[resourceEfa] ?? 0) - 1);
}

/** No node takes more when it starts: two of the largest interfaces, and 32 for EFA (p5.48xlarge). */
const addressesMax = 2 * 50 + 32;

/** Whether so many new nodes might not all find their addresses. */
export function mayRunOut(free: readonly number[], nodes: number): boolean {
  return free.reduce((sum, one) => sum + one, 0) < nodes * addressesMax;
}

/** Addresses as nodes can use them: in slots of `size`, a node taking as many as it needs. */
export interface AddressSlots {
  readonly size: number;
  readonly count: number;
}

/**
 * Slots of which any choice finds its addresses, each node's in one subnet, whichever subnet with room
 * it is put into and in whatever order they come. `needs`: what single nodes take.
 *
 * A node that takes u slots finds no subnet only if each has fewer than u left; so with k subnets all
 * slots but (k - 1) * (u - 1) can be promised. Of the slot sizes that needs suggest the one is taken by
 * which nodes of each need, taken alone, get the most. O(needs^2 x subnets).
 */
export function addressSlots(free: readonly number[], needs: readonly number[]): AddressSlots {
  const roomiest = Math.max(0, ...free);
  const fitting = [...new Set(needs)].filter((need) => need <= roomiest);
  let best: AddressSlots = { size: 1, count: roomiest };
  let most = -1;
  // In one subnet single addresses are exact.
  const sizes = free.length <= 1 ? [1] : [1, ...fitting];
  for (const size of sizes) {
    const count = promisedSlots(free, size, Math.ceil(Math.max(1, ...fitting) / size));
    const used = fitting.reduce(
      (sum, need) => sum + need * Math.floor(count / Math.ceil(need / size)),
      0,
    );
    if (used > most) [best, most] = [{ size, count }, used];
  }
  return best;
}

/** Subnets that would add less than nodes of `largest` slots can spoil are left out. */
function promisedSlots(free: readonly number[], size: number, largest: number): number {
  const [first = 0, ...others] = free
    .map((addresses) => Math.floor(addresses / size))
    .toSorted((a, b) => b - a);
  return others.reduce((sum, slots) => sum + Math.max(0, slots - (largest - 1)), first);
}
