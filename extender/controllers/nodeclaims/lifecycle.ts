/**
 * The life of NodeClaims from their creation until their node is ready.
 *
 * In: NodeClaims and Nodes as they change. Out: each claim brought one step further: launched,
 * registered, initialized; or ended where a step takes too long. The steps are in files of their own.
 * Launching has workers of its own, because a cloud may take its time: a claim that waits for it
 * never holds up nodes that have come.
 */
import { isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { livenessOf } from '../../../core/lifecycle/liveness.ts';
import { isOurs } from '../../../core/lifecycle/ownership.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { endClaim } from './claim-records.ts';
import { countConditions } from './condition-counts.ts';
import { checkConsistency, consistencyEveryMs } from './consistency.ts';
import { initializeNode } from './initialization.ts';
import { launchClaim, needsLaunch } from './launch.ts';
import { registerNode } from './registration.ts';

/** Launch calls under way at once. */
const launchesAtOnce = 50;
/** Claims that are followed at once after their launch: writes to the API server only. */
const followedAtOnce = 20;

/** Starts at once; ends with the context's signal. */
export function startNodeClaimLifecycle(context: ControllerContext): Controller {
  const { view } = context;
  const launches = startReconciler(context, {
    name: 'nodeclaim-launch',
    concurrency: launchesAtOnce,
    reconcile: (name) => launchClaim(context, name),
    watch: (add) => {
      for (const claim of view.all('NodeClaim')) if (needsLaunch(claim)) add(claim.metadata.name);
      return view.listen('NodeClaim', ({ type, object }) => {
        // Our own writes about a failure must not cut its pause short.
        if (type === 'added' && needsLaunch(object)) add(object.metadata.name);
      });
    },
  });
  const followers = startReconciler(context, {
    name: 'nodeclaim-follow',
    concurrency: followedAtOnce,
    reconcile: (name) => followClaim(context, name),
    watch: (add) => watchClaimsAndNodes(context, add),
  });
  const stopCounting = countConditions(context);
  const done = Promise.all([launches.done, followers.done])
    .then(() => undefined)
    .finally(stopCounting);
  // Awaited by whoever runs the process.
  done.catch(() => undefined);
  return { name: 'nodeclaim-lifecycle', done };
}

/** Nodes of claims that are not initialized yet; heartbeats of the others are nothing to us. */
function watchClaimsAndNodes({ view }: ControllerContext, add: (name: string) => void): () => void {
  for (const { metadata } of view.all('NodeClaim')) add(metadata.name);
  const stops = [
    view.listen('NodeClaim', ({ type, object }) => {
      if (type !== 'deleted') add(object.metadata.name);
    }),
    view.listen('Node', ({ object }) => {
      const claim = view.claimByProviderID(object.spec?.providerID ?? '');
      if (claim !== undefined && !isTrue(claim, 'Initialized')) add(claim.metadata.name);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Everything after the launch, and the timeouts of both. */
async function followClaim(
  context: ControllerContext,
  name: string,
): Promise<Reconciled | undefined> {
  const { view } = context;
  const claim = view.get('NodeClaim', { name });
  if (claim === undefined || !isOurs(claim.spec.nodeClassRef)) return undefined;
  if (claim.metadata.deletionTimestamp !== undefined) return undefined;
  const node = view.nodeByProviderID(claim.status?.providerID ?? '');
  if (!isTrue(claim, 'Launched') || node === undefined) return await checkLiveness(context, claim);
  const registered = isTrue(claim, 'Registered')
    ? { claim, node }
    : await registerNode(context, claim, node);
  if (registered === undefined) return undefined;
  const initialized = isTrue(registered.claim, 'Initialized')
    ? registered.claim
    : await initializeNode(context, registered);
  if (initialized === undefined || !isTrue(initialized, 'Initialized')) return undefined;
  await checkConsistency(context, { claim: initialized, node: registered.node });
  return { againAfterMs: consistencyEveryMs };
}

async function checkLiveness(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
): Promise<Reconciled | undefined> {
  const { settings, clock } = context;
  const liveness = livenessOf(claim, settings, clock.nowMs());
  if (liveness === undefined) return undefined;
  if (liveness.state === 'waiting') return { againAfterMs: liveness.againAfterMs };
  const { reason: event, message } = liveness;
  await endClaim(context, claim, { event, metric: 'liveness', message });
  return undefined;
}
