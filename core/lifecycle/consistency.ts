/**
 * Whether a node is as large as its NodeClaim was promised.
 *
 * In: a claim and its Node. Out: what is too small, in words. A node with less than nine tenths of
 * what was expected makes plans go wrong for ever after, so people should know. Devices count only if
 * they were asked for: whether the others appear depends on plugins.
 */
import type { Node } from '../api/kubernetes.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import { formatAmount, offeredResources } from '../scheduling/quantity.ts';

/** Smaller nodes are told of. */
const capacityShareMin = 0.9;
const builtInResources: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'pods',
]);

/** One sentence for each resource that is short; empty if all is well. */
export function capacityShortfalls(claim: NodeClaim, node: Node): readonly string[] {
  const expected = offeredResources(claim.status?.capacity ?? {});
  const found = offeredResources(node.status?.capacity ?? {});
  const requests = claim.spec.resources?.requests ?? {};
  return Object.entries(expected).flatMap(([resource, amount]) => {
    const isAwaited = builtInResources.has(resource) || requests[resource] !== undefined;
    const actual = found[resource] ?? 0;
    if (!isAwaited || amount <= 0 || actual >= amount * capacityShareMin) return [];
    const share = ((100 * actual) / amount).toFixed(1);
    const [wanted, got] = [formatAmount(resource, amount), formatAmount(resource, actual)];
    return [`expected ${wanted} of resource ${resource}, but found ${got} (${share}% of expected)`];
  });
}
