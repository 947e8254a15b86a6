/**
 * The simulated world: a cluster with its controllers, kubelets, schedulers and an EC2, on one clock
 * and one seed.
 *
 * In: a seed, instance types, what shall be different. Out: a world in which processes can be
 * started (and killed): each gets the ports that the product needs. Everything that happens is a
 * function of the seed, as long as nothing outside is waited for.
 */
import type { Kind } from '../core/api/kinds.ts';
import type { CloudProvider } from '../core/cloud-port.ts';
import type { Clock, ClusterClient, Random } from '../core/ports.ts';
import type { AllocatableOptions } from '../core/scheduling/allocatable.ts';
import type { InstanceTypeFacts } from '../core/state/instance-type.ts';
import { createSimulatedCloud } from './cloud.ts';
import { createSimulatedClient } from './cluster/client.ts';
import { SimulatedCluster } from './cluster/cluster.ts';
import { createPodIndex, type PodIndex } from './cluster/pod-index.ts';
import { startDaemonSetController } from './controllers/daemon-set.ts';
import { startDisruptionController } from './controllers/disruption.ts';
import { startGarbageCollector } from './controllers/garbage-collector.ts';
import { startJobController } from './controllers/job.ts';
import { startNodeLifecycle } from './controllers/node-lifecycle.ts';
import { startPodGarbageCollector } from './controllers/pod-garbage.ts';
import { startReplicaControllers } from './controllers/replicas.ts';
import { startTaintEviction } from './controllers/taint-eviction.ts';
import { Ec2Engine } from './ec2-engine.ts';
import type { Ec2Options } from './ec2-types.ts';
import type { ApiFaults } from './faults.ts';
import { type KubeletOptions, Kubelets } from './kubelets.ts';
import { startMachineRoom } from './machines.ts';
import { type CrashPoint, createProcess, type SimulatedProcess } from './process.ts';
import { createRandom, type SeededRandom } from './random.ts';
import { ModelScheduler, type SchedulerOptions } from './scheduler/scheduler.ts';
import { readJsonUserData, type UserDataReader } from './user-data.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

export interface WorldOptions {
  readonly seed: number | string;
  readonly types: readonly InstanceTypeFacts[];
  readonly startMs?: number;
  /** Finds out who changes stored objects; slow. */
  readonly isFrozen?: boolean;
  readonly absentKinds?: readonly Kind[];
  readonly ec2?: Omit<Ec2Options, 'types'>;
  readonly kubelets?: Partial<KubeletOptions>;
  /** What machines really offer; the catalogue's measured figures unless given. */
  readonly allocatable?: AllocatableOptions;
  readonly readUserData?: UserDataReader;
  /** Bounds of the API server's latency, one way. */
  readonly apiLatencyMs?: readonly [number, number];
}

/** What a process of ours is started with. */
export interface ProcessPorts {
  readonly process: SimulatedProcess;
  readonly clock: Clock;
  readonly random: Random;
  readonly client: ClusterClient;
  readonly cloud: CloudProvider;
}

export interface ProcessOptions {
  readonly faults?: ApiFaults;
  readonly crashPoint?: CrashPoint;
  readonly onDeath?: () => void;
}

export interface World {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly cluster: SimulatedCluster;
  readonly pods: PodIndex;
  readonly engine: Ec2Engine;
  readonly kubelets: Kubelets;
  /** Starts a process that can be killed. */
  startProcess(name: string, options?: ProcessOptions): ProcessPorts;
  /** Starts a model kube-scheduler. */
  startScheduler(options: Pick<SchedulerOptions, 'schedulerNames' | 'extenders'>): ModelScheduler;
}

const defaultKubelets: KubeletOptions = { jobRunMs: 60_000, startMedianMs: 2_000 };
const defaultApiLatencyMs = [1, 6] as const;
export const clusterName = 'simulated';

/** A world at rest: nothing happens until its clock is driven. */
export function createWorld(options: WorldOptions): World {
  const clock = createVirtualClock(options.startMs);
  const random = createRandom(options.seed);
  const cluster = new SimulatedCluster({
    clock,
    random: random.branch('cluster'),
    isFrozen: options.isFrozen ?? false,
    absentKinds: options.absentKinds ?? [],
  });
  furnish(cluster);
  const pods = createPodIndex(cluster);
  const kubelets = new Kubelets(cluster, pods, random.branch('kubelets'), {
    ...defaultKubelets,
    ...options.kubelets,
  });
  startGarbageCollector(cluster);
  startDisruptionController(cluster);
  startNodeLifecycle(cluster, kubelets.heartbeats);
  startTaintEviction(cluster, pods);
  startPodGarbageCollector(cluster, pods);
  startJobController(cluster, pods);
  startReplicaControllers(cluster, pods);
  startDaemonSetController(cluster, pods);
  const { types } = options;
  const engine = new Ec2Engine(clock, random.branch('ec2'), { ...options.ec2, types });
  const allocatable = options.allocatable ?? { memoryOverhead: 'measured', reservedEnis: 0 };
  const readUserData = options.readUserData ?? readJsonUserData;
  startMachineRoom({ cluster, engine, kubelets, types, readUserData, allocatable });

  const [latencyMinMs, latencyMaxMs] = options.apiLatencyMs ?? defaultApiLatencyMs;
  const latencyOf = (name: string): (() => number) => {
    const draws = random.branch(`latency/${name}`);
    return () => latencyMinMs + draws.float() * (latencyMaxMs - latencyMinMs);
  };
  let schedulerCount = 0;
  return {
    clock,
    random,
    cluster,
    pods,
    engine,
    kubelets,
    startProcess: (name, { faults, crashPoint, onDeath } = {}) => {
      const process = createProcess(name, clock, crashPoint, onDeath);
      return {
        process,
        clock: process.clock,
        random: random.branch(`process/${name}`),
        client: createSimulatedClient(cluster, {
          actor: name,
          latencyMs: latencyOf(name),
          lifeline: process,
          ...(faults === undefined ? {} : { faults }),
        }),
        cloud: createSimulatedCloud({ clock: process.clock, engine, types, clusterName }),
      };
    },
    startScheduler: (schedulerOptions) => {
      schedulerCount += 1;
      const name = `scheduler-${schedulerCount}`;
      return new ModelScheduler({
        ...schedulerOptions,
        cluster,
        client: createSimulatedClient(cluster, { actor: name, latencyMs: latencyOf(name) }),
        random: random.branch(name),
      });
    },
  };
}

/** What every cluster has. */
function furnish(cluster: SimulatedCluster): void {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    cluster.create('Namespace', {
      metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
    });
  }
  for (const [name, value] of [
    ['system-cluster-critical', 2_000_000_000],
    ['system-node-critical', 2_000_001_000],
  ] as const) {
    cluster.create('PriorityClass', { metadata: { name }, value });
  }
}
