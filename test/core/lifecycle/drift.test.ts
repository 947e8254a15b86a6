/** What makes a node drift, what does not, and which reason comes first. */
import t from 'tap';
import type { EC2NodeClass, EC2NodeClassSpec } from '../../../core/api/ec2nodeclass.ts';
import type { NodePool } from '../../../core/api/nodepool.ts';
import type { CloudInstance } from '../../../core/cloud-port.ts';
import { nodeClassHashAnnotations } from '../../../core/ec2/node-class-hash.ts';
import { declaredDrift, instanceDrift, typeDrift } from '../../../core/lifecycle/drift.ts';
import { nodePoolHash } from '../../../core/nodepool-status/nodepool-hash.ts';
import type { InstanceType } from '../../../core/state/instance-type.ts';
import { liveClaim } from '../../support/claim-world.ts';
import { poolOf, typeOf } from '../../support/cluster-builders.ts';

function classOf(spec: Partial<EC2NodeClassSpec> = {}): EC2NodeClass {
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'default' },
    spec: {
      subnetSelectorTerms: [{ id: 'subnet-1' }],
      securityGroupSelectorTerms: [{ id: 'sg-1' }],
      amiSelectorTerms: [{ alias: 'al2023@latest' }],
      role: 'node',
      ...spec,
    },
    status: {
      amis: [
        {
          id: 'ami-arm',
          requirements: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['arm64'] }],
        },
        {
          id: 'ami-amd',
          requirements: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }],
        },
      ],
      subnets: [{ id: 'subnet-1', zone: 'us-east-1a' }],
      securityGroups: [{ id: 'sg-1' }, { id: 'sg-2' }],
    },
  };
}

const pool = poolOf('general');
const labels = {
  'karpenter.sh/nodepool': 'general',
  'kubernetes.io/arch': 'amd64',
  'karpenter.sh/capacity-type': 'on-demand',
};
const poolAnnotations = (of: NodePool) => ({
  'karpenter.sh/nodepool-hash': nodePoolHash(of),
  'karpenter.sh/nodepool-hash-version': 'stowage-v1',
});

function claimOf(annotations: Record<string, string> = {}, more: Record<string, string> = {}) {
  return liveClaim({
    labels: { ...labels, ...more },
    annotations: {
      ...poolAnnotations(pool),
      ...nodeClassHashAnnotations(classOf()),
      ...annotations,
    },
  });
}

const instance: CloudInstance = {
  providerID: 'aws:///us-east-1a/i-1',
  instanceType: 'm7i.large',
  zone: 'us-east-1a',
  capacityType: 'on-demand',
  state: 'running',
  imageId: 'ami-amd',
  subnetId: 'subnet-1',
  securityGroupIds: ['sg-2', 'sg-1'],
  priceNanoUsdPerHour: 1,
  launchedMs: 0,
  tags: {},
};

t.test('a node as it would be launched now has not drifted', (t) => {
  t.equal(declaredDrift(claimOf(), pool, classOf()), undefined);
  t.equal(instanceDrift(claimOf(), classOf(), instance), undefined);
  t.equal(declaredDrift(claimOf(), undefined, undefined), undefined, 'nor one on its own');
  t.end();
});

t.test('templates that have changed are told, selectors and settings of pools are none', (t) => {
  const tainted = poolOf('general', { taints: [{ key: 'team', effect: 'NoSchedule' }] });
  t.equal(declaredDrift(claimOf(), tainted, classOf())?.reason, 'NodePoolDrifted');
  t.equal(
    declaredDrift(claimOf({ 'karpenter.sh/nodepool-hash-version': 'v3' }), tainted, classOf()),
    undefined,
    'a hash of another version says nothing',
  );
  const limited = { ...pool, spec: { ...pool.spec, limits: { cpu: '1' }, weight: 7 } };
  t.equal(declaredDrift(claimOf(), limited, classOf()), undefined);
  const other = classOf({ userData: 'echo' });
  t.match(declaredDrift(claimOf(), pool, other), { reason: 'NodeClassDrift', message: /default/ });
  const version = { 'karpenter.k8s.aws/ec2nodeclass-hash-version': 'v4' };
  t.equal(declaredDrift(claimOf(version), pool, other), undefined);
  const selected = classOf({ subnetSelectorTerms: [{ id: 'subnet-9' }] });
  t.equal(declaredDrift(claimOf(), pool, selected), undefined);
  t.end();
});

t.test('labels that the pool admits no more are told by key', (t) => {
  const requiring = (key: string, ...values: string[]) =>
    poolOf('general', { requirements: [{ key, operator: 'In', values }] });
  const drift = (of: NodePool) => declaredDrift(claimOf(poolAnnotations(of)), of, classOf());
  t.match(drift(requiring('kubernetes.io/arch', 'arm64')), {
    reason: 'RequirementsDrifted',
    message: /label kubernetes\.io\/arch is amd64/,
  });
  t.match(drift(requiring('squad', 'red')), { message: /label squad is missing/ });
  t.equal(drift(requiring('topology.k8s.aws/zone-id', 'use1-az1')), undefined, 'only EC2 knows it');
  t.end();
});

t.test('a type that nobody offers in its zone any more is told after an hour', (t) => {
  const hourMs = 3_600_000;
  const placed = {
    'node.kubernetes.io/instance-type': 'm7i.large',
    'topology.kubernetes.io/zone': 'us-east-1a',
  };
  const claim = claimOf({}, placed);
  const nowMs = Date.parse(claim.metadata.creationTimestamp) + hourMs;
  const offered = (name: string, zone: string, available = true): InstanceType => {
    const price = { capacityType: 'on-demand', priceNanoUsdPerHour: 1 } as const;
    return { ...typeOf(name), offerings: [{ zone, available, ...price }] };
  };
  const drift = (types: readonly InstanceType[], atMs = nowMs) => typeDrift(claim, types, atMs);
  t.equal(drift([offered('m7i.large', 'us-east-1a')]), undefined);
  t.equal(drift([offered('m7i.large', 'us-east-1a', false)]), undefined, 'dry is not gone');
  t.match(drift([offered('m6i.large', 'us-east-1a')]), {
    reason: 'InstanceTypeNotFound',
    message: 'm7i.large is not offered any more',
  });
  t.match(drift([offered('m7i.large', 'us-east-1b')]), {
    message: 'm7i.large is not offered in us-east-1a any more',
  });
  t.equal(drift([offered('m6i.large', 'us-east-1a')], nowMs - 1), undefined, 'a young claim');
  t.equal(drift([]), undefined, 'a class whose types are not known');
  t.end();
});

t.test('an instance drifts from what the class finds now', (t) => {
  const reasonOf = (change: Partial<CloudInstance>, of = classOf(), claim = claimOf()) =>
    instanceDrift(claim, of, { ...instance, ...change })?.reason;
  t.equal(reasonOf({ imageId: 'ami-old' }), 'AMIDrift');
  t.equal(reasonOf({ imageId: 'ami-arm' }), 'AMIDrift', 'one of the class, but not for its type');
  t.equal(reasonOf({ securityGroupIds: ['sg-1'] }), 'SecurityGroupDrift');
  t.equal(reasonOf({ securityGroupIds: ['sg-1', 'sg-2', 'sg-3'] }), 'SecurityGroupDrift');
  t.equal(reasonOf({ subnetId: 'subnet-9' }), 'SubnetDrift');
  const { subnetId: _subnet, securityGroupIds: _groups, ...unknown } = instance;
  t.equal(instanceDrift(claimOf(), classOf(), unknown), undefined, 'what is not told is no drift');
  const empty = { ...classOf(), status: {} };
  t.equal(
    reasonOf({ imageId: 'ami-old', subnetId: 'x' }, empty),
    undefined,
    'nor what is not found',
  );
  const reserved = claimOf({}, { 'karpenter.sh/capacity-type': 'reserved' });
  t.equal(reasonOf({ reservationId: 'cr-1' }, classOf(), reserved), 'CapacityReservationDrift');
  t.equal(reasonOf({ reservationId: 'cr-1' }), undefined, 'on-demand may land in an open one');
  t.end();
});
