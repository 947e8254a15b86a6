/**
 * Pending pods by workload and by what they wait for.
 *
 * In: pods as they become pending and cease to be, and what is known of each. Out: classes, the
 * largest first, at most `pendingClassesMax`. A change costs O(1); a class that has changed is
 * counted anew when it is asked for, O(its pods).
 */
import type { LivePod } from '../../core/state/live-pod.ts';
import { podKey } from '../../core/state/snapshot.ts';
import {
  type PendingClass,
  type PendingState,
  pendingClassesMax,
  pendingStates,
  reasonCharsMax,
} from './state.ts';
import { requestText, workloadGroup } from './workload-group.ts';

/** Why a pod waits. */
export interface Waiting {
  readonly state: PendingState;
  readonly reason: string;
  /** When its node should be ready; null if unknown. */
  readonly expectedMs: number | null;
}

interface Group {
  readonly key: string;
  readonly workload: string;
  readonly waiting: Waiting;
  readonly members: Map<string, { readonly pod: LivePod; readonly expectedMs: number | null }>;
  /** Undefined since a member came or went. */
  told: PendingClass | undefined;
}

export interface PendingOverview {
  readonly classes: readonly PendingClass[];
  /** Pods in classes that are left out. */
  readonly elsewhere: number;
}

export class PendingBoard {
  readonly #groups = new Map<string, Group>();
  readonly #groupOf = new Map<string, Group>();
  #overview: PendingOverview | undefined;

  /** Pending pods. */
  get count(): number {
    return this.#groupOf.size;
  }

  podOf(uid: string): LivePod | undefined {
    return this.#groupOf.get(uid)?.members.get(uid)?.pod;
  }

  /** Enters a pod, or what is newly known of it. */
  put(pod: LivePod, waiting: Waiting): void {
    this.delete(pod.uid);
    const workload = workloadGroup(pod);
    const reason = waiting.reason.slice(0, reasonCharsMax);
    const key = `${workload}\n${waiting.state}\n${reason}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = {
        key,
        workload,
        waiting: { ...waiting, reason },
        members: new Map(),
        told: undefined,
      };
      this.#groups.set(key, group);
    }
    group.members.set(pod.uid, { pod, expectedMs: waiting.expectedMs });
    this.#groupOf.set(pod.uid, group);
    this.#changed(group);
  }

  delete(uid: string): void {
    const group = this.#groupOf.get(uid);
    if (group === undefined) return;
    this.#groupOf.delete(uid);
    group.members.delete(uid);
    if (group.members.size === 0) this.#groups.delete(group.key);
    this.#changed(group);
  }

  /** The same object while nothing has changed. */
  overview(): PendingOverview {
    this.#overview ??= this.#look();
    return this.#overview;
  }

  #changed(group: Group): void {
    group.told = undefined;
    this.#overview = undefined;
  }

  #look(): PendingOverview {
    const all = [...this.#groups.values()].map((group) => {
      group.told ??= tell(group);
      return group.told;
    });
    all.sort(
      (a, b) =>
        pendingStates.indexOf(a.state) - pendingStates.indexOf(b.state) ||
        b.pods - a.pods ||
        (a.workload < b.workload ? -1 : 1),
    );
    const left = all.slice(pendingClassesMax);
    return {
      classes: all.slice(0, pendingClassesMax),
      elsewhere: left.reduce((sum, { pods }) => sum + pods, 0),
    };
  }
}

function tell({ workload, waiting, members }: Group): PendingClass {
  let oldest: LivePod | undefined;
  let expectedMs: number | null = 0;
  for (const member of members.values()) {
    if (oldest === undefined || member.pod.createdMs < oldest.createdMs) oldest = member.pod;
    if (expectedMs === null || member.expectedMs === null) expectedMs = null;
    else expectedMs = Math.max(expectedMs, member.expectedMs);
  }
  return {
    workload,
    state: waiting.state,
    reason: waiting.reason,
    pods: members.size,
    asks: oldest === undefined ? '' : requestText(oldest.spec),
    oldestMs: oldest?.createdMs ?? 0,
    expectedMs,
    example: oldest === undefined ? '' : podKey(oldest),
  };
}
