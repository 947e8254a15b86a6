/**
 * What the whole service takes: memory by cluster size, and the time from a burst to its launches.
 *
 * In: the command line. Out: on the terminal and in `bench/results/service.json`: resident memory and
 * heap of a replica that has listed a cluster (read page by page as from the wire; the verbs' thread
 * and the solver's are part of it, a simulated cluster is not), and, for a burst of 1,000 pods in the
 * simulated cluster in real time, the delay from the end of the batch window to each launch call and
 * the lag of the event loop. Goals (design section 12): 260 MiB at 1,000 nodes and 10,000 pods, 1 GiB
 * at 5,000 and 150,000; p99 of 1 s. The simulated cluster shares the burst's event loop, so that lag
 * is an upper bound.
 *
 * Run: `node bench/service.ts [--sizes 1000x10000,5000x150000] [--no-burst] [--out DIR]`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { loadCatalogue } from '../catalogue/loader.ts';
import { systemClock } from '../extender/adapters/system.ts';
import { startEmbedded } from '../extender/composition/embedded.ts';
import { startService } from '../extender/composition/service.ts';
import { defaultSettings } from '../extender/settings.ts';
import { createRandom } from '../sim/random.ts';
import { createWorld } from '../sim/world.ts';
import { deployedNodeOptions } from '../test/manifests/read-manifests.ts';
import { createSolverPool } from '../workers/pool.ts';
import { runProgram } from './arguments.ts';
import { describeMachine, loadNow } from './machine.ts';
import { resultFormat } from './result.ts';
import { generatedClient } from './service/generated-cluster.ts';
import type { BurstRecord, MemoryRecord, ServiceFile } from './service-result.ts';

const sizesDefault = '1000x10000,5000x150000';
const endpoint = { host: '127.0.0.1', port: 0 };
const burstSeconds = 40;
const quietMs = 3_000;
const mebibyte = 2 ** 20;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: sizesDefault },
      'no-burst': { type: 'boolean', default: false },
      out: { type: 'string', default: join(import.meta.dirname, 'results') },
      child: { type: 'string' },
    },
  });
  if (values.child !== undefined) {
    process.send?.(values.child === 'burst' ? await burst() : await memoryOf(values.child));
    process.exit(0);
  }
  const startedAt = new Date().toISOString();
  const loadBefore = loadNow();
  const memory: MemoryRecord[] = [];
  for (const size of values.sizes.split(',')) {
    const record = await inChild<MemoryRecord>(size);
    memory.push(record);
    process.stdout.write(
      `${record.nodes} nodes, ${record.pods} pods: ${record.residentMiB} MiB resident ` +
        `(peak ${record.peakResidentMiB}), heap ${record.heapMiB} MiB, listed in ${record.syncMs} ms\n`,
    );
  }
  const measured = values['no-burst'] ? null : await inChild<BurstRecord>('burst');
  if (measured !== null) process.stdout.write(`${JSON.stringify(measured)}\n`);
  const results: ServiceFile = {
    format: resultFormat,
    kind: 'service',
    startedAt,
    machine: describeMachine(),
    load: [loadBefore, loadNow()],
    nodeOptions: await deployedNodeOptions(),
    memory,
    burst: measured,
  };
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'service.json'), `${JSON.stringify(results, undefined, 2)}\n`);
}

/** Each figure in a process of its own. */
async function inChild<T>(task: string): Promise<T> {
  const options = (await deployedNodeOptions()).split(' ').filter((option) => option !== '');
  const child = fork(import.meta.filename, ['--child', task], {
    execArgv: ['--disable-warning=ExperimentalWarning', ...options],
  });
  const [result] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${task} ended with code ${String(code)} and no result`);
    }),
  ]);
  return result as T;
}

/** @param size such as `1000x10000`: nodes and pods */
async function memoryOf(size: string): Promise<MemoryRecord> {
  const [nodes = 0, pods = 0] = size.split('x').map(Number);
  const solver = createSolverPool({ threads: 1, warm: true });
  const { cloud } = createWorld({ seed: 1, types: loadCatalogue().types }).startProcess('bench');
  const startedMs = performance.now();
  const service = await startService({
    clock: systemClock,
    random: createRandom(1),
    client: generatedClient(nodes, pods),
    cloud,
    solver,
    log: pino({ level: 'silent' }),
    version: 'bench',
    settings: { ...defaultSettings, identity: 'bench' },
    extender: { ...endpoint, inThread: true },
    operations: endpoint,
  });
  await service.live.synced;
  const syncMs = Math.round(performance.now() - startedMs);
  await systemClock.sleep(quietMs);
  const peakResidentMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  const { heapUsed, rss } = collected();
  const { view } = service.live;
  if (view.count('Pod') !== pods || view.count('Node') !== nodes) {
    throw new Error(`${view.count('Pod')} pods and ${view.count('Node')} nodes were listed`);
  }
  const snapshot = view.snapshot();
  const withSnapshot = collected().heapUsed;
  return {
    nodes,
    pods: snapshot.pods.length,
    syncMs,
    residentMiB: Math.round(rss / mebibyte),
    peakResidentMiB,
    heapMiB: Math.round(heapUsed / mebibyte),
    heapWithSnapshotMiB: Math.round(withSnapshot / mebibyte),
  };
}

/** What is used after everything that is garbage has gone. */
function collected(): NodeJS.MemoryUsage {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let count = 0; count < 3; count += 1) collect();
  return process.memoryUsage();
}

/** 1,000 pods at once in the embedded world at the speed of real time. */
async function burst(): Promise<BurstRecord> {
  const solver = createSolverPool({ threads: 1, warm: true });
  await systemClock.sleep(quietMs);
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  const embedded = await startEmbedded({
    seed: 1,
    speed: 1,
    workload: 'burst',
    settings: {},
    solver,
    log: pino({ level: 'silent' }),
    version: 'bench',
    extender: endpoint,
    operations: endpoint,
  });
  const delaysMs: number[] = [];
  const { launchCallSeconds } = embedded.service.metrics.solver;
  launchCallSeconds.observe = (...args: unknown[]): void => {
    delaysMs.push(Math.round(Number(args.at(-1)) * 1_000));
  };
  await Promise.race([embedded.done, systemClock.sleep(burstSeconds * 1_000)]);
  lag.disable();
  if (delaysMs.length === 0) throw new Error(`nothing was launched in ${burstSeconds} s`);
  delaysMs.sort((a, b) => a - b);
  const quantile = (share: number): number => delaysMs[Math.floor(delaysMs.length * share)] ?? 0;
  const inMs = (nanoseconds: number): number => Math.round(nanoseconds / 1e5) / 10;
  return {
    pods: 1_000,
    launches: delaysMs.length,
    launchDelayP50Ms: quantile(0.5),
    launchDelayP99Ms: quantile(0.99),
    lagP50Ms: inMs(lag.percentile(50)),
    lagP99Ms: inMs(lag.percentile(99)),
    lagMaxMs: inMs(lag.max),
  };
}

await runProgram(main);
