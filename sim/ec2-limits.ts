/**
 * The rate limits of the EC2 API.
 *
 * In: actions as they come. Out: whether the account's bucket for each still holds a token. Sizes and
 * refills are those of the developer guide as told in `reference/ec2.md` C3; an action that is not
 * listed has the bucket of its class (reads, or changes).
 */
import type { Clock } from '../core/ports.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

/** Size and refill per second. */
type BucketShape = readonly [number, number];

const readShape: BucketShape = [100, 20];
const changeShape: BucketShape = [50, 5];
/** The same actions without a filter, ids or a page size. */
const unpagedShape: BucketShape = [50, 10];
const shapes: Readonly<Record<string, BucketShape>> = {
  RunInstances: [5, 2],
  'RunInstances/instances': [1000, 2],
  TerminateInstances: [100, 5],
  'TerminateInstances/instances': [1000, 20],
  CreateTags: [100, 10],
  DeleteTags: [100, 10],
  CreateLaunchTemplateVersion: [100, 5],
  ModifyLaunchTemplate: [100, 5],
  DescribeInstanceTopology: [1, 1],
  DescribeCapacityBlockOfferings: [10, 0.15],
};
/** Those that AWS wants to be paged. */
const unpagedActions = new Set([
  'DescribeInstances',
  'DescribeInstanceStatus',
  'DescribeSecurityGroups',
]);

export interface RateLimits {
  /** Takes tokens of an action; false, and none taken, if there are too few. */
  take(action: string, count?: number): boolean;
  /** A call without filter, ids and page size: those of some actions are counted apart. */
  takeUnpaged(action: string): boolean;
}

export function createRateLimits(clock: Clock): RateLimits {
  const buckets = new Map<string, TokenBucket>();
  function take(name: string, shape: BucketShape, count = 1): boolean {
    let bucket = buckets.get(name);
    if (bucket === undefined) {
      bucket = createTokenBucket(clock, ...shape);
      buckets.set(name, bucket);
    }
    return bucket.take(count);
  }
  return {
    take: (action, count) => take(action, shapeOf(action), count),
    takeUnpaged: (action) =>
      unpagedActions.has(action)
        ? take(`${action}/unpaged`, unpagedShape)
        : take(action, shapeOf(action)),
  };
}

function shapeOf(action: string): BucketShape {
  return shapes[action] ?? (/^(Describe|Get|List)/.test(action) ? readShape : changeShape);
}
