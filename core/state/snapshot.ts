/**
 * An immutable view of a cluster (or of manifests): what `packing/model.ts` starts from.
 *
 * In: objects that a reader or a watch has validated. Out: plain data with shared parts: pods of
 * one template share one `spec` object and one `labels` object, so that 100,000 pods stay small and
 * work done per spec is done once. It answers nothing and decides nothing.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import type { DaemonSet, Node, PodSpec } from '../api/kubernetes.ts';
import type { NodePool } from '../api/nodepool.ts';

/** One pod, as far as placement cares. */
export interface SnapshotPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Shared between pods of one template. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Shared between pods of one template; `nodeName` inside is not read, see below. */
  readonly spec: PodSpec;
  /** Node that the pod is bound to, '' if none. */
  readonly nodeName: string;
  readonly phase: string;
  /** Kind of the controlling owner (`ReplicaSet`, `Job`, `DaemonSet`, ...), '' if none. */
  readonly ownerKind: string;
  readonly createdMs: number;
  /** Priority after resolving priorityClassName; 0 if none. */
  readonly priority: number;
  /** Wall clock by which it must be gone; absent or 0 if it is not being deleted. */
  readonly deletionMs?: number;
}

/** The cluster as one value. */
export interface ClusterSnapshot {
  readonly pods: readonly SnapshotPod[];
  readonly nodes: readonly Node[];
  readonly daemonSets: readonly DaemonSet[];
  readonly nodePools: readonly NodePool[];
  readonly nodeClasses: readonly EC2NodeClass[];
  /** Labels of namespaces that are known, for namespaceSelector. */
  readonly namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** True once it has ended, well or badly: it holds no place any more. */
export function isTerminal({ phase }: { readonly phase: string }): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** True while it is being deleted: it holds its place until it is gone, and wants no other. */
export function isTerminating({ deletionMs = 0 }: { readonly deletionMs?: number }): boolean {
  return deletionMs !== 0;
}

/** `namespace/name` of a pod: how it is named in every output. */
export function podKey(pod: { readonly namespace: string; readonly name: string }): string {
  return `${pod.namespace}/${pod.name}`;
}
