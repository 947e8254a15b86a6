/**
 * The addresses that plans may count on.
 *
 * In: node classes with the subnets of their status, what the ledger knows of subnets. Out: supplies,
 * one for each set of subnets that some class uses in a zone. Launches on their way are not taken off:
 * their NodeClaims are in the plan, and take theirs there. Where EC2 has not told of a subnet yet,
 * nothing stands against its zone. It keeps nothing.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import type { AddressSupply } from './node-addresses.ts';
import type { SubnetLedger } from './subnet-ledger.ts';

/** Subnets of one zone that a class uses. */
interface Use {
  readonly nodeClass: string;
  readonly zone: string;
  readonly subnetIds: readonly string[];
}

/**
 * Classes that share only some subnets count against each other's supplies wholly: never too much is
 * promised, at worst too little. O(uses^2 of a zone).
 */
export function addressSupplies(
  nodeClasses: readonly EC2NodeClass[],
  ledger: SubnetLedger,
  nowMs: number,
): readonly AddressSupply[] {
  const uses = nodeClasses.flatMap(usesOf);
  const distinct = new Map(uses.map((use) => [use.subnetIds.join(), use]));
  return [...distinct.values()].flatMap(({ zone, subnetIds }) => {
    if (!subnetIds.every((id) => ledger.knows(id))) return [];
    const free = subnetIds.map((id) => ledger.unclaimed(id, nowMs));
    const sharing = uses.filter((use) => use.subnetIds.some((id) => subnetIds.includes(id)));
    const names = new Set(sharing.map(({ nodeClass }) => nodeClass));
    return { zone, subnetIds, free, nodeClasses: names };
  });
}

function usesOf({ metadata, status }: EC2NodeClass): readonly Use[] {
  const byZone = Map.groupBy(status?.subnets ?? [], ({ zone }) => zone);
  return Array.from(byZone, ([zone, subnets]) => ({
    nodeClass: metadata.name ?? '',
    zone,
    subnetIds: subnets.map(({ id }) => id).toSorted(),
  }));
}
