/**
 * What users of the simulated cluster submit.
 *
 * In: a cluster, a seed, shapes of Jobs and how often they come. Out: Jobs, Deployments, bursts of
 * pods. High churn is the point: thousands of short pods an hour, more by day than by night, so that
 * a day goes from nothing to many nodes and back. It knows nothing of nodes.
 */
import type { Pod, PodSpec } from '../core/api/kubernetes.ts';
import type { SimulatedCluster } from './cluster/cluster.ts';
import { exponential, lognormal, type SeededRandom } from './random.ts';

/** A kind of Job. */
export interface JobShape {
  readonly name: string;
  readonly cpuMilli: number;
  readonly memoryMiB: number;
  /** Extended resources per pod. */
  readonly devices?: Readonly<Record<string, number>>;
  readonly podsMin: number;
  readonly podsMax: number;
  readonly runMedianMs: number;
  /** Of the logarithm of the run time. */
  readonly runSigma: number;
  /** How often, against the other shapes. */
  readonly weight: number;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: PodSpec['tolerations'];
}

export interface BatchOptions {
  readonly shapes: readonly JobShape[];
  /** Jobs an hour at the height of the day. */
  readonly jobsPerHour: number;
  /** Share of that at a time of day; by default noon is full and night is nothing. */
  readonly profile?: (hourOfDay: number) => number;
  readonly namespace?: string;
}

export interface RunningWorkload {
  readonly jobs: number;
  readonly pods: number;
  /** No more are submitted; what runs goes on. */
  stop(): void;
}

const hourMs = 3_600_000;
/** Ended Jobs stay this long, so that a cluster of a month holds those of a minute. */
const keptSeconds = 60;

/** Small, wide, memory-bound, long and accelerated work. */
export const batchShapes: readonly JobShape[] = [
  {
    name: 'lint',
    cpuMilli: 250,
    memoryMiB: 256,
    podsMin: 1,
    podsMax: 8,
    runMedianMs: 40_000,
    runSigma: 0.6,
    weight: 40,
  },
  {
    name: 'test',
    cpuMilli: 1_900,
    memoryMiB: 3_500,
    podsMin: 4,
    podsMax: 40,
    runMedianMs: 180_000,
    runSigma: 0.7,
    weight: 30,
  },
  {
    name: 'etl',
    cpuMilli: 1_000,
    memoryMiB: 14_000,
    podsMin: 2,
    podsMax: 30,
    runMedianMs: 420_000,
    runSigma: 0.8,
    weight: 15,
  },
  {
    name: 'render',
    cpuMilli: 7_500,
    memoryMiB: 12_000,
    podsMin: 1,
    podsMax: 20,
    runMedianMs: 900_000,
    runSigma: 0.5,
    weight: 10,
  },
  {
    name: 'train',
    cpuMilli: 4_000,
    memoryMiB: 24_000,
    devices: { 'nvidia.com/gpu': 1 },
    podsMin: 1,
    podsMax: 4,
    runMedianMs: 1_800_000,
    runSigma: 0.6,
    weight: 2,
  },
];

/** From nothing at six in the morning to everything at two in the afternoon and back by ten. */
export function daylight(hourOfDay: number): number {
  return Math.max(0, Math.sin(((hourOfDay - 6) / 16) * Math.PI));
}

/** The same at all times. */
export function steady(): number {
  return 1;
}

/** Submits Jobs from now on, at random times. */
export function startBatch(
  cluster: SimulatedCluster,
  random: SeededRandom,
  options: BatchOptions,
): RunningWorkload {
  const { clock } = cluster;
  const { shapes, jobsPerHour, profile = daylight, namespace = 'default' } = options;
  let jobs = 0;
  let pods = 0;
  let isStopped = false;

  function submit(): void {
    const shape = pickByWeight(random, shapes);
    const count = shape.podsMin + random.integer(shape.podsMax - shape.podsMin + 1);
    const runMs = Math.round(lognormal(random, shape.runMedianMs, shape.runSigma));
    jobs += 1;
    pods += count;
    const spec = {
      parallelism: count,
      completions: count,
      ttlSecondsAfterFinished: keptSeconds,
      template: {
        metadata: {
          labels: { app: shape.name },
          annotations: { 'sim/run-duration': `${runMs}ms` },
        },
        spec: podSpecOf(shape),
      },
    };
    cluster.create('Job', { metadata: { namespace, generateName: `${shape.name}-` }, spec });
  }

  /** Arrivals at the highest rate, of which the profile lets through its share. */
  function next(): void {
    clock.schedule(exponential(random, hourMs / jobsPerHour), () => {
      if (isStopped) return;
      if (random.chance(profile((clock.nowMs() / hourMs) % 24))) submit();
      next();
    });
  }
  next();
  return {
    get jobs() {
      return jobs;
    },
    get pods() {
      return pods;
    },
    stop: () => {
      isStopped = true;
    },
  };
}

/** Submits one Job of exactly so many pods. */
export function submitJob(
  cluster: SimulatedCluster,
  shape: JobShape,
  options: { readonly pods: number; readonly runMs: number; readonly namespace?: string },
): void {
  const { pods, runMs, namespace = 'default' } = options;
  cluster.create('Job', {
    metadata: { namespace, generateName: `${shape.name}-` },
    spec: {
      parallelism: pods,
      completions: pods,
      template: {
        metadata: {
          labels: { app: shape.name },
          annotations: { 'sim/run-duration': `${runMs}ms` },
        },
        spec: podSpecOf(shape),
      },
    },
  });
}

/** A service that runs for ever, with the budget that a careful owner gives it. */
export function deployService(
  cluster: SimulatedCluster,
  name: string,
  options: {
    readonly replicas: number;
    readonly cpuMilli: number;
    readonly memoryMiB: number;
    readonly maxUnavailable?: number | string;
    readonly namespace?: string;
  },
): void {
  const { namespace = 'default', replicas, maxUnavailable } = options;
  const matchLabels = { app: name };
  cluster.create('Deployment', {
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels },
      template: { metadata: { labels: matchLabels }, spec: podSpecOf({ ...options, name }) },
    },
  });
  if (maxUnavailable === undefined) return;
  cluster.create('PodDisruptionBudget', {
    metadata: { namespace, name },
    spec: { maxUnavailable, selector: { matchLabels } },
  });
}

/** A pod without a controller. */
export function barePod(shape: JobShape, namespace: string, name: string): Pod {
  return { metadata: { namespace, name, labels: { app: shape.name } }, spec: podSpecOf(shape) };
}

function podSpecOf(
  shape: Pick<
    JobShape,
    'name' | 'cpuMilli' | 'memoryMiB' | 'devices' | 'nodeSelector' | 'tolerations'
  >,
): PodSpec {
  const devices = Object.fromEntries(
    Object.entries(shape.devices ?? {}).map(([name, count]) => [name, String(count)]),
  );
  const requests = { cpu: `${shape.cpuMilli}m`, memory: `${shape.memoryMiB}Mi`, ...devices };
  // Extended resources must have a limit of the same amount.
  const resources =
    Object.keys(devices).length === 0 ? { requests } : { requests, limits: devices };
  return {
    restartPolicy: 'Never',
    containers: [{ name: 'main', resources }],
    ...(shape.nodeSelector === undefined ? {} : { nodeSelector: shape.nodeSelector }),
    ...(shape.tolerations === undefined ? {} : { tolerations: shape.tolerations }),
  };
}

function pickByWeight(random: SeededRandom, shapes: readonly JobShape[]): JobShape {
  let left = random.float() * shapes.reduce((sum, { weight }) => sum + weight, 0);
  for (const shape of shapes) {
    left -= shape.weight;
    if (left < 0) return shape;
  }
  return random.pick(shapes);
}
