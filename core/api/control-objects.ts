/**
 * The parts of further Kubernetes kinds that the controllers read and write: leases, events,
 * disruption budgets, volumes and what attaches them.
 *
 * In: nothing. Out: types only. Users do not hand these kinds to us as input, the API server has
 * validated them, so there are no schemas; fields are those that we look at, others pass through.
 */
import type { Condition, LabelSelector, ObjectMeta } from './kubernetes.ts';

/** `policy/v1`. */
export interface PodDisruptionBudget {
  metadata: ObjectMeta;
  spec: {
    /** Count, or percentage such as `50%`. */
    minAvailable?: number | string;
    maxUnavailable?: number | string;
    selector?: LabelSelector;
    unhealthyPodEvictionPolicy?: 'IfHealthyBudget' | 'AlwaysAllow';
  };
  status?: {
    observedGeneration?: number;
    disruptionsAllowed?: number;
    currentHealthy?: number;
    desiredHealthy?: number;
    expectedPods?: number;
    /** Pods whose eviction was granted and that are not gone yet, by name, with the time of it. */
    disruptedPods?: Record<string, string>;
    conditions?: Condition[];
  };
}

/** `coordination.k8s.io/v1`. Times are RFC 3339 with microseconds. */
export interface Lease {
  metadata: ObjectMeta;
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/** What an event or a record speaks of. */
export interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

/** `v1`, named so because `Event` is a global of the platform. */
export interface ClusterEvent {
  metadata: ObjectMeta;
  involvedObject: ObjectReference;
  type?: 'Normal' | 'Warning';
  reason?: string;
  message?: string;
  count?: number;
  firstTimestamp?: string;
  lastTimestamp?: string;
  source?: { component?: string; host?: string };
  reportingComponent?: string;
  reportingInstance?: string;
}

/** `storage.k8s.io/v1`: the drivers that have registered with a node's kubelet. */
export interface CSINode {
  metadata: ObjectMeta;
  spec: {
    drivers: {
      name: string;
      nodeID: string;
      topologyKeys?: string[];
      allocatable?: { count?: number };
    }[];
  };
}

/** `storage.k8s.io/v1`. */
export interface VolumeAttachment {
  metadata: ObjectMeta;
  spec: { attacher: string; nodeName: string; source: { persistentVolumeName?: string } };
  status?: { attached: boolean };
}

/** `v1`. */
export interface PersistentVolumeClaim {
  metadata: ObjectMeta;
  spec?: { storageClassName?: string; volumeName?: string; accessModes?: string[] };
  status?: { phase?: 'Pending' | 'Bound' | 'Lost' };
}

/** `v1`. */
export interface PersistentVolume {
  metadata: ObjectMeta;
  spec?: {
    storageClassName?: string;
    claimRef?: ObjectReference;
    csi?: { driver: string; volumeHandle: string };
    nodeAffinity?: {
      required?: {
        nodeSelectorTerms: {
          matchExpressions?: { key: string; operator: string; values?: string[] }[];
        }[];
      };
    };
  };
  status?: { phase?: string };
}

/** `storage.k8s.io/v1`. */
export interface StorageClass {
  metadata: ObjectMeta;
  provisioner: string;
  volumeBindingMode?: 'Immediate' | 'WaitForFirstConsumer';
  allowedTopologies?: {
    matchLabelExpressions?: { key: string; values: string[] }[];
  }[];
}
