/**
 * User data of AL2: /etc/eks/bootstrap.sh, after the user's own parts.
 *
 * In: a bootstrap. Out: a MIME archive. Settings of the kubelet become its flags, so only those exist
 * that have one; others are refused when the node class is validated. Source: bootstrap.sh of
 * awslabs/amazon-eks-ami.
 */
import type { KubeletStatement } from '../kubelet-statement.ts';
import { type Bootstrap, labelsText, sorted, taintText } from './bootstrap.ts';
import { mimeArchive, mimePart, mimeParts } from './mime.ts';

const scriptType = 'text/x-shellscript; charset="us-ascii"';

export function al2UserData(bootstrap: Bootstrap): string {
  const { custom } = bootstrap;
  const parts = custom === undefined || custom.trim() === '' ? [] : mimeParts(custom);
  const own =
    parts === undefined || typeof parts === 'string' ? [mimePart(scriptType, custom ?? '')] : parts;
  return mimeArchive([...own, mimePart(scriptType, bootstrapScript(bootstrap))]);
}

function bootstrapScript({ cluster, kubelet, labels, taints, joinsLocalDisks }: Bootstrap): string {
  const [dnsAddress] = kubelet.clusterDNS ?? [];
  const flags = [
    ...kubeletFlags(kubelet),
    ...(Object.keys(labels).length === 0 ? [] : [`--node-labels=${labelsText(labels)}`]),
    `--register-with-taints=${taints.map(taintText).join(',')}`,
  ];
  const options = [
    `--apiserver-endpoint ${quoted(cluster.endpoint)}`,
    `--b64-cluster-ca ${quoted(cluster.certificateAuthority)}`,
    ...(cluster.isIPv6
      ? ['--ip-family ipv6', `--service-ipv6-cidr ${quoted(cluster.serviceCidr)}`]
      : []),
    ...(dnsAddress === undefined ? [] : [`--dns-cluster-ip ${quoted(dnsAddress)}`]),
    '--use-max-pods false',
    ...(joinsLocalDisks ? ['--local-disks raid0'] : []),
    `--kubelet-extra-args ${quoted(flags.join(' '))}`,
  ];
  return [
    '#!/bin/bash -xe',
    'exec > >(tee /var/log/user-data.log|logger -t user-data -s 2>/dev/console) 2>&1',
    `/etc/eks/bootstrap.sh ${quoted(cluster.name)} \\`,
    ...options.map((option, at) => `  ${option}${at < options.length - 1 ? ' \\' : ''}`),
    '',
  ].join('\n');
}

/** Flags in a fixed order, for those settings that have one. systemd runs them, no shell: no quotes. */
function kubeletFlags(kubelet: KubeletStatement): readonly string[] {
  const flags: string[] = [];
  const add = (flag: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined) flags.push(`--${flag}=${String(value)}`);
  };
  const addMap = (flag: string, map: unknown, between: string): void => {
    const entries = sorted((map ?? {}) as Readonly<Record<string, string>>);
    if (entries.length > 0) add(flag, entries.map((entry) => entry.join(between)).join(','));
  };
  add('max-pods', kubelet.maxPods);
  add('pods-per-core', kubelet.podsPerCore);
  addMap('system-reserved', kubelet.systemReserved, '=');
  addMap('kube-reserved', kubelet.kubeReserved, '=');
  addMap('eviction-hard', kubelet.evictionHard, '<');
  addMap('eviction-soft', kubelet['evictionSoft'], '<');
  addMap('eviction-soft-grace-period', kubelet['evictionSoftGracePeriod'], '=');
  add('eviction-max-pod-grace-period', kubelet.evictionMaxPodGracePeriod);
  add('image-gc-high-threshold', kubelet.imageGCHighThresholdPercent);
  add('image-gc-low-threshold', kubelet.imageGCLowThresholdPercent);
  add('cpu-cfs-quota', kubelet.cpuCFSQuota);
  return flags;
}

/** For a shell, where it means something there; single quotes nest by `'"'"'`. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]*$/.test(text) && text !== '' ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
