/**
 * Rules of NodePools over many nodes: limits, and minValues over what may stand in for a node.
 *
 * In: planned nodes as offered nodes, existing nodes, and a test of what else would hold a node's
 * pods. Out: what is broken. Limits speak of whole capacity; existing nodes of the pool count.
 */
import { labelNodePool } from '../../api/labels.ts';
import type { NodePool } from '../../api/nodepool.ts';
import { formatAmount, offeredResources } from '../../scheduling/quantity.ts';
import type { Requirement, Requirements } from '../../scheduling/requirements.ts';
import type { Resources } from '../../scheduling/resources.ts';
import type { FindingList } from './findings.ts';
import type { OfferedNode } from './offered-nodes.ts';
import type { StandingNode } from './standing-nodes.ts';

/** Name under which a limit counts nodes. */
const nodesResource = 'nodes';

/** What each pool may still launch besides the planned nodes. */
export class PoolBudgets {
  readonly #left = new Map<string, Map<string, number>>();

  constructor(
    pools: readonly NodePool[],
    standing: Iterable<StandingNode>,
    planned: readonly OfferedNode[],
  ) {
    for (const { metadata, spec } of pools) {
      const limits = Object.entries(offeredResources(spec.limits ?? {}));
      this.#left.set(metadata.name ?? '', new Map(limits));
    }
    for (const { labels, capacity } of standing) this.#spend(labels[labelNodePool] ?? '', capacity);
    for (const { pool, type } of planned) this.#spend(pool.metadata.name ?? '', type.capacity);
  }

  #spend(pool: string, capacity: Resources): void {
    const left = this.#left.get(pool);
    for (const [resource, amount] of left ?? []) {
      left?.set(resource, amount - weightOf(capacity, resource));
    }
  }

  /** Adds `pool-limit` for every limit that planned nodes of the pool exceed. */
  check(planned: readonly OfferedNode[], found: FindingList): void {
    const launching = new Set(planned.map(({ pool }) => pool.metadata.name ?? ''));
    for (const pool of launching) {
      for (const [resource, left] of this.#left.get(pool) ?? []) {
        const isUsed = planned.some(
          (node) => node.pool.metadata.name === pool && weightOf(node.type.capacity, resource) > 0,
        );
        if (left >= 0 || !isUsed) continue;
        const over = resource === nodesResource ? String(-left) : formatAmount(resource, -left);
        found.add(
          'pool-limit',
          `NodePool ${pool}`,
          () => `limit of ${resource} exceeded by ${over}`,
        );
      }
    }
  }

  /** Whether a planned node may be of another type instead. */
  allowsSwap(from: OfferedNode, to: OfferedNode): boolean {
    const left = this.#left.get(from.pool.metadata.name ?? '') ?? new Map<string, number>();
    return [...left].every(([resource, amount]) => {
      const [before, after] = [from.type.capacity, to.type.capacity];
      return amount + weightOf(before, resource) - weightOf(after, resource) >= 0;
    });
  }
}

function weightOf(capacity: Resources, resource: string): number {
  return resource === nodesResource ? 1 : (capacity[resource] ?? 0);
}

/** A key of which there are fewer values than minValues asks for. */
export interface MissingValues {
  readonly key: string;
  readonly wanted: number;
  readonly has: number;
}

/**
 * The first key of which `nodes` together have fewer values than the pool's minValues ask for. Stops
 * asking for nodes as soon as there are enough of all keys.
 */
export function missingMinValues(
  requirements: Requirements,
  nodes: Iterable<OfferedNode>,
): MissingValues | undefined {
  const wanted = [...requirements.values()].filter(({ minValues }) => minValues > 0);
  const found = new Map(wanted.map(({ key }) => [key, new Set<string>()]));
  const isShort = ({ key, minValues }: Requirement): boolean => found.get(key)!.size < minValues;
  if (wanted.length === 0) return undefined;
  for (const { labels } of nodes) {
    for (const { key } of wanted) {
      const value = labels.fixed[key];
      if (value !== undefined) found.get(key)!.add(value);
    }
    if (!wanted.some(isShort)) return undefined;
  }
  const short = wanted.find(isShort);
  if (short === undefined) return undefined;
  return { key: short.key, wanted: short.minValues, has: found.get(short.key)!.size };
}
