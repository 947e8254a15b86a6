/**
 * What people call the thing that a pod belongs to.
 *
 * In: a pod. Out: `namespace/name` of its Deployment, Job or the like, as its name tells: what
 * controllers append (template hash, ordinal, random suffix) is taken off. It looks up no owner, so
 * that a pod from `kubectl get` and one expanded from a manifest get the same name.
 */
import { labelPodTemplateHash } from '../../core/api/labels.ts';
import type { SnapshotPod } from '../../core/state/snapshot.ts';

/** Kinds whose controller ends pod names with five random characters. */
const randomSuffixKinds: ReadonlySet<string> = new Set([
  'ReplicaSet',
  'ReplicationController',
  'Deployment',
  'Job',
  'DaemonSet',
]);

/** The characters that Kubernetes draws suffixes from (apimachinery `rand.String`). */
const randomSuffix = /-[bcdfghjklmnpqrstvwxz2456789]{5}$/;

/** What a CronJob appends to the names of its Jobs: the time in minutes. */
const scheduledTime = /-\d{8,10}$/;

/** `namespace/name`. */
export function workloadName(pod: SnapshotPod): string {
  return `${pod.namespace}/${withoutSuffix(pod)}`;
}

function withoutSuffix({ name, labels, ownerKind }: SnapshotPod): string {
  const hash = labels[labelPodTemplateHash];
  const atHash = hash === undefined ? -1 : name.lastIndexOf(`-${hash}-`);
  if (atHash > 0) return name.slice(0, atHash);
  let stem = name;
  if (randomSuffixKinds.has(ownerKind)) {
    stem = stem.replace(randomSuffix, '');
    if (ownerKind === 'Job' && stem !== name) stem = stem.replace(scheduledTime, '');
  }
  // Ordinals: of StatefulSets, of indexed Jobs, of pods that were expanded from a workload.
  return stem.replace(/-\d+$/, '') || name;
}
