/**
 * Ends NodeClaims: their Node first, then the instance, then the finalizer that kept the claim.
 *
 * In: claims of ours that are being deleted, whoever asked for it. Out: the annotation with the time
 * by which the node must be empty, the Node deleted (`node-termination.ts` does the rest of it), no
 * instance left behind, the claim gone. A claim that never learned of its instance is looked up by
 * its tag. Source: Karpenter's `nodeclaim/lifecycle/controller.go`.
 */
import { conditionOf, isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import {
  annotationTerminationTimestamp,
  labelCapacityType,
  labelNodePool,
  labelZone,
} from '../../../core/api/labels.ts';
import {
  conditionInstanceTerminating,
  deadlineToSet,
} from '../../../core/disruption/termination.ts';
import { writeClaimStatus } from '../claim-status.ts';
import { type Controller, type ControllerContext, fieldManager } from '../context.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from '../finalizers.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { createInstanceSearch, type InstanceSearch } from './instance-search.ts';
import { claimOfNode, nodeOfClaim } from './node-of-claim.ts';
import { instancePollMs } from './node-termination.ts';
import { decideOn, tellDeadline } from './reports.ts';

/** Claims looked at side by side. */
const claimsAtOnce = 16;
/**
 * A claim without instance is kept so long after its deletion: a launch that was under way shows in
 * the cloud's lists by then.
 */
const launchShowsMs = 5_000;
/** The end of a Node brings its claim back at once; this is for ends that no watch has told of. */
const nodePollMs = 10_000;

/** Starts at once; ends with the context's signal. */
export function startNodeClaimTermination(context: ControllerContext): Controller {
  const search = createInstanceSearch(context.cloud, context.clock);
  const { view } = context;
  return startReconciler(context, {
    name: 'nodeclaim-termination',
    concurrency: claimsAtOnce,
    watch: (add) => {
      const ends = [
        view.listen('NodeClaim', ({ type, object }) => {
          if (type !== 'deleted') add(object.metadata.name);
        }),
        view.listen('Node', ({ type, object }) => {
          const claim = type === 'deleted' ? claimOfNode(view, object) : undefined;
          if (claim !== undefined) add(claim.metadata.name);
        }),
      ];
      for (const { metadata } of view.all('NodeClaim')) add(metadata.name);
      return () => {
        for (const end of ends) end();
      };
    },
    reconcile: async (name, signal) => await reconcileClaim(context, search, name, signal),
  });
}

async function reconcileClaim(
  context: ControllerContext,
  search: InstanceSearch,
  name: string,
  signal: AbortSignal,
): Promise<Reconciled | undefined> {
  const claim = context.view.get('NodeClaim', { name });
  if (claim === undefined || !context.owns(claim.spec.nodeClassRef)) return undefined;
  if (claim.metadata.deletionTimestamp === undefined) {
    if (!hasFinalizer(claim)) await addFinalizer(context, 'NodeClaim', claim, signal);
    else if (await hasLostNode(context, claim, signal)) await endLost(context, claim, signal);
    return undefined;
  }
  if (!hasFinalizer(claim)) return undefined;
  const deadline = deadlineToSet(claim);
  if (deadline !== undefined) {
    await annotate(context, claim, deadline, signal);
    return undefined;
  }
  if (await hasNode(context, claim, signal)) return { againAfterMs: nodePollMs };
  const again = await endInstances(context, search, claim, signal);
  if (again !== undefined) return again;
  await finish(context, claim, signal);
  return undefined;
}

/**
 * Whether the claim's Node was there and is no more: somebody took its finalizer off. Kubelets do not
 * come back by themselves, and an instance that no pod can reach only costs money.
 */
async function hasLostNode(
  { view, client }: ControllerContext,
  claim: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (!isTrue(claim, 'Registered') || nodeOfClaim(view, claim) !== undefined) return false;
  return (await unseenNode(client, claim, signal)) === undefined;
}

async function endLost(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<void> {
  const { name, uid } = claim.metadata;
  await context.client.delete('NodeClaim', { name }, { uid, signal });
  decideOn(
    context,
    'NodeClaim',
    claim,
    'lost',
    'its Node has been removed; the claim ends with it',
  );
}

/** From then on the node's drain knows its deadline. The change brings the claim back here. */
async function annotate(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  deadline: string,
  signal: AbortSignal,
): Promise<void> {
  const { name, uid, resourceVersion } = claim.metadata;
  const body = { metadata: { annotations: { [annotationTerminationTimestamp]: deadline } } };
  await context.client.patch(
    'NodeClaim',
    { name },
    { type: 'merge', body },
    { uid, resourceVersion, fieldManager, signal },
  );
  tellDeadline(context, 'NodeClaim', claim, deadline);
}

/**
 * Whether a Node is still there that must end first. Nodes that have not registered hold no pods and go with their instance.
 */
async function hasNode(
  { view, client }: ControllerContext,
  claim: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<boolean> {
  const node = nodeOfClaim(view, claim) ?? (await unseenNode(client, claim, signal));
  if (node === undefined) return false;
  if (!isTrue(claim, 'Registered') && !hasFinalizer(node)) return false;
  if (node.metadata.deletionTimestamp === undefined) {
    const { name, uid } = node.metadata;
    await client.delete('Node', { name }, { uid, signal });
  }
  return true;
}

/** The watch of Nodes may lag that of claims: an instance must not go from under a node that serves. */
async function unseenNode(
  client: ControllerContext['client'],
  { status }: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<Live<'Node'> | undefined> {
  const { nodeName = '', providerID } = status ?? {};
  if (nodeName === '') return undefined;
  const node = await client.get('Node', { name: nodeName }, { signal });
  return node?.spec?.providerID === providerID ? node : undefined;
}

/** Undefined when no instance is left. @throws CloudError, ClusterError */
async function endInstances(
  context: ControllerContext,
  search: InstanceSearch,
  claim: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<Reconciled | undefined> {
  const providerID = claim.status?.providerID ?? '';
  const found = providerID === '' ? await lookUp(context, search, claim, signal) : [providerID];
  if (!Array.isArray(found)) return found;
  if (found.length === 0) return undefined;
  let isGone = true;
  for (const one of found) {
    const outcome = await context.cloud.terminate(one, { signal });
    isGone &&= outcome === 'gone';
  }
  const ending = [{ type: conditionInstanceTerminating, status: 'True' as const }];
  await writeClaimStatus(context, claim, { conditions: ending }, signal);
  return isGone ? undefined : { againAfterMs: instancePollMs };
}

/** Instances launched for the claim without its knowing; or when to look again. */
async function lookUp(
  { clock }: ControllerContext,
  search: InstanceSearch,
  claim: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<string[] | { readonly againAfterMs: number }> {
  const sinceMs = Date.parse(claim.metadata.deletionTimestamp ?? '') + launchShowsMs;
  const waitMs = sinceMs - clock.nowMs();
  if (waitMs > 0) return { againAfterMs: waitMs };
  const instances = await search.instancesOf(claim, sinceMs, signal);
  return instances.map(({ providerID }) => providerID);
}

async function finish(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  signal: AbortSignal,
): Promise<void> {
  if (!(await removeFinalizer(context, 'NodeClaim', claim, signal))) return;
  const { labels = {}, deletionTimestamp } = claim.metadata;
  const { nodeClaims } = context.metrics;
  const nodepool = labels[labelNodePool] ?? '';
  const nowMs = context.clock.nowMs();
  nodeClaims.terminated.inc({
    nodepool,
    capacity_type: labels[labelCapacityType] ?? '',
    zone: labels[labelZone] ?? '',
  });
  const secondsSince = (time: string): number => (nowMs - Date.parse(time)) / 1_000;
  if (deletionTimestamp !== undefined) {
    nodeClaims.terminationSeconds.observe({ nodepool }, secondsSince(deletionTimestamp));
  }
  const endedSince = conditionOf(claim, conditionInstanceTerminating)?.lastTransitionTime;
  if (endedSince !== undefined) {
    nodeClaims.instanceTerminationSeconds.observe({ nodepool }, secondsSince(endedSince));
  }
  decideOn(context, 'NodeClaim', claim, 'gone', 'its node and its instance are gone');
}
