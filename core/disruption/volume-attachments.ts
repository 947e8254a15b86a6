/**
 * Which volumes a node that ends still has to give back.
 *
 * In: VolumeAttachments, the node's pods, the claims of their volumes. Out: the attachments to wait
 * for, so that a volume is free before its pod's successor asks for it. Volumes of pods that stay on
 * the node to its end are not waited for: they are not given back before. Source: Karpenter's
 * `filterVolumeAttachments`.
 */
import type { PersistentVolumeClaim, VolumeAttachment } from '../api/control-objects.ts';
import type { ObjectName } from '../ports.ts';
import type { LivePod } from '../state/live-pod.ts';
import { isDrained } from './pod-standing.ts';

/** @param claimNamed a claim of that name, undefined if there is none */
export function attachmentsAwaited<A extends VolumeAttachment>(
  attachments: Iterable<A>,
  nodeName: string,
  pods: Iterable<LivePod>,
  claimNamed: (name: ObjectName) => PersistentVolumeClaim | undefined,
  nowMs: number,
): A[] {
  const found: A[] = [];
  for (const attachment of attachments) {
    const { nodeName: attachedTo, source } = attachment.spec;
    if (attachedTo === nodeName && source.persistentVolumeName !== undefined)
      found.push(attachment);
  }
  if (found.length === 0) return found;
  const staying = new Set<string>();
  for (const pod of pods) {
    if (isDrained(pod, nowMs)) continue;
    for (const name of claimNames(pod)) {
      const volume = claimNamed({ namespace: pod.namespace, name })?.spec?.volumeName;
      if (volume !== undefined) staying.add(volume);
    }
  }
  return found.filter(({ spec }) => !staying.has(spec.source.persistentVolumeName ?? ''));
}

/** Names of the claims that a pod's volumes stand on; an ephemeral one is named after both. */
function claimNames({ name, spec }: LivePod): string[] {
  return (spec.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim !== undefined) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral === undefined ? [] : [`${name}-${volume.name}`];
  });
}
