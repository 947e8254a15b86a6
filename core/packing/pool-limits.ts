/**
 * NodePool limits: caps over everything that a pool has launched and will launch.
 *
 * In: pools, existing nodes, offerings. Out: what is left of each limit, and rows over offerings.
 * Limits speak of whole capacity, not of what pods may use; `nodes` counts nodes. Existing nodes of
 * the pool count, those being deleted do not (Karpenter). Weights are exact: they and the limit are
 * divided by their greatest common divisor, nothing is rounded but the limit, down.
 */
import { labelNodePool } from '../api/labels.ts';
import { formatAmount, offeredResources } from '../scheduling/quantity.ts';
import type { Resources } from '../scheduling/resources.ts';
import type { ExistingNode } from './existing-nodes.ts';
import type { NewCandidate } from './placement-row.ts';
import type { PoolTemplate } from './pool-templates.ts';
import type { LimitRow } from './problem.ts';

/** Resource name under which a limit counts nodes. */
const nodesResource = 'nodes';

/** What a pool may still launch of one resource. */
export interface PoolLimit {
  readonly pool: string;
  readonly resource: string;
  /** In the units of `resources.ts`; not below 0. */
  readonly left: number;
  /** The limit as a quantity, for reasons. */
  readonly text: string;
}

/** Limits of all pools that have templates. */
export function poolLimits(
  templates: readonly PoolTemplate[],
  nodes: readonly ExistingNode[],
): PoolLimit[] {
  const pools = new Map(templates.map(({ name, pool }) => [name, pool]));
  return [...pools].flatMap(([name, pool]) => {
    const own = nodes.filter(({ labels }) => labels[labelNodePool] === name);
    return Object.entries(offeredResources(pool.spec.limits ?? {})).map(([resource, limit]) => {
      const used = own.reduce((sum, { capacity }) => sum + weightOf(capacity, resource), 0);
      const text = resource === nodesResource ? String(limit) : formatAmount(resource, limit);
      return { pool: name, resource, left: Math.max(0, limit - used), text };
    });
  });
}

function weightOf(capacity: Resources, resource: string): number {
  return resource === nodesResource ? 1 : (capacity[resource] ?? 0);
}

/** Whether a pool may launch even one node of the candidate's type. */
export function isWithinLimits(candidate: NewCandidate, limits: readonly PoolLimit[]): boolean {
  return limits.every(
    ({ pool, resource, left }) =>
      pool !== candidate.template.name || weightOf(candidate.type.capacity, resource) <= left,
  );
}

function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) {
    [x, y] = [y, x % y];
  }
  return x;
}

/** A row whose weights and maximum are as small as exactness allows. */
function scaledRow(name: string, weight: Float64Array, max: number): LimitRow {
  const divisor = weight.reduce(greatestCommonDivisor, 0);
  if (divisor <= 1) {
    return { name, weight, max };
  }
  return {
    name,
    weight: weight.map((one) => one / divisor),
    max: Math.floor(max / divisor),
  };
}

/**
 * Rows over the offerings of the problem; `candidates[o]` is undefined for existing nodes. A limit
 * that no offering counts against gets no row.
 */
export function limitRows(
  limits: readonly PoolLimit[],
  candidates: readonly (NewCandidate | undefined)[],
  maxNodes: number | undefined,
): LimitRow[] {
  const rows: LimitRow[] = [];
  for (const { pool, resource, left, text } of limits) {
    const weight = Float64Array.from(candidates, (candidate) =>
      candidate?.template.name === pool ? weightOf(candidate.type.capacity, resource) : 0,
    );
    if (weight.some((one) => one > 0)) {
      rows.push(scaledRow(`NodePool ${pool}: ${resource} ${text}`, weight, left));
    }
  }
  if (maxNodes !== undefined) {
    const weight = Float64Array.from(candidates, (candidate) => (candidate === undefined ? 0 : 1));
    rows.push({ name: `at most ${maxNodes} new nodes`, weight, max: maxNodes });
  }
  return rows;
}
