/**
 * How objects end: preconditions, finalizers, a pod's grace period.
 *
 * In: the cluster, an object, options. Out: what became of it. Source: `BeforeDelete` of
 * `k8s.io/apiserver/pkg/registry/rest` and the pod strategy. Dependents are the garbage collector's
 * business (`sim/controllers`).
 */
import type { Kind, Live } from '../../core/api/kinds.ts';
import {
  ClusterError,
  type DeleteOptions,
  type DeleteOutcome,
  type ObjectName,
} from '../../core/ports.ts';
import { type SimulatedCluster, timestamp } from './cluster.ts';

interface Dying {
  readonly deletionTimestamp: string;
  readonly deletionGracePeriodSeconds: number;
}

/** @throws ClusterError `Conflict` for a stale version */
export function deleteObject(
  cluster: SimulatedCluster,
  kind: Kind,
  name: ObjectName,
  options: DeleteOptions = {},
): DeleteOutcome {
  if (options.propagation === 'Foreground') {
    throw new ClusterError('Invalid', 'propagation in the foreground is not simulated');
  }
  const object = cluster.get(kind, name);
  if (object === undefined) return 'gone';
  const { uid, resourceVersion } = object.metadata;
  if (options.uid !== undefined && options.uid !== uid) return 'replaced';
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    throw new ClusterError('Conflict', `the resourceVersion is ${resourceVersion}`);
  }
  return kind === 'Pod'
    ? deletePod(cluster, object as Live<'Pod'>, options.gracePeriodSeconds)
    : deleteOther(cluster, kind, object);
}

function deleteOther(cluster: SimulatedCluster, kind: Kind, object: Live<Kind>): DeleteOutcome {
  if ((object.metadata.finalizers ?? []).length === 0) {
    cluster.change(kind, object.metadata, () => undefined);
    return 'deleted';
  }
  if (object.metadata.deletionTimestamp === undefined) mark(cluster, kind, object, 0, 0);
  return 'terminating';
}

function deletePod(
  cluster: SimulatedCluster,
  pod: Live<'Pod'>,
  wantedSeconds: number | undefined,
): DeleteOutcome {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata as Partial<Dying>;
  const graceSeconds = isUnattended(pod)
    ? 0
    : (wantedSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 0);
  if (deletionTimestamp === undefined) {
    mark(cluster, 'Pod', pod, graceSeconds, graceSeconds);
  } else if (graceSeconds < (deletionGracePeriodSeconds ?? 0)) {
    // Shortened: counted from when the first deletion was asked for.
    const askedMs = Date.parse(deletionTimestamp) - (deletionGracePeriodSeconds ?? 0) * 1000;
    const leftSeconds = (askedMs - cluster.clock.nowMs()) / 1000 + graceSeconds;
    mark(cluster, 'Pod', pod, leftSeconds, graceSeconds);
  }
  const current = cluster.get('Pod', pod.metadata);
  const { deletionGracePeriodSeconds: left = 0 } = (current?.metadata ?? {}) as Partial<Dying>;
  if (left > 0 || (pod.metadata.finalizers ?? []).length > 0) return 'terminating';
  cluster.change('Pod', pod.metadata, () => undefined);
  return 'deleted';
}

/** No kubelet has it, or the kubelet is done with it. */
function isUnattended({ spec, status }: Live<'Pod'>): boolean {
  return (
    (spec.nodeName ?? '') === '' || status?.phase === 'Succeeded' || status?.phase === 'Failed'
  );
}

function mark(
  cluster: SimulatedCluster,
  kind: Kind,
  object: Live<Kind>,
  inSeconds: number,
  graceSeconds: number,
): void {
  const dying: Dying = {
    deletionTimestamp: timestamp(cluster.clock.nowMs() + inSeconds * 1000),
    deletionGracePeriodSeconds: graceSeconds,
  };
  const { generation, deletionTimestamp } = object.metadata;
  // Counted once, so that controllers see that something has happened to what they know.
  const counted =
    generation === undefined || deletionTimestamp !== undefined
      ? {}
      : { generation: generation + 1 };
  cluster.change(kind, object.metadata, (before) => ({
    ...before,
    metadata: { ...before.metadata, ...dying, ...counted },
  }));
}
