/**
 * How the pods stand that a node is held for.
 *
 * In: a reservation, the pods as the view has them, what was answered to binds already. Out: for each
 * owner one word. It does not look at the node's room.
 */
import type { LivePod } from '../state/live-pod.ts';
import { isTerminal, isTerminating } from '../state/snapshot.ts';
import { isPlacedByScheduler } from './fence.ts';
import { type BindMode, bindsPod } from './whose-pods.ts';

/** Why an owner needs the node no more. */
export type LossReason = 'gone' | 'elsewhere' | 'ended' | 'terminating';
/** Why an owner is let go though it still waits for a place. */
export type ReleaseReason = 'gated' | 'claimed' | 'unfit' | 'expired';

export type Owner = { readonly uid: string } & (
  | /** It is on the node, as our watch tells. */ {
      readonly standing: 'here';
      readonly pod: LivePod;
    }
  | {
      readonly standing: 'lost';
      readonly reason: LossReason;
      /** Undefined if it is not there any more. */
      readonly pod: LivePod | undefined;
    }
  | {
      readonly standing: 'released';
      readonly reason: ReleaseReason;
      readonly pod: LivePod;
      /** For people. */
      readonly why: string;
    }
  /** Our watch has never told of it: it may be behind the one that told of the reservation. */
  | { readonly standing: 'unseen'; readonly pod: undefined; readonly goneAtMs: number }
  /** The API server has said what became of it; our watch has not told of it yet. */
  | { readonly standing: 'answered'; readonly pod: LivePod }
  /** To be bound by us; `isAsked`: it may be bound already, the answer was lost. */
  | { readonly standing: 'waiting'; readonly pod: LivePod; readonly isAsked: boolean }
  /** To be placed by kube-scheduler. */
  | { readonly standing: 'left'; readonly pod: LivePod }
);

export interface OwnerFacts {
  readonly nodeName: string | undefined;
  readonly podByUid: (uid: string) => LivePod | undefined;
  /** From when on a pod that is not there is gone, wall clock; 0 for one that has been there. */
  readonly goneAtMs: (uid: string) => number;
  readonly nowMs: number;
  /** UIDs of pods whose bind was answered. */
  readonly answered: ReadonlySet<string>;
  /** UIDs of pods whose bind was asked for, answered or not. */
  readonly asked: ReadonlySet<string>;
  /** The NodeClaim that a pod belongs to where several hold it: the first by creation. */
  readonly claimOf: (uid: string) => string | undefined;
  readonly claimName: string;
  readonly bind: BindMode;
  /** Of our profile. */
  readonly schedulerName: string;
}

/** Owners by priority, age and name: the order in which they get their place. O(n log n). */
export function ownersOf(uids: Iterable<string>, facts: OwnerFacts): readonly Owner[] {
  return [...uids].map((uid) => ownerOf(uid, facts)).sort(byRank);
}

function ownerOf(uid: string, facts: OwnerFacts): Owner {
  const pod = facts.podByUid(uid);
  if (pod === undefined) {
    const goneAtMs = facts.goneAtMs(uid);
    return facts.nowMs < goneAtMs
      ? { uid, standing: 'unseen', pod, goneAtMs }
      : { uid, standing: 'lost', reason: 'gone', pod };
  }
  if (pod.nodeName !== '') {
    return pod.nodeName === facts.nodeName
      ? { uid, standing: 'here', pod }
      : { uid, standing: 'lost', reason: 'elsewhere', pod };
  }
  if (isTerminal(pod)) return { uid, standing: 'lost', reason: 'ended', pod };
  if (isTerminating(pod)) return { uid, standing: 'lost', reason: 'terminating', pod };
  const first = facts.claimOf(uid) ?? facts.claimName;
  if (first !== facts.claimName) {
    const why = `NodeClaim ${first} holds a node for it too and is older`;
    return { uid, standing: 'released', reason: 'claimed', pod, why };
  }
  if (pod.isGated) {
    return { uid, standing: 'released', reason: 'gated', pod, why: 'it has scheduling gates' };
  }
  if (facts.answered.has(uid)) return { uid, standing: 'answered', pod };
  const isOurs = bindsPod(facts.bind, facts.schedulerName, pod);
  return isOurs && !isPlacedByScheduler(pod.spec)
    ? { uid, standing: 'waiting', pod, isAsked: facts.asked.has(uid) }
    : { uid, standing: 'left', pod };
}

function byRank(a: Owner, b: Owner): number {
  const [p, q] = [a.pod, b.pod];
  if (p === undefined || q === undefined)
    return (p === undefined ? 1 : 0) - (q === undefined ? 1 : 0);
  if (p.priority !== q.priority) return q.priority - p.priority;
  if (p.createdMs !== q.createdMs) return p.createdMs - q.createdMs;
  return a.uid < b.uid ? -1 : 1;
}
