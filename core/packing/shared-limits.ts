/**
 * Limits that new nodes share: whatever there is only so much of, whoever takes it.
 *
 * In: limits from any source (NodePools, reservations, subnets), offerings. Out: which offerings could
 * still launch one node, and rows over offerings. Weights are exact: they and the limit are divided by
 * their greatest common divisor, nothing is rounded but the limit, down. It knows no source.
 */
import type { NewCandidate } from './placement-row.ts';
import type { LimitRow } from './problem.ts';

/** Something of which new nodes may take so much together. */
export interface SharedLimit {
  /** Whose it is, for names and reasons: `NodePool general`. */
  readonly owner: string;
  /** What there is of it: `cpu 100`. */
  readonly amount: string;
  /** What new nodes may take; not below 0. */
  readonly left: number;
  /** What a node takes, an integer; undefined if it is not among those who share it. */
  readonly amountOf: (candidate: NewCandidate) => number | undefined;
}

/** Whether even one node of the candidate may be launched. */
export function isWithinLimits(candidate: NewCandidate, limits: readonly SharedLimit[]): boolean {
  return limits.every((limit) => (limit.amountOf(candidate) ?? 0) <= limit.left);
}

/**
 * Whether as many nodes as there are pods could exceed the limit. One that they cannot exceed is no
 * rule, and a problem without rules is proven sooner.
 */
export function mayBind(
  { left, amountOf }: SharedLimit,
  candidates: readonly NewCandidate[],
  podCount: number,
): boolean {
  return candidates.some((candidate) => (amountOf(candidate) ?? 0) * podCount > left);
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
 * Rows over the offerings of the problem; `candidates[o]` is undefined for existing nodes, the others
 * are within the limits. A limit that no offering counts against gets no row.
 */
export function limitRows(
  limits: readonly SharedLimit[],
  candidates: readonly (NewCandidate | undefined)[],
  maxNodes: number | undefined,
): LimitRow[] {
  const rows: LimitRow[] = [];
  for (const { owner, amount, left, amountOf } of limits) {
    const weight = Float64Array.from(candidates, (candidate) =>
      candidate === undefined ? 0 : (amountOf(candidate) ?? 0),
    );
    if (weight.some((one) => one > 0)) {
      rows.push(scaledRow(`${owner}: ${amount}`, weight, left));
    }
  }
  if (maxNodes !== undefined) {
    const weight = Float64Array.from(candidates, (candidate) => (candidate === undefined ? 0 : 1));
    rows.push({ name: `at most ${maxNodes} new nodes`, weight, max: maxNodes });
  }
  return rows;
}
