/**
 * Which fence a node needs for its pods, and which pods we cannot bind.
 *
 * In: specs of the pods that a node is held for, DaemonSets. Out: the fence; whether kube-scheduler
 * must place a pod; which devices it needs; which DaemonSets a fence would lock out. It knows no node
 * and no time.
 *
 * Sources: `reference/extender.md` 2.3 and 2.4. Volume claims that wait for their first consumer,
 * and device claims, are settled by kube-scheduler right before it binds; a pod that somebody else
 * binds never gets them. Devices are allocatable once their plugin, a DaemonSet, is up.
 */
import type { PodSpec } from '../api/kubernetes.ts';
import { reservedTaint } from '../api/labels.ts';
import type { DaemonTemplate } from '../scheduling/daemonsets.ts';
import { effectiveRequests } from '../scheduling/requests.ts';
import type { Fence } from '../scheduling/reservation.ts';
import { firstUntoleratedTaint } from '../scheduling/taints.ts';

/** The fence for a node that is held for these pods. O(pods). */
export function fenceFor(specs: Iterable<PodSpec>): Fence {
  let fence: Fence = 'binding';
  for (const spec of specs) {
    if (isPlacedByScheduler(spec)) return 'claims';
    if (devicesOf(spec).length > 0) fence = 'devices';
  }
  return fence;
}

/** The fence for the pods of both. */
export function widerFence(one: Fence, other: Fence): Fence {
  return widest.find((fence) => fence === one || fence === other) ?? 'binding';
}

/** Each leaves more to kube-scheduler than the next. */
const widest: readonly Fence[] = ['claims', 'devices', 'binding'];

/** True if only kube-scheduler can place the pod: it has volumes or device claims to be settled. */
export function isPlacedByScheduler({ volumes, resourceClaims }: PodSpec): boolean {
  const hasVolume = (volumes ?? []).some(
    ({ persistentVolumeClaim, ephemeral, awsElasticBlockStore }) =>
      persistentVolumeClaim !== undefined ||
      ephemeral !== undefined ||
      awsElasticBlockStore !== undefined,
  );
  return hasVolume || (resourceClaims ?? []).length > 0;
}

/** Extended resources that the pod asks for: everything that a kubelet does not have by itself. */
export function devicesOf(spec: PodSpec): readonly string[] {
  return Object.keys(effectiveRequests(spec)).filter((resource) => resource.includes('/'));
}

/** True if the reserved taint would keep one of these DaemonSets from the node. */
export function locksOutDaemons(daemons: readonly DaemonTemplate[]): boolean {
  return daemons.some(
    ({ tolerations }) => firstUntoleratedTaint([reservedTaint], tolerations) !== undefined,
  );
}
