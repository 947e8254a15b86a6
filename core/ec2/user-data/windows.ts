/**
 * User data of Windows: PowerShell that starts the EKS bootstrap, after the user's own.
 *
 * In: a bootstrap. Out: one `<powershell>` block. Source: Start-EKSBootstrap.ps1 of the EKS optimized
 * Windows images.
 */
import { type Bootstrap, labelsText, sorted, taintText } from './bootstrap.ts';

export function windowsUserData({ cluster, kubelet, labels, taints, custom }: Bootstrap): string {
  const [dnsAddress] = kubelet.clusterDNS ?? [];
  const flags = [
    `--max-pods=${kubelet.maxPods}`,
    ...reserved('kube-reserved', kubelet.kubeReserved, '='),
    ...reserved('system-reserved', kubelet.systemReserved, '='),
    ...reserved('eviction-hard', kubelet.evictionHard, '<'),
    ...(Object.keys(labels).length === 0 ? [] : [`--node-labels="${labelsText(labels)}"`]),
    `--register-with-taints="${taints.map(taintText).join(',')}"`,
  ];
  return [
    '<powershell>',
    ...(custom === undefined || custom.trim() === '' ? [] : [innerScript(custom)]),
    '[string]$EKSBootstrapScriptFile = "$env:ProgramFiles\\Amazon\\EKS\\Start-EKSBootstrap.ps1"',
    [
      '& $EKSBootstrapScriptFile',
      `-EKSClusterName ${quoted(cluster.name)}`,
      `-APIServerEndpoint ${quoted(cluster.endpoint)}`,
      `-Base64ClusterCA ${quoted(cluster.certificateAuthority)}`,
      `-KubeletExtraArgs ${quoted(flags.join(' '))}`,
      ...(dnsAddress === undefined ? [] : [`-DNSClusterIP ${quoted(dnsAddress)}`]),
    ].join(' '),
    '</powershell>',
    '',
  ].join('\n');
}

/** The kubelet on Windows takes memory and disk thresholds alone. */
const windowsSignals = new Set(['memory.available', 'nodefs.available', 'imagefs.available']);

function reserved(
  flag: string,
  map: Readonly<Record<string, string>> | undefined,
  between: string,
): readonly string[] {
  const entries = sorted(map ?? {}).filter(([key]) => between === '=' || windowsSignals.has(key));
  const text = entries.map((entry) => entry.join(between)).join(',');
  return entries.length === 0 ? [] : [`--${flag}="${text}"`];
}

/** The user's script without its own tags: EC2Launch runs the first block only. */
function innerScript(custom: string): string {
  const match = /<powershell>([\s\S]*?)<\/powershell>/i.exec(custom);
  return (match?.[1] ?? custom).trim();
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
