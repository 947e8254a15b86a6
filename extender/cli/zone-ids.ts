/**
 * Zone ids, for requirements that name them.
 *
 * In: the catalogue, a node class. Out: zone name -> zone id. Accounts name the same zones
 * differently, so that what a node class has found out goes before the catalogue.
 */
import type { Catalogue } from '../../catalogue/loader.ts';
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';

/** Zone ids as the account of the node class has them, else those of the catalogue's account. */
export function zoneIdsOf(
  catalogue: Catalogue,
  nodeClass: EC2NodeClass | undefined,
): ReadonlyMap<string, string> {
  const zoneIds = new Map(catalogue.zones.map(({ name, id }) => [name, id]));
  for (const { zone, zoneID } of nodeClass?.status?.subnets ?? []) {
    if (zoneID !== undefined) zoneIds.set(zone, zoneID);
  }
  return zoneIds;
}
