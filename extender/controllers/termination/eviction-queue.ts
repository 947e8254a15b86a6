/**
 * Brings pods off draining nodes, each at its own pace.
 *
 * In: pods whose turn it is. Out: evictions through the Eviction API, again and again with back-off
 * while a disruption budget forbids them; deletions where the node's deadline leaves no time. A pod
 * is in the queue at most once, hence it holds no more than there are pods on draining nodes; what
 * it remembers is how long to wait, nothing that a restart would miss. Whose turn it is is decided
 * by `node-termination.ts`.
 */
import type { Live } from '../../../core/api/kinds.ts';
import { forcedFromMs, podStep } from '../../../core/disruption/drain.ts';
import { protectionOf } from '../../../core/disruption/pod-standing.ts';
import { deadlineOf } from '../../../core/disruption/termination.ts';
import { isClusterError } from '../../../core/ports.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import { podKey } from '../../../core/state/snapshot.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { claimOfNode } from './node-of-claim.ts';
import {
  disruptionReasonOf,
  tellEvicted,
  tellFailedDraining,
  tellForced,
  tellInvalidProtection,
} from './reports.ts';

/** Evictions under way at once. */
const evictionsAtOnce = 32;
/** Between attempts at a pod that its budget holds. */
const backoffFirstMs = 500;
const backoffMaxMs = 10_000;
/** The view shows by then that a pod goes; until it does, whoever asks for its eviction asks again. */
const settledMs = 1_000;

export interface EvictionQueue extends Controller {
  /** Has no effect while the pod is in the queue already. */
  add(pod: LivePod): void;
}

/** A pod of a node that drains, as it is now. */
interface Leaving {
  readonly pod: LivePod;
  readonly node: Live<'Node'>;
  readonly claim: Live<'NodeClaim'> | undefined;
  readonly deadlineMs: number | undefined;
}

/** Starts at once; ends with the context's signal. */
export function startEvictionQueue(context: ControllerContext): EvictionQueue {
  /** Failed attempts of every pod in the queue, by UID. */
  const attempts = new Map<string, number>();
  let enqueue: (uid: string) => void = () => undefined;
  const controller = startReconciler(context, {
    name: 'eviction',
    concurrency: evictionsAtOnce,
    watch: (add) => {
      enqueue = add;
      return () => attempts.clear();
    },
    reconcile: async (uid, signal) => {
      const leaving = leavingPod(context, uid);
      const answer = leaving && (await moveOff(context, leaving, signal));
      if (leaving === undefined || answer === undefined) {
        attempts.delete(uid);
        return undefined;
      }
      if (answer === 'accepted') return { againAfterMs: settledMs };
      const failed = attempts.get(uid) ?? 0;
      attempts.set(uid, failed + 1);
      return pause(context, leaving, failed, answer);
    },
  });
  return {
    name: controller.name,
    done: controller.done,
    add: ({ uid }) => {
      if (attempts.has(uid)) return;
      attempts.set(uid, 0);
      enqueue(uid);
    },
  };
}

/** Undefined if the pod is gone or its node does not drain. */
function leavingPod({ view }: ControllerContext, uid: string): Leaving | undefined {
  const pod = view.podByUid(uid);
  if (pod === undefined || pod.nodeName === '') return undefined;
  const node = view.get('Node', { name: pod.nodeName });
  if (node?.metadata.deletionTimestamp === undefined) return undefined;
  const claim = claimOfNode(view, node);
  return { pod, node, claim, deadlineMs: deadlineOf(claim) };
}

/** The eviction was refused: the pod is to be tried again. */
interface Refusal {
  readonly retryAfterMs: number;
}

/** Undefined if there is nothing to do. @throws ClusterError */
async function moveOff(
  context: ControllerContext,
  leaving: Leaving,
  signal: AbortSignal,
): Promise<Refusal | 'accepted' | undefined> {
  const { pod, deadlineMs } = leaving;
  const step = podStep(pod, deadlineMs, context.clock.nowMs());
  switch (step.act) {
    case 'wait':
      return undefined;
    case 'force':
      return await forceOff(context, leaving, step.gracePeriodSeconds, signal);
    case 'evict':
      return await evict(context, leaving, signal);
  }
}

async function forceOff(
  context: ControllerContext,
  { pod, claim, deadlineMs }: Leaving,
  gracePeriodSeconds: number,
  signal: AbortSignal,
): Promise<'accepted' | undefined> {
  const { uid } = pod;
  const outcome = await context.client.delete('Pod', pod, { uid, gracePeriodSeconds, signal });
  if (outcome === 'gone' || outcome === 'replaced') return undefined;
  tellForced(context, pod, gracePeriodSeconds, deadlineMs ?? context.clock.nowMs());
  context.metrics.pods.drained.inc({ reason: disruptionReasonOf(claim) });
  return 'accepted';
}

async function evict(
  context: ControllerContext,
  { pod, node, claim }: Leaving,
  signal: AbortSignal,
): Promise<Refusal | 'accepted' | undefined> {
  const { client, metrics, clock } = context;
  const protection = protectionOf(pod, clock.nowMs());
  if (protection.state === 'invalid') tellInvalidProtection(context, pod, protection.value);
  const answer = await client.evict(pod, { signal }).catch((error: unknown) => {
    if (isClusterError(error)) metrics.pods.evictionRequests.inc({ code: error.code });
    throw error;
  });
  switch (answer.outcome) {
    case 'evicted': {
      const reason = disruptionReasonOf(claim);
      metrics.pods.evictionRequests.inc({ code: '200' });
      metrics.pods.drained.inc({ reason });
      tellEvicted(context, pod, reason);
      return 'accepted';
    }
    case 'gone':
      metrics.pods.evictionRequests.inc({ code: '404' });
      return undefined;
    case 'blocked':
      metrics.pods.evictionRequests.inc({ code: '429' });
      tellFailedDraining(context, node, `evicting pod violates a PDB (Pod ${podKey(pod)})`);
      return answer;
    case 'refused':
      metrics.pods.evictionRequests.inc({ code: '500' });
      tellFailedDraining(
        context,
        node,
        `eviction does not support multiple PDBs (Pod ${podKey(pod)})`,
      );
      return { retryAfterMs: backoffMaxMs };
  }
}

/** Longer after every failure, but not beyond the moment at which the pod is not asked any more. */
function pause(
  { random, clock }: ControllerContext,
  { pod, deadlineMs }: Leaving,
  failed: number,
  { retryAfterMs }: Refusal,
): Reconciled {
  const ceilingMs = Math.min(backoffFirstMs * 2 ** failed, backoffMaxMs);
  const askedMs = Math.min(retryAfterMs, backoffMaxMs);
  const waitMs = Math.max(ceilingMs * (0.5 + random.float() / 2), askedMs);
  const forcedAfterMs =
    deadlineMs === undefined ? Infinity : forcedFromMs(pod, deadlineMs) - clock.nowMs();
  return { againAfterMs: forcedAfterMs > 0 ? Math.min(waitMs, forcedAfterMs) : waitMs };
}
