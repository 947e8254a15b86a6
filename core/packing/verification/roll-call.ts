/**
 * Is every pod of the input in the plan exactly once, and where it may be?
 *
 * In: the snapshot, where its pods stood, the plan. Out: the pods of each planned node and those put
 * on existing nodes. It asks for names only, not whether pods fit.
 */
import { type ClusterSnapshot, podKey, type SnapshotPod } from '../../state/snapshot.ts';
import type { Plan } from '../plan.ts';
import type { FindingList } from './findings.ts';
import { entry } from './pod-kinds.ts';
import type { PodStanding, Standing } from './standing-nodes.ts';

/** Pods by place, as the plan states it; unknown names are left out. */
export interface RollCall {
  /** [planned node] */
  readonly onNew: readonly (readonly SnapshotPod[])[];
  /** Existing node -> pods that the plan puts there. */
  readonly onExisting: ReadonlyMap<string, readonly SnapshotPod[]>;
  /** [pod of the snapshot] 1 if the plan puts it on a node. */
  readonly isPlaced: Uint8Array;
}

/**
 * Adds `unknown-pod`, `pod-repeated`, `pod-missing`, `pod-not-pending`, `pod-misplaced`,
 * `unknown-node`, `node-repeated`, `node-closed` and `reason-missing`. O(pods).
 */
export function callRoll(
  snapshot: ClusterSnapshot,
  standing: Standing,
  plan: Plan,
  found: FindingList,
): RollCall {
  return new Caller(snapshot, standing, found).call(plan);
}

class Caller {
  readonly #snapshot: ClusterSnapshot;
  readonly #standing: Standing;
  readonly #found: FindingList;
  readonly #indexOf: ReadonlyMap<string, number>;
  readonly #seen: Uint8Array;
  readonly #isPlaced: Uint8Array;

  constructor(snapshot: ClusterSnapshot, standing: Standing, found: FindingList) {
    this.#snapshot = snapshot;
    this.#standing = standing;
    this.#found = found;
    this.#indexOf = new Map(snapshot.pods.map((pod, index) => [podKey(pod), index]));
    this.#seen = new Uint8Array(snapshot.pods.length);
    this.#isPlaced = new Uint8Array(snapshot.pods.length);
  }

  call(plan: Plan): RollCall {
    const onNew = plan.nodes.map(({ name, pods }) => {
      if (pods.length === 0) this.#found.add('empty-node', `Node ${name}`, () => 'holds no pods');
      return pods.flatMap((key) => this.#place(key, `Node ${name}`) ?? []);
    });
    const onExisting = this.#callExisting(plan.existing);
    for (const { pod, reason } of plan.unschedulable) this.#callUnschedulable(pod, reason);
    this.#seen.forEach((seen, index) => {
      if (seen > 0) return;
      const object = `Pod ${podKey(this.#snapshot.pods[index]!)}`;
      this.#found.add('pod-missing', object, () => 'is nowhere in the plan');
    });
    return { onNew, onExisting, isPlaced: this.#isPlaced };
  }

  #callExisting(existing: Plan['existing']): ReadonlyMap<string, readonly SnapshotPod[]> {
    const onExisting = new Map<string, SnapshotPod[]>();
    const named = new Set<string>();
    for (const { node, pods, placed } of existing) {
      const object = `Node ${node}`;
      if (named.has(node)) this.#found.add('node-repeated', object, () => 'is listed twice');
      named.add(node);
      const isNew = new Set(placed);
      for (const key of pods) {
        if (!isNew.delete(key)) {
          this.#expectBound(key, node);
          continue;
        }
        const pod = this.#place(key, object);
        if (pod !== undefined) entry(onExisting, node, (): SnapshotPod[] => []).push(pod);
      }
      for (const key of isNew) {
        this.#found.add('pod-misplaced', `Pod ${key}`, () => `is not among the pods of ${object}`);
      }
      if (placed.length > 0) this.#checkOpen(node, object);
    }
    return onExisting;
  }

  #checkOpen(node: string, object: string): void {
    const known = this.#standing.nodes.get(node);
    if (known === undefined) {
      this.#found.add('unknown-node', object, () => 'does not exist or is being deleted');
    } else if (known.closed !== undefined) {
      this.#found.add('node-closed', object, () => known.closed ?? '');
    }
  }

  #callUnschedulable(key: string, reason: string): void {
    const index = this.#see(key, 'unschedulable');
    if (index === undefined) return;
    const standing = this.#standing.pods[index]!;
    if (standing.kind === 'bound') {
      const message = `stands on ${standing.node} and is listed as unschedulable`;
      this.#found.add('pod-misplaced', `Pod ${key}`, () => message);
    }
    if (reason === '') this.#found.add('reason-missing', `Pod ${key}`, () => 'has no reason');
  }

  #expectBound(key: string, node: string): void {
    const index = this.#see(key, `Node ${node}`);
    if (index === undefined) return;
    const standing = this.#standing.pods[index]!;
    if (standing.kind === 'bound' && standing.node === node) return;
    const message = `does not stand on ${node}, nor is it placed there`;
    this.#found.add('pod-misplaced', `Pod ${key}`, () => message);
  }

  /** The pod, if there is one of this name. */
  #place(key: string, where: string): SnapshotPod | undefined {
    const index = this.#see(key, where);
    if (index === undefined) return undefined;
    const standing: PodStanding = this.#standing.pods[index]!;
    if (standing.kind !== 'pending') {
      const why = standing.kind === 'bound' ? `stands on ${standing.node}` : standing.reason;
      this.#found.add('pod-not-pending', `Pod ${key}`, () => `is placed on ${where}, but ${why}`);
    }
    this.#isPlaced[index] = 1;
    return this.#snapshot.pods[index];
  }

  #see(key: string, where: string): number | undefined {
    const index = this.#indexOf.get(key);
    if (index === undefined) {
      this.#found.add('unknown-pod', `Pod ${key}`, () => `is not in the input (${where})`);
      return undefined;
    }
    if (this.#seen[index] === 1) {
      this.#found.add('pod-repeated', `Pod ${key}`, () => `is named again (${where})`);
    }
    this.#seen[index] = 1;
    return index;
  }
}
