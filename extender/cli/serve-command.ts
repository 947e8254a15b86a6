/**
 * `stowage serve`: the service on a simulated world, or on a cluster.
 *
 * In: parsed options. Out: a process that runs until it is stopped, its time is up or a bug ends it;
 * the exit code. This is a composition root: it names the simulator and the real adapters, and
 * decides nothing else.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { InputError } from '../../core/errors.ts';
import { assetPath } from '../../workers/assets.ts';
import { createSolverPool, type SolverPool } from '../../workers/pool.ts';
import { systemClock } from '../adapters/system.ts';
import { startSummaryPrinter } from '../dashboard/terminal-summary.ts';
import { readOverlays } from '../input/overlay-file.ts';
import { createLog } from '../log.ts';
import type { ExtenderTls } from '../server/secure-server.ts';
import { defaultSettings, type ServiceSettings } from '../settings.ts';
import type { CommonOptions } from './serve-cluster.ts';
import type { ServeCommandOptions } from './serve-program.ts';
import { tableStyle } from './table-style.ts';

/** 0 when stopped or when its time is up. @throws InputError for wrong options */
export async function runServe(options: ServeCommandOptions): Promise<number> {
  checkOptions(options);
  const nodeOverlays = await readOverlays(options.overlays);
  const { version } = JSON.parse(readFileSync(assetPath('package.json'), 'utf8')) as {
    version: string;
  };
  const level = options.logLevel ?? (options.cluster === 'embedded' ? 'warn' : 'info');
  const log = createLog({ level, version });
  const solver = createSolverPool({ threads: options.threads, warm: true });
  const stopped = stopSignal(options.durationMs);
  let isEnding = false;
  // The first batch is to find compiled code; where practice fails, so will the batch, and say why.
  solver.warmUp(options.master).catch((error: unknown) => {
    if (!isEnding) log.error({ err: error }, 'the solver could not be warmed up');
  });
  try {
    const common = {
      solver,
      log,
      version,
      nodeOverlays,
      extender: { ...options.extenderAddress, ...tlsOf(options), inThread: true },
      operations: options.operationsAddress,
    };
    if (options.cluster === 'embedded') return await serveEmbedded(options, common, stopped);
    const { serveCluster } = await import('./serve-cluster.ts');
    const settingsIn = (namespace: string): ServiceSettings => settingsOf(options, namespace);
    return await serveCluster(options, common, settingsIn, stopped.promise);
  } finally {
    isEnding = true;
    stopped.dispose();
    await closePool(solver, log);
  }
}

/** Options that do not go together, before anything is started for them. */
function checkOptions(options: ServeCommandOptions): void {
  if (options.cluster === 'embedded' && options.cloud !== 'simulated') {
    throw new InputError({ field: '--cloud' }, 'the embedded cluster has a simulated cloud only');
  }
  if (options.cluster === 'kubernetes' && options.cloud !== 'ec2') {
    throw new InputError(
      { field: '--cloud' },
      'nodes of a real cluster come from a real cloud: expected --cloud=ec2 with --cluster=kubernetes',
    );
  }
  if (options.batchIdleMs > options.batchMaxMs) {
    throw new InputError({ field: '--batch-idle' }, 'expected no more than --batch-max');
  }
  tlsOf(options);
}

async function serveEmbedded(
  options: ServeCommandOptions,
  common: CommonOptions,
  stopped: StopSignal,
): Promise<number> {
  const [{ startEmbedded }, { workloads }] = await Promise.all([
    import('../composition/embedded.ts'),
    import('../composition/embedded-workload.ts'),
  ]);
  const embedded = await startEmbedded({
    ...common,
    seed: options.seed,
    speed: options.speed,
    workload: options.workload as keyof typeof workloads,
    settings: settingsOf(options, 'embedded'),
  });
  process.stdout.write(
    [
      `Stowage runs a simulated cluster, ${options.speed} times as fast as time: ${options.workload}, ${workloads[options.workload as keyof typeof workloads]}.`,
      `  dashboard  ${embedded.service.operationsUrl}/`,
      `  metrics    ${embedded.service.operationsUrl}/metrics`,
      `  extender   ${embedded.service.extenderUrl}`,
      'Ctrl-C ends it.',
      '',
    ].join('\n'),
  );
  const summary = startSummaryPrinter({
    stream: process.stdout,
    clock: systemClock,
    state: () => embedded.service.dashboardState(),
    style: () => tableStyle(undefined),
  });
  try {
    await Promise.race([stopped.promise, embedded.done]);
  } finally {
    summary.stop();
    await embedded.stop();
  }
  const [broken] = embedded.violations;
  if (broken !== undefined) {
    throw new Error(`a safety rule was broken: ${broken.kind}: ${broken.message}`);
  }
  return 0;
}

/** What the options say of the settings. */
export function settingsOf(options: ServeCommandOptions, namespace: string): ServiceSettings {
  return {
    ...defaultSettings,
    clusterName: options.clusterName,
    identity: `${hostname()}_${process.pid}`,
    namespace: options.leaderElectionNamespace ?? namespace,
    leaseName: options.leaderElectionName,
    leaderElection: options.cluster === 'kubernetes' && options.leaderElect,
    bind: options.bind,
    schedulerName: options.schedulerName,
    sideBySide: options.sideBySide,
    batchIdleMs: options.batchIdleMs,
    batchMaxMs: options.batchMaxMs,
    solveTimeLimitMs: options.timeLimitMs,
    solveGap: options.gap,
    solverThreads: options.threads,
    seed: options.seed,
    master: options.master,
    nodeCostNano: options.nodeCostNano,
    spotPremium: options.spotPremium,
  };
}

function tlsOf(options: ServeCommandOptions): { readonly tls?: ExtenderTls } {
  const { tlsCertificate, tlsKey, tlsClientCa, allowedClient } = options;
  const given = [tlsCertificate, tlsKey, tlsClientCa].filter((file) => file !== undefined);
  if (given.length === 0) return {};
  if (tlsCertificate === undefined || tlsKey === undefined || tlsClientCa === undefined) {
    throw new InputError(
      { field: '--tls-certificate' },
      'expected --tls-certificate, --tls-key and --tls-client-ca together',
    );
  }
  return {
    tls: {
      certificateFile: tlsCertificate,
      keyFile: tlsKey,
      clientAuthorityFile: tlsClientCa,
      allowedClients: allowedClient,
    },
  };
}

interface StopSignal {
  /** Resolves at the first SIGINT or SIGTERM, when nobody reads any more, or when the time is up. */
  readonly promise: Promise<void>;
  dispose(): void;
}

/** The second signal ends the process as if nobody listened. */
function stopSignal(durationMs: number | undefined): StopSignal {
  let stop: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const timer = durationMs === undefined ? undefined : setTimeout(stop, durationMs);
  // Who reads the summary has left, as `| head` does; without a listener that would be a crash.
  const readerLeft = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') throw error;
    stop();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  process.stdout.on('error', readerLeft);
  return {
    promise,
    dispose: () => {
      clearTimeout(timer);
      process.removeListener('SIGINT', stop);
      process.removeListener('SIGTERM', stop);
      process.stdout.removeListener('error', readerLeft);
    },
  };
}

async function closePool(pool: SolverPool, log: Logger): Promise<void> {
  await pool.close().catch((error: unknown) => log.error({ err: error }, 'the solver did not end'));
}
