/**
 * `spec.kubelet` of an EC2NodeClass: the kubelet's own configuration, as far as it may be set.
 *
 * In: nothing. Out: a TypeBox schema and its static type. Fields that decide what a node offers to
 * pods are typed; every other field of the upstream v1beta1 KubeletConfiguration is accepted by
 * name and handed on unread; anything else is a typing error and refused. `registerWithTaints` is
 * not to be set: taints come from the NodePool.
 */
import { type Static, Type } from 'typebox';

const evictionSignals =
  '^(memory\\.available|nodefs\\.available|nodefs\\.inodesFree|imagefs\\.available|imagefs\\.inodesFree|pid\\.available)$';
const signalExpectation = {
  additionalProperties: false,
  expected:
    'memory.available, nodefs.available, nodefs.inodesFree, imagefs.available, imagefs.inodesFree or pid.available',
};

const EvictionThresholds = Type.Record(
  Type.String({ pattern: evictionSignals }),
  Type.String({
    pattern: '^([0-9]+(\\.[0-9]+)?%|[0-9]+(\\.[0-9]+)?([KMGTPE]i|[mkMGTPE])?)$',
    expected: 'a quantity or a percentage as a string, such as "100Mi" or "5%"',
  }),
  signalExpectation,
);

const GracePeriods = Type.Record(
  Type.String({ pattern: evictionSignals }),
  Type.String({
    pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$',
    expected: 'a duration such as 1m30s',
  }),
  signalExpectation,
);

const ReservedResources = Type.Record(
  Type.String({ pattern: '^(cpu|memory|ephemeral-storage|pid)$' }),
  Type.String({
    pattern: '^\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$',
    expected: 'a quantity of at least 0 as a string, such as "100m" or "1Gi"',
  }),
  { additionalProperties: false, expected: 'cpu, memory, ephemeral-storage or pid' },
);

const Count = Type.Integer({ minimum: 0, maximum: 2147483647 });
const Percentage = Type.Integer({ minimum: 0, maximum: 100 });

/** Upstream fields that change nothing about placement; their types are the kubelet's business. */
const unreadFields = [
  ['enableServer', 'staticPodPath', 'podLogsDir', 'syncFrequency', 'fileCheckFrequency'],
  ['httpCheckFrequency', 'staticPodURL', 'staticPodURLHeader', 'address', 'port', 'readOnlyPort'],
  ['tlsCertFile', 'tlsPrivateKeyFile', 'tlsCipherSuites', 'tlsCurvePreferences', 'tlsMinVersion'],
  ['rotateCertificates', 'serverTLSBootstrap', 'authentication', 'authorization'],
  ['registryPullQPS', 'registryBurst', 'imagePullCredentialsVerificationPolicy'],
  ['preloadedImagesVerificationAllowlist', 'eventRecordQPS', 'eventBurst'],
  ['enableDebuggingHandlers', 'enableContentionProfiling', 'healthzPort', 'healthzBindAddress'],
  ['oomScoreAdj', 'clusterDomain', 'streamingConnectionIdleTimeout', 'nodeStatusUpdateFrequency'],
  ['nodeStatusReportFrequency', 'nodeLeaseDurationSeconds', 'imageMinimumGCAge'],
  ['imageMaximumGCAge', 'volumeStatsAggPeriod', 'kubeletCgroups', 'systemCgroups', 'cgroupRoot'],
  ['cgroupsPerQOS', 'cgroupDriver', 'cpuManagerPolicy', 'singleProcessOOMKill'],
  ['cpuManagerPolicyOptions', 'cpuManagerReconcilePeriod', 'memoryManagerPolicy'],
  ['topologyManagerPolicy', 'topologyManagerScope', 'topologyManagerPolicyOptions', 'qosReserved'],
  ['runtimeRequestTimeout', 'hairpinMode', 'podCIDR', 'podPidsLimit', 'resolvConf', 'runOnce'],
  ['cpuCFSQuotaPeriod', 'nodeStatusMaxImages', 'maxOpenFiles', 'contentType', 'kubeAPIQPS'],
  ['kubeAPIBurst', 'serializeImagePulls', 'maxParallelImagePulls'],
  ['evictionPressureTransitionPeriod', 'evictionMinimumReclaim', 'mergeDefaultEvictionSettings'],
  ['enableControllerAttachDetach', 'protectKernelDefaults', 'makeIPTablesUtilChains'],
  ['iptablesMasqueradeBit', 'iptablesDropBit', 'featureGates', 'failSwapOn', 'memorySwap'],
  ['containerLogMaxSize', 'containerLogMaxFiles', 'containerLogMaxWorkers'],
  ['containerLogMonitorInterval', 'configMapAndSecretChangeDetectionStrategy'],
  ['reservedSystemCPUs', 'showHiddenMetricsForVersion', 'systemReservedCgroup'],
  ['kubeReservedCgroup', 'enforceNodeAllocatable', 'allowedUnsafeSysctls', 'defaultPodSysctls'],
  ['volumePluginDir', 'providerID', 'kernelMemcgNotification', 'logging'],
  ['enableSystemLogHandler', 'enableSystemLogQuery', 'shutdownGracePeriod'],
  ['shutdownGracePeriodCriticalPods', 'shutdownGracePeriodByPodPriority', 'crashLoopBackOff'],
  ['reservedMemory', 'enableProfilingHandler', 'enableDebugFlagsHandler', 'seccompDefault'],
  ['memoryThrottlingFactor', 'memoryReservationPolicy', 'registerNode', 'tracing'],
  ['localStorageCapacityIsolation', 'containerRuntimeEndpoint', 'imageServiceEndpoint'],
  ['failCgroupV1', 'userNamespaces'],
].flat();

export const KubeletConfiguration = Type.Object(
  {
    clusterDNS: Type.Optional(Type.Array(Type.String())),
    /** Pods per node, instead of what the network interfaces allow. */
    maxPods: Type.Optional(Count),
    podsPerCore: Type.Optional(Count),
    systemReserved: Type.Optional(ReservedResources),
    kubeReserved: Type.Optional(ReservedResources),
    evictionHard: Type.Optional(EvictionThresholds),
    evictionSoft: Type.Optional(EvictionThresholds),
    evictionSoftGracePeriod: Type.Optional(GracePeriods),
    evictionMaxPodGracePeriod: Type.Optional(Count),
    imageGCHighThresholdPercent: Type.Optional(Percentage),
    imageGCLowThresholdPercent: Type.Optional(Percentage),
    cpuCFSQuota: Type.Optional(Type.Boolean()),
  },
  {
    patternProperties: { [`^(${unreadFields.join('|')})$`]: {} },
    additionalProperties: false,
    expected: 'a field of KubeletConfiguration',
  },
);
export type KubeletConfiguration = Static<typeof KubeletConfiguration>;
