/**
 * Ends NodeClaims that have lived for their `expireAfter`.
 *
 * In: NodeClaims, the time. Out: deletions. Neither budgets nor readiness hold it up: expiration is
 * how people make sure that no node grows older than they can answer for.
 */
import { expiryMs } from '../../../core/lifecycle/expiration.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { endClaim } from './claim-records.ts';

/** Deletions at once. */
const endedAtOnce = 10;
/** Longest appointment: timers of the platform end at 24 days. */
const lookAgainMaxMs = 24 * 3_600_000;

/** Starts at once; ends with the context's signal. */
export function startNodeClaimExpiration(context: ControllerContext): Controller {
  const { view } = context;
  return startReconciler(context, {
    name: 'nodeclaim-expiration',
    concurrency: endedAtOnce,
    reconcile: (name) => expire(context, name),
    watch: (add) => {
      for (const { metadata } of view.all('NodeClaim')) add(metadata.name);
      // The spec is immutable and so is the time of creation: new claims are all there is to hear.
      return view.listen('NodeClaim', ({ type, object }) => {
        if (type === 'added') add(object.metadata.name);
      });
    },
  });
}

async function expire(context: ControllerContext, name: string): Promise<Reconciled | undefined> {
  const claim = context.view.get('NodeClaim', { name });
  if (claim === undefined || !context.owns(claim.spec.nodeClassRef)) return undefined;
  if (claim.metadata.deletionTimestamp !== undefined) return undefined;
  const atMs = expiryMs(claim);
  if (atMs === undefined) return undefined;
  const leftMs = atMs - context.clock.nowMs();
  if (leftMs > 0) return { againAfterMs: Math.min(leftMs, lookAgainMaxMs) };
  await endClaim(context, claim, {
    event: 'Expired',
    metric: 'expired',
    message: `it has lived for its expireAfter of ${claim.spec.expireAfter ?? '720h'}`,
    type: 'Normal',
  });
  return undefined;
}
