/** Machines register as their user data says, in the format of each image family. */
import t from 'tap';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { kubeletStatement } from '../../../core/ec2/kubelet-statement.ts';
import { userData } from '../../../core/ec2/user-data/user-data.ts';
import { toml } from '../../../extender/adapters/ec2/toml.ts';
import { readMachineUserData } from '../../../sim/wire/machine-user-data.ts';
import { flagsOf, shellWords } from '../../../sim/wire/shell-words.ts';

const labels = { 'karpenter.sh/nodepool': 'default', team: 'a' };
const taints = [
  { key: 'karpenter.sh/unregistered', effect: 'NoExecute' },
  { key: 'dedicated', value: 'batch', effect: 'NoSchedule' },
] as const;
const cluster = {
  name: 'simulated',
  endpoint: 'https://127.0.0.1:6443',
  certificateAuthority: 'Y2E=',
  serviceCidr: '172.20.0.0/16',
  isIPv6: false,
  dnsAddresses: ['172.20.0.10'],
  kubernetesVersion: '1.32',
};

function nodeClass(alias: string, custom?: string): EC2NodeClass {
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'default' },
    spec: {
      amiSelectorTerms: [{ alias }],
      subnetSelectorTerms: [{ id: 'subnet-1' }],
      securityGroupSelectorTerms: [{ id: 'sg-1' }],
      kubelet: { systemReserved: { cpu: '100m', memory: '200Mi' } },
      ...(custom === undefined ? {} : { userData: custom }),
    },
  } as unknown as EC2NodeClass;
}

const customs: Readonly<Record<string, readonly (string | undefined)[]>> = {
  'al2023@latest': [undefined, '#!/bin/bash\necho hello'],
  'al2@latest': [undefined, "#!/bin/bash\necho 'quoted'"],
  'bottlerocket@latest': [undefined, '[settings.motd]\ntext = "hi"\n'],
  'windows2022@latest': [undefined, '<powershell>Write-Host hi</powershell>'],
};

for (const [alias, texts] of Object.entries(customs)) {
  t.test(`what the provider writes for ${alias} makes the node that it wants`, async (t) => {
    for (const custom of texts) {
      const one = nodeClass(alias, custom);
      const bootstrap = {
        cluster,
        kubelet: kubeletStatement(one, 58, cluster.dnsAddresses),
        labels,
        taints,
        joinsLocalDisks: alias === 'al2023@latest',
        custom,
      };
      const made = userData(one, bootstrap, toml);
      if (!('text' in made)) throw new Error(made.problem);
      const read = readMachineUserData(made.text);
      t.strictSame({ ...read?.labels }, labels);
      t.strictSame(
        (read?.taints ?? [])
          .map(({ key, value = '', effect }) => `${key}=${value}:${effect}`)
          .sort(),
        ['dedicated=batch:NoSchedule', 'karpenter.sh/unregistered=:NoExecute'],
      );
      t.match(read?.nodeClass?.spec.kubelet, {
        maxPods: 58,
        systemReserved: { cpu: '100m', memory: '200Mi' },
      });
      t.equal(read?.nodeClass?.spec.instanceStorePolicy === 'RAID0', bootstrap.joinsLocalDisks);
    }
  });
}

t.test('text that no image understands joins no cluster', async (t) => {
  for (const text of ['', '#!/bin/bash\necho hello', 'not = [toml', 'kind: Pod', '{broken']) {
    t.equal(readMachineUserData(text), undefined, text);
  }
});

t.test('NodeConfigs are merged in order', async (t) => {
  const part = (maxPods: number, label: string) =>
    [
      'Content-Type: application/node.eks.aws',
      '',
      'apiVersion: node.eks.aws/v1alpha1',
      'kind: NodeConfig',
      'spec:',
      '  cluster: {name: a, apiServerEndpoint: b}',
      `  kubelet: {config: {maxPods: ${maxPods}, ${label}}}`,
    ].join('\n');
  const text = [
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="X"',
    '',
    '--X',
    part(10, 'podsPerCore: 4'),
    '--X',
    part(20, 'cpuCFSQuota: false'),
    '--X--',
    '',
  ].join('\n');
  const { kubelet } = readMachineUserData(text)?.nodeClass?.spec ?? {};
  t.strictSame(kubelet, { maxPods: 20, podsPerCore: 4, cpuCFSQuota: false });
});

t.test('words are split as a shell does', async (t) => {
  t.strictSame(shellWords(`a 'b c' "d \\" e" f\\ g \\\n h'i'"'"j`), [
    'a',
    'b c',
    'd " e',
    'f g',
    `hi'j`,
  ]);
  t.strictSame(
    [...flagsOf(['--a=1', '--b', '2', '--c', '--d'])],
    [
      ['a', '1'],
      ['b', '2'],
      ['c', 'true'],
      ['d', 'true'],
    ],
  );
});
