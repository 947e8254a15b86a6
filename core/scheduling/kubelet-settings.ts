/**
 * What a node class's kubelet settings take away from a node.
 *
 * In: an EC2NodeClass. Out: pod limits, reserved resources and eviction thresholds in integers, with
 * the defaults of Karpenter 1.14 (reference/karpenter.md 3.1). Soft eviction thresholds are not read:
 * they evict, but nobody subtracts them from allocatable. It knows no instance type.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import { bytesOf, parseQuantity, requestedResources } from './quantity.ts';
import type { Resources } from './resources.ts';

/** What must stay free before the kubelet evicts: an amount, or billionths of a percent. */
export type EvictionThreshold = { readonly bytes: number } | { readonly nanoPercent: bigint };

export interface KubeletSettings {
  /** Pods per node; undefined leaves it to family and network interfaces. */
  readonly maxPods: number | undefined;
  /** Pods per vCPU; 0 if not limited. */
  readonly podsPerCore: number;
  /** Only the keys that the node class sets; they replace the computed amounts. */
  readonly kubeReserved: Resources;
  readonly systemReserved: Resources;
  readonly evictionMemory: EvictionThreshold;
  readonly evictionStorage: EvictionThreshold;
}

const nanosPerPercent = 10n ** 9n;
/** Eviction thresholds of a kubelet that is told none. */
export const defaultMemoryThreshold = '100Mi';
export const defaultStorageThreshold = '10%';

/**
 * Settings of a node class, Karpenter's defaults where it sets none; of `undefined`, all defaults.
 * @throws InputError if an amount is not a quantity
 */
export function kubeletSettings(nodeClass: EC2NodeClass | undefined): KubeletSettings {
  const kubelet = nodeClass?.spec.kubelet ?? {};
  const { maxPods, podsPerCore, kubeReserved, systemReserved, evictionHard } = kubelet;
  return {
    maxPods,
    podsPerCore: podsPerCore ?? 0,
    kubeReserved: requestedResources(kubeReserved ?? {}),
    systemReserved: requestedResources(systemReserved ?? {}),
    evictionMemory: threshold(evictionHard?.['memory.available'] ?? defaultMemoryThreshold),
    evictionStorage: threshold(evictionHard?.['nodefs.available'] ?? defaultStorageThreshold),
  };
}

/** Bytes that a threshold keeps free of a capacity, rounded up. */
export function thresholdBytes(threshold: EvictionThreshold, capacityBytes: number): number {
  if ('bytes' in threshold) return threshold.bytes;
  const divisor = 100n * nanosPerPercent;
  return Number((BigInt(capacityBytes) * threshold.nanoPercent + divisor - 1n) / divisor);
}

/** A quantity, or a percentage of capacity; 100 % switches the threshold off, as in the kubelet. */
function threshold(text: string): EvictionThreshold {
  if (!text.endsWith('%')) return { bytes: bytesOf(text) };
  const nanoPercent = parseQuantity(text.slice(0, -1));
  return nanoPercent === 100n * nanosPerPercent ? { bytes: 0 } : { nanoPercent };
}
