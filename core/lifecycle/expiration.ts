/**
 * When a NodeClaim has lived long enough.
 *
 * In: a claim. Out: the time at which it expires. No budget holds expiration up, and no replacement
 * is launched before: that is what Karpenter's users know. Draining bounds what it costs.
 */
import { durationMs } from '../api/duration.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';

/** The API's default for claims that do not say. */
const defaultExpireAfter = '720h';

/** Wall clock; undefined if it never expires. */
export function expiryMs({ metadata, spec }: NodeClaim): number | undefined {
  const createdMs = Date.parse(metadata.creationTimestamp ?? '');
  const lifeMs = durationMs(spec.expireAfter ?? defaultExpireAfter);
  return lifeMs === undefined || Number.isNaN(createdMs) ? undefined : createdMs + lifeMs;
}
