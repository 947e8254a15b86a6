/**
 * User data of Bottlerocket: settings, merged into the user's own.
 *
 * In: a bootstrap, the user's settings as they were parsed. Out: settings to be written as TOML. What
 * we say of Kubernetes wins over the user's, everything else of the user's stays. Reading and writing
 * TOML is the caller's. Source: settings.kubernetes.* of Bottlerocket.
 */
import type { KubeletStatement } from '../kubelet-statement.ts';
import { type Bootstrap, sorted } from './bootstrap.ts';

export type Settings = Readonly<Record<string, unknown>>;

/** Joins the local disks before anything mounts them. */
const localDisksCommand = {
  commands: [
    ['apiclient', 'ephemeral-storage', 'init'],
    [
      'apiclient',
      'ephemeral-storage',
      'bind',
      '--dirs',
      '/var/lib/containerd',
      '/var/lib/kubelet',
      '/var/log/pods',
    ],
  ],
  mode: 'always',
  essential: true,
};

export function bottlerocketSettings(bootstrap: Bootstrap, user: Settings): Settings {
  const { cluster, kubelet, labels, taints, joinsLocalDisks } = bootstrap;
  const [dnsAddress] = kubelet.clusterDNS ?? [];
  const ours = {
    settings: {
      kubernetes: {
        'api-server': cluster.endpoint,
        'cluster-certificate': cluster.certificateAuthority,
        'cluster-name': cluster.name,
        ...(dnsAddress === undefined ? {} : { 'cluster-dns-ip': dnsAddress }),
        ...kubeletSettings(kubelet),
        'node-labels': Object.fromEntries(sorted(labels)),
        'node-taints': taintsByKey(taints),
      },
      ...(joinsLocalDisks
        ? { 'bootstrap-commands': { '000-mount-instance-storage': localDisksCommand } }
        : {}),
    },
  };
  return merged(user, ours);
}

function kubeletSettings(kubelet: KubeletStatement): Settings {
  const settings = {
    'max-pods': kubelet.maxPods,
    'kube-reserved': kubelet.kubeReserved,
    'system-reserved': kubelet.systemReserved,
    'eviction-hard': kubelet.evictionHard,
    'eviction-soft': kubelet['evictionSoft'],
    'eviction-soft-grace-period': kubelet['evictionSoftGracePeriod'],
    'eviction-max-pod-grace-period': kubelet['evictionMaxPodGracePeriod'],
    'image-gc-high-threshold-percent': textOf(kubelet['imageGCHighThresholdPercent']),
    'image-gc-low-threshold-percent': textOf(kubelet['imageGCLowThresholdPercent']),
    'cpu-cfs-quota-enforced': kubelet['cpuCFSQuota'],
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** These two are strings to Bottlerocket. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : undefined;
}

function taintsByKey(taints: Bootstrap['taints']): Readonly<Record<string, readonly string[]>> {
  const byKey: Record<string, string[]> = {};
  for (const { key, value = '', effect } of taints) (byKey[key] ??= []).push(`${value}:${effect}`);
  return byKey;
}

/** Tables merge field by field; anything else of `over` replaces. */
function merged(under: Settings, over: Settings): Settings {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isTable(below) && isTable(value) ? merged(below, value) : value;
  }
  return result;
}

function isTable(value: unknown): value is Settings {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    // TOML has dates too, which are no tables.
    !(value instanceof Date)
  );
}
