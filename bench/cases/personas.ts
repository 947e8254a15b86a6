/**
 * Batches as real users describe them (`reference/users.md` section 1c), one case each.
 *
 * In: size and seed. Out: workloads with the pools those users would have. Only the packing of one
 * batch is measured here; arrival, lifetime and disruption belong to the simulator.
 */
import { createRandom } from '../random.ts';
import type { BenchCase, PodGroup, Workload, WorkloadSize } from '../workload.ts';
import {
  nodeClass,
  nodePool,
  oneOf,
  type PodRules,
  podGroup,
  splitByWeight,
  splitEvenly,
  workload,
} from './parts.ts';
import { skewedShapes } from './shapes.ts';

const generalRequirements = [
  oneOf('karpenter.k8s.aws/instance-category', 'c', 'm', 'r'),
  { key: 'karpenter.k8s.aws/instance-generation', operator: 'Gt' as const, values: ['4'] },
  oneOf('kubernetes.io/arch', 'amd64'),
];
const onDemand = oneOf('karpenter.sh/capacity-type', 'on-demand');
const spotOrOnDemand = oneOf('karpenter.sh/capacity-type', 'spot', 'on-demand');
const zoneKey = 'topology.kubernetes.io/zone';

/** A burst of CI jobs at a commit: 1 to 16 cpu, never evicted, some for arm64. */
function ciRunners({ pods, seed }: WorkloadSize): Workload {
  const random = createRandom(seed, 'ci-runners');
  const cpuMilli = [1000, 2000, 2000, 4000, 4000, 8000, 16000];
  const counts = splitByWeight(
    pods,
    [...cpuMilli, ...cpuMilli].map((cpu) => 20000 / cpu),
  );
  const groups = counts.map((count, i) => {
    const cpu = cpuMilli[i % cpuMilli.length]!;
    const memoryMiB = Math.round((cpu / 1000) * random.pick([1800, 2048, 3500, 4096]));
    const arch = i < cpuMilli.length ? 'amd64' : 'arm64';
    const shape = { cpuMilli: cpu, memoryMiB, ephemeralMiB: 10 * 1024 };
    return podGroup(`ci-${i}`, count, shape, { nodeSelector: { 'kubernetes.io/arch': arch } });
  });
  const requirements = [
    ...generalRequirements.filter(({ key }) => key !== 'kubernetes.io/arch'),
    oneOf('kubernetes.io/arch', 'amd64', 'arm64'),
    onDemand,
  ];
  return workload(groups, [nodePool({ name: 'ci', requirements })]);
}

/** An indexed Job of long workers, all alike: the question is one size of node. */
function backfill({ pods, seed }: WorkloadSize): Workload {
  const random = createRandom(seed, 'backfill');
  const shape = { cpuMilli: 6500 + 100 * random.below(10), memoryMiB: 26_000 + random.below(4000) };
  const requirements = [...generalRequirements, spotOrOnDemand];
  return workload(
    [podGroup('backfill', pods, shape)],
    [nodePool({ name: 'backfill', requirements })],
  );
}

/** Spark applications: one driver on demand and a gang of executors in one zone each. */
function spark({ pods, seed }: WorkloadSize): Workload {
  const random = createRandom(seed, 'spark');
  const applications = Math.max(1, Math.min(6, Math.floor(pods / 20)));
  const groups = splitEvenly(pods, applications).flatMap((size, i): PodGroup[] => {
    const zone = { [zoneKey]: `us-east-1${random.pick(['a', 'b', 'c'])}` };
    const cpuMilli = random.pick([2000, 4000, 5000, 8000]);
    const memoryMiB = Math.round((cpuMilli / 1000) * (3600 + random.below(5000)) * 1.1);
    return [
      podGroup(
        `driver-${i}`,
        1,
        { cpuMilli: 2000, memoryMiB: 9011 },
        {
          nodeSelector: { ...zone, 'karpenter.sh/capacity-type': 'on-demand' },
        },
      ),
      podGroup(
        `executor-${i}`,
        size - 1,
        { cpuMilli, memoryMiB, ephemeralMiB: 20_480 },
        {
          nodeSelector: zone,
        },
      ),
    ];
  });
  const requirements = [...generalRequirements, spotOrOnDemand];
  return workload(groups, [nodePool({ name: 'spark', requirements })]);
}

/** Training on 8 GPUs, tuning and inference on 1, and light cpu pods behind them. */
function mlGpu({ pods, seed }: WorkloadSize): Workload {
  const random = createRandom(seed, 'ml-gpu');
  const [eight = 0, one = 0, light = 0] = splitByWeight(pods, [1, 5, 14]);
  const tolerations: PodRules = { tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists' }] };
  const groups = [
    podGroup('train', eight, { cpuMilli: 88_000, memoryMiB: 700_000, gpus: 8 }, tolerations),
    ...splitEvenly(one, 3).map((count, i) =>
      podGroup(
        `tune-${i}`,
        count,
        {
          cpuMilli: [3000, 6000, 12_000][i]!,
          memoryMiB: 12_000 * (i + 1) + random.below(4000),
          gpus: 1,
        },
        tolerations,
      ),
    ),
    ...splitEvenly(light, 4).map((count, i) =>
      podGroup(`data-${i}`, count, {
        cpuMilli: [500, 1000, 2000, 4000][i]!,
        memoryMiB: 1000 * (i + 1) + random.below(3000),
      }),
    ),
  ];
  return workload(groups, [
    nodePool({
      name: 'gpu',
      requirements: [
        oneOf('karpenter.k8s.aws/instance-category', 'g', 'p'),
        oneOf('kubernetes.io/arch', 'amd64'),
        onDemand,
      ],
      taintKey: 'nvidia.com/gpu',
    }),
    nodePool({ name: 'cpu', requirements: [...generalRequirements, onDemand] }),
  ]);
}

/** Thousands of identical jobs from one event, few nodes allowed, and urgent pods among them. */
function eventQueue({ pods, seed }: WorkloadSize): Workload {
  const random = createRandom(seed, 'event-queue');
  const urgent = Math.min(pods - 1, Math.ceil(pods / 50));
  const groups = [
    podGroup('job', pods - urgent, { cpuMilli: 500, memoryMiB: 900 + random.below(400) }),
    podGroup('urgent', urgent, { cpuMilli: 1000, memoryMiB: 1500 }, { priority: 1000 }),
  ];
  const requirements = [...generalRequirements, spotOrOnDemand];
  return workload(groups, [nodePool({ name: 'queue', requirements, limits: { nodes: '120' } })]);
}

/** A wide step of a workflow: scratch space on local NVMe disks decides. */
function genomics({ pods, seed }: WorkloadSize): Workload {
  const random = createRandom(seed, 'genomics');
  const cpuMilli = [2000, 4000, 8000, 16_000];
  const counts = splitByWeight(pods, [8, 6, 3, 1]);
  const groups = cpuMilli.map((cpu, i) =>
    podGroup(`step-${i}`, counts[i]!, {
      cpuMilli: cpu,
      memoryMiB: Math.round((cpu / 1000) * (3000 + random.below(4500))),
      ephemeralMiB: 1024 * (40 + 10 * random.below(8)) * (i + 1),
    }),
  );
  const requirements = [
    ...generalRequirements,
    { key: 'karpenter.k8s.aws/instance-local-nvme', operator: 'Gt' as const, values: ['100'] },
    spotOrOnDemand,
  ];
  return workload(groups, [nodePool({ name: 'scratch', requirements })], {
    nodeClasses: [nodeClass({ localStorage: true })],
  });
}

/** A few people press a button: small, mixed, wanted at once. */
function interactive({ pods, seed }: WorkloadSize): Workload {
  const random = createRandom(seed, 'interactive');
  const classes = Math.min(pods, 8);
  const counts = splitEvenly(pods, classes);
  const groups = counts.map((count, i) => {
    const cpuMilli = random.pick([500, 1000, 2000, 4000]);
    const memoryMiB = Math.round((cpuMilli / 1000) * (1500 + random.below(7000)));
    return podGroup(`session-${i}`, count, { cpuMilli, memoryMiB });
  });
  return workload(groups, [
    nodePool({ name: 'sessions', requirements: [...generalRequirements, onDemand] }),
  ]);
}

/** After days of nothing, everything at once. */
function weeklyBatch(size: WorkloadSize): Workload {
  const random = createRandom(size.seed, 'weekly-batch');
  const groups = skewedShapes(random, size).map(({ shape, count }, i) =>
    podGroup(`weekly-${i}`, count, shape),
  );
  const requirements = [...generalRequirements, spotOrOnDemand];
  return workload(groups, [nodePool({ name: 'weekly', requirements })]);
}

interface Persona {
  readonly name: string;
  readonly description: string;
  readonly pods: number;
  readonly classes: number;
  readonly build: (size: WorkloadSize) => Workload;
}

const personas: readonly Persona[] = [
  {
    name: 'ci-runners',
    description: 'CI jobs of 1 to 16 cpu, amd64 and arm64.',
    pods: 400,
    classes: 14,
    build: ciRunners,
  },
  {
    name: 'backfill',
    description: 'Twenty long workers, all alike.',
    pods: 20,
    classes: 1,
    build: backfill,
  },
  {
    name: 'spark',
    description: 'Spark drivers on demand, executors in one zone each.',
    pods: 900,
    classes: 12,
    build: spark,
  },
  {
    name: 'ml-gpu',
    description: 'Pods of 8 GPUs, of 1 GPU, and light cpu pods.',
    pods: 200,
    classes: 8,
    build: mlGpu,
  },
  {
    name: 'event-queue',
    description: 'Identical jobs under a cap of 120 nodes, and urgent pods.',
    pods: 3000,
    classes: 2,
    build: eventQueue,
  },
  {
    name: 'genomics',
    description: 'Workflow steps with scratch space on local NVMe disks.',
    pods: 600,
    classes: 4,
    build: genomics,
  },
  {
    name: 'interactive',
    description: 'A handful of mixed sessions, wanted at once.',
    pods: 30,
    classes: 8,
    build: interactive,
  },
  {
    name: 'weekly-batch',
    description: 'Everything at once after days of nothing.',
    pods: 10_000,
    classes: 80,
    build: weeklyBatch,
  },
];

export const personaCases: readonly BenchCase[] = personas.map(
  ({ name, description, pods, classes, build }) => ({
    name: `persona-${name}`,
    description,
    defaultPods: pods,
    defaultClasses: classes,
    karpenter: true,
    build,
  }),
);
