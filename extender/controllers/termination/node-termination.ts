/**
 * Ends nodes: taint, drain, volumes, instance, and then the finalizer that kept the Node.
 *
 * In: Nodes that are being deleted, through their claims or by a user. Out: pods moved off in waves,
 * the instance gone, the Node gone. Every step is decided anew from objects, so that it goes on after
 * a crash wherever it stopped. A node whose instance is gone is not waited for. Source: Karpenter's
 * `node/termination/controller.go`.
 */
import { conditionOf, isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import {
  disruptedTaint,
  labelExcludeFromLoadBalancers,
  labelNodePool,
  labelRegistered,
  labelZone,
} from '../../../core/api/labels.ts';
import { type DrainStep, drainStep } from '../../../core/disruption/drain.ts';
import {
  conditionDrained,
  conditionInstanceTerminating,
  deadlineOf,
  type TerminationStep,
  terminationStep,
} from '../../../core/disruption/termination.ts';
import { attachmentsAwaited } from '../../../core/disruption/volume-attachments.ts';
import { isClusterError } from '../../../core/ports.ts';
import { writeClaimStatus } from '../claim-status.ts';
import { type Controller, type ControllerContext, fieldManager } from '../context.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from '../finalizers.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { type EvictionQueue, startEvictionQueue } from './eviction-queue.ts';
import { claimOfNode, isOurNode, nodeOfClaim } from './node-of-claim.ts';
import {
  decideOn,
  tellAwaitingVolumes,
  tellDeadline,
  tellFailedDraining,
  tellHeld,
} from './reports.ts';

/** Nodes looked at side by side. */
const nodesAtOnce = 16;
/** How often a cloud that is ending an instance is asked again. */
export const instancePollMs = 5_000;
/** A drain that lasts so long is worth an Event; most are over before. */
const slowDrainMs = 30_000;
/** Value of the label that takes a node out of load balancers: who put it there. */
const excludedBy = 'karpenter';

/** A node that ends, as it is now. */
interface EndingNode {
  readonly node: Live<'Node'>;
  readonly claim: Live<'NodeClaim'> | undefined;
  readonly deadlineMs: number | undefined;
}

/** Starts at once; ends with the context's signal. */
export function startNodeTermination(context: ControllerContext): Controller {
  const evictions = startEvictionQueue(context);
  const nodes = startReconciler(context, {
    name: 'node-termination',
    concurrency: nodesAtOnce,
    watch: (add) => watchEndingNodes(context, add),
    reconcile: async (name, signal) => await reconcileNode(context, evictions, name, signal),
  });
  const done = Promise.all([evictions.done, nodes.done]).then(() => undefined);
  // Awaited by whoever runs the process; an early failure must not be taken for unhandled.
  done.catch(() => undefined);
  return { name: nodes.name, done };
}

/** Everything that the end of a node depends on. */
function watchEndingNodes({ view }: ControllerContext, add: (name: string) => void): () => void {
  const addEnding = (name: string): void => {
    if (view.get('Node', { name })?.metadata.deletionTimestamp !== undefined) add(name);
  };
  const ends = [
    view.listen('Node', ({ type, object }) => {
      if (type !== 'deleted') add(object.metadata.name);
    }),
    view.listen('NodeClaim', ({ object }) => {
      const node = nodeOfClaim(view, object);
      if (node !== undefined) addEnding(node.metadata.name);
    }),
    view.listen('Pod', ({ object: { nodeName } }) => {
      if (nodeName !== '') addEnding(nodeName);
    }),
    view.listen('VolumeAttachment', ({ object }) => addEnding(object.spec.nodeName)),
  ];
  for (const { metadata } of view.all('Node')) add(metadata.name);
  return () => {
    for (const end of ends) end();
  };
}

async function reconcileNode(
  context: ControllerContext,
  evictions: EvictionQueue,
  name: string,
  signal: AbortSignal,
): Promise<Reconciled | undefined> {
  const { view, client } = context;
  const node = view.get('Node', { name });
  if (node === undefined) return undefined;
  const claim = claimOfNode(view, node);
  if (!isOurNode(context, node, claim)) return undefined;
  if (node.metadata.deletionTimestamp === undefined) {
    await keep(context, node, claim, signal);
    return undefined;
  }
  if (!hasFinalizer(node)) return undefined;
  if (claim !== undefined && claim.metadata.deletionTimestamp === undefined) {
    await client.delete('NodeClaim', claim.metadata, { uid: claim.metadata.uid, signal });
  }
  return await endNode(context, evictions, { node, claim, deadlineMs: deadlineOf(claim) }, signal);
}

/** A node of ours must not go without us; the finalizer comes with registration. */
async function keep(
  context: ControllerContext,
  node: Live<'Node'>,
  claim: Live<'NodeClaim'> | undefined,
  signal: AbortSignal,
): Promise<void> {
  const isRegistered = node.metadata.labels?.[labelRegistered] === 'true';
  if (claim !== undefined && isRegistered && !hasFinalizer(node)) {
    await addFinalizer(context, 'Node', node, signal);
  }
}

async function endNode(
  context: ControllerContext,
  evictions: EvictionQueue,
  ending: EndingNode,
  signal: AbortSignal,
): Promise<Reconciled | undefined> {
  const { view, clock } = context;
  const { node, claim, deadlineMs } = ending;
  await setApart(context, ending, signal);
  const nowMs = clock.nowMs();
  const { name } = node.metadata;
  const pods = [...view.usageOf(name).pods.values()];
  const drain = drainStep(pods, deadlineMs, nowMs);
  const attachments = attachmentsAwaited(
    view.all('VolumeAttachment'),
    name,
    pods,
    (claimName) => view.get('PersistentVolumeClaim', claimName),
    nowMs,
  );
  const step = terminationStep(
    {
      claim,
      podsWaiting: drain.waiting.length,
      attachmentsAwaited: attachments.length,
      deadlineMs,
    },
    nowMs,
  );
  if (step.stage !== 'ending' && (await hasLostInstance(context, node, signal))) {
    return await finish(context, node, 'its instance is gone', signal);
  }
  if (step.stage === 'draining') empty(context, evictions, node, drain);
  if (step.stage === 'detaching') tellAwaitingVolumes(context, node, attachments);
  if (step.stage !== 'ending') {
    await writeProgress(context, ending, step, [], signal);
    // What a silent kubelet holds up is asked of the cloud, which wants to be asked less often.
    const pollMs = isTrue(node, 'Ready') ? (step.againAfterMs ?? Infinity) : instancePollMs;
    return { againAfterMs: Math.min(pollMs, drain.changesMs - nowMs) };
  }
  return await endInstance(context, ending, step, signal);
}

/** Nothing new comes to the node from now on, neither pods nor connections from outside. */
async function setApart(
  context: ControllerContext,
  { node, deadlineMs }: EndingNode,
  signal: AbortSignal,
): Promise<void> {
  const taints = node.spec?.taints ?? [];
  const labels = node.metadata.labels ?? {};
  const isApart =
    taints.some(
      ({ key, effect }) => key === disruptedTaint.key && effect === disruptedTaint.effect,
    ) && labels[labelExcludeFromLoadBalancers] !== undefined;
  if (isApart) return;
  const { name, uid, resourceVersion } = node.metadata;
  const others = taints.filter(({ key }) => key !== disruptedTaint.key);
  const body = {
    metadata: { labels: { [labelExcludeFromLoadBalancers]: excludedBy } },
    spec: { taints: [...others, { ...disruptedTaint }] },
  };
  try {
    await context.client.patch(
      'Node',
      { name },
      { type: 'merge', body },
      { uid, resourceVersion, fieldManager, signal },
    );
  } catch (error) {
    // Gone: the next look at it finds nothing to do.
    if (!isClusterError(error, 'NotFound')) throw error;
    return;
  }
  decideOn(context, 'Node', node, 'draining', 'the node is being deleted; its pods are moved off');
  if (deadlineMs !== undefined) {
    tellDeadline(context, 'Node', node, new Date(deadlineMs).toISOString());
  }
}

/** Whether what the node ran on has ended, so that nothing on it can end in good order any more. */
async function hasLostInstance(
  { cloud }: ControllerContext,
  node: Live<'Node'>,
  signal: AbortSignal,
): Promise<boolean> {
  // A kubelet that reports is a kubelet that runs, whatever a cloud that lags behind says.
  if (isTrue(node, 'Ready')) return false;
  const instance = await cloud.get(node.spec?.providerID ?? '', { signal });
  return instance === undefined || instance.state === 'terminated';
}

/** Sets the pods whose turn it is on their way. */
function empty(
  context: ControllerContext,
  evictions: EvictionQueue,
  node: Live<'Node'>,
  { waiting, evict, force, held }: DrainStep,
): void {
  for (const { pod } of force) evictions.add(pod);
  for (const pod of evict) evictions.add(pod);
  const { deletionTimestamp = '' } = node.metadata;
  if (held.length > 0) tellHeld(context, node, held);
  else if (context.clock.nowMs() > Date.parse(deletionTimestamp) + slowDrainMs) {
    tellFailedDraining(context, node, `${waiting.length} pods are waiting to be evicted`);
  }
}

async function endInstance(
  context: ControllerContext,
  ending: EndingNode,
  step: TerminationStep,
  signal: AbortSignal,
): Promise<Reconciled | undefined> {
  const { node, claim } = ending;
  // Without its claim nobody can say that the instance is ours; what is, garbage collection ends.
  if (claim === undefined) return await finish(context, node, 'drained; it had no claim', signal);
  const outcome = await context.cloud.terminate(node.spec?.providerID ?? '', { signal });
  await writeProgress(
    context,
    ending,
    step,
    [{ type: conditionInstanceTerminating, status: 'True' as const }],
    signal,
  );
  if (outcome === 'terminating') return { againAfterMs: instancePollMs };
  return await finish(context, node, 'drained, and its instance is gone', signal);
}

async function writeProgress(
  context: ControllerContext,
  { node, claim }: EndingNode,
  { conditions }: TerminationStep,
  more: TerminationStep['conditions'],
  signal: AbortSignal,
): Promise<void> {
  if (claim === undefined) return;
  const written = await writeClaimStatus(
    context,
    claim,
    { conditions: [...conditions, ...more] },
    signal,
  );
  const wasDrained = conditionOf(claim, conditionDrained)?.status === 'True';
  if (wasDrained || !isTrue(written, conditionDrained)) return;
  const nodepool = node.metadata.labels?.[labelNodePool] ?? '';
  context.metrics.nodes.drained.inc({ nodepool });
  decideOn(context, 'Node', node, 'drained', 'its pods are gone; the instance is next');
}

/** Lets the Node go. */
async function finish(
  context: ControllerContext,
  node: Live<'Node'>,
  reason: string,
  signal: AbortSignal,
): Promise<undefined> {
  if (!(await removeFinalizer(context, 'Node', node, signal))) return undefined;
  const { creationTimestamp, deletionTimestamp, labels = {} } = node.metadata;
  const { nodes } = context.metrics;
  const nodepool = labels[labelNodePool] ?? '';
  const nowMs = context.clock.nowMs();
  nodes.terminated.inc({ nodepool, zone: labels[labelZone] ?? '' });
  nodes.lifetimeSeconds.observe({ nodepool }, (nowMs - Date.parse(creationTimestamp)) / 1_000);
  if (deletionTimestamp !== undefined) {
    nodes.terminationSeconds.observe({ nodepool }, (nowMs - Date.parse(deletionTimestamp)) / 1_000);
  }
  decideOn(context, 'Node', node, 'gone', reason);
  return undefined;
}
