/**
 * The kinds of object that a cluster client handles: where the API server keeps each, and its type.
 *
 * In: nothing. Out: a registry by kind, and the types that hang on it. A kind is named as in
 * manifests; where two groups serve one schema the second is `Kind.group`. It makes no request.
 */
import type {
  ClusterEvent,
  CSINode,
  Lease,
  PersistentVolume,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  StorageClass,
  VolumeAttachment,
} from './control-objects.ts';
import type { EC2NodeClass } from './ec2nodeclass.ts';
import type { DaemonSet, Namespace, Node, ObjectMeta, Pod, PriorityClass } from './kubernetes.ts';
import type { NodeClaim } from './nodeclaim.ts';
import type { NodeOverlay } from './nodeoverlay.ts';
import type { NodePool } from './nodepool.ts';
import type { Deployment, Job, ReplicaSet, StatefulSet } from './workloads.ts';

/** What each kind looks like. */
export interface KindTypes {
  Pod: Pod;
  Node: Node;
  Namespace: Namespace;
  Event: ClusterEvent;
  PersistentVolume: PersistentVolume;
  PersistentVolumeClaim: PersistentVolumeClaim;
  DaemonSet: DaemonSet;
  Deployment: Deployment;
  ReplicaSet: ReplicaSet;
  StatefulSet: StatefulSet;
  Job: Job;
  PriorityClass: PriorityClass;
  PodDisruptionBudget: PodDisruptionBudget;
  Lease: Lease;
  CSINode: CSINode;
  VolumeAttachment: VolumeAttachment;
  StorageClass: StorageClass;
  NodePool: NodePool;
  NodeClaim: NodeClaim;
  NodeOverlay: NodeOverlay;
  EC2NodeClass: EC2NodeClass;
  'EC2NodeClass.stowage.dev': EC2NodeClass;
}

export type Kind = keyof KindTypes;

/** Where a kind is served. */
export interface KindInfo {
  /** `group/version`, or the version alone for the core group. */
  readonly apiVersion: string;
  /** As objects of the kind name it. */
  readonly kind: string;
  /** As in URLs. */
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** Whether status is written apart from the rest, through a subresource. */
  readonly hasStatus: boolean;
}

function info(
  apiVersion: string,
  kind: string,
  plural: string,
  traits: { readonly isNamespaced?: true; readonly hasStatus?: true } = {},
): KindInfo {
  return {
    apiVersion,
    kind,
    plural,
    isNamespaced: traits.isNamespaced ?? false,
    hasStatus: traits.hasStatus ?? false,
  };
}

const both = { isNamespaced: true, hasStatus: true } as const;

/** Every kind, by its name here. */
export const kinds: { readonly [K in Kind]: KindInfo } = {
  Pod: info('v1', 'Pod', 'pods', both),
  Node: info('v1', 'Node', 'nodes', { hasStatus: true }),
  Namespace: info('v1', 'Namespace', 'namespaces', { hasStatus: true }),
  Event: info('v1', 'Event', 'events', { isNamespaced: true }),
  PersistentVolume: info('v1', 'PersistentVolume', 'persistentvolumes', { hasStatus: true }),
  PersistentVolumeClaim: info('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', both),
  DaemonSet: info('apps/v1', 'DaemonSet', 'daemonsets', both),
  Deployment: info('apps/v1', 'Deployment', 'deployments', both),
  ReplicaSet: info('apps/v1', 'ReplicaSet', 'replicasets', both),
  StatefulSet: info('apps/v1', 'StatefulSet', 'statefulsets', both),
  Job: info('batch/v1', 'Job', 'jobs', both),
  PriorityClass: info('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses'),
  PodDisruptionBudget: info('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', both),
  Lease: info('coordination.k8s.io/v1', 'Lease', 'leases', { isNamespaced: true }),
  CSINode: info('storage.k8s.io/v1', 'CSINode', 'csinodes'),
  VolumeAttachment: info('storage.k8s.io/v1', 'VolumeAttachment', 'volumeattachments', {
    hasStatus: true,
  }),
  StorageClass: info('storage.k8s.io/v1', 'StorageClass', 'storageclasses'),
  NodePool: info('karpenter.sh/v1', 'NodePool', 'nodepools', { hasStatus: true }),
  NodeClaim: info('karpenter.sh/v1', 'NodeClaim', 'nodeclaims', { hasStatus: true }),
  NodeOverlay: info('karpenter.sh/v1alpha1', 'NodeOverlay', 'nodeoverlays', { hasStatus: true }),
  EC2NodeClass: info('karpenter.k8s.aws/v1', 'EC2NodeClass', 'ec2nodeclasses', {
    hasStatus: true,
  }),
  'EC2NodeClass.stowage.dev': info('stowage.dev/v1', 'EC2NodeClass', 'ec2nodeclasses', {
    hasStatus: true,
  }),
};

/** Metadata of an object that an API server has stored. */
export type LiveMeta = ObjectMeta & {
  name: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
};

/** An object as an API server holds it. Shared: nobody changes it, writers send a patch. */
export type Live<K extends Kind> = KindTypes[K] & { readonly metadata: LiveMeta };

/** Any part of a type, at any depth; lists whole or not at all. */
export type PartOf<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [P in keyof T]?: PartOf<T[P]> | undefined }
    : T;

/** JSON merge patch (RFC 7386): `null` removes a field, lists are replaced whole. */
export type MergePatchOf<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [P in keyof T]?: MergePatchOf<T[P]> | null }
    : T;
