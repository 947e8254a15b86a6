/**
 * NodePool limits: caps over everything that a pool has launched and will launch.
 *
 * In: pools, existing nodes. Out: what is left of each limit. Limits speak of whole capacity, not of
 * what pods may use; `nodes` counts nodes. Existing nodes of the pool count, those being deleted do not
 * (Karpenter).
 */
import { labelNodePool } from '../api/labels.ts';
import { formatAmount, offeredResources } from '../scheduling/quantity.ts';
import type { Resources } from '../scheduling/resources.ts';
import type { ExistingNode } from './existing-nodes.ts';
import type { PoolTemplate } from './pool-templates.ts';
import type { SharedLimit } from './shared-limits.ts';

/** Resource name under which a limit counts nodes. */
const nodesResource = 'nodes';

/** Limits of all pools that have templates. */
export function poolLimits(
  templates: readonly PoolTemplate[],
  nodes: readonly ExistingNode[],
): SharedLimit[] {
  const pools = new Map(templates.map(({ name, pool }) => [name, pool]));
  return [...pools].flatMap(([name, pool]) => {
    const own = nodes.filter(({ labels }) => labels[labelNodePool] === name);
    return Object.entries(offeredResources(pool.spec.limits ?? {})).map(([resource, limit]) => {
      const used = own.reduce((sum, { capacity }) => sum + weightOf(capacity, resource), 0);
      const text = resource === nodesResource ? String(limit) : formatAmount(resource, limit);
      return {
        owner: `NodePool ${name}`,
        amount: `${resource} ${text}`,
        left: Math.max(0, limit - used),
        amountOf: ({ template, type }) =>
          template.name === name ? weightOf(type.capacity, resource) : undefined,
      };
    });
  });
}

function weightOf(capacity: Resources, resource: string): number {
  return resource === nodesResource ? 1 : (capacity[resource] ?? 0);
}
