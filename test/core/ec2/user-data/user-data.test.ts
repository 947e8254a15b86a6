/** User data of every AMI family, against golden files; and that kubelets get what plans count on. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse as parseYaml } from 'yaml';
import { loadCatalogue } from '../../../../catalogue/loader.ts';
import type { EC2NodeClass, EC2NodeClassSpec } from '../../../../core/api/ec2nodeclass.ts';
import { kubeletStatement } from '../../../../core/ec2/kubelet-statement.ts';
import type { Bootstrap } from '../../../../core/ec2/user-data/bootstrap.ts';
import { mimeParts } from '../../../../core/ec2/user-data/mime.ts';
import { userData } from '../../../../core/ec2/user-data/user-data.ts';
import { resolveInstanceType } from '../../../../core/scheduling/allocatable.ts';
import { toml } from '../../../../extender/adapters/ec2/toml.ts';

const folder = join(import.meta.dirname, '../../../golden/user-data');

function classOf(alias: string, spec: Partial<EC2NodeClassSpec> = {}): EC2NodeClass {
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'default' },
    spec: {
      amiSelectorTerms: [alias === 'custom' ? { id: 'ami-1' } : { alias: `${alias}@latest` }],
      ...(alias === 'custom' ? { amiFamily: 'Custom' as const } : {}),
      subnetSelectorTerms: [{ id: 'subnet-1' }],
      securityGroupSelectorTerms: [{ id: 'sg-1' }],
      role: 'node',
      ...spec,
    },
  };
}

function bootstrapOf(nodeClass: EC2NodeClass, maxPods = 29): Bootstrap {
  return {
    cluster: {
      name: 'prod',
      endpoint: 'https://example.eks.amazonaws.com',
      certificateAuthority: 'Q0E=',
      serviceCidr: '10.100.0.0/16',
      isIPv6: false,
      dnsAddresses: ['10.100.0.10'],
      kubernetesVersion: '1.33',
    },
    kubelet: kubeletStatement(nodeClass, maxPods, ['10.100.0.10']),
    labels: { 'karpenter.sh/nodepool': 'general', team: 'a' },
    taints: [
      { key: 'stowage.dev/reserved', effect: 'NoSchedule' },
      { key: 'dedicated', value: 'batch', effect: 'NoExecute' },
    ],
    joinsLocalDisks: nodeClass.spec.instanceStorePolicy === 'RAID0',
    custom: nodeClass.spec.userData,
  };
}

function textOf(nodeClass: EC2NodeClass): string {
  const made = userData(nodeClass, bootstrapOf(nodeClass), toml);
  return 'text' in made ? made.text : `problem: ${made.problem}`;
}

const script = '#!/bin/bash\necho "$(hostname)"\n';
const nodeConfig = [
  'apiVersion: node.eks.aws/v1alpha1',
  'kind: NodeConfig',
  'spec:',
  '  featureGates:',
  '    InstanceIdNodeName: true',
  '',
].join('\n');
const archive = [
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="BOUNDARY"',
  '',
  '--BOUNDARY',
  'Content-Type: text/x-shellscript; charset="us-ascii"',
  '',
  'echo // from a part',
  '--BOUNDARY--',
].join('\n');
const kubelet = {
  maxPods: 42,
  podsPerCore: 8,
  systemReserved: { cpu: '100m', memory: '100Mi' },
  kubeReserved: { memory: '1Gi' },
  evictionHard: { 'memory.available': '5%' },
  evictionSoft: { 'memory.available': '10%' },
  evictionSoftGracePeriod: { 'memory.available': '1m' },
  imageGCHighThresholdPercent: 85,
  clusterDNS: ['10.0.0.10'],
};

const cases: readonly (readonly [string, EC2NodeClass])[] = [
  ['al2023', classOf('al2023')],
  ['al2023-script', classOf('al2023', { userData: script, instanceStorePolicy: 'RAID0' })],
  ['al2023-node-config', classOf('al2023', { userData: nodeConfig, kubelet })],
  ['al2023-archive', classOf('al2023', { userData: archive })],
  ['al2', classOf('al2', { kubelet })],
  ['al2-script', classOf('al2', { userData: script, instanceStorePolicy: 'RAID0' })],
  ['bottlerocket', classOf('bottlerocket', { instanceStorePolicy: 'RAID0' })],
  [
    'bottlerocket-settings',
    classOf('bottlerocket', {
      kubelet,
      userData:
        '[settings.kubernetes]\nmax-pods = 7\nallowed-unsafe-sysctls = ["net.core.somaxconn"]\n[settings.motd]\n"text" = "hello"\n',
    }),
  ],
  ['windows2022', classOf('windows2022', { userData: 'Write-Host "it\'s here"' })],
  ['custom', classOf('custom', { userData: script })],
];

for (const [name, nodeClass] of cases) {
  t.test(`user data of ${name} is as recorded`, async (t) => {
    const path = join(folder, `${name}.txt`);
    if (process.env['STOWAGE_GOLDEN'] === 'write') writeFileSync(path, textOf(nodeClass));
    t.equal(textOf(nodeClass), readFileSync(path, 'utf8'));
  });
}

t.test('what a user wrote and cannot be read is said, not launched', async (t) => {
  t.match(
    textOf(classOf('al2023', { userData: 'MIME-Version: 1.0\n\nnothing' })),
    /^problem: spec\.userData: expected a boundary/,
  );
  t.match(
    textOf(classOf('bottlerocket', { userData: 'a = = 1' })),
    /^problem: spec\.userData: expected TOML/,
  );
});

t.test('a part that contains the separator gets another one', async (t) => {
  const text = textOf(classOf('al2023', { userData: '#!/bin/sh\n--// is here\n' }));
  const parts = mimeParts(text);
  t.equal(typeof parts === 'object' ? parts.length : parts, 2);
});

t.test('kubelets are told what plans count on, for every type', async (t) => {
  const options = { memoryOverhead: 'measured', reservedEnis: 0 } as const;
  let compared = 0;
  for (const nodeClass of [classOf('al2023'), classOf('al2023', { kubelet })]) {
    for (const facts of loadCatalogue().types) {
      const type = resolveInstanceType(facts, nodeClass, options);
      const data = userData(nodeClass, bootstrapOf(nodeClass, type.capacity['pods']), toml);
      const parts = mimeParts('text' in data ? data.text : '');
      const body = typeof parts === 'object' ? parts.at(-1)?.body : undefined;
      const { config } = parseYaml(body ?? '').spec.kubelet;
      const { registerWithTaints, ...stated } = config;
      t.ok(registerWithTaints.length > 0);
      // A kubelet that is told this offers exactly what was planned with.
      const real = resolveInstanceType(facts, classOf('al2023', { kubelet: stated }), options);
      compared += 1;
      const isEqual =
        JSON.stringify(real.allocatable) === JSON.stringify(type.allocatable) &&
        JSON.stringify(real.capacity) === JSON.stringify(type.capacity);
      if (!isEqual) t.strictSame([facts.name, real.allocatable], [facts.name, type.allocatable]);
    }
  }
  t.equal(compared, 2 * loadCatalogue().types.length);
});
