/**
 * What cases are built of: pod groups, pools, node classes, DaemonSets, counts.
 *
 * In: numbers in the project's units. Out: plain Kubernetes objects. It holds no case.
 */

import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import type { DaemonSet, PodSpec } from '../../core/api/kubernetes.ts';
import type { NodePool, NodePoolRequirement } from '../../core/api/nodepool.ts';
import { InputError } from '../../core/errors.ts';
import type { PodGroup, Workload } from '../workload.ts';

/** What one pod asks for. */
export interface Shape {
  readonly cpuMilli: number;
  readonly memoryMiB: number;
  readonly ephemeralMiB?: number;
  readonly gpus?: number;
}

/** Everything of a PodSpec but its containers. */
export type PodRules = Omit<PodSpec, 'containers'>;

/** A group of `count` pods of one shape; the label `app` carries its name. */
export function podGroup(
  name: string,
  count: number,
  shape: Shape,
  rules: PodRules = {},
): PodGroup {
  const { cpuMilli, memoryMiB, ephemeralMiB = 0, gpus = 0 } = shape;
  const extended: Record<string, string> = gpus === 0 ? {} : { 'nvidia.com/gpu': `${gpus}` };
  const requests: Record<string, string> = {
    cpu: `${cpuMilli}m`,
    memory: `${memoryMiB}Mi`,
    ...(ephemeralMiB === 0 ? {} : { 'ephemeral-storage': `${ephemeralMiB}Mi` }),
    ...extended,
  };
  const resources = gpus === 0 ? { requests } : { requests, limits: extended };
  return {
    name,
    count,
    labels: { app: name },
    spec: { containers: [{ name: 'main', resources }], ...rules },
  };
}

/** Requirement that a value be one of several. */
export function oneOf(key: string, ...values: readonly string[]): NodePoolRequirement {
  return { key, operator: 'In', values: [...values] };
}

/**
 * The catalogue of the comparison with Karpenter: c, m and r of generation above 4, amd64,
 * on-demand (`reference/solver.md` section 11).
 */
export const comparisonRequirements: readonly NodePoolRequirement[] = [
  oneOf('karpenter.k8s.aws/instance-category', 'c', 'm', 'r'),
  { key: 'karpenter.k8s.aws/instance-generation', operator: 'Gt', values: ['4'] },
  oneOf('kubernetes.io/arch', 'amd64'),
  oneOf('karpenter.sh/capacity-type', 'on-demand'),
];

/** Adds the cap of the small-node variants: fewer than 33 vCPU. */
export const below33Cpus: NodePoolRequirement = {
  key: 'karpenter.k8s.aws/instance-cpu',
  operator: 'Lt',
  values: ['33'],
};

export interface PoolParts {
  readonly name: string;
  readonly requirements: readonly NodePoolRequirement[];
  readonly taintKey?: string;
  readonly weight?: number;
  readonly limits?: Readonly<Record<string, string>>;
}

const nodeClassName = 'bench';

export function nodePool(parts: PoolParts): NodePool {
  const { name, requirements, taintKey, weight, limits } = parts;
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name },
    spec: {
      template: {
        spec: {
          requirements: [...requirements],
          ...(taintKey === undefined
            ? {}
            : { taints: [{ key: taintKey, value: 'true', effect: 'NoSchedule' as const }] }),
          nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: nodeClassName },
          expireAfter: '720h',
        },
      },
      ...(weight === undefined ? {} : { weight }),
      ...(limits === undefined ? {} : { limits }),
    },
  };
}

export interface NodeClassParts {
  /** Root volume. The default of 20 GiB would bind before cpu on large nodes. */
  readonly rootGiB?: number;
  /** Local NVMe disks become the pods' ephemeral storage. */
  readonly localStorage?: boolean;
}

export function nodeClass(parts: NodeClassParts = {}): EC2NodeClass {
  const { rootGiB = 500, localStorage = false } = parts;
  const selector = [{ tags: { 'stowage.dev/bench': 'true' } }];
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: nodeClassName },
    spec: {
      subnetSelectorTerms: selector,
      securityGroupSelectorTerms: selector,
      amiSelectorTerms: [{ alias: 'al2023@latest' }],
      role: 'bench',
      blockDeviceMappings: [
        {
          deviceName: '/dev/xvda',
          rootVolume: true,
          ebs: { volumeSize: `${rootGiB}Gi`, volumeType: 'gp3' },
        },
      ],
      ...(localStorage ? { instanceStorePolicy: 'RAID0' as const } : {}),
    },
  };
}

/** A DaemonSet that runs everywhere. */
export function daemonSet(name: string, cpuMilli: number, memoryMiB: number): DaemonSet {
  return {
    metadata: { namespace: 'kube-system', name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          tolerations: [{ operator: 'Exists' }],
          containers: [
            { name, resources: { requests: { cpu: `${cpuMilli}m`, memory: `${memoryMiB}Mi` } } },
          ],
        },
      },
    },
  };
}

/** A workload of these groups; what is not named is as plain as it can be. */
export function workload(
  groups: readonly PodGroup[],
  nodePools: readonly NodePool[],
  extra: Partial<Workload> = {},
): Workload {
  return {
    groups: groups.filter(({ count }) => count > 0),
    nodePools,
    nodeClasses: [nodeClass()],
    daemonSets: [],
    memoryOverhead: 0.075,
    spotZoneSpread: 0,
    ...extra,
  };
}

/** `total` split over `parts` as evenly as integers allow, the larger ones first. */
export function splitEvenly(total: number, parts: number): number[] {
  const low = Math.floor(total / parts);
  return Array.from({ length: parts }, (_, i) => low + (i < total - low * parts ? 1 : 0));
}

/** `total` split in proportion to weights, at least 1 each while the total lasts. */
export function splitByWeight(total: number, weights: readonly number[]): number[] {
  if (total < weights.length) {
    throw new InputError({ field: '--pods' }, `expected at least ${weights.length} for this case`);
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  const spare = total - weights.length;
  const shares = weights.map((weight) => (spare * weight) / sum);
  const result = shares.map((share) => 1 + Math.floor(share));
  const byRemainder = shares
    .map((share, index) => ({ index, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  let rest = total - result.reduce((a, b) => a + b, 0);
  for (const { index } of byRemainder) {
    if (rest === 0) break;
    result[index]!++;
    rest--;
  }
  return result;
}
