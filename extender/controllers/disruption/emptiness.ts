/**
 * Lets empty nodes go.
 *
 * In: NodePools, their claims, nodes and pods. Out: NodeClaims deleted with the reason Empty, as many
 * as the pool's budgets allow, each looked at twice with {@link validationMs} in between; where a
 * node is held or a budget is spent, an Event says so. Taking the node apart is
 * `termination/node-termination.ts`'s. Source: Karpenter's `disruption/emptiness.go`.
 */
import { conditionOf, isTrue } from '../../../core/api/conditions.ts';
import { durationMs } from '../../../core/api/duration.ts';
import type { Live } from '../../../core/api/kinds.ts';
import {
  annotationDoNotDisrupt,
  labelCapacityType,
  labelNodePool,
} from '../../../core/api/labels.ts';
import { disruptionsLeft } from '../../../core/disruption/budgets.ts';
import { type EmptinessFacts, emptinessOf } from '../../../core/disruption/emptiness.ts';
import { type ClaimedNode, countPoolNodes } from '../../../core/disruption/pool-nodes.ts';
import { conditionConsolidatable } from '../../../core/disruption/quiet-time.ts';
import { conditionDisruptionReason } from '../../../core/disruption/termination.ts';
import { interruptionOf } from '../../../core/interruption/interruption-record.ts';
import { writeClaimStatus } from '../claim-status.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { nodeOfClaim } from '../termination/node-of-claim.ts';
import { decideOn, reference } from '../termination/reports.ts';
import { isBudgetActive } from './budget-windows.ts';

/** Pools looked at side by side. */
const poolsAtOnce = 4;
/** A node must have been found empty so long ago, and ever since. */
const validationMs = 15_000;
/** Changes of one pool are gathered for so long before it is looked at. */
const gatherMs = 1_000;
/** How often a pool is looked at that would give nodes up but may not. */
const blockedPollMs = 10_000;
/** What the gauge says where no budget applies, as Karpenter's does. */
const unboundedCount = 2 ** 31 - 1;
const reason = 'Empty';

/** What a restart may forget: it only looks twice again. */
interface Memory {
  /** Since when a claim has been found empty, by UID. */
  readonly emptySinceMs: Map<string, number>;
  /** UIDs of claims deleted here that the view does not show as such yet. */
  readonly chosen: Set<string>;
  /** Claims found empty and free to go, by pool. */
  readonly eligible: Map<string, number>;
}

/** Starts at once; ends with the context's signal. Which nodes are quiet is kept up elsewhere. */
export function startEmptiness(context: ControllerContext): Controller {
  const memory: Memory = { emptySinceMs: new Map(), chosen: new Set(), eligible: new Map() };
  // Pools that were told of before may be another's by now.
  context.metrics.nodePools.allowedDisruptions.reset();
  return startReconciler(context, {
    name: 'emptiness',
    concurrency: poolsAtOnce,
    watch: (add) => watchPools(context, memory, add),
    reconcile: async (name, signal) => await judgePool(context, memory, name, signal),
  });
}

function watchPools(
  { view }: ControllerContext,
  memory: Memory,
  add: (name: string, afterMs?: number) => void,
): () => void {
  const addPoolOf = (labels: Readonly<Record<string, string>> | undefined): void => {
    const pool = labels?.[labelNodePool];
    if (pool !== undefined) add(pool, gatherMs);
  };
  const ends = [
    view.listen('NodePool', ({ object }) => add(object.metadata.name, gatherMs)),
    view.listen('NodeClaim', ({ type, object }) => {
      const { uid, deletionTimestamp, labels } = object.metadata;
      const isEnding = type === 'deleted' || deletionTimestamp !== undefined;
      if (isEnding) {
        memory.chosen.delete(uid);
        memory.emptySinceMs.delete(uid);
      }
      if (isEnding || isTrue(object, conditionConsolidatable)) addPoolOf(labels);
    }),
    view.listen('Node', ({ object, previous }) => {
      // Of thousands of nodes some report at any moment; most have nothing to say.
      if (previous === undefined || differs(object, previous)) addPoolOf(object.metadata.labels);
    }),
  ];
  for (const { metadata } of view.all('NodePool')) add(metadata.name, gatherMs);
  return () => {
    for (const end of ends) end();
  };
}

/** Whether a change to a node may change what is decided about it. */
function differs(node: Live<'Node'>, previous: Live<'Node'>): boolean {
  return (
    isTrue(node, 'Ready') !== isTrue(previous, 'Ready') ||
    node.metadata.deletionTimestamp !== previous.metadata.deletionTimestamp ||
    node.metadata.annotations?.[annotationDoNotDisrupt] !==
      previous.metadata.annotations?.[annotationDoNotDisrupt] ||
    node.spec?.taints?.length !== previous.spec?.taints?.length
  );
}

/** A claim that may be given up, and since when that is known. */
interface Candidate {
  readonly claim: Live<'NodeClaim'>;
  readonly node: Live<'Node'> | undefined;
  readonly sinceMs: number;
}

async function judgePool(
  context: ControllerContext,
  memory: Memory,
  name: string,
  signal: AbortSignal,
): Promise<Reconciled | undefined> {
  const { view, clock, metrics } = context;
  const pool = view.get('NodePool', { name });
  if (pool === undefined || !context.owns(pool.spec.template.spec.nodeClassRef)) {
    countEligible(context, memory, name, 0);
    return undefined;
  }
  const nowMs = clock.nowMs();
  const nodes = claimedNodes(context, memory, name);
  const { candidates, spared, nextMs } = findEmpty(context, memory, pool, nodes);
  for (const claim of spared) {
    await writeClaimStatus(context, claim, { without: [conditionDisruptionReason] }, signal);
  }
  const isActive = (budget: Parameters<typeof isBudgetActive>[0]) => isBudgetActive(budget, nowMs);
  const left = disruptionsLeft(pool, reason, countPoolNodes(nodes), isActive);
  countEligible(context, memory, name, candidates.length);
  const labels = { nodepool: name, reason };
  metrics.nodePools.allowedDisruptions.set(labels, Math.min(left, unboundedCount));
  let soonestMs = nextMs;
  if (candidates.length > left) {
    soonestMs = Math.min(soonestMs, nowMs + blockedPollMs);
    if (left === 0) {
      const message = `No allowed disruptions for disruption reason ${reason} due to blocking budget`;
      context.recorder.event(reference('NodePool', pool), 'Normal', 'DisruptionBlocked', message);
    }
  }
  for (const candidate of candidates.slice(0, left)) {
    const validMs = candidate.sinceMs + validationMs;
    if (validMs > nowMs) soonestMs = Math.min(soonestMs, validMs);
    else await giveUp(context, memory, pool, candidate, signal);
  }
  return soonestMs === Infinity
    ? undefined
    : { againAfterMs: Math.max(gatherMs, soonestMs - nowMs) };
}

function claimedNodes(
  { view }: ControllerContext,
  { chosen }: Memory,
  pool: string,
): ClaimedNode[] {
  const nodes: ClaimedNode[] = [];
  for (const claim of view.all('NodeClaim')) {
    if (claim.metadata.labels?.[labelNodePool] !== pool) continue;
    const isChosen = chosen.has(claim.metadata.uid);
    nodes.push({ claim, node: nodeOfClaim(view, claim), isChosen });
  }
  return nodes;
}

interface Findings {
  /** Those that may go, longest empty first. */
  readonly candidates: readonly Candidate[];
  /** Those that were about to go when a pod came. */
  readonly spared: readonly Live<'NodeClaim'>[];
  /** When the answer may be another by time alone. */
  readonly nextMs: number;
}

/** Looks at every node of the pool that has not been given up. */
function findEmpty(
  context: ControllerContext,
  { emptySinceMs }: Memory,
  pool: Live<'NodePool'>,
  nodes: readonly ClaimedNode[],
): Findings {
  const { view, clock } = context;
  const nowMs = clock.nowMs();
  let nominated: ReadonlySet<string> | undefined;
  const isNominated = (nodeName: string): boolean => {
    nominated ??= nominatedNodes(context);
    return nominated.has(nodeName);
  };
  const budgets = [...view.all('PodDisruptionBudget')];
  const candidates: Candidate[] = [];
  const spared: Live<'NodeClaim'>[] = [];
  let nextMs = Infinity;
  for (const { claim, node, isChosen } of nodes) {
    if (isChosen) continue;
    const nodeName = node?.metadata.name ?? '';
    const facts: EmptinessFacts = {
      claim,
      pool,
      node,
      pods: view.usageOf(nodeName).pods,
      isUnbound: (uid) => view.unboundPods.has(uid) || isMoving(context, uid),
      isNominated,
      budgets,
    };
    const { uid } = claim.metadata;
    const judged = emptinessOf(facts, nowMs);
    if (judged.state === 'empty') {
      const sinceMs = emptySinceMs.get(uid) ?? nowMs;
      emptySinceMs.set(uid, sinceMs);
      candidates.push({ claim, node, sinceMs });
      continue;
    }
    emptySinceMs.delete(uid);
    if (isSpared(claim)) spared.push(claim);
    nextMs = Math.min(nextMs, judged.untilMs);
    if (judged.state !== 'held') continue;
    nextMs = Math.min(nextMs, nowMs + blockedPollMs);
    tellBoth(context, claim, node, 'DisruptionBlocked', judged.reason, judged.reason);
  }
  candidates.sort((a, b) => a.sinceMs - b.sinceMs || compareNames(a.claim, b.claim));
  return { candidates, spared, nextMs };
}

/** It stands on a node that the cloud takes away: its successor is expected elsewhere. */
function isMoving({ view }: ControllerContext, uid: string): boolean {
  const nodeName = view.podByUid(uid)?.nodeName ?? '';
  const claim = nodeName === '' ? undefined : view.claimByNodeName(nodeName);
  return claim !== undefined && interruptionOf(claim) !== undefined;
}

/** It says that it goes for being empty, and it does not. */
function isSpared(claim: Live<'NodeClaim'>): boolean {
  return (
    claim.metadata.deletionTimestamp === undefined &&
    conditionOf(claim, conditionDisruptionReason)?.reason === reason
  );
}

/** Nodes on which schedulers have made room for pods that are still pending. */
function nominatedNodes({ view }: ControllerContext): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { nominatedNodeName } of view.unboundPods.values()) names.add(nominatedNodeName);
  return names;
}

/** Deletes the claim; its node drains and goes. @throws ClusterError if it has changed meanwhile */
async function giveUp(
  context: ControllerContext,
  { chosen }: Memory,
  pool: Live<'NodePool'>,
  { claim, node }: Candidate,
  signal: AbortSignal,
): Promise<void> {
  const { client, metrics } = context;
  const { name, uid, labels } = claim.metadata;
  const why = { type: conditionDisruptionReason, status: 'True' as const, reason, message: reason };
  const marked = await writeClaimStatus(context, claim, { conditions: [why] }, signal);
  const { resourceVersion } = marked.metadata;
  const outcome = await client.delete('NodeClaim', { name }, { uid, resourceVersion, signal });
  if (outcome === 'gone' || outcome === 'replaced') return;
  chosen.add(uid);
  metrics.disruption.decisions.inc({
    decision: 'delete',
    reason: 'empty',
    consolidation_type: 'empty',
  });
  metrics.nodeClaims.disrupted.inc({
    reason: 'empty',
    nodepool: pool.metadata.name,
    capacity_type: labels?.[labelCapacityType] ?? '',
    consolidation_policy: snakeCase(
      pool.spec.disruption?.consolidationPolicy ?? 'WhenEmptyOrUnderutilized',
    ),
    termination_mode: terminationMode(claim),
  });
  const words = [`Disrupting Node: ${reason}`, `Disrupting NodeClaim: ${reason}`] as const;
  tellBoth(context, claim, node, 'DisruptionTerminating', ...words);
  decideOn(
    context,
    'NodeClaim',
    claim,
    'emptied',
    `no pod needs its node ${node?.metadata.name ?? ''}, and none has moved there for the pool's consolidateAfter`,
  );
}

function tellBoth(
  { recorder }: ControllerContext,
  claim: Live<'NodeClaim'>,
  node: Live<'Node'> | undefined,
  event: string,
  ofNode: string,
  ofClaim: string,
): void {
  recorder.event(reference('NodeClaim', claim), 'Normal', event, ofClaim);
  if (node !== undefined) recorder.event(reference('Node', node), 'Normal', event, ofNode);
}

/** The gauge has no pool in its labels: it tells the sum. */
function countEligible(
  { metrics }: ControllerContext,
  { eligible }: Memory,
  pool: string,
  count: number,
): void {
  if (count === 0) eligible.delete(pool);
  else eligible.set(pool, count);
  const sum = [...eligible.values()].reduce((total, one) => total + one, 0);
  metrics.disruption.eligibleNodes.set({ reason: 'empty' }, sum);
}

/** As Karpenter calls it: how far pods can hold up the end of the node. */
function terminationMode({ spec }: Live<'NodeClaim'>): 'graceful' | 'eventual' | 'forceful' {
  if (spec.terminationGracePeriod === undefined) return 'graceful';
  return (durationMs(spec.terminationGracePeriod) ?? 0) > 0 ? 'eventual' : 'forceful';
}

function snakeCase(words: string): string {
  return words.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
}

function compareNames(a: Live<'NodeClaim'>, b: Live<'NodeClaim'>): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
