/**
 * Names that the API agrees on: labels, annotations, taints, finalizers, resources.
 *
 * In: nothing. Out: constants, spelt as Kubernetes, Karpenter and the AWS provider spell them, so
 * that manifests and dashboards work unchanged; ours are under `stowage.dev/`. It decides nothing
 * but which older spelling of a label means which newer one.
 */
import type { Taint } from './kubernetes.ts';

export const karpenterGroup = 'karpenter.sh';
export const karpenterAwsGroup = 'karpenter.k8s.aws';
export const stowageGroup = 'stowage.dev';

// Labels of Kubernetes.
export const labelZone = 'topology.kubernetes.io/zone';
export const labelRegion = 'topology.kubernetes.io/region';
export const labelInstanceType = 'node.kubernetes.io/instance-type';
export const labelArch = 'kubernetes.io/arch';
export const labelOs = 'kubernetes.io/os';
export const labelHostname = 'kubernetes.io/hostname';
export const labelWindowsBuild = 'node.kubernetes.io/windows-build';
export const labelExcludeFromLoadBalancers =
  'node.kubernetes.io/exclude-from-external-load-balancers';
export const labelNamespaceName = 'kubernetes.io/metadata.name';
export const labelPodTemplateHash = 'pod-template-hash';
export const labelJobName = 'batch.kubernetes.io/job-name';
export const labelJobNameLegacy = 'job-name';

// Labels of Karpenter.
export const labelNodePool = 'karpenter.sh/nodepool';
export const labelCapacityType = 'karpenter.sh/capacity-type';
export const labelInitialized = 'karpenter.sh/initialized';
export const labelRegistered = 'karpenter.sh/registered';
export const labelDoNotSyncTaints = 'karpenter.sh/do-not-sync-taints';

// Labels of the AWS provider.
export const labelZoneId = 'topology.k8s.aws/zone-id';
export const labelNodeClass = 'karpenter.k8s.aws/ec2nodeclass';
/** The same for node classes of our group: Karpenter takes every node with its label for its own. */
export const labelStowageNodeClass = 'stowage.dev/ec2nodeclass';
/** The label that names the node class of a node, by the group of the class. */
export function nodeClassLabel(group: string): string {
  return group === stowageGroup ? labelStowageNodeClass : labelNodeClass;
}
export const labelCapacityReservationId = 'karpenter.k8s.aws/capacity-reservation-id';
export const labelCapacityReservationType = 'karpenter.k8s.aws/capacity-reservation-type';
export const labelCapacityReservationInterruptible =
  'karpenter.k8s.aws/capacity-reservation-interruptible';
export const labelInstanceHypervisor = 'karpenter.k8s.aws/instance-hypervisor';
export const labelInstanceEncryptionInTransit =
  'karpenter.k8s.aws/instance-encryption-in-transit-supported';
export const labelInstanceCategory = 'karpenter.k8s.aws/instance-category';
export const labelInstanceCapabilityFlex = 'karpenter.k8s.aws/instance-capability-flex';
export const labelInstanceFamily = 'karpenter.k8s.aws/instance-family';
export const labelInstanceGeneration = 'karpenter.k8s.aws/instance-generation';
export const labelInstanceLocalNvme = 'karpenter.k8s.aws/instance-local-nvme';
export const labelInstanceSize = 'karpenter.k8s.aws/instance-size';
export const labelInstanceCpu = 'karpenter.k8s.aws/instance-cpu';
export const labelInstanceCpuManufacturer = 'karpenter.k8s.aws/instance-cpu-manufacturer';
export const labelInstanceCpuClockSpeed =
  'karpenter.k8s.aws/instance-cpu-sustained-clock-speed-mhz';
/** Value in MiB. */
export const labelInstanceMemory = 'karpenter.k8s.aws/instance-memory';
/** Value in Mbps. */
export const labelInstanceEbsBandwidth = 'karpenter.k8s.aws/instance-ebs-bandwidth';
/** Value in Mbps. */
export const labelInstanceNetworkBandwidth = 'karpenter.k8s.aws/instance-network-bandwidth';
export const labelInstanceGpuName = 'karpenter.k8s.aws/instance-gpu-name';
export const labelInstanceGpuManufacturer = 'karpenter.k8s.aws/instance-gpu-manufacturer';
export const labelInstanceGpuCount = 'karpenter.k8s.aws/instance-gpu-count';
/** Value in MiB. */
export const labelInstanceGpuMemory = 'karpenter.k8s.aws/instance-gpu-memory';
export const labelInstanceAcceleratorName = 'karpenter.k8s.aws/instance-accelerator-name';
export const labelInstanceAcceleratorManufacturer =
  'karpenter.k8s.aws/instance-accelerator-manufacturer';
export const labelInstanceAcceleratorCount = 'karpenter.k8s.aws/instance-accelerator-count';
export const labelInstanceTenancy = 'karpenter.k8s.aws/instance-tenancy';
export const labelNitroSandbox = 'karpenter.k8s.aws/nitro-sandbox';
export const labelPlacementGroupId = 'karpenter.k8s.aws/placement-group-id';
export const labelPlacementGroupPartition = 'karpenter.k8s.aws/placement-group-partition';

/** Values of {@link labelCapacityType}. */
export const capacityTypes = ['on-demand', 'spot', 'reserved'] as const;
export type CapacityType = (typeof capacityTypes)[number];

/** Values of {@link labelInstanceTenancy}. */
export const tenancies = ['default', 'dedicated'] as const;

/** Labels that a node may turn out to have even though its pool does not mention them. */
export const wellKnownLabels: ReadonlySet<string> = new Set([
  labelNodePool,
  labelZone,
  labelRegion,
  labelInstanceType,
  labelArch,
  labelOs,
  labelCapacityType,
  labelWindowsBuild,
  labelZoneId,
  labelNodeClass,
  labelStowageNodeClass,
  labelCapacityReservationId,
  labelCapacityReservationType,
  labelCapacityReservationInterruptible,
  labelInstanceHypervisor,
  labelInstanceEncryptionInTransit,
  labelInstanceCategory,
  labelInstanceCapabilityFlex,
  labelInstanceFamily,
  labelInstanceGeneration,
  labelInstanceLocalNvme,
  labelInstanceSize,
  labelInstanceCpu,
  labelInstanceCpuManufacturer,
  labelInstanceCpuClockSpeed,
  labelInstanceMemory,
  labelInstanceEbsBandwidth,
  labelInstanceNetworkBandwidth,
  labelInstanceGpuName,
  labelInstanceGpuManufacturer,
  labelInstanceGpuCount,
  labelInstanceGpuMemory,
  labelInstanceAcceleratorName,
  labelInstanceAcceleratorManufacturer,
  labelInstanceAcceleratorCount,
  labelInstanceTenancy,
  labelNitroSandbox,
  labelPlacementGroupId,
  labelPlacementGroupPartition,
]);

/** Older spelling of a label key -> the one that nodes are matched by. */
export const labelAliases: ReadonlyMap<string, string> = new Map([
  ['failure-domain.beta.kubernetes.io/zone', labelZone],
  ['failure-domain.beta.kubernetes.io/region', labelRegion],
  ['beta.kubernetes.io/arch', labelArch],
  ['beta.kubernetes.io/os', labelOs],
  ['beta.kubernetes.io/instance-type', labelInstanceType],
  ['topology.ebs.csi.aws.com/zone', labelZone],
]);

/** The current spelling of a label key; keys without an alias are returned as they are. */
export function normalizedLabelKey(key: string): string {
  return labelAliases.get(key) ?? key;
}

/** Domains whose labels only the controllers may set, unless the label is well known. */
export const restrictedLabelDomains: readonly string[] = [karpenterGroup, karpenterAwsGroup];

/**
 * True if a user may not put this label on nodes: the hostname, the pool's name, and anything
 * below the controllers' domains that is not well known.
 */
export function isRestrictedLabel(key: string): boolean {
  if (key === labelHostname || key === labelNodePool) {
    return true;
  }
  if (wellKnownLabels.has(key)) {
    return false;
  }
  const slash = key.indexOf('/');
  const domain = slash < 0 ? '' : key.slice(0, slash);
  return restrictedLabelDomains.some((one) => domain === one || domain.endsWith(`.${one}`));
}

// Annotations.
export const annotationDoNotDisrupt = 'karpenter.sh/do-not-disrupt';
export const annotationNodePoolHash = 'karpenter.sh/nodepool-hash';
export const annotationNodePoolHashVersion = 'karpenter.sh/nodepool-hash-version';
export const annotationTerminationTimestamp = 'karpenter.sh/nodeclaim-termination-timestamp';
export const annotationMinValuesRelaxed = 'karpenter.sh/nodeclaim-min-values-relaxed';
export const annotationRequestedDraDrivers = 'karpenter.sh/requested-dra-drivers';
export const annotationPriceOverlayApplied = 'karpenter.sh/price-overlay-applied';
export const annotationCapacityOverlayApplied = 'karpenter.sh/capacity-overlay-applied';
export const annotationCapacityBufferFakePod = 'karpenter.sh/capacity-buffer-fake-pod';
export const annotationCapacityBufferName = 'karpenter.sh/capacity-buffer-name';
export const annotationCapacityBufferNamespace = 'karpenter.sh/capacity-buffer-namespace';
export const annotationCompatibilityProvider = 'compatibility.karpenter.sh/provider';
export const annotationNodeClassHash = 'karpenter.k8s.aws/ec2nodeclass-hash';
export const annotationNodeClassHashVersion = 'karpenter.k8s.aws/ec2nodeclass-hash-version';
export const annotationTagged = 'karpenter.k8s.aws/tagged';
export const annotationInstanceProfileName = 'karpenter.k8s.aws/instance-profile-name';
export const annotationClusterNameTagged = 'compatibility.karpenter.k8s.aws/cluster-name-tagged';
/** Marks the API server's image of a pod that a kubelet runs from a file. */
export const annotationMirrorPod = 'kubernetes.io/config.mirror';
export const annotationLastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

// Taints.
/** Drawn before a node drains. */
export const disruptedTaint: Readonly<Taint> = {
  key: 'karpenter.sh/disrupted',
  effect: 'NoSchedule',
};
/** On a node from its first moment until its NodeClaim has recognised it. */
export const unregisteredTaint: Readonly<Taint> = {
  key: 'karpenter.sh/unregistered',
  effect: 'NoExecute',
};
/** On a node until the pods that it was launched for are bound to it. */
export const reservedTaint: Readonly<Taint> = {
  key: 'stowage.dev/reserved',
  effect: 'NoSchedule',
};

/** Keys of taints that a starting node sheds by itself; not held against it before that. */
export const ephemeralTaintKeys: ReadonlySet<string> = new Set([
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/unreachable',
  'node.cloudprovider.kubernetes.io/uninitialized',
  unregisteredTaint.key,
]);
/** Taint keys below this prefix are ephemeral too. */
export const ephemeralTaintPrefix = 'readiness.k8s.io/';

// Finalizers.
export const terminationFinalizer = 'karpenter.sh/termination';
export const nodeClassTerminationFinalizer = 'karpenter.k8s.aws/termination';

// Extended resources.
export const resourceNvidiaGpu = 'nvidia.com/gpu';
export const resourceAmdGpu = 'amd.com/gpu';
export const resourceNeuron = 'aws.amazon.com/neuron';
export const resourceNeuronCore = 'aws.amazon.com/neuroncore';
export const resourceGaudi = 'habana.ai/gaudi';
export const resourcePodEni = 'vpc.amazonaws.com/pod-eni';
export const resourcePrivateIPv4 = 'vpc.amazonaws.com/PrivateIPv4Address';
export const resourceEfa = 'vpc.amazonaws.com/efa';
export const resourceNitroSandbox = 'eks.amazonaws.com/nitro-sandbox';
