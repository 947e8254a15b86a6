/**
 * The life of NodeClaims from their creation until their node is ready.
 *
 * In: NodeClaims and Nodes as they change. Out: each claim brought one step further: launched,
 * registered, initialized; or ended where a step takes too long. The steps are in files of their own.
 * Launching has workers of its own, because a cloud may take its time: a claim that waits for it
 * never holds up nodes that have come.
 */
import { type ConditionUpdate, isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { labelZone } from '../../../core/api/labels.ts';
import { livenessOf } from '../../../core/lifecycle/liveness.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { decide, endClaim, observeStep, poolOf } from './claim-records.ts';
import { countConditions } from './condition-counts.ts';
import { checkConsistency, consistencyEveryMs } from './consistency.ts';
import { initializeNode } from './initialization.ts';
import { launchClaim, needsLaunch } from './launch.ts';
import { createLaunchGroups } from './launch-groups.ts';
import { registerNode } from './registration.ts';
import { writeStatus } from './status-write.ts';

/** Claims that are being launched at once; those that want the same share a call. */
const launchesAtOnce = 500;
/** Claims that are followed at once after their launch: writes to the API server only. */
const followedAtOnce = 20;

/** Starts at once; ends with the context's signal. */
export function startNodeClaimLifecycle(context: ControllerContext): Controller {
  const { view } = context;
  const launching = { ...context, groups: createLaunchGroups(context) };
  // Objects that we have changed since: the watch has newer ones to tell of.
  const outdated = new WeakSet<object>();
  const launches = startReconciler(context, {
    name: 'nodeclaim-launch',
    concurrency: launchesAtOnce,
    reconcile: (name) => launchClaim(launching, name),
    watch: (add) => {
      for (const claim of view.all('NodeClaim'))
        if (needsLaunch(context, claim)) add(claim.metadata.name);
      return view.listen('NodeClaim', ({ type, object }) => {
        // Our own writes about a failure must not cut its pause short.
        if (type === 'added' && needsLaunch(context, object)) add(object.metadata.name);
      });
    },
  });
  const followers = startReconciler(context, {
    name: 'nodeclaim-follow',
    concurrency: followedAtOnce,
    reconcile: (name) => followClaim(context, outdated, name),
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
  outdated: WeakSet<object>,
  name: string,
): Promise<Reconciled | undefined> {
  const { view } = context;
  const claim = view.get('NodeClaim', { name });
  if (claim === undefined || !context.owns(claim.spec.nodeClassRef)) return undefined;
  if (claim.metadata.deletionTimestamp !== undefined || outdated.has(claim)) return undefined;
  const node = view.nodeByProviderID(claim.status?.providerID ?? '');
  if (!isTrue(claim, 'Launched') || node === undefined) return await checkLiveness(context, claim);
  if (outdated.has(node)) return undefined;
  const registered = await registerNode(context, claim, node);
  if (registered !== node) outdated.add(node);
  const initialized: ConditionUpdate = isTrue(claim, 'Initialized')
    ? { type: 'Initialized', status: 'True' }
    : await initializeNode(context, claim, registered);
  const isInitialized = initialized.status === 'True';
  const written = await writeStatus(context, claim, {
    fields: { nodeName: node.metadata.name },
    conditions: [
      { type: 'Registered', status: 'True' },
      initialized,
      ...(isInitialized ? [checkConsistency(context, claim, registered)] : []),
    ],
  });
  if (written === undefined) return undefined;
  if (written.isNew) {
    outdated.add(claim);
    tellSteps(context, claim, written.claim, registered);
  }
  return isInitialized ? { againAfterMs: consistencyEveryMs } : undefined;
}

/** Steps that were taken with this write. */
function tellSteps(
  context: ControllerContext,
  before: Live<'NodeClaim'>,
  after: Live<'NodeClaim'>,
  { metadata: { name: node, labels } }: Live<'Node'>,
): void {
  if (!isTrue(before, 'Registered')) {
    observeStep(context, after, 'Registered');
    decide(context, after, 'registered', `node ${node} has registered`, { node });
    const zone = labels?.[labelZone] ?? '';
    context.metrics.nodes.created.inc({ nodepool: poolOf(after), zone });
  }
  if (!isTrue(before, 'Initialized') && isTrue(after, 'Initialized')) {
    observeStep(context, after, 'Initialized');
    decide(context, after, 'initialized', `node ${node} is ready`, { node });
  }
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
