/**
 * The cluster as we know it now, for reading.
 *
 * In: nothing. Out: the interface between whoever keeps the live state (`store.ts`, fed by
 * reflectors) and whoever reads it (controllers, verbs, dashboard). Everything that it hands out is
 * immutable, except maps that say so; it changes only between two turns of the event loop.
 */
import type { Kind, Live } from '../api/kinds.ts';
import type { ObjectName } from '../ports.ts';
import type { LivePod } from './live-pod.ts';
import type { NodeUsage } from './node-usage.ts';
import type { ClusterSnapshot } from './snapshot.ts';

/** Kinds that the live state can hold. */
export const viewKinds = [
  'Pod',
  'Node',
  'NodePool',
  'NodeClaim',
  'NodeOverlay',
  'EC2NodeClass',
  'EC2NodeClass.stowage.dev',
  'DaemonSet',
  'PriorityClass',
  'PodDisruptionBudget',
  'Namespace',
  'CSINode',
  'VolumeAttachment',
  'PersistentVolumeClaim',
  'PersistentVolume',
  'StorageClass',
] as const satisfies readonly Kind[];
export type ViewKind = (typeof viewKinds)[number];

/** The form in which a kind is held. Nodes are held without images and the like. */
export type Held<K extends ViewKind> = K extends 'Pod' ? LivePod : Live<K>;

export interface ViewChange<K extends ViewKind> {
  readonly kind: K;
  readonly type: 'added' | 'modified' | 'deleted';
  /** After the change; of one deleted the last state known. */
  readonly object: Held<K>;
  readonly previous: Held<K> | undefined;
}

export interface ClusterView {
  get<K extends ViewKind>(kind: K, name: ObjectName): Held<K> | undefined;
  /** All objects of a kind, in the order in which they came. */
  all<K extends ViewKind>(kind: K): Iterable<Held<K>>;
  count(kind: ViewKind): number;

  podByUid(uid: string): LivePod | undefined;
  /** Pods without a node that have not ended and are not being deleted, by UID. Changes with the cluster. */
  readonly unboundPods: ReadonlyMap<string, LivePod>;
  /** Pods of a node and what they request. Changes with the cluster. */
  usageOf(nodeName: string): NodeUsage;
  nodeByProviderID(providerID: string): Live<'Node'> | undefined;
  claimByProviderID(providerID: string): Live<'NodeClaim'> | undefined;
  claimByNodeName(nodeName: string): Live<'NodeClaim'> | undefined;

  /** Counts changes: equal revisions mean equal content. */
  readonly revision: number;
  /** The cluster as one immutable value. Made on demand in O(pods), the same until the next change. */
  snapshot(): ClusterSnapshot;

  /**
   * Calls `listener` after every change of a kind, inside the turn that made it: it may read, and
   * must hand work on. Returns how to end it.
   */
  listen<K extends ViewKind>(kind: K, listener: (change: ViewChange<K>) => void): () => void;
}
