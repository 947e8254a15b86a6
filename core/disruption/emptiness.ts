/**
 * Whether a node is empty, and may go for it.
 *
 * In: a NodeClaim, its pool, its node and pods, who else waits for the node, the time. Out: empty, or
 * not and until when that is certain, or empty but held. A new node is given the time to receive the
 * pods that it was launched for. How many may go at once is `budgets.ts`'s. Source: Karpenter's
 * `disruption/emptiness.go` and `ValidateNodeDisruptable`.
 */
import type { Live } from '../api/kinds.ts';
import { annotationDoNotDisrupt, disruptedTaint } from '../api/labels.ts';
import type { NodePool } from '../api/nodepool.ts';
import { plannedOn } from '../provisioning/nominations.ts';
import { reservationOf } from '../scheduling/reservation-record.ts';
import { hasReservedTaint } from '../scheduling/taints.ts';
import type { LivePod } from '../state/live-pod.ts';
import { isTerminating, podKey } from '../state/snapshot.ts';
import { evictionObstacle } from './eviction-limits.ts';
import { isProtected, isReschedulable, protectionOf } from './pod-standing.ts';
import { consolidatableFromMs, initializedSinceMs } from './quiet-time.ts';

/** A node that has become usable this moment is not judged before its pods could follow. */
export const newNodeMs = 15_000;
/** A fence without a reservation that says its end counts for so long. */
const fenceMaxMs = 300_000;
/** A node that pods are on their way to, or off, is looked at again without any event. */
const awaitedPollMs = 5_000;

export interface EmptinessFacts {
  readonly claim: Live<'NodeClaim'>;
  readonly pool: NodePool;
  readonly node: Live<'Node'> | undefined;
  readonly pods: ReadonlyMap<string, LivePod>;
  /** Whether a pod of that UID is without a node, or on one that is taken away. */
  readonly isUnbound: (uid: string) => boolean;
  /** Whether a pending pod has been promised room on that node by its scheduler. */
  readonly isNominated: (nodeName: string) => boolean;
  readonly budgets: readonly Live<'PodDisruptionBudget'>[];
}

export type Emptiness =
  | { readonly state: 'empty' }
  /** `untilMs`: the earliest time at which this may be otherwise without any change to an object. */
  | { readonly state: 'kept'; readonly untilMs: number }
  /** It is empty, but somebody asks that it stays. */
  | { readonly state: 'held'; readonly reason: string; readonly untilMs: number };

/** O(pods of the node), less for nodes that are in use. */
export function emptinessOf(facts: EmptinessFacts, nowMs: number): Emptiness {
  const { claim, node, pods } = facts;
  // First what is cheapest and keeps most nodes: this is asked of all of them, often.
  let isEnding = false;
  for (const pod of pods.values()) {
    if (!isReschedulable(pod)) continue;
    if (!isTerminating(pod)) return { state: 'kept', untilMs: Infinity };
    isEnding = true;
  }
  const fromMs = judgedFromMs(facts);
  if (fromMs > nowMs) return { state: 'kept', untilMs: fromMs };
  const isAwaited =
    facts.isNominated(node?.metadata.name ?? '') ||
    [...plannedOn(claim, nowMs)].some(facts.isUnbound);
  if (isEnding || isAwaited) return { state: 'kept', untilMs: nowMs + awaitedPollMs };
  for (const object of [claim, node]) {
    if (object?.metadata.annotations?.[annotationDoNotDisrupt] === 'true') {
      const reason = `disruption is blocked through the "${annotationDoNotDisrupt}" annotation`;
      return { state: 'held', reason, untilMs: Infinity };
    }
  }
  for (const pod of pods.values()) {
    if (!isProtected(pod, nowMs)) continue;
    const protection = protectionOf(pod, nowMs);
    const untilMs = protection.state === 'active' ? protection.untilMs : Infinity;
    const reason = `pod has "${annotationDoNotDisrupt}" annotation (Pod ${podKey(pod)})`;
    return { state: 'held', reason, untilMs };
  }
  const obstacle = evictionObstacle(pods.values(), facts.budgets);
  return obstacle === undefined
    ? { state: 'empty' }
    : { state: 'held', reason: obstacle, untilMs: Infinity };
}

/** From when on the pods of the node count; `Infinity` for a node that is not to be judged. */
function judgedFromMs({ claim, pool, node }: EmptinessFacts): number {
  const initializedMs = initializedSinceMs(claim);
  const quietFromMs = consolidatableFromMs(claim, pool);
  if (pool.spec.replicas !== undefined || node === undefined) return Infinity;
  if (initializedMs === undefined || quietFromMs === undefined) return Infinity;
  if (isLeaving(claim, node)) return Infinity;
  const fenceEndMs =
    reservationOf(claim.metadata.annotations)?.expiresAtMs ?? initializedMs + fenceMaxMs;
  return Math.max(quietFromMs, initializedMs + newNodeMs, hasReservedTaint(node) ? fenceEndMs : 0);
}

/** Whether the end of a node has begun, or is about to. */
export function isLeaving(claim: Live<'NodeClaim'>, node: Live<'Node'> | undefined): boolean {
  return (
    claim.metadata.deletionTimestamp !== undefined ||
    node?.metadata.deletionTimestamp !== undefined ||
    node?.spec?.taints?.some(({ key }) => key === disruptedTaint.key) === true
  );
}
