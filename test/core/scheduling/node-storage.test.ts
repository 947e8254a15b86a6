/** The ephemeral storage of a node, from its node class's volumes. */
import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import type { EC2NodeClass, EC2NodeClassSpec } from '../../../core/api/ec2nodeclass.ts';
import { amiFamily } from '../../../core/scheduling/ami-family.ts';
import { ephemeralStorageBytes } from '../../../core/scheduling/node-storage.ts';

const gibibyte = 2 ** 30;
const { types } = loadCatalogue();

function storage(name: string, spec: Partial<EC2NodeClassSpec>): number {
  const facts = types.find((type) => type.name === name);
  if (facts === undefined) throw new Error(`${name} is not in the catalogue`);
  const nodeClass: EC2NodeClass = {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'test' },
    spec: {
      subnetSelectorTerms: [{ id: 'subnet-1' }],
      securityGroupSelectorTerms: [{ id: 'sg-1' }],
      amiSelectorTerms: [{ alias: 'al2023@latest' }],
      role: 'node',
      ...spec,
    },
  };
  return ephemeralStorageBytes(facts, nodeClass, amiFamily(nodeClass));
}

const custom = { amiFamily: 'Custom' as const, amiSelectorTerms: [{ id: 'ami-1' }] };
const bottlerocket = { amiSelectorTerms: [{ alias: 'bottlerocket@v1.40.0' }] };

t.test('without mappings the family decides', async (t) => {
  t.equal(storage('m5.large', {}), 20 * gibibyte);
  t.equal(storage('m5.large', bottlerocket), 20 * gibibyte);
  t.equal(storage('m5.large', custom), 20 * gibibyte);
  t.equal(
    storage('m5.large', { amiSelectorTerms: [{ alias: 'windows2019@latest' }] }),
    50 * gibibyte,
  );
});

t.test("the family's own device counts, others do not", async (t) => {
  const blockDeviceMappings = [
    { deviceName: '/dev/xvda', ebs: { volumeSize: '100Gi' } },
    { deviceName: '/dev/xvdb', ebs: { volumeSize: '200G' } },
  ];
  t.equal(storage('m5.large', { blockDeviceMappings }), 100 * gibibyte);
  t.equal(storage('m5.large', { ...bottlerocket, blockDeviceMappings }), 200e9);
  t.equal(
    storage('m5.large', { blockDeviceMappings: blockDeviceMappings.slice(1) }),
    20 * gibibyte,
  );
});

t.test('a volume marked as root goes before the device', async (t) => {
  const blockDeviceMappings = [
    { deviceName: '/dev/xvda', ebs: { volumeSize: '100Gi' } },
    { deviceName: '/dev/xvdz', ebs: { volumeSize: '1Ti' }, rootVolume: true },
  ];
  t.equal(storage('m5.large', { blockDeviceMappings }), 1024 * gibibyte);
});

t.test('a volume from a snapshot without a size leaves the default', async (t) => {
  const blockDeviceMappings = [{ deviceName: '/dev/xvda', ebs: { snapshotID: 'snap-1' } }];
  t.equal(storage('m5.large', { blockDeviceMappings }), 20 * gibibyte);
});

t.test('a Custom family takes the last volume', async (t) => {
  const blockDeviceMappings = [
    { deviceName: '/dev/sda1', ebs: { volumeSize: '10Gi' } },
    { deviceName: '/dev/sdb', ebs: { volumeSize: '300Gi' } },
  ];
  t.equal(storage('m5.large', { ...custom, blockDeviceMappings }), 300 * gibibyte);
});

t.test('local disks count only when joined by RAID0', async (t) => {
  t.equal(storage('m5d.large', {}), 20 * gibibyte);
  t.equal(storage('m5d.large', { instanceStorePolicy: 'RAID0' }), 75e9);
  t.equal(storage('m5.large', { instanceStorePolicy: 'RAID0' }), 20 * gibibyte);
});
