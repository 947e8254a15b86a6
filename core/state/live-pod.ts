/**
 * A pod as the live view holds it: what placement reads, and what its life depends on.
 *
 * In: a pod from the API server. Out: a flat immutable record whose spec and labels are shared with
 * the pods of the same template. Of a bound pod the spec is the one that its node is charged for.
 */

import type { Live } from '../api/kinds.ts';
import type { OwnerReference, Pod, PodSpec, PodStatus } from '../api/kubernetes.ts';
import { specOnNode } from '../scheduling/requests.ts';
import { isKeptAnnotation, placementSpecOf } from './pod-parts.ts';
import type { SharedValues } from './shared-values.ts';
import type { SnapshotPod } from './snapshot.ts';

export interface PodOwner {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface LivePod extends SnapshotPod {
  readonly resourceVersion: string;
  /** The controlling owner; shared between its pods. */
  readonly owner: PodOwner | undefined;
  /** Reason of `PodScheduled=False` (`Unschedulable`, `SchedulerError`, `SchedulingGated`), else ''. */
  readonly unscheduledReason: string;
  /** When that condition came, 0 if it is not there. */
  readonly unscheduledSinceMs: number;
  readonly isGated: boolean;
  readonly nominatedNodeName: string;
  /** When it must be gone by, 0 if it is not being deleted. */
  readonly deletionMs: number;
  /** Why it has failed, '' unless it has: `OutOfcpu` where its kubelet refused it. */
  readonly failedReason: string;
  readonly isReady: boolean;
  /** When its kubelet took it up, 0 if none has. */
  readonly startedMs: number;
  /** Version of the spec; 0 where the server does not count. */
  readonly generation: number;
}

type StringMap = Readonly<Record<string, string>>;

const noStrings: StringMap = Object.freeze({});

/** @param previous the record of the same pod so far: what has not changed is taken from it */
export function livePodOf(
  pod: Live<'Pod'>,
  previous: LivePod | undefined,
  values: SharedValues,
): LivePod {
  const { metadata, status } = pod;
  const known = previous?.uid === metadata.uid ? previous : undefined;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const nodeName = pod.spec.nodeName ?? '';
  const generation = metadata.generation ?? 0;
  const scheduled = conditionOf(status, 'PodScheduled');
  const isUnscheduled = nodeName === '' && scheduled?.status === 'False';
  return {
    namespace: values.text(metadata.namespace ?? ''),
    name: known?.name ?? metadata.name,
    uid: known?.uid ?? metadata.uid,
    resourceVersion: metadata.resourceVersion,
    labels: stringsOf(metadata.labels, known?.labels, values),
    annotations: stringsOf(keptAnnotations(metadata.annotations), known?.annotations, values),
    spec: specOf(pod, nodeName, generation, known, values),
    nodeName: values.text(nodeName),
    phase: values.text(status?.phase ?? 'Pending'),
    ownerKind: values.text(owner?.kind ?? ''),
    owner: ownerOf(owner, known, values),
    createdMs: known?.createdMs ?? millisecondsOf(metadata.creationTimestamp),
    priority: pod.spec.priority ?? 0,
    unscheduledReason: isUnscheduled ? values.text(scheduled.reason ?? '') : '',
    unscheduledSinceMs: isUnscheduled ? millisecondsOf(scheduled.lastTransitionTime) : 0,
    isGated: (pod.spec.schedulingGates ?? []).length > 0,
    nominatedNodeName: values.text(status?.nominatedNodeName ?? ''),
    deletionMs: millisecondsOf(metadata.deletionTimestamp),
    failedReason: status?.phase === 'Failed' ? values.text(status.reason ?? '') : '',
    isReady: conditionOf(status, 'Ready')?.status === 'True',
    startedMs: millisecondsOf(status?.startTime),
    generation,
  };
}

function ownerOf(
  owner: OwnerReference | undefined,
  known: LivePod | undefined,
  values: SharedValues,
): PodOwner | undefined {
  if (owner === undefined) return undefined;
  const { kind, name, uid = '' } = owner;
  return known?.owner?.uid === uid ? known.owner : values.share({ kind, name, uid });
}

function specOf(
  pod: Pod,
  nodeName: string,
  generation: number,
  known: LivePod | undefined,
  values: SharedValues,
): PodSpec {
  const isResizing = nodeName !== '' && hasResources(pod.status);
  // A status of its own makes the charge differ from the template: then it is computed anew.
  if (known !== undefined && generation > 0 && known.generation === generation && !isResizing) {
    return known.spec;
  }
  const kept = placementSpecOf(pod.spec);
  return values.share(isResizing ? specOnNode(kept, pod.status) : kept);
}

/** Kubelets since 1.33 report what every container has; only a difference changes the charge. */
function hasResources(status: PodStatus | undefined): boolean {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return (
    status?.resources !== undefined || statuses.some(({ resources }) => resources !== undefined)
  );
}

function keptAnnotations(annotations: StringMap | undefined): StringMap | undefined {
  if (annotations === undefined) return undefined;
  for (const key in annotations) {
    if (isKeptAnnotation(key, annotations[key] ?? '')) continue;
    return Object.fromEntries(
      Object.entries(annotations).filter(([name, value]) => isKeptAnnotation(name, value)),
    );
  }
  return annotations;
}

function stringsOf(
  strings: StringMap | undefined,
  known: StringMap | undefined,
  values: SharedValues,
): StringMap {
  if (strings === undefined) return noStrings;
  if (known !== undefined && isSame(strings, known)) return known;
  const entries = Object.entries(strings);
  if (entries.length === 0) return noStrings;
  return values.share(Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))));
}

function isSame(a: StringMap, b: StringMap): boolean {
  let count = 0;
  for (const key in a) {
    if (a[key] !== b[key]) return false;
    count += 1;
  }
  for (const _key in b) count -= 1;
  return count === 0;
}

function conditionOf(status: PodStatus | undefined, type: string) {
  return status?.conditions?.find((condition) => condition.type === type);
}

function millisecondsOf(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time);
}
