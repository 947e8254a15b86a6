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

/** `namespace/name` of a pod: how it is named in every output. */
export function podKey(pod: { readonly namespace: string; readonly name: string }): string {
  return `${pod.namespace}/${pod.name}`;
}
