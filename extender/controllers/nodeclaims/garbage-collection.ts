/**
 * Ends what only one side knows of: instances without a NodeClaim, NodeClaims without an instance; and
 * tells instances that were launched together whose they are.
 *
 * In: what the cloud lists, now and then and soon after a node fell silent; the claims. Out: instances
 * terminated, claims deleted. An instance that is not listed must be missing twice, some time apart,
 * and must not be found by name either, for reads of the cloud lag. What was missing once is
 * remembered in memory alone: a restart begins anew, which only delays.
 */
import { isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { CloudError, type CloudInstance } from '../../../core/cloud-port.ts';
import {
  instanceStanding,
  isEnded,
  isOrphan,
  missingGraceMs,
} from '../../../core/lifecycle/garbage.ts';
import { launchRecordOf } from '../../../core/lifecycle/launch-record.ts';
import { nodeClassGroupOf, tagNodeClaim } from '../../../core/lifecycle/launch-request.ts';
import { ClusterError } from '../../../core/ports.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { endClaim } from './claim-records.ts';
import { type Action, awaitsTags, tagActions } from './instance-tags.ts';
import { needsLaunch } from './launch.ts';

/** Between two looks; within two of them whatever was left behind is gone. */
export const sweepEveryMs = 60_000;
/** After a node fell silent or went, or while something is missing. */
const sweepSoonMs = 10_000;
/** Deletions, terminations and single reads at once. */
const actionsAtOnce = 10;
const sweepKey = 'sweep';

/** Starts at once; ends with the context's signal. */
export function startInstanceGarbageCollection(context: ControllerContext): Controller {
  const { view } = context;
  const missingSinceMs = new Map<string, number>();
  return startReconciler(context, {
    name: 'instance-garbage-collection',
    concurrency: 1,
    reconcile: () => sweep(context, missingSinceMs),
    watch: (add) => {
      add(sweepKey);
      const stops = [
        view.listen('Node', ({ type, object, previous }) => {
          const isSilent = type === 'deleted' || (isReady(previous) && !isReady(object));
          const { providerID = '' } = object.spec ?? {};
          if (isSilent && view.claimByProviderID(providerID) !== undefined) {
            add(sweepKey, sweepSoonMs);
          }
        }),
        view.listen('NodeClaim', ({ object, previous }) => {
          const isNew = isTrue(object, 'Launched') && !isTrue(previous ?? {}, 'Launched');
          if (isNew && awaitsTags(context, object)) add(sweepKey, sweepSoonMs);
        }),
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
  });
}

async function sweep(
  context: ControllerContext,
  missingSinceMs: Map<string, number>,
): Promise<Reconciled> {
  const { cloud, signal } = context;
  const instances = await cloud.list({ signal });
  const actions = [
    ...orphanActions(context, instances),
    ...lostClaimActions(context, instances, missingSinceMs),
  ];
  const tags = tagActions(context, instances);
  await runAll(context, [...actions, ...tags.actions]);
  const isSoon = missingSinceMs.size > 0 || tags.areMissing;
  return { againAfterMs: isSoon ? sweepSoonMs : sweepEveryMs };
}

function orphanActions(
  context: ControllerContext,
  instances: readonly CloudInstance[],
): readonly Action[] {
  const { view, clock, cloud, log, signal, owns } = context;
  const nowMs = clock.nowMs();
  const awaited = awaitedGroups(context);
  return instances
    .filter((instance) => {
      // Karpenter collects what has its tags.
      if (!owns({ group: nodeClassGroupOf(instance), kind: 'EC2NodeClass' })) return false;
      const name = instance.tags[tagNodeClaim];
      const claim =
        name === undefined
          ? view.claimByProviderID(instance.providerID)
          : view.get('NodeClaim', { name });
      return isOrphan(instance, claim, nowMs, awaited);
    })
    .map(({ providerID, tags }) => async () => {
      log.warn({ providerID, claim: tags[tagNodeClaim] }, 'an instance without NodeClaim is ended');
      await cloud.terminate(providerID, { signal });
    });
}

/** Tokens of groups of which somebody has not got an instance, and may get one yet. */
function awaitedGroups(context: ControllerContext): ReadonlySet<string> {
  const tokens = new Set<string>();
  for (const claim of context.view.all('NodeClaim')) {
    if (!needsLaunch(context, claim)) continue;
    const record = launchRecordOf(claim.metadata.annotations);
    if (record?.group !== undefined) tokens.add(record.token);
  }
  return tokens;
}

/** Keeps `missingSinceMs` to what is missing now. */
function lostClaimActions(
  context: ControllerContext,
  instances: readonly CloudInstance[],
  missingSinceMs: Map<string, number>,
): readonly Action[] {
  const { view, clock } = context;
  const nowMs = clock.nowMs();
  const byProviderID = new Map(instances.map((instance) => [instance.providerID, instance]));
  const missing = new Set<string>();
  const actions: Action[] = [];
  for (const claim of view.all('NodeClaim')) {
    const { uid, deletionTimestamp } = claim.metadata;
    if (deletionTimestamp !== undefined || !context.owns(claim.spec.nodeClassRef)) continue;
    const { providerID = '' } = claim.status ?? {};
    const isNodeReady = isReady(view.nodeByProviderID(providerID));
    const standing = instanceStanding(claim, byProviderID.get(providerID), isNodeReady, nowMs);
    if (standing === 'ended') actions.push(() => endLost(context, claim));
    if (standing !== 'missing') continue;
    missing.add(uid);
    const sinceMs = missingSinceMs.get(uid) ?? nowMs;
    missingSinceMs.set(uid, sinceMs);
    if (nowMs - sinceMs >= missingGraceMs) actions.push(() => endIfUnknown(context, claim));
  }
  for (const uid of missingSinceMs.keys()) if (!missing.has(uid)) missingSinceMs.delete(uid);
  return actions;
}

async function endIfUnknown(context: ControllerContext, claim: Live<'NodeClaim'>): Promise<void> {
  const { providerID = '' } = claim.status ?? {};
  const found = await context.cloud.get(providerID, { signal: context.signal });
  if (found === undefined || isEnded(found.state)) await endLost(context, claim);
}

async function endLost(context: ControllerContext, claim: Live<'NodeClaim'>): Promise<void> {
  await endClaim(context, claim, {
    event: 'InstanceTerminating',
    metric: 'instance_gone',
    message: `its instance ${claim.status?.providerID ?? ''} is gone or ending`,
  });
}

/** All of them, whatever becomes of each; the first outage is thrown at the end. */
async function runAll({ signal }: ControllerContext, actions: readonly Action[]): Promise<void> {
  const waiting = [...actions];
  let outage: ClusterError | CloudError | undefined;
  const work = async (): Promise<void> => {
    for (let act = waiting.shift(); act !== undefined; act = waiting.shift()) {
      try {
        await act();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ClusterError || error instanceof CloudError)) throw error;
        outage ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(actionsAtOnce, waiting.length) }, work));
  if (outage !== undefined) throw outage;
}

function isReady(node: Live<'Node'> | undefined): boolean {
  return node !== undefined && isTrue(node, 'Ready');
}
