/**
 * Private addresses: new nodes take them from the subnets of their zone.
 *
 * In: supplies, candidates, existing nodes. Out: a limit for each supply. Addresses of launched nodes
 * are taken off already; NodeClaims that nothing was launched for yet take theirs here.
 */
import { labelInstanceType, labelNodePool, labelZone } from '../api/labels.ts';
import { type AddressSupply, addressesOf, addressSlots } from '../ec2/node-addresses.ts';
import type { InstanceType } from '../state/instance-type.ts';
import type { ExistingNode } from './existing-nodes.ts';
import type { NewCandidate } from './placement-row.ts';
import type { PoolTemplate } from './pool-templates.ts';
import type { SharedLimit } from './shared-limits.ts';

/** O(supplies x (candidates + nodes)). */
export function addressLimits(
  supplies: readonly AddressSupply[],
  templates: readonly PoolTemplate[],
  candidates: readonly NewCandidate[],
  nodes: readonly ExistingNode[],
): SharedLimit[] {
  const coming = nodes.filter(({ isLaunched }) => !isLaunched);
  return supplies.flatMap((supply) => {
    const sharing = candidates.filter((candidate) => isShared(supply, candidate));
    if (sharing.length === 0) return [];
    const needs = new Set(sharing.map(({ type }) => type).map(addressesOf));
    const promised = coming.flatMap((node) => needOf(supply, node, templates) ?? []);
    const { size, count } = addressSlots(supply.free, [...needs, ...promised]);
    const roomiest = Math.max(0, ...supply.free);
    const slotsOf = (addresses: number): number => Math.ceil(addresses / size);
    const taken = promised.reduce((sum, one) => sum + slotsOf(Math.min(one, roomiest)), 0);
    return {
      owner: `subnets ${supply.subnetIds.join(', ')} in ${supply.zone}`,
      amount: amountText(supply.free.reduce((sum, one) => sum + one, 0)),
      left: Math.max(0, count - taken),
      amountOf: (candidate) => {
        if (!isShared(supply, candidate)) return undefined;
        const need = addressesOf(candidate.type);
        return need > roomiest ? Infinity : slotsOf(need);
      },
    };
  });
}

function amountText(addresses: number): string {
  return addresses === 1 ? '1 free IP address' : `${addresses} free IP addresses`;
}

function isShared({ zone, nodeClasses }: AddressSupply, candidate: NewCandidate): boolean {
  return candidate.zone === zone && nodeClasses.has(candidate.template.nodeClass);
}

/** What a node that is yet to be launched will take of the supply, as far as it can be told. */
function needOf(
  { zone, nodeClasses }: AddressSupply,
  { labels }: ExistingNode,
  templates: readonly PoolTemplate[],
): number | undefined {
  if (labels[labelZone] !== zone) return undefined;
  const template = templates.find(({ name }) => name === labels[labelNodePool]);
  if (template === undefined || !nodeClasses.has(template.nodeClass)) return undefined;
  const isNamed = ({ name }: InstanceType): boolean => name === labels[labelInstanceType];
  const type = template.types.find(isNamed);
  return type === undefined ? undefined : addressesOf(type);
}
