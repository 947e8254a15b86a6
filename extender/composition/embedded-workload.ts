/**
 * What runs in the embedded world, by name.
 *
 * In: a world, a name. Out: work that is submitted while the clock runs. Every workload is a function
 * of the world's seed.
 */
import { batchShapes, deployService, startBatch, steady, submitJob } from '../../sim/workloads.ts';
import type { World } from '../../sim/world.ts';

/** What `--workload` takes, with what it means. */
export const workloads = {
  day: 'a working day of batch jobs, from nothing in the morning to the afternoon and back',
  steady: 'batch jobs at an even rate',
  burst: '1,000 pods at once, then nothing',
  quiet: 'two services and no jobs',
} as const;
export type WorkloadName = keyof typeof workloads;

const jobsPerHour = 240;
const burstPods = 200;
const burstRunMs = 180_000;

/** Starts submitting; `stop` ends that, what runs goes on. */
export function startEmbeddedWorkload(world: World, name: WorkloadName): { stop(): void } {
  const { cluster } = world;
  const random = world.random.branch('workload');
  switch (name) {
    case 'day':
      deployServices(world);
      return startBatch(cluster, random, { shapes: batchShapes, jobsPerHour });
    case 'steady':
      return startBatch(cluster, random, { shapes: batchShapes, jobsPerHour, profile: steady });
    case 'burst':
      for (const shape of batchShapes) {
        submitJob(cluster, shape, { pods: burstPods, runMs: burstRunMs });
      }
      return { stop: () => undefined };
    case 'quiet':
      deployServices(world);
      return { stop: () => undefined };
  }
}

function deployServices({ cluster }: World): void {
  deployService(cluster, 'web', {
    replicas: 6,
    cpuMilli: 500,
    memoryMiB: 768,
    maxUnavailable: 1,
  });
  deployService(cluster, 'queue', {
    replicas: 3,
    cpuMilli: 1_000,
    memoryMiB: 2_048,
    maxUnavailable: 1,
  });
}
