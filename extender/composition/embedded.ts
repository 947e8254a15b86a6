/**
 * The embedded world: a simulated cluster and cloud with work in it, and the real service on top.
 *
 * In: a seed, a speed, a workload. Out: a running service whose ports are simulated; time runs in step
 * with real time, `speed` times as fast. The model kube-scheduler calls the real verbs over HTTP. No
 * network beyond loopback, no cluster, no cloud account.
 */
import type { Logger } from 'pino';
import { loadCatalogue } from '../../catalogue/loader.ts';
import type { NodeOverlay } from '../../core/api/nodeoverlay.ts';
import type { Solver } from '../../core/ports.ts';
import { createInterruptionQueue } from '../../sim/interruption-queue.ts';
import { watchInvariants } from '../../sim/invariants.ts';
import { installSamples } from '../../sim/sample-objects.ts';
import { httpTransport } from '../../sim/scheduler/extender-transport.ts';
import { clusterName, createWorld, type World } from '../../sim/world.ts';
import { defaultSettings, type ServiceSettings } from '../settings.ts';
import { startEmbeddedWorkload, type WorkloadName } from './embedded-workload.ts';
import { type Endpoint, type Service, startService } from './service.ts';

export interface EmbeddedOptions {
  readonly seed: number;
  /** Simulated seconds per real one. */
  readonly speed: number;
  readonly workload: WorkloadName;
  readonly settings: Partial<ServiceSettings>;
  readonly solver: Solver;
  readonly log: Logger;
  readonly version: string;
  readonly extender: Endpoint;
  readonly operations: Endpoint;
  /** Overlays beside those of the cluster. */
  readonly nodeOverlays?: readonly NodeOverlay[];
}

export interface EmbeddedService {
  readonly world: World;
  readonly service: Service;
  /** Safety rules that were broken, which would be a bug. */
  readonly violations: readonly { readonly kind: string; readonly message: string }[];
  /** Rejects on a bug; resolves after {@link stop}. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

const zones = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
/** The tag of an instance that names its NodeClaim. */
const claimTag = 'karpenter.sh/nodeclaim';
/** Real time, which a busy machine may need; the shipped configuration says 500 ms. */
const extenderTimeoutMs = 5_000;
const extenderWeight = 10;

/** Starts the world, then the service in it, then the work. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedService> {
  const { seed, speed, log } = options;
  const world = createWorld({
    seed,
    types: loadCatalogue().types,
    startMs: startOfDay(),
    absentKinds: ['EC2NodeClass.stowage.dev'],
  });
  installSamples(world.cluster, zones);
  const invariants = watchInvariants(world, claimTag);
  const end = new AbortController();
  const paced = world.clock.pace({ speed, signal: end.signal });
  paced.catch(() => undefined);
  const ports = world.startProcess('stowage');
  const stopTime = async (): Promise<void> => {
    end.abort(new Error('stopped'));
    await paced;
  };
  const { engine, clock, random } = world;
  const news = createInterruptionQueue({ engine, clock, random: random.branch('news') });
  const service = await startService({
    ...options,
    extender: { ...options.extender, inThread: false },
    clock: ports.clock,
    random: ports.random,
    client: ports.client,
    cloud: ports.cloud,
    eventSources: [news.source(ports.clock)],
    solver: {
      solve: async (...args) => await heldCall(world.clock, options.solver.solve(...args)),
    },
    log,
    settings: {
      ...defaultSettings,
      ...options.settings,
      clusterName,
      // One replica, and nobody else who could lead.
      leaderElection: false,
      sideBySide: 'replace',
    },
  }).catch(async (error: unknown) => {
    await stopTime();
    throw error;
  });
  const transport = httpTransport(service.extenderUrl, extenderTimeoutMs);
  const scheduler = world.startScheduler({
    schedulerNames: ['default-scheduler'],
    extenders: [
      {
        // Time stands still while the verbs answer, and passes for as long as that took afterwards:
        // at 60 times the speed a millisecond on a busy machine must not be a tenth of a second.
        transport: {
          call: async (verb, body) => await heldCall(world.clock, transport.call(verb, body)),
        },
        verbs: new Set(['filter', 'prioritize', 'preempt']),
        weight: extenderWeight,
        isIgnorable: true,
        managedResources: [],
      },
    ],
  });
  const workload = startEmbeddedWorkload(world, options.workload);
  const done = Promise.race([
    Promise.all([service.done, paced]).then(() => undefined),
    scheduler.done,
  ]);
  done.catch(() => undefined);
  return {
    world,
    service,
    violations: invariants.violations,
    done,
    stop: async () => {
      workload.stop();
      // The clock goes on meanwhile: what ends in good order needs time to do so.
      await service.stop();
      transport.close();
      await stopTime();
    },
  };
}

/** Work outside: the world waits for it, and sees it take its real time. */
async function heldCall<T>(clock: World['clock'], work: Promise<T>): Promise<T> {
  const startedMs = performance.now();
  try {
    return await clock.hold(work);
  } finally {
    await clock.sleep(performance.now() - startedMs);
  }
}

/** Seven in the morning, so that there soon is something to see. */
function startOfDay(): number {
  return Date.UTC(2026, 0, 5, 7, 0, 0);
}
