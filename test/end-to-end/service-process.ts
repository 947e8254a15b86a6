/**
 * The product in a process of its own: `stowage serve` on a real cluster and a cloud next door.
 *
 * In: the path of a file (see service.ts). Out: a running service until SIGTERM, or until a crash
 * point that lay ready at its start. The EC2 adapter will take the place of the remote cloud; all
 * else is what the command line runs.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { createKubernetesClient } from '../../extender/adapters/kubernetes/cluster-client.ts';
import { inClusterConnection } from '../../extender/adapters/kubernetes/connection.ts';
import { systemClock, systemRandom } from '../../extender/adapters/system.ts';
import { startService } from '../../extender/composition/service.ts';
import { createLog, type LogLevel } from '../../extender/log.ts';
import { defaultSettings } from '../../extender/settings.ts';
import { createSolverPool } from '../../workers/pool.ts';
import { type CrashPoint, describeCrashPoint, withCrashPoint } from './crash-points.ts';
import { createRemoteCloud } from './remote-cloud.ts';
import type { ServiceProcessOptions } from './service.ts';

const version = 'end-to-end';

async function takeCrashPoint(file: string): Promise<CrashPoint | undefined> {
  try {
    const [point, ...rest] = JSON.parse(await readFile(file, 'utf8')) as CrashPoint[];
    await writeFile(file, JSON.stringify(rest));
    return point;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function main(): Promise<void> {
  const options = JSON.parse(
    await readFile(process.argv[2] ?? '', 'utf8'),
  ) as ServiceProcessOptions;
  const settings = { ...defaultSettings, ...options.settings };
  const level = (process.env['STOWAGE_LOG'] ?? 'info') as LogLevel;
  const log = createLog({ level, version });
  const point = await takeCrashPoint(options.crashFile);
  if (point !== undefined) log.warn(`dies ${describeCrashPoint(point)}`);
  const connection = await inClusterConnection(options.environment, options.accountDirectory);
  const client = createKubernetesClient(connection);
  const cloud = createRemoteCloud(options.cloudUrl);
  const solver = createSolverPool({ threads: settings.solverThreads, warm: true });
  const service = await startService({
    clock: systemClock,
    random: systemRandom,
    client: withCrashPoint(client, point),
    cloud: withCrashPoint(cloud, point),
    solver,
    log,
    version,
    settings,
    extender: { host: '127.0.0.1', port: options.extenderPort, inThread: true },
    operations: { host: '127.0.0.1', port: options.operationsPort },
  });
  const stopped = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
  try {
    await Promise.race([stopped, service.done]);
  } finally {
    await service.stop();
    cloud.close();
    client.close();
    await solver.close();
  }
}

await main();
