/**
 * The parts of the core Kubernetes kinds that placement reads: pods, nodes, DaemonSets and what
 * they refer to.
 *
 * In: nothing. Out: TypeBox schemas and, under the same names, their static types. Unknown fields
 * are tolerated, because these kinds are owned by Kubernetes and grow there; known fields must have
 * the type and the range that the API server demands. Rules that tie several fields together are in
 * `pod-rules.ts`. Workloads that are expanded to pods are in `workloads.ts`.
 */
import { type Static, Type } from 'typebox';
import {
  Annotations,
  Int32,
  LabelName,
  Labels,
  LabelValue,
  ObjectName,
  QualifiedName,
  ResourceList,
  Time,
} from './scalars.ts';

export const OwnerReference = Type.Object({
  apiVersion: Type.Optional(Type.String()),
  kind: Type.String({ minLength: 1 }),
  name: Type.String({ minLength: 1 }),
  uid: Type.Optional(Type.String()),
  controller: Type.Optional(Type.Boolean()),
  blockOwnerDeletion: Type.Optional(Type.Boolean()),
});
export type OwnerReference = Static<typeof OwnerReference>;

export const ObjectMeta = Type.Object({
  name: Type.Optional(ObjectName),
  generateName: Type.Optional(Type.String({ minLength: 1 })),
  namespace: Type.Optional(LabelName),
  uid: Type.Optional(Type.String()),
  labels: Type.Optional(Labels),
  annotations: Type.Optional(Annotations),
  ownerReferences: Type.Optional(Type.Array(OwnerReference)),
  finalizers: Type.Optional(Type.Array(Type.String())),
  creationTimestamp: Type.Optional(Time),
  deletionTimestamp: Type.Optional(Time),
  generation: Type.Optional(Type.Integer()),
  resourceVersion: Type.Optional(Type.String()),
});
export type ObjectMeta = Static<typeof ObjectMeta>;

/** Metadata of a template: the objects made from it are named by their controller. */
export const TemplateMeta = Type.Object({
  labels: Type.Optional(Labels),
  annotations: Type.Optional(Annotations),
});

export const TaintEffect = Type.Enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], {
  type: 'string',
});
export type TaintEffect = Static<typeof TaintEffect>;

export const Taint = Type.Object({
  key: QualifiedName,
  value: Type.Optional(LabelValue),
  effect: TaintEffect,
  timeAdded: Type.Optional(Time),
});
export type Taint = Static<typeof Taint>;

/** `''` is what some clients write for "not given". `Lt` and `Gt` compare taint values as integers. */
export const Toleration = Type.Object({
  key: Type.Optional(Type.String()),
  operator: Type.Optional(Type.Enum(['', 'Exists', 'Equal', 'Lt', 'Gt'], { type: 'string' })),
  value: Type.Optional(Type.String()),
  effect: Type.Optional(
    Type.Enum(['', 'NoSchedule', 'PreferNoSchedule', 'NoExecute'], { type: 'string' }),
  ),
  tolerationSeconds: Type.Optional(Type.Integer()),
});
export type Toleration = Static<typeof Toleration>;

export const LabelSelectorRequirement = Type.Object({
  key: QualifiedName,
  operator: Type.Enum(['In', 'NotIn', 'Exists', 'DoesNotExist'], { type: 'string' }),
  values: Type.Optional(Type.Array(LabelValue)),
});
export type LabelSelectorRequirement = Static<typeof LabelSelectorRequirement>;

/** An absent selector matches nothing, an empty one everything. */
export const LabelSelector = Type.Object({
  matchLabels: Type.Optional(Labels),
  matchExpressions: Type.Optional(Type.Array(LabelSelectorRequirement)),
});
export type LabelSelector = Static<typeof LabelSelector>;

/** As pods state it; NodePools know two operators more (`nodepool.ts`). */
export const NodeSelectorRequirement = Type.Object({
  key: QualifiedName,
  operator: Type.Enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'], { type: 'string' }),
  values: Type.Optional(Type.Array(Type.String())),
});
export type NodeSelectorRequirement = Static<typeof NodeSelectorRequirement>;

/** All expressions and fields must hold; a term with neither matches no node. */
export const NodeSelectorTerm = Type.Object({
  matchExpressions: Type.Optional(Type.Array(NodeSelectorRequirement)),
  matchFields: Type.Optional(Type.Array(NodeSelectorRequirement)),
});
export type NodeSelectorTerm = Static<typeof NodeSelectorTerm>;

/** One term must hold. */
export const NodeSelector = Type.Object({
  nodeSelectorTerms: Type.Array(NodeSelectorTerm, { minItems: 1 }),
});
export type NodeSelector = Static<typeof NodeSelector>;

const Weight = Type.Integer({ minimum: 1, maximum: 100 });

export const PreferredSchedulingTerm = Type.Object({
  weight: Weight,
  preference: NodeSelectorTerm,
});
export type PreferredSchedulingTerm = Static<typeof PreferredSchedulingTerm>;

export const NodeAffinity = Type.Object({
  requiredDuringSchedulingIgnoredDuringExecution: Type.Optional(NodeSelector),
  preferredDuringSchedulingIgnoredDuringExecution: Type.Optional(
    Type.Array(PreferredSchedulingTerm),
  ),
});
export type NodeAffinity = Static<typeof NodeAffinity>;

export const PodAffinityTerm = Type.Object({
  labelSelector: Type.Optional(LabelSelector),
  topologyKey: QualifiedName,
  namespaces: Type.Optional(Type.Array(LabelName)),
  namespaceSelector: Type.Optional(LabelSelector),
  matchLabelKeys: Type.Optional(Type.Array(QualifiedName)),
  mismatchLabelKeys: Type.Optional(Type.Array(QualifiedName)),
});
export type PodAffinityTerm = Static<typeof PodAffinityTerm>;

export const WeightedPodAffinityTerm = Type.Object({
  weight: Weight,
  podAffinityTerm: PodAffinityTerm,
});
export type WeightedPodAffinityTerm = Static<typeof WeightedPodAffinityTerm>;

/** Affinity or anti-affinity: both have this shape. */
export const PodAffinity = Type.Object({
  requiredDuringSchedulingIgnoredDuringExecution: Type.Optional(Type.Array(PodAffinityTerm)),
  preferredDuringSchedulingIgnoredDuringExecution: Type.Optional(
    Type.Array(WeightedPodAffinityTerm),
  ),
});
export type PodAffinity = Static<typeof PodAffinity>;

export const Affinity = Type.Object({
  nodeAffinity: Type.Optional(NodeAffinity),
  podAffinity: Type.Optional(PodAffinity),
  podAntiAffinity: Type.Optional(PodAffinity),
});
export type Affinity = Static<typeof Affinity>;

export const TopologySpreadConstraint = Type.Object({
  maxSkew: Type.Integer({ minimum: 1, maximum: 2147483647 }),
  topologyKey: QualifiedName,
  whenUnsatisfiable: Type.Enum(['DoNotSchedule', 'ScheduleAnyway'], { type: 'string' }),
  labelSelector: Type.Optional(LabelSelector),
  minDomains: Type.Optional(Type.Integer({ minimum: 1, maximum: 2147483647 })),
  nodeAffinityPolicy: Type.Optional(Type.Enum(['Honor', 'Ignore'], { type: 'string' })),
  nodeTaintsPolicy: Type.Optional(Type.Enum(['Honor', 'Ignore'], { type: 'string' })),
  matchLabelKeys: Type.Optional(Type.Array(QualifiedName)),
});
export type TopologySpreadConstraint = Static<typeof TopologySpreadConstraint>;

const Port = Type.Integer({ minimum: 1, maximum: 65535 });

export const ContainerPort = Type.Object({
  containerPort: Port,
  /** 0 means none, as in the API. */
  hostPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65535 })),
  hostIP: Type.Optional(Type.String()),
  protocol: Type.Optional(Type.Enum(['TCP', 'UDP', 'SCTP'], { type: 'string' })),
});
export type ContainerPort = Static<typeof ContainerPort>;

export const ResourceRequirements = Type.Object({
  requests: Type.Optional(ResourceList),
  limits: Type.Optional(ResourceList),
  claims: Type.Optional(
    Type.Array(Type.Object({ name: LabelName, request: Type.Optional(Type.String()) })),
  ),
});
export type ResourceRequirements = Static<typeof ResourceRequirements>;

export const Container = Type.Object({
  name: LabelName,
  resources: Type.Optional(ResourceRequirements),
  ports: Type.Optional(Type.Array(ContainerPort)),
  /** `Always` on an init container makes it a sidecar. */
  restartPolicy: Type.Optional(Type.Enum(['Always', 'OnFailure', 'Never'], { type: 'string' })),
});
export type Container = Static<typeof Container>;

/** Only what can tie a pod to a zone or a node, or count against an attach limit. */
export const Volume = Type.Object({
  name: Type.String({ minLength: 1 }),
  persistentVolumeClaim: Type.Optional(
    Type.Object({ claimName: ObjectName, readOnly: Type.Optional(Type.Boolean()) }),
  ),
  ephemeral: Type.Optional(
    Type.Object({
      volumeClaimTemplate: Type.Optional(
        Type.Object({
          spec: Type.Object({
            storageClassName: Type.Optional(Type.String()),
            volumeName: Type.Optional(Type.String()),
          }),
        }),
      ),
    }),
  ),
  awsElasticBlockStore: Type.Optional(
    Type.Object({ volumeID: Type.String(), readOnly: Type.Optional(Type.Boolean()) }),
  ),
});
export type Volume = Static<typeof Volume>;

/** Dynamic resource allocation: devices that a driver hands out. */
export const PodResourceClaim = Type.Object({
  name: LabelName,
  resourceClaimName: Type.Optional(Type.String()),
  resourceClaimTemplateName: Type.Optional(Type.String()),
});
export type PodResourceClaim = Static<typeof PodResourceClaim>;

export const PodSpec = Type.Object({
  nodeName: Type.Optional(Type.String()),
  nodeSelector: Type.Optional(Labels),
  affinity: Type.Optional(Affinity),
  tolerations: Type.Optional(Type.Array(Toleration)),
  topologySpreadConstraints: Type.Optional(Type.Array(TopologySpreadConstraint)),
  containers: Type.Array(Container, { minItems: 1 }),
  initContainers: Type.Optional(Type.Array(Container)),
  overhead: Type.Optional(ResourceList),
  /** Pod-level resources: replace the sum over containers for the resources they name. */
  resources: Type.Optional(ResourceRequirements),
  resourceClaims: Type.Optional(Type.Array(PodResourceClaim)),
  volumes: Type.Optional(Type.Array(Volume)),
  schedulingGates: Type.Optional(Type.Array(Type.Object({ name: QualifiedName }))),
  /** Membership in a PodGroup of `scheduling.k8s.io`. */
  schedulingGroup: Type.Optional(Type.Object({ podGroupName: Type.Optional(ObjectName) })),
  schedulerName: Type.Optional(Type.String()),
  priorityClassName: Type.Optional(Type.String()),
  priority: Type.Optional(Int32),
  preemptionPolicy: Type.Optional(Type.Enum(['Never', 'PreemptLowerPriority'], { type: 'string' })),
  runtimeClassName: Type.Optional(Type.String()),
  hostNetwork: Type.Optional(Type.Boolean()),
  restartPolicy: Type.Optional(Type.Enum(['Always', 'OnFailure', 'Never'], { type: 'string' })),
  os: Type.Optional(Type.Object({ name: Type.Enum(['linux', 'windows'], { type: 'string' }) })),
  terminationGracePeriodSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
  activeDeadlineSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type PodSpec = Static<typeof PodSpec>;

export const Condition = Type.Object({
  type: Type.String(),
  status: Type.Enum(['True', 'False', 'Unknown'], { type: 'string' }),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  lastTransitionTime: Type.Optional(Time),
  observedGeneration: Type.Optional(Type.Integer()),
});
export type Condition = Static<typeof Condition>;

export const ContainerStatus = Type.Object({
  name: Type.String(),
  /** What the kubelet has reserved for the container; absent before in-place resize existed. */
  allocatedResources: Type.Optional(ResourceList),
  /** What the container really runs with. */
  resources: Type.Optional(ResourceRequirements),
});
export type ContainerStatus = Static<typeof ContainerStatus>;

export const PodStatus = Type.Object({
  phase: Type.Optional(
    Type.Enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'], { type: 'string' }),
  ),
  /** Why it is in this phase: `Evicted`, or `OutOfcpu` of a pod that its kubelet refused. */
  reason: Type.Optional(Type.String()),
  nominatedNodeName: Type.Optional(Type.String()),
  startTime: Type.Optional(Time),
  conditions: Type.Optional(Type.Array(Condition)),
  containerStatuses: Type.Optional(Type.Array(ContainerStatus)),
  initContainerStatuses: Type.Optional(Type.Array(ContainerStatus)),
  resources: Type.Optional(ResourceRequirements),
  allocatedResources: Type.Optional(ResourceList),
});
export type PodStatus = Static<typeof PodStatus>;

export const Pod = Type.Object({
  metadata: ObjectMeta,
  spec: PodSpec,
  status: Type.Optional(PodStatus),
});
export type Pod = Static<typeof Pod>;

export const PodTemplateSpec = Type.Object({
  metadata: Type.Optional(TemplateMeta),
  spec: PodSpec,
});
export type PodTemplateSpec = Static<typeof PodTemplateSpec>;

export const Node = Type.Object({
  metadata: ObjectMeta,
  spec: Type.Optional(
    Type.Object({
      providerID: Type.Optional(Type.String()),
      unschedulable: Type.Optional(Type.Boolean()),
      taints: Type.Optional(Type.Array(Taint)),
    }),
  ),
  status: Type.Optional(
    Type.Object({
      capacity: Type.Optional(ResourceList),
      allocatable: Type.Optional(ResourceList),
      conditions: Type.Optional(Type.Array(Condition)),
      nodeInfo: Type.Optional(Type.Object({ kubeletVersion: Type.Optional(Type.String()) })),
    }),
  ),
});
export type Node = Static<typeof Node>;

export const DaemonSet = Type.Object({
  metadata: ObjectMeta,
  spec: Type.Object({ selector: Type.Optional(LabelSelector), template: PodTemplateSpec }),
});
export type DaemonSet = Static<typeof DaemonSet>;

export const PriorityClass = Type.Object({
  metadata: ObjectMeta,
  value: Int32,
  globalDefault: Type.Optional(Type.Boolean()),
  preemptionPolicy: Type.Optional(Type.Enum(['Never', 'PreemptLowerPriority'], { type: 'string' })),
});
export type PriorityClass = Static<typeof PriorityClass>;

/** What a container runtime costs and where it is installed; added to the pods that name it. */
export const RuntimeClass = Type.Object({
  metadata: ObjectMeta,
  overhead: Type.Optional(Type.Object({ podFixed: Type.Optional(ResourceList) })),
  scheduling: Type.Optional(
    Type.Object({
      nodeSelector: Type.Optional(Labels),
      tolerations: Type.Optional(Type.Array(Toleration)),
    }),
  ),
});
export type RuntimeClass = Static<typeof RuntimeClass>;

export const Namespace = Type.Object({ metadata: ObjectMeta });
export type Namespace = Static<typeof Namespace>;
