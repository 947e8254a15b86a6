/**
 * Clusters in a few words, for tests of the model.
 *
 * In: only what a test is about. Out: validated-looking objects with everything else at its default.
 */
import type { ContainerPort, DaemonSet, Node, PodSpec } from '../../core/api/kubernetes.ts';
import type { NodePool, NodePoolRequirement } from '../../core/api/nodepool.ts';
import { buildModel } from '../../core/packing/model.ts';
import type { ModelOptions, PackingModel } from '../../core/packing/packing-model.ts';
import { findProblemDefects } from '../../core/packing/problem-shape.ts';
import type {
  CapacityType,
  InstanceType,
  ReservedCapacity,
} from '../../core/state/instance-type.ts';
import { type ClusterSnapshot, podKey, type SnapshotPod } from '../../core/state/snapshot.ts';

export const zoneKey = 'topology.kubernetes.io/zone';
export const hostKey = 'kubernetes.io/hostname';
export const capacityTypeKey = 'karpenter.sh/capacity-type';
export const poolKey = 'karpenter.sh/nodepool';
const mebibyte = 2 ** 20;

/** A spec with one container; anything else is merged in. */
export function specOf(
  requests: Record<string, string>,
  more: Partial<PodSpec> & { readonly ports?: readonly ContainerPort[] } = {},
): PodSpec {
  const { ports, ...rest } = more;
  return {
    containers: [
      {
        name: 'main',
        resources: { requests },
        ...(ports === undefined ? {} : { ports: [...ports] }),
      },
    ],
    ...rest,
  };
}

/** `count` pods of one template, `name-0`, `name-1`, ... */
export function podsOf(
  name: string,
  count: number,
  spec: PodSpec,
  more: Partial<SnapshotPod> = {},
): SnapshotPod[] {
  const labels = more.labels ?? { app: name };
  return Array.from({ length: count }, (_, index) => ({
    namespace: 'default',
    name: `${name}-${index}`,
    uid: `${name}-${index}`,
    annotations: {},
    nodeName: '',
    phase: 'Pending',
    ownerKind: 'ReplicaSet',
    createdMs: 0,
    priority: 0,
    ...more,
    labels,
    spec,
  }));
}

export interface TypeShape {
  readonly cpuMilli?: number;
  readonly memoryMiB?: number;
  readonly pods?: number;
  readonly resources?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly zones?: readonly string[];
  readonly capacityTypes?: readonly CapacityType[];
  /** Nano-USD per hour on demand; spot costs half of it. */
  readonly priceNano?: number;
  readonly reservations?: readonly ReservationShape[];
  /** Addresses of one network interface. */
  readonly ipv4PerEni?: number;
}

/** Capacity that is paid for: `count` instances in `zone`. */
export interface ReservationShape extends Pick<ReservedCapacity, 'id'> {
  readonly count: number;
  readonly kind?: ReservedCapacity['kind'];
  readonly zone?: string;
}

/** An instance type: 4 cpu, 16 GiB, 58 pods in three zones, on demand and spot, unless told. */
export function typeOf(name: string, shape: TypeShape = {}): InstanceType {
  const resources = {
    cpu: shape.cpuMilli ?? 4000,
    memory: (shape.memoryMiB ?? 16384) * mebibyte,
    'ephemeral-storage': 17 * 1024 * mebibyte,
    pods: shape.pods ?? 58,
    ...shape.resources,
  };
  const price = shape.priceNano ?? resources.cpu * 50_000;
  const zones = shape.zones ?? ['test-1a', 'test-1b', 'test-1c'];
  const capacityTypes = shape.capacityTypes ?? ['on-demand', 'spot'];
  return {
    name,
    labels: {
      'node.kubernetes.io/instance-type': name,
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/os': 'linux',
      'karpenter.k8s.aws/instance-cpu': String(resources.cpu / 1000),
      'karpenter.k8s.aws/instance-family': name.split('.')[0] ?? name,
      ...shape.labels,
    },
    capacity: resources,
    allocatable: resources,
    offerings: [
      ...zones.flatMap((zone) =>
        capacityTypes.map((capacityType) => ({
          zone,
          capacityType,
          priceNanoUsdPerHour: capacityType === 'spot' ? price / 2 : price,
          available: true,
        })),
      ),
      ...(shape.reservations ?? []).map(
        ({ id, count, kind = 'default', zone = zones[0] ?? '' }) => ({
          zone,
          capacityType: 'reserved' as const,
          priceNanoUsdPerHour: 0,
          available: true,
          reservation: { id, kind, availableCount: count },
        }),
      ),
    ],
    facts: { ipv4PerEni: shape.ipv4PerEni ?? 15 } as InstanceType['facts'],
  };
}

export interface PoolShape {
  readonly requirements?: readonly NodePoolRequirement[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: NodePool['spec']['template']['spec']['taints'];
  readonly startupTaints?: NodePool['spec']['template']['spec']['startupTaints'];
  readonly limits?: Record<string, string>;
  readonly weight?: number;
  readonly replicas?: number;
  readonly nodeClass?: string;
  readonly metadata?: NodePool['metadata'];
  readonly status?: NodePool['status'];
}

export function poolOf(name: string, shape: PoolShape = {}): NodePool {
  const { requirements, labels, taints, startupTaints, nodeClass, metadata, status, ...spec } =
    shape;
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name, ...metadata },
    spec: {
      template: {
        metadata: { labels: { ...labels } },
        spec: {
          requirements: [...(requirements ?? [])],
          nodeClassRef: {
            group: 'karpenter.k8s.aws',
            kind: 'EC2NodeClass',
            name: nodeClass ?? 'default',
          },
          ...(taints === undefined ? {} : { taints }),
          ...(startupTaints === undefined ? {} : { startupTaints }),
        },
      },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

export interface NodeShape {
  readonly zone?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: NonNullable<Node['spec']>['taints'];
  readonly unschedulable?: boolean;
  readonly allocatable?: Record<string, string>;
  readonly metadata?: Node['metadata'];
}

/** A node of 4 cpu, 16 GiB and 58 pods in zone test-1a unless told. */
export function nodeOf(name: string, shape: NodeShape = {}): Node {
  const allocatable = { cpu: '4', memory: '16Gi', pods: '58', ...shape.allocatable };
  return {
    metadata: {
      name,
      labels: {
        [hostKey]: name,
        [zoneKey]: shape.zone ?? 'test-1a',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/os': 'linux',
        ...shape.labels,
      },
      ...shape.metadata,
    },
    spec: {
      ...(shape.taints === undefined ? {} : { taints: shape.taints }),
      ...(shape.unschedulable === undefined ? {} : { unschedulable: shape.unschedulable }),
    },
    status: { allocatable, capacity: allocatable },
  };
}

export function daemonSetOf(name: string, spec: PodSpec): DaemonSet {
  return {
    metadata: { name, namespace: 'kube-system' },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
    },
  };
}

export interface ClusterShape extends Partial<ClusterSnapshot> {
  readonly types?: readonly InstanceType[];
  readonly options?: ModelOptions;
}

/** Builds a model and fails loudly if it breaks the contract of problem.ts. */
export function modelOf(
  shape: ClusterShape,
): PackingModel & { readonly snapshot: ClusterSnapshot } {
  const { types, options, ...parts } = shape;
  const snapshot: ClusterSnapshot = {
    pods: [],
    nodes: [],
    daemonSets: [],
    nodePools: [poolOf('default')],
    nodeClasses: [],
    namespaceLabels: new Map(),
    ...parts,
  };
  const known = types ?? [typeOf('m5.xlarge')];
  const model = buildModel(snapshot, () => known, options);
  const defects = findProblemDefects(model.problem);
  if (defects.length > 0) {
    throw new Error(`malformed problem: ${JSON.stringify(defects)}`);
  }
  return { ...model, snapshot };
}

/** Reasons by pod name, for the pods that the model rejects. */
export function reasonsOf(
  model: PackingModel & { readonly snapshot: ClusterSnapshot },
): Record<string, string> {
  return Object.fromEntries(
    model.unschedulable.map(({ pod, reason }) => [podKey(model.snapshot.pods[pod]!), reason]),
  );
}

/** Required anti-affinity with the pods of these labels. */
export function antiAffinity(
  topologyKey: string,
  matchLabels: Record<string, string>,
): NonNullable<PodSpec['affinity']> {
  return {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey, labelSelector: { matchLabels } },
      ],
    },
  };
}

type Spread = NonNullable<PodSpec['topologySpreadConstraints']>[number];

/** A hard spread over the pods of these labels. */
export function spreadOver(
  topologyKey: string,
  matchLabels: Record<string, string>,
  more: Partial<Spread> = {},
): Spread {
  return {
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels },
    ...more,
  };
}
