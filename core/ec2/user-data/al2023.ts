/**
 * User data of AL2023: nodeadm's NodeConfig, with the user's own parts before it.
 *
 * In: a bootstrap. Out: a MIME archive. The user's part may be an archive, a NodeConfig or a script.
 * nodeadm merges NodeConfigs in order, the later one wins, so ours stands last: the kubelet is what
 * the plan counted on, and who wants other settings sets `spec.kubelet`. Source: nodeadm's API
 * node.eks.aws/v1alpha1.
 */
import { type Bootstrap, labelsText } from './bootstrap.ts';
import { type MimePart, mimeArchive, mimePart, mimeParts } from './mime.ts';
import { yamlText } from './yaml-text.ts';

const nodeConfigType = 'application/node.eks.aws';
const scriptType = 'text/x-shellscript; charset="us-ascii"';

/** The archive. A user's archive that cannot be read is handed on as a script, so validate first. */
export function al2023UserData(bootstrap: Bootstrap): string {
  return mimeArchive([
    ...customParts(bootstrap.custom),
    mimePart(nodeConfigType, nodeConfigText(bootstrap)),
  ]);
}

/** Why the user's part cannot be used; undefined if it can. */
export function mimeProblem(custom: string | undefined): string | undefined {
  const parts = custom === undefined ? undefined : mimeParts(custom);
  return typeof parts === 'string' ? parts : undefined;
}

/** A user's text as parts: those of an archive, a NodeConfig, else a script. */
function customParts(custom: string | undefined): readonly MimePart[] {
  if (custom === undefined || custom.trim() === '') return [];
  const parts = mimeParts(custom);
  if (parts !== undefined && typeof parts !== 'string') return parts;
  const isNodeConfig = /^\s*apiVersion:\s*['"]?node\.eks\.aws\//m.test(custom);
  return [mimePart(isNodeConfig ? nodeConfigType : scriptType, custom)];
}

function nodeConfigText({ cluster, kubelet, labels, taints, joinsLocalDisks }: Bootstrap): string {
  return yamlText({
    apiVersion: 'node.eks.aws/v1alpha1',
    kind: 'NodeConfig',
    spec: {
      cluster: {
        name: cluster.name,
        apiServerEndpoint: cluster.endpoint,
        certificateAuthority: cluster.certificateAuthority,
        cidr: cluster.serviceCidr,
      },
      kubelet: {
        config: {
          ...kubelet,
          registerWithTaints: taints.map(({ key, value, effect }) => ({ key, value, effect })),
        },
        ...(Object.keys(labels).length === 0
          ? {}
          : { flags: [`--node-labels=${labelsText(labels)}`] }),
      },
      ...(joinsLocalDisks ? { instance: { localStorage: { strategy: 'RAID0' } } } : {}),
    },
  });
}
