/**
 * Rule: a host port is held once on a node, DaemonSets and pods that run there included.
 *
 * Per bin: one pod of a family that holds host ports, none where a resident holds one of them.
 * Between families: for each port one quota of 1 over all families that hold it. A port held on one
 * address and on all addresses collides, so there is a quota for each address, and families that
 * hold all addresses are in each of them.
 */
import { anyPortsCollide } from '../../scheduling/host-ports.ts';
import type { PlacementRule } from '../placement-row.ts';
import type { Family } from '../pod-families.ts';
import { unlimitedPerBin } from '../problem.ts';
import type { SharedQuota } from '../shared-quotas.ts';

export const hostPortsRule: PlacementRule = {
  name: 'host ports',
  perBin: (row, family) => {
    if (family.ports.length === 0) {
      return unlimitedPerBin;
    }
    return anyPortsCollide(family.ports, row.residents.ports) ? 0 : 1;
  },
};

/** Quotas between families for every port that several of them hold. */
export function hostPortQuotas(families: readonly Family[]): SharedQuota[] {
  const holders = new Map<string, Map<string, Set<number>>>();
  for (const { index, ports } of families) {
    for (const { ip, protocol, port } of ports) {
      const text = `${protocol}/${port}`;
      const byAddress = holders.get(text) ?? new Map<string, Set<number>>();
      holders.set(text, byAddress);
      byAddress.set(ip, (byAddress.get(ip) ?? new Set()).add(index));
    }
  }
  const quotas: SharedQuota[] = [];
  for (const [text, byAddress] of holders) {
    const onAll = byAddress.get('') ?? new Set<number>();
    const addresses = [...byAddress.keys()].filter((ip) => ip !== '');
    for (const ip of addresses.length === 0 ? [''] : addresses) {
      const members = onAll.union(byAddress.get(ip) ?? new Set<number>());
      if (members.size > 1) {
        const place = ip === '' ? text : `${text} on ${ip}`;
        quotas.push({
          name: `host port ${place}`,
          families: [...members],
          quota: 1,
          used: () => 0,
        });
      }
    }
  }
  return quotas;
}
