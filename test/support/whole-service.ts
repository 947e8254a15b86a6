/**
 * The whole service in the simulated world: every controller, the verbs, leader election, the
 * recorder, on the virtual clock.
 *
 * In: a seed, what shall go wrong. Out: a world in which replicas of the service are started, killed
 * as `kill -9` does, and started anew, beside the model kube-scheduler that calls the real verbs.
 * Sockets are left out: the scheduler's calls go into the handlers' bytes. The solver runs in this
 * thread under a clock of its own that counts calls, so that one seed is one run.
 */
import { pino } from 'pino';
import { loadCatalogue } from '../../catalogue/loader.ts';
import { labelNodePool } from '../../core/api/labels.ts';
import type { EventSource } from '../../core/interruption-port.ts';
import type { Solver } from '../../core/ports.ts';
import type { ServerParts, Servers } from '../../extender/composition/servers.ts';
import {
  type Service,
  type ServiceOptions,
  startService,
} from '../../extender/composition/service.ts';
import { NodeTable } from '../../extender/node-table.ts';
import { verbDecisions } from '../../extender/server/verb-routes.ts';
import { defaultSettings, type ServiceSettings } from '../../extender/settings.ts';
import { defaultBootModel } from '../../sim/boot-time.ts';
import { endlessCapacity } from '../../sim/ec2-capacity.ts';
import { type InvariantWatch, watchInvariants } from '../../sim/invariants.ts';
import { installSamples, type SamplePool, samplePools } from '../../sim/sample-objects.ts';
import { directTransport, ExtenderFailure } from '../../sim/scheduler/extender-transport.ts';
import type { ModelScheduler } from '../../sim/scheduler/scheduler.ts';
import {
  clusterName,
  createWorld,
  type ProcessOptions,
  type ProcessPorts,
  type World,
  type WorldOptions,
} from '../../sim/world.ts';
import { firstFitSolver } from './in-process-solver.ts';

export const serviceZones = ['us-east-1a', 'us-east-1b'] as const;
/** Small, large, memory-bound, arm and accelerated: enough for every kind of choice. */
const typeNames: ReadonlySet<string> = new Set([
  'm7i.large',
  'm7i.2xlarge',
  'm7i.8xlarge',
  'c7i.4xlarge',
  'r7i.2xlarge',
  'r7i.8xlarge',
  'm7g.4xlarge',
  'g5.2xlarge',
  'g5.12xlarge',
  'g6.4xlarge',
]);
const types = loadCatalogue().types.filter(({ name }) => typeNames.has(name));

/** What the scheduler sees between asking a verb and its answer. */
const verbLatencyMs = 1;
const extenderWeight = 10;
/** Instances without a claim are looked for this often. */
export const collectionPeriodMs = 60_000;

export interface WholeWorldOptions extends Partial<Omit<WorldOptions, 'seed' | 'types'>> {
  readonly pools?: readonly SamplePool[];
  /** Names of the schedulers that the model scheduler stands for. */
  readonly schedulerNames?: readonly string[];
  /** False: a cluster whose scheduler knows no extender, as on EKS. */
  readonly hasExtender?: boolean;
}

/** One life of a replica. */
export interface Replica {
  readonly name: string;
  readonly ports: ProcessPorts;
  readonly service: Service;
  /** What ended it before its time; a bug. */
  readonly failures: readonly unknown[];
  kill(): void;
}

export interface ReplicaOptions extends ProcessOptions {
  readonly settings?: Partial<ServiceSettings>;
  readonly solver?: (ports: ProcessPorts) => Solver;
  readonly eventSources?: (ports: ProcessPorts) => readonly EventSource[];
}

export interface WholeWorld extends World {
  readonly invariants: InvariantWatch;
  readonly scheduler: ModelScheduler;
  /** All that were ever started. */
  readonly replicas: readonly Replica[];
  startReplica(name: string, options?: ReplicaOptions): Promise<Replica>;
  /** Instances that cost money. */
  living(): number;
  /** Runs until `isSo`, a second at a time; answers after how long. @throws Error after `limitMs` */
  until(what: string, isSo: () => boolean, limitMs?: number): Promise<number>;
}

/** A world at rest with pools, DaemonSets and a scheduler; every machine joins unless told otherwise. */
export function wholeWorld(seed: number | string, options: WholeWorldOptions = {}): WholeWorld {
  const { pools = samplePools, schedulerNames, hasExtender = true, ...worldOptions } = options;
  const world = createWorld({
    absentKinds: ['EC2NodeClass.stowage.dev'],
    ...worldOptions,
    seed,
    types,
    ec2: {
      capacity: endlessCapacity,
      boot: { ...defaultBootModel, neverJoinsShare: 0 },
      ...worldOptions.ec2,
    },
  });
  installSamples(world.cluster, serviceZones, pools);
  world.cluster.create('Namespace', { metadata: { name: defaultSettings.namespace } });
  const replicas: Replica[] = [];
  const doors = new Map<Replica, VerbDoor>();
  const invariants = watchInvariants(world, 'karpenter.sh/nodeclaim');

  /** As a Service does: any replica that lives. */
  function answer(verb: string, body: Buffer): Buffer {
    for (const [replica, decide] of doors) {
      const door = replica.ports.process.isAlive && isDecided(verb) ? decide[verb] : undefined;
      if (door !== undefined) return door(body);
    }
    throw new ExtenderFailure(`${verb}: connection refused`);
  }

  const transport = directTransport(
    world.clock,
    (verb, body) => ({ status: 200, body: answer(verb, body) }),
    () => verbLatencyMs,
  );
  const scheduler = world.startScheduler({
    schedulerNames: schedulerNames ?? ['default-scheduler'],
    extenders: hasExtender
      ? [
          {
            transport,
            verbs: new Set(['filter', 'prioritize', 'preempt']),
            weight: extenderWeight,
            isIgnorable: true,
            managedResources: [],
          },
        ]
      : [],
  });
  scheduler.done.catch((error: unknown) => schedulerFailures.push(error));
  const schedulerFailures: unknown[] = [];

  async function startReplica(
    name: string,
    { settings, solver = firstFitSolver, eventSources, ...processOptions }: ReplicaOptions = {},
  ): Promise<Replica> {
    const ports = world.startProcess(name, processOptions);
    const failures: unknown[] = [];
    let door: VerbDoor | undefined;
    const service = await startService(
      {
        ...ports,
        solver: solver(ports),
        eventSources: eventSources?.(ports) ?? [],
        log: pino({ level: process.env['STOWAGE_LOG'] ?? 'silent' }).child({ replica: name }),
        version: 'test',
        settings: { ...defaultSettings, clusterName, identity: name, ...settings },
        extender: { ...nowhere, inThread: false },
        operations: nowhere,
        processMetrics: false,
      },
      async (serviceOptions, parts) => {
        const { servers, decide } = serversWithoutSockets(serviceOptions, parts);
        door = decide;
        return servers;
      },
    );
    service.done.catch((error: unknown) => failures.push(error));
    const replica = { name, ports, service, failures, kill: () => ports.process.kill() };
    replicas.push(replica);
    if (door !== undefined) doors.set(replica, door);
    return replica;
  }

  return {
    ...world,
    invariants,
    scheduler,
    replicas,
    startReplica,
    living: () =>
      [...world.engine.instances.values()].filter(
        ({ state }) => state === 'pending' || state === 'running',
      ).length,
    until: async (what, isSo, limitMs = untilLimitMs) => {
      const startMs = world.clock.nowMs();
      for (;;) {
        const bug = schedulerFailures[0] ?? replicas.flatMap(({ failures }) => failures)[0];
        if (bug !== undefined) throw bug;
        const tookMs = world.clock.nowMs() - startMs;
        if (isSo()) return tookMs;
        if (tookMs >= limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
        await world.clock.advance(stepMs);
      }
    },
  };
}

const stepMs = 1_000;
const untilLimitMs = 30 * 60_000;
const nowhere = { host: '127.0.0.1', port: 0 } as const;

type VerbDoor = ReturnType<typeof verbDecisions>;

function isDecided(verb: string): verb is keyof VerbDoor {
  return verb === 'filter' || verb === 'prioritize' || verb === 'preempt';
}

function serversWithoutSockets(
  { clock }: ServiceOptions,
  { metrics }: ServerParts,
): { readonly servers: Servers; readonly decide: VerbDoor } {
  const nodes = new NodeTable();
  const end = Promise.withResolvers<void>();
  return {
    decide: verbDecisions({ nodes, clock, metrics: metrics.extender }),
    servers: {
      nodes,
      done: end.promise,
      dashboardState: () => {
        throw new Error('there is no dashboard here');
      },
      urls: { extenderUrl: '', operationsUrl: '' },
      close: async () => end.resolve(),
    },
  };
}

/** Pods of users that have neither ended nor a node. */
export function unbound({ cluster }: World): readonly string[] {
  return [...cluster.all('Pod')]
    .filter(({ spec, status }) => spec.nodeName === undefined && status?.phase === 'Pending')
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

/** Pods of an app in a phase. */
export function countPods({ cluster }: World, app: string, phase: string): number {
  let count = 0;
  for (const { metadata, status } of cluster.all('Pod')) {
    if (metadata.labels?.['app'] === app && status?.phase === phase) count += 1;
  }
  return count;
}

/** Nodes that the service launched. */
export function ownNodes({ cluster }: World): number {
  return [...cluster.all('Node')].filter(
    ({ metadata }) => metadata.labels?.[labelNodePool] !== undefined,
  ).length;
}

/** The reason that a replica states for a pod; undefined where it has none. */
export function statedReason({ service }: Replica, uid: string): string | undefined {
  const record = service.recorder
    .recent(recordsMax)
    .findLast(({ subject }) => subject.kind === 'Pod' && subject.uid === uid);
  return record === undefined ? undefined : `${record.outcome}: ${record.reason}`;
}
const recordsMax = 100_000;
