/**
 * How many pods each workload still lacks, and what they are called.
 *
 * In: workloads and a tally of the pods in the input by owner. Out: the pods that the controllers
 * would create now, were no other pods there than those of the input. Sources: the Deployment,
 * ReplicaSet, StatefulSet, Job and CronJob controllers. It builds no specs.
 */
import type { Place } from './problems.ts';

/** A workload of the input, reduced to what the number of its pods depends on. */
export interface Workload {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  readonly place: Place;
  /** Pods wanted in all; of a Job, those that may run at once. */
  readonly replicas: number;
  /** Number of the first pod. */
  readonly firstOrdinal: number;
  /** Successes that a Job needs; undefined for other kinds and for work queues. */
  readonly completions: number | undefined;
  /** Successes that a Job's status reports. */
  readonly succeeded: number;
  /** The controller that owns it, if any. */
  readonly owner: { readonly kind: string; readonly name: string } | undefined;
}

export type WorkloadKind =
  | 'Deployment'
  | 'ReplicaSet'
  | 'ReplicationController'
  | 'StatefulSet'
  | 'Job'
  | 'CronJob';

/** Pods of the input that one controller owns. */
interface OwnedPods {
  active: number;
  succeeded: number;
}

/** Counts the pods of the input by their controller. */
export class OwnershipTally {
  readonly #owned = new Map<string, OwnedPods>();
  /** ReplicaSet -> the Deployment that it belongs to, by keys. */
  readonly #deploymentOf = new Map<string, string>();
  #ofDeployments: Map<string, OwnedPods> | undefined;

  /** A pod that `kind name` controls; `templateHash` is its label pod-template-hash. */
  add(
    owner: { readonly kind: string; readonly namespace: string; readonly name: string },
    templateHash: string | undefined,
    state: 'active' | 'succeeded' | 'gone',
  ): void {
    const { kind, namespace, name } = owner;
    const key = keyOf(kind, namespace, name);
    let owned = this.#owned.get(key);
    if (owned === undefined) {
      owned = { active: 0, succeeded: 0 };
      this.#owned.set(key, owned);
      // A Deployment names its ReplicaSets after itself and the hash of their template.
      if (kind === 'ReplicaSet' && name.endsWith(`-${templateHash}`)) {
        this.addReplicaSet(namespace, name.slice(0, -`-${templateHash}`.length), name);
      }
    }
    owned.active += state === 'active' ? 1 : 0;
    owned.succeeded += state === 'succeeded' ? 1 : 0;
  }

  addReplicaSet(namespace: string, deployment: string, replicaSet: string): void {
    const key = keyOf('ReplicaSet', namespace, replicaSet);
    this.#deploymentOf.set(key, keyOf('Deployment', namespace, deployment));
  }

  /** Pods that a workload has, through its ReplicaSets if it is a Deployment. Call after all adds. */
  of({ kind, namespace, name }: Workload): Readonly<OwnedPods> {
    const byKey = kind === 'Deployment' ? this.#byDeployment() : this.#owned;
    return byKey.get(keyOf(kind, namespace, name)) ?? { active: 0, succeeded: 0 };
  }

  #byDeployment(): Map<string, OwnedPods> {
    if (this.#ofDeployments === undefined) {
      this.#ofDeployments = new Map();
      for (const [replicaSet, deployment] of this.#deploymentOf) {
        const total = this.#ofDeployments.get(deployment) ?? { active: 0, succeeded: 0 };
        total.active += this.#owned.get(replicaSet)?.active ?? 0;
        this.#ofDeployments.set(deployment, total);
      }
    }
    return this.#ofDeployments;
  }
}

/**
 * The pods that each workload lacks, by name. StatefulSets come first, because their pods' names
 * are fixed; the others take the lowest numbers that are free.
 *
 * @param isTaken whether a pod of that name exists; names that are handed out count from then on
 *   only if the caller makes it so.
 */
export function* missingPods<W extends Workload>(
  workloads: readonly W[],
  tally: OwnershipTally,
  isTaken: (namespace: string, podName: string) => boolean,
): Generator<{ readonly workload: W; readonly podName: string }> {
  const present = new Set(workloads.map((one) => keyOf(one.kind, one.namespace, one.name)));
  const running = new Set<string>();
  for (const { kind, namespace, owner, replicas } of workloads) {
    if (kind === 'Job' && owner !== undefined && replicas > 0) {
      running.add(keyOf(owner.kind, namespace, owner.name));
    }
  }
  const ordered = [
    ...workloads.filter((one) => one.kind === 'StatefulSet'),
    ...workloads.filter((one) => one.kind !== 'StatefulSet'),
  ];
  for (const workload of ordered) {
    const { kind, namespace, name, owner, replicas, firstOrdinal } = workload;
    const madeByOwner =
      kind === 'ReplicaSet' &&
      owner !== undefined &&
      present.has(keyOf(owner.kind, namespace, owner.name));
    // A run of the CronJob is in the input already.
    const runs = kind === 'CronJob' && running.has(keyOf(kind, namespace, name));
    if (madeByOwner || runs) {
      continue;
    }
    if (kind === 'StatefulSet') {
      for (let ordinal = firstOrdinal; ordinal < firstOrdinal + replicas; ordinal += 1) {
        if (!isTaken(namespace, `${name}-${ordinal}`)) {
          yield { workload, podName: `${name}-${ordinal}` };
        }
      }
      continue;
    }
    let lacking = wantedPods(workload, tally) - tally.of(workload).active;
    for (let ordinal = firstOrdinal; lacking > 0; ordinal += 1) {
      if (!isTaken(namespace, `${name}-${ordinal}`)) {
        lacking -= 1;
        yield { workload, podName: `${name}-${ordinal}` };
      }
    }
  }
}

function wantedPods(workload: Workload, tally: OwnershipTally): number {
  if (workload.kind !== 'Job' && workload.kind !== 'CronJob') {
    return workload.replicas;
  }
  const succeeded = Math.max(workload.succeeded, tally.of(workload).succeeded);
  if (workload.completions === undefined) {
    // A work queue starts no pods any more once one has found it empty.
    return succeeded > 0 ? 0 : workload.replicas;
  }
  return Math.min(workload.replicas, workload.completions - succeeded);
}

function keyOf(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}
