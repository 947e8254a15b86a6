// What the cloud is asked for on behalf of a NodeClaim.

import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import type { NodeClaim } from '../../../core/api/nodeclaim.ts';
import type { NodePoolRequirement } from '../../../core/api/nodepool.ts';
import type { LaunchOffering } from '../../../core/cloud-port.ts';
import { launchOfferings, offeringKey } from '../../../core/lifecycle/launch-offerings.ts';
import { resolveInstanceTypes } from '../../../core/scheduling/allocatable.ts';
import {
  annotationOfferings,
  offeringsPerClaimMax,
  offeringsRecord,
} from '../../../core/scheduling/claim-offerings.ts';
import type { InstanceType } from '../../../core/state/instance-type.ts';

const all = resolveInstanceTypes(loadCatalogue().types, undefined, {
  memoryOverhead: 'measured',
  reservedEnis: 0,
});
const none: ReadonlySet<string> = new Set();
const [first, second] = (['m7i.large', 'c7g.large'] as const).map((instanceType) => ({
  instanceType,
  zone: 'us-east-1a',
  capacityType: 'on-demand' as const,
})) as [LaunchOffering, LaunchOffering];

function claim(
  requirements: NodePoolRequirement[],
  planned: readonly LaunchOffering[] = [],
  requests: Record<string, string> = {},
): NodeClaim {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: {
      labels: { 'karpenter.sh/nodepool': 'general' },
      annotations: { [annotationOfferings]: offeringsRecord(planned) },
    },
    spec: {
      nodeClassRef: { group: 'stowage.dev', kind: 'EC2NodeClass', name: 'default' },
      requirements,
      resources: { requests },
    },
  };
}

function inValues(key: string, ...values: string[]): NodePoolRequirement {
  return { key, operator: 'In', values };
}

function without(types: readonly InstanceType[], name: string): InstanceType[] {
  return types.map((type) =>
    type.name === name
      ? { ...type, offerings: type.offerings.map((one) => ({ ...one, available: false })) }
      : type,
  );
}

function priceOf({ instanceType, zone, capacityType }: LaunchOffering): number {
  const type = all.find(({ name }) => name === instanceType);
  const offering = type?.offerings.find(
    (one) => one.zone === zone && one.capacityType === capacityType,
  );
  return offering?.priceNanoUsdPerHour ?? Number.NaN;
}

t.test('the plan comes in its own order, without what cannot be had', async (t) => {
  const planned = [first, second];
  t.strictSame(launchOfferings(claim([], planned), all, none), planned);
  t.strictSame(launchOfferings(claim([], planned), without(all, 'm7i.large'), none), [second]);
  t.strictSame(launchOfferings(claim([], planned), all, new Set([offeringKey(first)])), [second]);
});

t.test('what nobody offers is not asked for', async (t) => {
  const unknown = { ...first, instanceType: 'z9.large' };
  const elsewhere = { ...first, zone: 'eu-west-1a' };
  t.strictSame(launchOfferings(claim([], [unknown, elsewhere, second]), all, none), [second]);
});

function withReservation(availableCount: number): readonly InstanceType[] {
  const offering = {
    zone: first.zone,
    capacityType: 'reserved' as const,
    priceNanoUsdPerHour: 0,
    available: true,
    reservation: { id: 'cr-1', kind: 'default' as const, availableCount },
  };
  return all.map((type) =>
    type.name === first.instanceType ? { ...type, offerings: [offering] } : type,
  );
}

t.test('a reservation of the plan is asked for by its id, unless it is full by now', async (t) => {
  const reserved = { ...first, capacityType: 'reserved' as const, reservationId: 'cr-1' };
  const types = withReservation(1);
  const other = { ...reserved, reservationId: 'cr-2' };
  t.strictSame(launchOfferings(claim([], [other, second]), types, none), [second]);
  t.strictSame(launchOfferings(claim([], [reserved, second]), withReservation(0), none), [second]);
  t.strictSame(launchOfferings(claim([], [reserved]), types, none), [reserved]);
  const exhausted = new Set([offeringKey(reserved)]);
  const requirements = [inValues('node.kubernetes.io/instance-type', first.instanceType)];
  t.strictSame(launchOfferings(claim(requirements, [reserved]), types, exhausted), []);
});

t.test('without plan it is what the requirements admit and what holds the requests', async (t) => {
  const requirements: NodePoolRequirement[] = [
    inValues('kubernetes.io/arch', 'arm64'),
    inValues('karpenter.k8s.aws/instance-category', 'c', 'm'),
    { key: 'karpenter.k8s.aws/instance-cpu', operator: 'Lt', values: ['17'] },
    inValues('topology.kubernetes.io/zone', 'us-east-1b'),
    inValues('karpenter.sh/capacity-type', 'spot'),
    inValues('karpenter.sh/nodepool', 'general'),
    inValues('stowage.dev/ec2nodeclass', 'default'),
    inValues('example.com/team', 'red'),
  ];
  const found = launchOfferings(claim(requirements, [], { cpu: '7', memory: '20Gi' }), all, none);
  t.ok(found.length > 3);
  const byName = new Map(all.map((type) => [type.name, type]));
  for (const { instanceType, zone, capacityType } of found) {
    const { facts, allocatable } = byName.get(instanceType) ?? {};
    t.match(facts, { architecture: 'arm64', category: /^[cm]$/ });
    t.ok((allocatable?.['cpu'] ?? 0) >= 7_000 && (allocatable?.['memory'] ?? 0) >= 20 * 2 ** 30);
    t.ok((facts?.vcpuCount ?? 0) <= 16);
    t.strictSame([zone, capacityType], ['us-east-1b', 'spot']);
  }
  const prices = found.map(priceOf);
  t.strictSame(
    prices,
    prices.toSorted((a, b) => a - b),
    'the cheapest first',
  );
});

t.test('a requirement that cannot be met leaves nothing', async (t) => {
  for (const requirement of [
    inValues('karpenter.sh/nodepool', 'other'),
    inValues('karpenter.k8s.aws/ec2nodeclass', 'other'),
    inValues('kubernetes.io/arch', 'riscv64'),
    { key: 'example.com/team', operator: 'In' as const, values: [] },
  ]) {
    t.strictSame(launchOfferings(claim([requirement]), all, none), [], requirement.key);
  }
  t.strictSame(launchOfferings(claim([], [], { 'example.com/device': '1' }), all, none), []);
});

t.test('never more than a fleet is to choose from', async (t) => {
  t.equal(launchOfferings(claim([]), all, none).length, offeringsPerClaimMax);
});
