// What a NodeClaim says once its instance is there.

import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import type { CloudInstance } from '../../../core/cloud-port.ts';
import { launchedLabels, launchedStatus } from '../../../core/lifecycle/launched-claim.ts';
import { resolveInstanceTypes } from '../../../core/scheduling/allocatable.ts';
import { liveClaim } from '../../support/claim-world.ts';

const facts = loadCatalogue().types.filter(({ name }) => name === 'g5.2xlarge');
const [type] = resolveInstanceTypes(facts, undefined, {
  memoryOverhead: 'measured',
  reservedEnis: 0,
});
const instance: CloudInstance = {
  providerID: 'aws:///us-east-1b/i-1',
  instanceType: 'g5.2xlarge',
  zone: 'us-east-1b',
  capacityType: 'reserved',
  reservationId: 'cr-1',
  state: 'pending',
  imageId: 'ami-1',
  priceNanoUsdPerHour: 1,
  launchedMs: 0,
  tags: {},
};

t.test(
  'labels of the real instance replace those of the planned one, and only those',
  async (t) => {
    const claim = liveClaim({
      labels: {
        'node.kubernetes.io/instance-type': 'm7i.large',
        'topology.kubernetes.io/zone': 'us-east-1b',
        'karpenter.k8s.aws/instance-family': 'm7i',
        'karpenter.k8s.aws/instance-accelerator-name': 'inferentia',
        'karpenter.k8s.aws/ec2nodeclass': 'default',
      },
    });
    const changes = launchedLabels(claim, instance, type);
    t.match(changes, {
      'node.kubernetes.io/instance-type': 'g5.2xlarge',
      'karpenter.sh/capacity-type': 'reserved',
      'karpenter.k8s.aws/capacity-reservation-id': 'cr-1',
      'karpenter.k8s.aws/instance-family': 'g5',
      'karpenter.k8s.aws/instance-gpu-name': 'a10g',
      'karpenter.k8s.aws/instance-accelerator-name': null,
      'topology.kubernetes.io/region': 'us-east-1',
    });
    for (const key of [
      'topology.kubernetes.io/zone',
      'karpenter.k8s.aws/ec2nodeclass',
      'karpenter.sh/nodepool',
      'team',
    ]) {
      t.notOk(key in changes, `${key} is right already`);
    }
  },
);

t.test(
  'a node of a reservation says of which kind; one that came otherwise says neither',
  async (t) => {
    const reservation = { id: 'cr-1', kind: 'capacity-block' as const, availableCount: 0 };
    const offering = {
      zone: 'us-east-1b',
      capacityType: 'reserved' as const,
      priceNanoUsdPerHour: 0,
      available: true,
      reservation,
    };
    const [idKey, typeKey] = ['id', 'type'].map(
      (end) => `karpenter.k8s.aws/capacity-reservation-${end}`,
    ) as [string, string];
    const labels = launchedLabels(liveClaim(), instance, { ...type!, offerings: [offering] });
    t.match(labels, { [idKey]: 'cr-1', [typeKey]: 'capacity-block' });
    const { reservationId: _, ...other } = { ...instance, capacityType: 'on-demand' as const };
    const claim = liveClaim({ labels: { [idKey]: 'cr-1', [typeKey]: 'capacity-block' } });
    t.match(launchedLabels(claim, other, type), { [idKey]: null, [typeKey]: null });
  },
);

t.test('written once, nothing is left to change', async (t) => {
  const labels = launchedLabels(liveClaim(), instance, type);
  const told = Object.entries(labels).flatMap(([key, value]) =>
    value === null ? [] : [[key, value]],
  );
  t.strictSame(launchedLabels(liveClaim({ labels: Object.fromEntries(told) }), instance, type), {});
});

t.test('the status says what the type has; of an unknown type where it is', async (t) => {
  t.match(launchedStatus(instance, type), {
    providerID: 'aws:///us-east-1b/i-1',
    imageID: 'ami-1',
    capacity: { cpu: '8', 'nvidia.com/gpu': '1' },
    allocatable: { cpu: '7910m', 'nvidia.com/gpu': '1' },
  });
  t.strictSame(launchedStatus(instance, undefined), {
    providerID: 'aws:///us-east-1b/i-1',
    imageID: 'ami-1',
  });
  t.match(launchedLabels(liveClaim(), instance, undefined), {
    'node.kubernetes.io/instance-type': 'g5.2xlarge',
    'topology.kubernetes.io/zone': 'us-east-1b',
  });
});
