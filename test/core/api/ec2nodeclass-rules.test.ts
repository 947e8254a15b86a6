/** The rules that tie the fields of an EC2NodeClass together, as the API server applies them. */
import t from 'tap';
import type { EC2NodeClassSpec } from '../../../core/api/ec2nodeclass.ts';
import { nodeClassProblems } from '../../../core/api/ec2nodeclass-rules.ts';

function fieldsOf(changes: Partial<EC2NodeClassSpec>, without?: keyof EC2NodeClassSpec): string[] {
  const spec: EC2NodeClassSpec = {
    amiSelectorTerms: [{ alias: 'al2023@latest' }],
    subnetSelectorTerms: [{ tags: { team: '*' } }],
    securityGroupSelectorTerms: [{ tags: { team: 'a' } }],
    role: 'node',
    ...changes,
  };
  if (without !== undefined) {
    delete spec[without];
  }
  return nodeClassProblems({
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'c' },
    spec,
  }).map(({ field }) => field);
}

t.test('a class with every kind of setting is in order', async (t) => {
  t.strictSame(
    fieldsOf({
      subnetSelectorTerms: [{ id: 'subnet-1' }, { tags: { a: 'b' } }],
      securityGroupSelectorTerms: [{ name: 'nodes' }],
      capacityReservationSelectorTerms: [{ tags: { a: 'b' }, ownerID: '123456789012' }],
      placementGroupSelector: { name: 'together' },
      networkInterfaces: [
        { networkCardIndex: 0, deviceIndex: 0, interfaceType: 'interface' },
        { networkCardIndex: 1, deviceIndex: 1, interfaceType: 'efa-only' },
      ],
      blockDeviceMappings: [
        { deviceName: '/dev/xvda', rootVolume: true, ebs: { volumeSize: '100Gi' } },
        { ebs: { snapshotID: 'snap-1', volumeInitializationRate: 100 } },
      ],
      kubelet: {
        maxPods: 50,
        evictionSoft: { 'memory.available': '5%' },
        evictionSoftGracePeriod: { 'memory.available': '1m' },
        imageGCHighThresholdPercent: 80,
        imageGCLowThresholdPercent: 60,
      },
      tags: { team: 'a' },
    }),
    [],
  );
});

t.test('selector terms say something, and what identifies alone stands alone', async (t) => {
  t.strictSame(fieldsOf({ subnetSelectorTerms: [{}] }), ['spec.subnetSelectorTerms[0]']);
  t.strictSame(fieldsOf({ subnetSelectorTerms: [{ id: 'subnet-1', tags: { a: 'b' } }] }), [
    'spec.subnetSelectorTerms[0]',
  ]);
  t.strictSame(fieldsOf({ securityGroupSelectorTerms: [{ name: 'a', tags: { a: 'b' } }] }), [
    'spec.securityGroupSelectorTerms[0]',
  ]);
  t.strictSame(fieldsOf({ placementGroupSelector: { name: 'a', id: 'pg-1' } }), [
    'spec.placementGroupSelector',
  ]);
});

t.test('images come from one alias, or from terms with a stated family', async (t) => {
  t.strictSame(
    fieldsOf({ amiSelectorTerms: [{ alias: 'al2@latest' }, { id: 'ami-1' }], amiFamily: 'AL2' }),
    ['spec.amiSelectorTerms'],
  );
  t.strictSame(fieldsOf({ amiSelectorTerms: [{ id: 'ami-1' }] }), ['spec.amiFamily']);
  t.strictSame(fieldsOf({ amiSelectorTerms: [{ id: 'ami-1' }], amiFamily: 'AL2' }), []);
  t.strictSame(fieldsOf({ amiFamily: 'Bottlerocket' }), ['spec.amiFamily']);
  t.strictSame(fieldsOf({ amiFamily: 'Custom' }), []);
  t.strictSame(fieldsOf({ amiSelectorTerms: [{ alias: 'windows2022@v1' }] }), [
    'spec.amiSelectorTerms[0].alias',
  ]);
  t.strictSame(fieldsOf({ amiSelectorTerms: [{ owner: 'self' }], amiFamily: 'AL2' }), [
    'spec.amiSelectorTerms[0]',
  ]);
});

t.test('a class has a role or an instance profile', async (t) => {
  t.strictSame(fieldsOf({}, 'role'), ['spec.role']);
  t.strictSame(fieldsOf({ instanceProfile: 'p' }), ['spec.role']);
  t.strictSame(fieldsOf({ instanceProfile: 'p' }, 'role'), []);
});

t.test('tags of the controllers cannot be set', async (t) => {
  for (const key of [
    'eks:eks-cluster-name',
    'kubernetes.io/cluster/x',
    'karpenter.sh/nodepool',
    'karpenter.sh/nodeclaim',
    'karpenter.k8s.aws/ec2nodeclass',
    '',
  ]) {
    t.strictSame(fieldsOf({ tags: { [key]: 'x' } }), [`spec.tags["${key}"]`]);
  }
});

t.test('kubelet settings fit each other and the image', async (t) => {
  t.strictSame(fieldsOf({ kubelet: { evictionSoft: { 'memory.available': '5%' } } }), [
    'spec.kubelet.evictionSoftGracePeriod["memory.available"]',
  ]);
  t.strictSame(fieldsOf({ kubelet: { evictionSoftGracePeriod: { 'nodefs.available': '1m' } } }), [
    'spec.kubelet.evictionSoft["nodefs.available"]',
  ]);
  t.strictSame(
    fieldsOf({ kubelet: { imageGCHighThresholdPercent: 50, imageGCLowThresholdPercent: 50 } }),
    ['spec.kubelet.imageGCHighThresholdPercent'],
  );
  const kubelet = { maxPods: 5, cpuManagerPolicy: 'static' };
  t.strictSame(fieldsOf({ kubelet }), []);
  t.strictSame(fieldsOf({ kubelet, amiSelectorTerms: [{ alias: 'bottlerocket@latest' }] }), [
    'spec.kubelet.cpuManagerPolicy',
  ]);
});

t.test('volumes have a source, a size within bounds, and one root at most', async (t) => {
  const at = 'spec.blockDeviceMappings[0].ebs';
  const withVolume = (ebs: object) => fieldsOf({ blockDeviceMappings: [{ ebs }] });
  t.strictSame(withVolume({}), [at]);
  t.strictSame(withVolume({ volumeSize: '59001Gi' }), [`${at}.volumeSize`]);
  t.strictSame(withVolume({ volumeSize: '64001G' }), [`${at}.volumeSize`]);
  t.strictSame(withVolume({ volumeSize: '0Gi' }), [`${at}.volumeSize`]);
  t.strictSame(withVolume({ volumeSize: '57Ti' }), []);
  t.strictSame(withVolume({ volumeSize: '1Gi', volumeInitializationRate: 100 }), [
    `${at}.volumeInitializationRate`,
  ]);
  const root = { rootVolume: true, ebs: { volumeSize: '1Gi' } };
  t.strictSame(fieldsOf({ blockDeviceMappings: [root, root] }), ['spec.blockDeviceMappings']);
});

t.test('network interfaces begin with the primary one and do not collide', async (t) => {
  const path = 'spec.networkInterfaces';
  const interfaceAt = (
    networkCardIndex: number,
    deviceIndex: number,
    interfaceType: 'interface' | 'efa-only' = 'interface',
  ) => ({ networkCardIndex, deviceIndex, interfaceType });
  t.strictSame(fieldsOf({ networkInterfaces: [interfaceAt(0, 1)] }), [path]);
  t.strictSame(fieldsOf({ networkInterfaces: [interfaceAt(0, 0), interfaceAt(0, 0)] }), [
    `${path}[1]`,
  ]);
  t.strictSame(
    fieldsOf({
      networkInterfaces: [
        interfaceAt(0, 0),
        interfaceAt(1, 1, 'efa-only'),
        interfaceAt(1, 2, 'efa-only'),
      ],
    }),
    [path],
  );
});
