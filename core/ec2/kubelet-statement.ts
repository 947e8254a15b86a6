/**
 * The kubelet settings that a node is launched with: those that the packing model counted on.
 *
 * In: an EC2NodeClass, the pods that the model gives a type. Out: what user data states. It is made
 * from the same settings that `core/scheduling/allocatable.ts` subtracts: where the node class sets
 * only some eviction thresholds, the model's defaults are stated beside them, because a kubelet that
 * is told any takes none of its defaults. What the image computes by the same formula (the reserve of
 * Kubernetes' own processes, per type) is left to it unless the node class sets it.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import { amiFamily } from '../scheduling/ami-family.ts';
import { defaultMemoryThreshold, defaultStorageThreshold } from '../scheduling/kubelet-settings.ts';

/** Fields of KubeletConfiguration as a node class writes them. */
export type KubeletStatement = Readonly<Record<string, unknown>> & {
  readonly maxPods?: number;
  readonly podsPerCore?: number;
  readonly clusterDNS?: readonly string[];
  readonly kubeReserved?: Readonly<Record<string, string>>;
  readonly systemReserved?: Readonly<Record<string, string>>;
  readonly evictionHard: Readonly<Record<string, string>>;
  readonly evictionMaxPodGracePeriod?: number;
  readonly imageGCHighThresholdPercent?: number;
  readonly imageGCLowThresholdPercent?: number;
  readonly cpuCFSQuota?: boolean;
};

/** The kubelet's own default, which it drops when it is told any threshold. */
const inodesThreshold = { 'nodefs.inodesFree': '5%' };

/**
 * @param maxPods of the type under the class: its `capacity.pods`
 * @param dnsAddresses of the cluster; the node class's own come first
 */
export function kubeletStatement(
  nodeClass: EC2NodeClass,
  maxPods: number,
  dnsAddresses: readonly string[],
): KubeletStatement {
  const kubelet = nodeClass.spec.kubelet ?? {};
  const { clusterDNS = dnsAddresses } = kubelet;
  const { podsPerCore, ...others } = kubelet;
  const honours = amiFamily(nodeClass).honoursPodsPerCore;
  return {
    ...others,
    // With podsPerCore the kubelet takes the smaller of both, as the model did.
    maxPods: kubelet.maxPods ?? maxPods,
    ...(podsPerCore === undefined || !honours ? {} : { podsPerCore }),
    ...(clusterDNS.length === 0 ? {} : { clusterDNS }),
    evictionHard: {
      'memory.available': defaultMemoryThreshold,
      'nodefs.available': defaultStorageThreshold,
      ...(kubelet.evictionHard === undefined ? inodesThreshold : {}),
      ...kubelet.evictionHard,
    },
  };
}
