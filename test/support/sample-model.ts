/**
 * A small packing model with a snapshot behind it, for tests of what is made of solutions.
 *
 * Two families (web: 6 pods, tied to zones a and b by a spread; job: 4 pods, free), one pool with
 * three types in two zones, one existing node with a pod on it, one pod that fits nowhere.
 */
import type { Node } from '../../core/api/kubernetes.ts';
import type { ModelOffering, PackingModel } from '../../core/packing/packing-model.ts';
import {
  type PackingProblem,
  unlimitedCount,
  unlimitedPerBin,
} from '../../core/packing/problem.ts';
import type { Bin, PackingSolution } from '../../core/packing/solution.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { ClusterSnapshot, SnapshotPod } from '../../core/state/snapshot.ts';

const mib = 2 ** 20;

function template(cpu: string, memory: string): SnapshotPod['spec'] {
  return { containers: [{ name: 'main', resources: { requests: { cpu, memory } } }] };
}

const specs = {
  web: template('500m', '1Gi'),
  job: template('2', '3Gi'),
  huge: template('900', '1Gi'),
};

function pod(kind: keyof typeof specs, index: number, nodeName = ''): SnapshotPod {
  return {
    namespace: 'default',
    name: `${kind}-${index}`,
    uid: `${kind}-${index}`,
    labels: { app: kind },
    annotations: {},
    spec: specs[kind],
    nodeName,
    phase: nodeName === '' ? 'Pending' : 'Running',
    ownerKind: '',
    createdMs: 0,
    priority: 0,
  };
}

export const sampleSnapshot: ClusterSnapshot = {
  pods: [
    ...Array.from({ length: 6 }, (_, index) => pod('web', index)),
    ...Array.from({ length: 4 }, (_, index) => pod('job', index)),
    pod('web', 6, 'old'),
    pod('huge', 0),
  ],
  nodes: [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'old' } } as Node],
  daemonSets: [],
  nodePools: [],
  nodeClasses: [],
  namespaceLabels: new Map(),
};

/** [type, cpu milli, memory MiB, nano-USD per hour]; zone b costs a tenth more. */
const types = [
  ['c6i.large', 1900, 3000, 85_000_000],
  ['c6i.xlarge', 3900, 7000, 170_000_000],
  ['c6i.2xlarge', 7900, 15000, 340_000_000],
] as const;
const zones = ['zone-a', 'zone-b'];

function newOfferings(): ModelOffering[] {
  return types.flatMap(([name, cpu, memory, price]) => {
    const allocatable = { cpu, memory: memory * mib, pods: 20 };
    const type: InstanceType = {
      name,
      labels: {},
      capacity: allocatable,
      allocatable,
      offerings: [],
      facts: {} as InstanceType['facts'],
    };
    return zones.map(
      (zone, z): ModelOffering => ({
        kind: 'new',
        nodePool: 'default',
        nodeClass: 'default',
        instanceType: name,
        zone,
        capacityType: 'on-demand',
        priceNano: price + (price * z) / 10,
        chosenLabels: {},
        daemonSets: [],
        type,
      }),
    );
  });
}

/** Classes: 0 web in zone-a, 1 web in zone-b, 2 job. Offerings: types x zones, then the node. */
export function sampleModel(overrides: Partial<PackingProblem> = {}): PackingModel {
  const offerings: ModelOffering[] = [...newOfferings(), { kind: 'existing', nodes: ['old'] }];
  const capacity = [
    ...types.flatMap(([, cpu, memory]) => [cpu, memory, 0, 20, cpu, memory, 0, 20]),
    1000,
    2048,
    0,
    5,
  ];
  const request = [500, 1024, 0, 1, 500, 1024, 0, 1, 2000, 3072, 0, 1];
  const requestArray = Float64Array.from(request);
  const capacityArray = Float64Array.from(capacity);
  const free = unlimitedPerBin;
  const masks = Uint16Array.from([free, 0, free, 0, free, free]);
  const problem: PackingProblem = {
    resourceNames: ['cpuMilli', 'memoryMiB', 'ephemeralMiB', 'pods'],
    familyCount: 2,
    demand: Int32Array.from([6, 4]),
    priority: Float64Array.from([0, 0]),
    classCount: 3,
    familyOf: Int32Array.from([0, 0, 1]),
    request: requestArray,
    boundRequest: requestArray,
    offeringCount: offerings.length,
    capacity: capacityArray,
    boundCapacity: capacityArray,
    priceNano: Float64Array.from(
      offerings.map((offering) => (offering.kind === 'new' ? offering.priceNano : 0)),
    ),
    steerNano: new Float64Array(offerings.length),
    available: Int32Array.from(offerings, ({ kind }) => (kind === 'new' ? unlimitedCount : 1)),
    maskOf: Int32Array.from([0, 1, 0, 1, 0, 1, 0]),
    maskCount: 2,
    masks,
    boundMasks: masks,
    conflicts: new Int32Array(0),
    domainGroups: [],
    limits: [],
    ...overrides,
  };
  return {
    problem,
    families: [
      { pods: [0, 1, 2, 3, 4, 5], priority: 0 },
      { pods: [6, 7, 8, 9], priority: 0 },
    ],
    classes: [
      { family: 0, zone: 'zone-a', domain: { 'topology.kubernetes.io/zone': 'zone-a' } },
      { family: 0, zone: 'zone-b', domain: { 'topology.kubernetes.io/zone': 'zone-b' } },
      { family: 1, domain: {} },
    ],
    offerings,
    unschedulable: [{ pod: 11, reason: 'asks for cpu 900, the largest type admitted has 7.9' }],
    placed: new Map([['old', [10]]]),
    notes: ['a note of the model'],
  };
}

/** A bin written shortly: offering, [class, count] pairs, copies. */
export function bin(
  offering: number,
  contents: readonly (readonly [number, number])[],
  copies = 1,
): Bin {
  return {
    offering,
    classes: Int32Array.from(contents.map(([c]) => c)),
    counts: Int32Array.from(contents.map(([, count]) => count)),
    copies,
  };
}

/** A solution with these bins, costed by the model; unserved pods are what the bins leave out. */
export function solutionOf(model: PackingModel, bins: readonly Bin[]): PackingSolution {
  const unserved = Int32Array.from(model.problem.demand);
  let costNano = 0;
  for (const { offering, classes, counts, copies } of bins) {
    costNano += model.problem.priceNano[offering]! * copies;
    classes.forEach((c, i) => {
      unserved[model.problem.familyOf[c]!]! -= counts[i]! * copies;
    });
  }
  return {
    bins,
    unserved,
    costNano,
    lowerBoundNano: costNano / 2,
    proof: 'certified',
    certificate: null,
    stats: {
      classes: 3,
      offerings: 7,
      offeringsKept: 7,
      columns: 0,
      iterations: 0,
      wallMs: 1,
      phases: {},
      seed: 1,
      stoppedBy: 'gap',
      curve: [],
    },
  };
}
