/**
 * Cases with placement rules: zones, spread, anti-affinity, pins, several pools, spot.
 *
 * In: size and seed. Out: workloads whose rules all are hard ones.
 */
import type { PodSpec } from '../../core/api/kubernetes.ts';
import { createRandom, type Random } from '../random.ts';
import type { BenchCase, PodGroup, Workload, WorkloadSize } from '../workload.ts';
import {
  below33Cpus,
  comparisonRequirements,
  daemonSet,
  nodePool,
  oneOf,
  type PodRules,
  podGroup,
  splitByWeight,
  workload,
} from './parts.ts';
import { skewedShapes } from './shapes.ts';

const zoneKey = 'topology.kubernetes.io/zone';
const hostKey = 'kubernetes.io/hostname';
const zones = ['us-east-1a', 'us-east-1b', 'us-east-1c', 'us-east-1d'];
const capacityKey = 'karpenter.sh/capacity-type';

function zoneSpread(app: string, maxSkew: number): PodRules {
  return {
    topologySpreadConstraints: [
      {
        maxSkew,
        topologyKey: zoneKey,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app } },
      },
    ],
  };
}

function apartOnHosts(app: string): PodRules {
  return {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: hostKey, labelSelector: { matchLabels: { app } } },
        ],
      },
    },
  };
}

function requiredAffinity(key: string, ...values: string[]): PodSpec['affinity'] & object {
  return {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values }] }],
      },
    },
  };
}

/** Nineteen classes: eight spread over zones, six pinned to one, three kept apart, two free. */
function zonalGroups({ pods, seed }: WorkloadSize): PodGroup[] {
  const random = createRandom(seed, 'zonal');
  const cpuMilli = [250, 500, 500, 1000, 1000, 2000, 2000, 4000];
  const shape = (i: number): { cpuMilli: number; memoryMiB: number } => {
    const cpu = cpuMilli[i % cpuMilli.length]!;
    return { cpuMilli: cpu, memoryMiB: Math.round((cpu / 1000) * (1024 + random.below(5 * 1024))) };
  };
  const weights = [...Array<number>(14).fill(4), 1, 1, 1, 8, 8];
  const counts = splitByWeight(pods, weights);
  return counts.map((given, i) => {
    const name = `zonal-${i}`;
    if (i < 8) return podGroup(name, given, shape(i), zoneSpread(name, 1 + (i % 3)));
    if (i < 14) {
      return podGroup(name, given, shape(i), {
        nodeSelector: { [zoneKey]: zones[(i + seed) % 3]! },
      });
    }
    // One node each: more than a few would decide the whole plan.
    if (i < 17) return podGroup(name, Math.min(given, 15), shape(i), apartOnHosts(name));
    return podGroup(name, given, shape(i));
  });
}

function zonalWorkload(size: WorkloadSize, capped: boolean): Workload {
  const requirements = [
    ...comparisonRequirements,
    oneOf(zoneKey, ...zones.slice(0, 3)),
    ...(capped ? [below33Cpus] : []),
  ];
  return workload(zonalGroups(size), [nodePool({ name: 'default', requirements })]);
}

const spotTaint = 'bench.stowage.dev/spot';

/** A tainted spot pool beside an on-demand one; two thirds of the classes tolerate the taint. */
function poolsWorkload(size: WorkloadSize, capped: boolean): Workload {
  const random = createRandom(size.seed, 'pools');
  const toleration: PodRules = {
    tolerations: [{ key: spotTaint, operator: 'Equal', value: 'true', effect: 'NoSchedule' }],
  };
  const groups = skewedShapes(random, size).map(({ shape, count }, i) =>
    podGroup(`pools-${i}`, count, shape, random.next() < 2 / 3 ? toleration : {}),
  );
  const shared = [
    ...comparisonRequirements.filter(({ key }) => key !== capacityKey),
    ...(capped ? [below33Cpus] : []),
  ];
  return workload(groups, [
    nodePool({
      name: 'spot',
      requirements: [...shared, oneOf(capacityKey, 'spot')],
      taintKey: spotTaint,
      // As users write it: spot first where it is tolerated.
      weight: 10,
    }),
    nodePool({ name: 'on-demand', requirements: [...shared, oneOf(capacityKey, 'on-demand')] }),
  ]);
}

/** The rules of `reference/solver.md` section 2: share of classes that carry each. */
function drawRules(random: Random): PodRules {
  const draw = random.next();
  if (draw < 0.15) return { nodeSelector: { 'kubernetes.io/arch': 'amd64' } };
  if (draw < 0.2) return { nodeSelector: { 'kubernetes.io/arch': 'arm64' } };
  if (draw < 0.27) return { nodeSelector: { [zoneKey]: random.pick(zones) } };
  if (draw < 0.37) return { affinity: requiredAffinity(capacityKey, 'on-demand') };
  if (draw < 0.42) {
    const category = random.pick(['c', 'm', 'r']);
    return { affinity: requiredAffinity('karpenter.k8s.aws/instance-category', category) };
  }
  return {};
}

/** About 700 types in four zones, on-demand and spot, with DaemonSets, under mixed node rules. */
function constrainedWorkload(size: WorkloadSize): Workload {
  const random = createRandom(size.seed, 'constrained');
  const groups = skewedShapes(random, size).map(({ shape, count }, i) =>
    podGroup(`constrained-${i}`, count, shape, drawRules(random)),
  );
  const pool = nodePool({
    name: 'default',
    requirements: [
      oneOf('karpenter.k8s.aws/instance-category', 'c', 'm', 'r'),
      { key: 'karpenter.k8s.aws/instance-generation', operator: 'Gt', values: ['2'] },
      oneOf('karpenter.k8s.aws/instance-hypervisor', 'nitro', 'xen'),
      oneOf('kubernetes.io/arch', 'amd64', 'arm64'),
      oneOf(zoneKey, ...zones),
      oneOf(capacityKey, 'on-demand', 'spot'),
    ],
  });
  return workload(groups, [pool], {
    daemonSets: [
      daemonSet('network', 50, 100),
      daemonSet('logs', 50, 120),
      daemonSet('metrics', 50, 80),
    ],
    memoryOverhead: 'measured',
    spotZoneSpread: 0.15,
  });
}

export const ruleCases: readonly BenchCase[] = [
  {
    name: 'zonal',
    description: 'Zone spread, zone pins and one-per-node anti-affinity, 19 classes.',
    defaultPods: 1000,
    defaultClasses: 19,
    karpenter: true,
    build: (size) => zonalWorkload(size, false),
  },
  {
    name: 'zonal-small-nodes',
    description: 'Zone spread, zone pins and one-per-node anti-affinity. Nodes below 33 vCPU.',
    defaultPods: 1000,
    defaultClasses: 19,
    karpenter: true,
    build: (size) => zonalWorkload(size, true),
  },
  {
    name: 'pools',
    description: 'A tainted spot pool that two thirds of the classes tolerate, beside on-demand.',
    defaultPods: 1000,
    defaultClasses: 60,
    karpenter: true,
    build: (size) => poolsWorkload(size, false),
  },
  {
    name: 'pools-small-nodes',
    description: 'A tainted spot pool beside an on-demand one. Nodes below 33 vCPU.',
    defaultPods: 3000,
    defaultClasses: 60,
    karpenter: true,
    build: (size) => poolsWorkload(size, true),
  },
  {
    name: 'constrained',
    description:
      'About 700 types, 4 zones, on-demand and spot at prices of their own per zone, DaemonSets; ' +
      '15 % amd64-only, 5 % arm64-only, 7 % pinned, 10 % on-demand-only, 5 % one category.',
    defaultPods: 10_000,
    defaultClasses: 200,
    karpenter: true,
    build: constrainedWorkload,
  },
];
