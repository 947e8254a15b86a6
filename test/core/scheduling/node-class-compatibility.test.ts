/** Which instance types a node class can run, and what the others lack. */
import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import type { EC2NodeClass, EC2NodeClassSpec } from '../../../core/api/ec2nodeclass.ts';
import { amiFamily } from '../../../core/scheduling/ami-family.ts';
import { incompatibility, subnetZones } from '../../../core/scheduling/node-class-compatibility.ts';

const { types } = loadCatalogue();

function nodeClass(spec: Partial<EC2NodeClassSpec>, status: EC2NodeClass['status'] = {}) {
  const made: EC2NodeClass = {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'test' },
    spec: {
      subnetSelectorTerms: [{ id: 'subnet-1' }],
      securityGroupSelectorTerms: [{ id: 'sg-1' }],
      amiSelectorTerms: [{ alias: 'al2@latest' }],
      role: 'node',
      ...spec,
    },
    status,
  };
  return made;
}

function reason(name: string, spec: Partial<EC2NodeClassSpec>): string | undefined {
  const facts = types.find((type) => type.name === name);
  if (facts === undefined) throw new Error(`${name} is not in the catalogue`);
  return incompatibility(facts, nodeClass(spec));
}

const efaOnly = (networkCardIndex: number, deviceIndex: number) => ({
  networkCardIndex,
  deviceIndex,
  interfaceType: 'efa-only' as const,
});
const primary = {
  networkCardIndex: 0,
  deviceIndex: 0,
  interfaceType: 'interface' as const,
};

t.test('an ordinary node class runs an ordinary type', async (t) => {
  t.equal(reason('m5.large', {}), undefined);
  t.equal(reason('a1.large', {}), undefined);
});

t.test('what the type lacks is named', async (t) => {
  t.match(reason('m4.large', { connectionTracking: { udpTimeout: 30 } }), /Nitro/);
  t.match(reason('m5.metal', { connectionTracking: { udpTimeout: 30 } }), /Nitro/);
  t.match(reason('m5.large', { networkInterfaces: [primary, efaOnly(0, 1)] }), /1 EFA.*has 0/);
  t.match(reason('p4d.24xlarge', { networkInterfaces: [primary, efaOnly(4, 1)] }), /card 4/);
  t.equal(reason('p4d.24xlarge', { networkInterfaces: [primary, efaOnly(3, 1)] }), undefined);
  t.match(
    reason('m5.large', { networkInterfaces: [primary, { ...primary, deviceIndex: 3 }] }),
    /device 3 of a card with 3/,
  );
});

t.test('nested virtualization is refused, since no catalogue fact tells who has it', async (t) => {
  t.match(reason('m8i.large', { cpuOptions: { nestedVirtualization: 'enabled' } }), /nested/);
  t.equal(reason('m8i.large', { cpuOptions: { nestedVirtualization: 'disabled' } }), undefined);
});

t.test('Windows has images for amd64 only', async (t) => {
  const windows = { amiSelectorTerms: [{ alias: 'windows2025@latest' }] };
  t.match(reason('m6g.large', windows), /Windows2025 has no image for arm64/);
  t.equal(reason('m5.large', windows), undefined);
});

t.test('zones are those of the subnets in the status, if it names any', async (t) => {
  t.equal(subnetZones(undefined), undefined);
  t.equal(subnetZones(nodeClass({})), undefined);
  const subnets = [
    { id: 'subnet-1', zone: 'us-east-1a' },
    { id: 'subnet-2', zone: 'us-east-1c' },
  ];
  t.strictSame(subnetZones(nodeClass({}, { subnets })), new Set(['us-east-1a', 'us-east-1c']));
});

t.test('the family is stated, or that of the alias, or Custom', async (t) => {
  t.equal(amiFamily(undefined).name, 'AL2023');
  t.equal(amiFamily(nodeClass({})).name, 'AL2');
  t.equal(
    amiFamily(nodeClass({ amiFamily: 'Custom', amiSelectorTerms: [{ alias: 'al2@latest' }] })).name,
    'Custom',
  );
  t.equal(amiFamily(nodeClass({ amiSelectorTerms: [{ id: 'ami-1' }] })).name, 'Custom');
  t.equal(
    amiFamily(nodeClass({ amiSelectorTerms: [{ alias: 'bottlerocket@v1' }] })).name,
    'Bottlerocket',
  );
});
