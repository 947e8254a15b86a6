/**
 * Existing nodes as offerings: alike ones together, and not too many kinds.
 *
 * In: nodes with their masks and rooms. Out: groups that become zero-price offerings with a count.
 * Nodes with the same mask and the same free room are one group. If that leaves more kinds than the
 * solver should see, similar kinds are merged: the plan may use what all of them have (whichever
 * node a bin is given to, it fits), the bound what any of them has.
 */
import type { MaskTable } from './mask-table.ts';

/** Default of `ModelOptions.maxExistingGroups`. */
export const defaultMaxExistingGroups = 64;

/** Nodes that a plan may treat alike. */
export interface ExistingGroup {
  readonly nodes: readonly string[];
  readonly mask: number;
  readonly plan: Float64Array;
  readonly bound: Float64Array;
}

/** Merges groups with the same mask and room. */
export function groupAlike(nodes: readonly ExistingGroup[]): ExistingGroup[] {
  const groups = Map.groupBy(
    nodes,
    ({ mask, plan, bound }) => `${mask} ${plan.join()} ${plan === bound ? '' : bound.join()}`,
  );
  return [...groups.values()].map((alike) => ({
    ...alike[0]!,
    nodes: alike.flatMap((one) => one.nodes),
  }));
}

/** At most `limit` groups: halves the list where it differs most until there are as many. */
export function mergeSimilar(
  groups: readonly ExistingGroup[],
  limit: number,
  masks: MaskTable,
): ExistingGroup[] {
  if (groups.length <= limit) {
    return [...groups];
  }
  return divided(groups, Math.max(1, limit)).map((bucket) => merged(bucket, masks));
}

function divided(groups: readonly ExistingGroup[], buckets: number): (readonly ExistingGroup[])[] {
  if (buckets <= 1 || groups.length <= 1) {
    return [groups];
  }
  const { sorted, at } = cut(groups);
  const share = Math.round((buckets * at) / sorted.length);
  const first = Math.min(buckets - 1, at, Math.max(1, share));
  return [
    ...divided(sorted.slice(0, at), first),
    ...divided(sorted.slice(at), Math.min(buckets - first, sorted.length - at)),
  ];
}

/** Between masks if there are several, else in the resource that varies most. */
function cut(groups: readonly ExistingGroup[]): {
  readonly sorted: readonly ExistingGroup[];
  readonly at: number;
} {
  const middle = Math.floor(groups.length / 2);
  if (groups.some(({ mask }) => mask !== groups[0]!.mask)) {
    const sorted = groups.toSorted((a, b) => a.mask - b.mask);
    let below = middle;
    while (below > 0 && sorted[below - 1]!.mask === sorted[below]!.mask) {
      below--;
    }
    let above = middle;
    while (above < sorted.length && sorted[above - 1]!.mask === sorted[above]?.mask) {
      above++;
    }
    const isBelowNearer = below > 0 && (middle - below <= above - middle || above >= sorted.length);
    return { sorted, at: isBelowNearer ? below : above };
  }
  let widest = 0;
  let spread = -1;
  for (let r = 0; r < groups[0]!.plan.length; r++) {
    const values = groups.map(({ plan }) => plan[r]!);
    const most = Math.max(...values);
    const relative = most === 0 ? 0 : (most - Math.min(...values)) / most;
    if (relative > spread) {
      spread = relative;
      widest = r;
    }
  }
  return { sorted: groups.toSorted((a, b) => a.plan[widest]! - b.plan[widest]!), at: middle };
}

function merged(bucket: readonly ExistingGroup[], masks: MaskTable): ExistingGroup {
  const [first] = bucket;
  if (bucket.length === 1) {
    return first!;
  }
  const plan = first!.plan.slice();
  const bound = first!.bound.slice();
  for (const other of bucket) {
    for (let r = 0; r < plan.length; r++) {
      plan[r] = Math.min(plan[r]!, other.plan[r]!);
      bound[r] = Math.max(bound[r]!, other.bound[r]!);
    }
  }
  const numbers = [...new Set(bucket.map(({ mask }) => mask))];
  return {
    nodes: bucket.flatMap(({ nodes }) => nodes),
    mask: numbers.length === 1 ? numbers[0]! : masks.merged(numbers),
    plan,
    bound,
  };
}
