/**
 * The gauges of NodePools: limits, usage, conditions.
 *
 * In: pools as they are brought up to date. Out: the gauges, without series of pools that are gone.
 * Amounts are in cores, bytes and counts, as Karpenter's.
 */
import type { NodePool } from '../../../core/api/nodepool.ts';
import type { PoolUsage } from '../../../core/nodepool-status/usage.ts';
import { offeredResources, unitOf } from '../../../core/scheduling/quantity.ts';
import type { Resources } from '../../../core/scheduling/resources.ts';
import type { Metrics } from '../../metrics.ts';
import type { ControllerContext } from '../context.ts';

const milliPerUnit = 1_000;

type Gauges = Pick<Metrics['nodePools'], 'limit' | 'usage' | 'conditionCount'>;

export class PoolGauges {
  readonly #gauges: Gauges;
  /** Resources told of, by pool: their series go with the pool. */
  readonly #told = new Map<string, Set<string>>();

  constructor(gauges: Gauges) {
    this.#gauges = gauges;
    // Pools that were told of before may be another's by now.
    gauges.limit.reset();
    gauges.usage.reset();
  }

  tell(pool: NodePool, { resources, nodes }: PoolUsage): void {
    const { name: nodepool = '' } = pool.metadata;
    const limits = offeredResources(pool.spec.limits ?? {});
    const told = new Set([...Object.keys(limits), ...Object.keys(resources), 'nodes']);
    this.#remove(nodepool);
    this.#told.set(nodepool, told);
    this.#set(this.#gauges.limit, nodepool, limits);
    this.#set(this.#gauges.usage, nodepool, { ...resources, nodes });
  }

  forget(nodepool: string): void {
    this.#remove(nodepool);
    this.#told.delete(nodepool);
  }

  /** Counts the conditions of all pools of ours anew. O(pools). */
  count({ view, owns }: Pick<ControllerContext, 'view' | 'owns'>): void {
    this.#gauges.conditionCount.reset();
    for (const { spec, status } of view.all('NodePool')) {
      if (!owns(spec.template.spec.nodeClassRef)) continue;
      for (const { type, status: value, reason = '' } of status?.conditions ?? []) {
        this.#gauges.conditionCount.inc({ type, status: value, reason });
      }
    }
  }

  #set(gauge: Gauges['limit'], nodepool: string, amounts: Resources): void {
    for (const [resource, amount] of Object.entries(amounts)) {
      const value = unitOf(resource) === 'milli' ? amount / milliPerUnit : amount;
      gauge.set({ resource_type: resource, nodepool }, value);
    }
  }

  #remove(nodepool: string): void {
    for (const resource of this.#told.get(nodepool) ?? []) {
      this.#gauges.limit.remove({ resource_type: resource, nodepool });
      this.#gauges.usage.remove({ resource_type: resource, nodepool });
    }
  }
}
