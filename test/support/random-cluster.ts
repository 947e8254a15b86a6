/**
 * Random clusters that use every rule of the model, small enough to be read when a test fails.
 */
import * as fc from 'fast-check';
import type { Node, PodSpec } from '../../core/api/kubernetes.ts';
import type { NodePool } from '../../core/api/nodepool.ts';
import type { ClusterSnapshot, SnapshotPod } from '../../core/state/snapshot.ts';
import {
  antiAffinity,
  capacityTypeKey,
  daemonSetOf,
  hostKey,
  nodeOf,
  podsOf,
  poolOf,
  specOf,
  spreadOver,
  typeOf,
  zoneKey,
} from './cluster-builders.ts';

const zones = ['test-1a', 'test-1b', 'test-1c'];

/** Types that differ in every way that rules look at. */
export const types = [
  typeOf('m5.large', { cpuMilli: 2000, memoryMiB: 8192, pods: 10 }),
  typeOf('m5.xlarge', { zones: ['test-1a', 'test-1b'] }),
  typeOf('r5.large', { cpuMilli: 2000, pods: 10 }),
  typeOf('m6g.xlarge', { labels: { 'kubernetes.io/arch': 'arm64' }, priceNano: 150_000_000 }),
  typeOf('g5.xlarge', {
    resources: { 'nvidia.com/gpu': 1 },
    zones: ['test-1b'],
    capacityTypes: ['on-demand'],
    priceNano: 1_000_000_000,
    labels: { 'karpenter.k8s.aws/instance-gpu-count': '1' },
  }),
];

const names = ['a', 'b', 'c'] as const;
const app = fc.constantFrom(...names);
/** No label that a pool leaves open: a plan as written does not say which value a node got. */
const topologyKey = fc.constantFrom(zoneKey, hostKey, capacityTypeKey, 'kubernetes.io/arch');
const team = fc.constantFrom('red', 'blue');

const selector = fc.constantFrom<Record<string, string> | undefined>(
  undefined,
  undefined,
  undefined,
  { 'kubernetes.io/arch': 'arm64' },
  { [zoneKey]: 'test-1b' },
  { [capacityTypeKey]: 'on-demand' },
  { team: 'red' },
);

const spread = fc
  .record({
    key: topologyKey,
    app,
    maxSkew: fc.integer({ min: 1, max: 2 }),
    minDomains: fc.constantFrom(undefined, undefined, 2, 4),
    nodeTaintsPolicy: fc.constantFrom(undefined, 'Honor' as const),
    nodeAffinityPolicy: fc.constantFrom(undefined, 'Ignore' as const),
  })
  .map(({ key, app: name, maxSkew, minDomains, nodeTaintsPolicy, nodeAffinityPolicy }) =>
    spreadOver(
      key,
      { app: name },
      {
        maxSkew,
        ...(minDomains === undefined || key === hostKey ? {} : { minDomains }),
        ...(nodeTaintsPolicy === undefined ? {} : { nodeTaintsPolicy }),
        ...(nodeAffinityPolicy === undefined ? {} : { nodeAffinityPolicy }),
      },
    ),
  );

const separation = fc.record({ key: topologyKey, app });

const specShape = {
  cpu: fc.constantFrom('100m', '500m', '1500m', '3'),
  memory: fc.constantFrom('256Mi', '1000M', '6Gi'),
  gpu: fc.constantFrom(false, false, false, true),
  selector,
  spreads: fc.array(spread, { maxLength: 2 }),
  separation: fc.option(separation, { nil: undefined, freq: 3 }),
  tolerant: fc.boolean(),
  hostPort: fc.constantFrom(0, 0, 0, 80, 81),
};

function specFrom(one: {
  readonly cpu: string;
  readonly memory: string;
  readonly gpu: boolean;
  readonly selector: Record<string, string> | undefined;
  readonly spreads: NonNullable<PodSpec['topologySpreadConstraints']>;
  readonly separation: { readonly key: string; readonly app: string } | undefined;
  readonly tolerant: boolean;
  readonly hostPort: number;
}): PodSpec {
  return specOf(
    { cpu: one.cpu, memory: one.memory, ...(one.gpu ? { 'nvidia.com/gpu': '1' } : {}) },
    {
      ...(one.selector === undefined ? {} : { nodeSelector: one.selector }),
      ...(one.spreads.length === 0 ? {} : { topologySpreadConstraints: one.spreads }),
      ...(one.separation === undefined
        ? {}
        : { affinity: antiAffinity(one.separation.key, { app: one.separation.app }) }),
      ...(one.tolerant ? { tolerations: [{ key: 'team', operator: 'Exists' as const }] } : {}),
      ...(one.hostPort === 0 ? {} : { ports: [{ containerPort: 80, hostPort: one.hostPort }] }),
    },
  );
}

const spec: fc.Arbitrary<PodSpec> = fc.record(specShape).map(specFrom);
const plainSpec = fc.record({ ...specShape, gpu: fc.constant(false) }).map(specFrom);

const poolShape = {
  name: fc.constantFrom('p', 'q', 'r'),
  zones: fc.constantFrom<string[] | undefined>(undefined, ['test-1a', 'test-1b'], ['test-1c']),
  spot: fc.boolean(),
  weight: fc.constantFrom<number | undefined>(undefined, undefined, 10),
  limit: fc.constantFrom<Record<string, string> | undefined>(
    undefined,
    undefined,
    { cpu: '8' },
    { nodes: '3' },
  ),
  team: fc.constantFrom('none', 'label', 'open', 'any'),
  tainted: fc.constantFrom(false, false, true),
  minValues: fc.constantFrom(0, 0, 0, 2),
};

function poolFrom(one: {
  readonly name: string;
  readonly zones: string[] | undefined;
  readonly spot: boolean;
  readonly weight: number | undefined;
  readonly limit: Record<string, string> | undefined;
  readonly team: string;
  readonly tainted: boolean;
  readonly minValues: number;
}): NodePool {
  return poolOf(one.name, {
    ...(one.weight === undefined ? {} : { weight: one.weight }),
    ...(one.limit === undefined ? {} : { limits: one.limit }),
    ...(one.tainted ? { taints: [{ key: 'team', effect: 'NoSchedule' as const }] } : {}),
    ...(one.team === 'label' ? { labels: { team: 'red' } } : {}),
    requirements: [
      ...(one.zones === undefined
        ? []
        : [{ key: zoneKey, operator: 'In' as const, values: one.zones }]),
      ...(one.spot ? [] : [{ key: capacityTypeKey, operator: 'NotIn' as const, values: ['spot'] }]),
      ...(one.team === 'open'
        ? [{ key: 'team', operator: 'In' as const, values: ['red', 'blue'] }]
        : []),
      ...(one.team === 'any' ? [{ key: 'team', operator: 'Exists' as const }] : []),
      ...(one.minValues === 0
        ? []
        : [
            {
              key: 'karpenter.k8s.aws/instance-family',
              operator: 'Exists' as const,
              minValues: one.minValues,
            },
          ]),
    ],
  });
}

const pool = fc.record(poolShape).map(poolFrom);
/** Without what exhaustive search does not know: weight, minValues, labels left open. */
const plainPool = fc
  .record({
    ...poolShape,
    weight: fc.constant(undefined),
    minValues: fc.constant(0),
    team: fc.constantFrom('none', 'label'),
  })
  .map(poolFrom);

const node: fc.Arbitrary<Node> = fc
  .record({
    zone: fc.constantFrom(...zones, 'test-1z'),
    cpu: fc.constantFrom('1', '2', '4'),
    team: fc.option(team, { nil: undefined }),
    tainted: fc.constantFrom(false, false, true),
    spot: fc.boolean(),
  })
  .map(({ zone, cpu, team: value, tainted, spot }) =>
    nodeOf('?', {
      zone,
      allocatable: { cpu, memory: '8Gi', pods: '6' },
      labels: {
        [capacityTypeKey]: spot ? 'spot' : 'on-demand',
        ...(value === undefined ? {} : { team: value }),
      },
      ...(tainted ? { taints: [{ key: 'team', effect: 'NoSchedule' as const }] } : {}),
    }),
  );

function named(one: Node, name: string): Node {
  const { metadata } = one;
  return {
    ...one,
    metadata: { ...metadata, name, labels: { ...metadata.labels, [hostKey]: name } },
  };
}

const workload = fc.record({ app, spec, count: fc.integer({ min: 1, max: 5 }) });
const bound = fc.record({
  app,
  spec,
  node: fc.nat(),
  namespace: fc.constantFrom('default', 'other'),
  isGoing: fc.boolean(),
});

/** A cluster of up to a dozen pods, three pools and three nodes. */
export const randomCluster: fc.Arbitrary<ClusterSnapshot> = fc
  .record({
    workloads: fc.array(workload, { minLength: 1, maxLength: 4 }),
    bound: fc.array(bound, { maxLength: 3 }),
    nodes: fc.array(node, { maxLength: 3 }),
    pools: fc.uniqueArray(pool, {
      minLength: 1,
      maxLength: 3,
      selector: ({ metadata }) => metadata.name,
    }),
    daemon: fc.option(fc.record({ spec, app }), { nil: undefined }),
  })
  .map((one) => {
    const nodes = one.nodes.map((each, index) => named(each, `n${index}`));
    const pods: SnapshotPod[] = one.workloads.flatMap((each, index) =>
      podsOf(`w${index}`, each.count, each.spec, { labels: { app: each.app } }),
    );
    if (nodes.length > 0) {
      one.bound.forEach((each, index) => {
        pods.push(
          ...podsOf(`b${index}`, 1, each.spec, {
            labels: { app: each.app },
            namespace: each.namespace,
            phase: 'Running',
            nodeName: `n${each.node % nodes.length}`,
            deletionMs: each.isGoing ? 1 : 0,
          }),
        );
      });
    }
    const daemon = one.daemon;
    return {
      pods,
      nodes,
      nodePools: one.pools,
      nodeClasses: [],
      daemonSets:
        daemon === undefined
          ? []
          : [
              daemonSetOf(daemon.app, {
                ...daemon.spec,
                containers: specOf({ cpu: '100m' }).containers,
              }),
            ],
      namespaceLabels: new Map(),
    };
  });

/** The same kinds of rules on at most four pods, two pools and one node, for exhaustive search. */
export const tinyCluster: fc.Arbitrary<ClusterSnapshot> = fc
  .record({
    workloads: fc.array(
      fc.record({ app, spec: plainSpec, count: fc.integer({ min: 1, max: 2 }) }),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
    bound: fc.array(fc.record({ app, spec: plainSpec }), { maxLength: 1 }),
    nodes: fc.array(node, { maxLength: 1 }),
    pools: fc.uniqueArray(plainPool, {
      minLength: 1,
      maxLength: 2,
      selector: ({ metadata }) => metadata.name,
    }),
  })
  .map((one) => {
    const nodes = one.nodes.map((each, index) => named(each, `n${index}`));
    const pods = one.workloads.flatMap((each, index) =>
      podsOf(`w${index}`, each.count, each.spec, { labels: { app: each.app } }),
    );
    if (nodes.length > 0) {
      one.bound.forEach((each, index) => {
        const more = { labels: { app: each.app }, phase: 'Running', nodeName: 'n0' };
        pods.push(...podsOf(`b${index}`, 1, each.spec, more));
      });
    }
    return {
      pods,
      nodes,
      nodePools: one.pools,
      nodeClasses: [],
      daemonSets: [],
      namespaceLabels: new Map(),
    };
  });
