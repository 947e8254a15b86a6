/**
 * What the nodes of a NodePool add up to.
 *
 * In: the claims of the pool, the nodes that carry its label. Out: their capacity and their number,
 * as `status.resources` and `status.nodes` tell it and limits are compared with. Nodes that are being
 * deleted do not count, nor does a claim without an instance (Karpenter). A node that has not been
 * initialized may not show its devices yet: what its claim promises stands in. O(claims + nodes).
 */
import { isTrue } from '../api/conditions.ts';
import type { Node } from '../api/kubernetes.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import { formatAmount, offeredResources, type QuantityList } from '../scheduling/quantity.ts';
import type { Resources } from '../scheduling/resources.ts';

/** A claim or a node of the pool, or both where they belong together. */
export interface PoolMember {
  readonly claim: NodeClaim | undefined;
  readonly node: Node | undefined;
}

export interface PoolUsage {
  /** In the units of `resources.ts`; the four that every node has are always there. */
  readonly resources: Resources;
  readonly nodes: number;
}

/** Named even while they are zero, so that dashboards have their series. */
const baseResources: Resources = { cpu: 0, memory: 0, 'ephemeral-storage': 0, pods: 0 };

/** The sum over the members that count. */
export function poolUsage(members: Iterable<PoolMember>): PoolUsage {
  const resources: Record<string, number> = { ...baseResources };
  let nodes = 0;
  for (const member of members) {
    if (!counts(member)) continue;
    nodes += 1;
    for (const [resource, amount] of Object.entries(capacityOf(member))) {
      resources[resource] = (resources[resource] ?? 0) + amount;
    }
  }
  return { resources, nodes };
}

/** As `status.resources` writes it, in the order of the names; the number of nodes among it. */
export function usageQuantities({ resources, nodes }: PoolUsage): Record<string, string> {
  const entries = Object.entries(resources).map(
    ([resource, amount]) => [resource, formatAmount(resource, amount)] as const,
  );
  return Object.fromEntries(
    [...entries, ['nodes', String(nodes)] as const].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function counts({ claim, node }: PoolMember): boolean {
  if (claim?.metadata.deletionTimestamp !== undefined) return false;
  if (node?.metadata.deletionTimestamp !== undefined) return false;
  return node !== undefined || (claim?.status?.providerID ?? '') !== '';
}

/** Objects of the API are immutable, and the sum is made often. */
const parsed = new WeakMap<QuantityList, Resources>();

function resourcesOf(list: QuantityList | undefined): Resources {
  if (list === undefined) return {};
  const known = parsed.get(list);
  if (known !== undefined) return known;
  const resources = offeredResources(list);
  parsed.set(list, resources);
  return resources;
}

function capacityOf({ claim, node }: PoolMember): Resources {
  const promised = resourcesOf(claim?.status?.capacity);
  const shown = resourcesOf(node?.status?.capacity);
  if (node === undefined) return promised;
  if (claim === undefined || isTrue(claim, 'Initialized')) return shown;
  const missing = Object.entries(promised).filter(([resource]) => (shown[resource] ?? 0) === 0);
  return { ...shown, ...Object.fromEntries(missing) };
}
