/**
 * What a machine must learn to become a node, whatever its image.
 *
 * In: nothing. Out: types. Each AMI family writes it down in its own way, one file each.
 */
import type { Taint } from '../../api/kubernetes.ts';
import type { KubeletStatement } from '../kubelet-statement.ts';

/** The cluster that nodes join. */
export interface ClusterFacts {
  readonly name: string;
  /** As in `https://...eks.amazonaws.com`. */
  readonly endpoint: string;
  /** PEM bundle in base64. */
  readonly certificateAuthority: string;
  /** Range of Services, as in `10.100.0.0/16`. */
  readonly serviceCidr: string;
  readonly isIPv6: boolean;
  /** Of the DNS Service; empty where images find it themselves. */
  readonly dnsAddresses: readonly string[];
  /** As in `1.33`. */
  readonly kubernetesVersion: string;
}

export interface Bootstrap {
  readonly cluster: ClusterFacts;
  readonly kubelet: KubeletStatement;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** `spec.instanceStorePolicy: RAID0`. */
  readonly joinsLocalDisks: boolean;
  /** `spec.userData`. */
  readonly custom: string | undefined;
}

/** `key=value:effect`, as the kubelet's flag takes it. */
export function taintText({ key, value = '', effect }: Taint): string {
  return `${key}=${value}:${effect}`;
}

/** `a=1,b=2` in order of keys, as the kubelet's flag takes it. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return sorted(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** By key: the same node is described by the same text. */
export function sorted<V>(map: Readonly<Record<string, V>>): readonly [string, V][] {
  return Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
