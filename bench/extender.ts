/**
 * How long filter and prioritize take, on requests of a real kube-scheduler.
 *
 * In: the command line. Out: per size, load and transport p50 and p99 as the server sees them (from
 * the header to the end of the answer) and as the client does, with the processor time of a call in
 * the serving thread, the lag of the event loop, the size of the request and its hash; on the
 * terminal and in `bench/results/extender.json`. Goal (design section 12): p99 of 2 ms at 5,000 names while a
 * solve runs. The throughput of the scheduler itself is `control-plane.ts`'s.
 *
 * Run: `node bench/extender.ts [--names N]... [--calls N] [--load idle|solve|both] [--out DIR]`.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { Histogram } from 'prom-client';
import { buildModel } from '../core/packing/model.ts';
import { systemClock } from '../extender/adapters/system.ts';
import { createMetrics } from '../extender/metrics.ts';
import { startExtenderServer } from '../extender/server/extender-server.ts';
import type { ExtenderTls } from '../extender/server/secure-server.ts';
import { createAuthority } from '../test/support/certificates.ts';
import { createSolverPool } from '../workers/pool.ts';
import { choiceOption, integerOption, runProgram } from './arguments.ts';
import { findCase } from './cases/registry.ts';
import type { ClientTask } from './extender/client.ts';
import { startPlainServer } from './extender/plain-server.ts';
import { captured, namesRequest, nodeNames } from './extender/requests.ts';
import { runClient } from './extender/run-client.ts';
import { tableOf } from './extender/table.ts';
import type { ExtenderFile, Quantiles, Transport, Verb, VerbRecord } from './extender-result.ts';
import { instanceTypesFor } from './instance-types.ts';
import { describeMachine, loadNow } from './machine.ts';
import { resultFormat } from './result.ts';
import { buildWorkload, toSnapshot } from './workload.ts';

const namesDefault = ['100', '1000', '5000'];
const namesMax = 100_000;
const callsMax = 1_000_000;
const warmUpCalls = 300;
/** What is solved meanwhile: anything that keeps its threads busy. */
const solveCase = { case: 'constrained', pods: 2000, classes: 100 };
const solveSeconds = 5;
const lagResolutionMs = 1;

interface Samples {
  readonly filter: number[];
  readonly prioritize: number[];
}

/** Keeps what is observed instead of sorting it into buckets. */
class SampleHistogram extends Histogram<'verb' | 'code'> {
  readonly samples: Samples = { filter: [], prioritize: [] };

  constructor() {
    super({ name: 'samples', help: 'samples', labelNames: ['verb', 'code'], registers: [] });
    // The base class sets this property too, in its constructor.
    this.observe = (...args: unknown[]): void => {
      const [labels, seconds] = args as [{ verb: Verb }, number];
      this.samples[labels.verb].push(seconds * 1000);
    };
  }
}

interface Target {
  readonly url: string;
  readonly samples: Samples;
  readonly tls?: NonNullable<ClientTask['tls']>;
  close(): Promise<void> | void;
}

async function startTarget(transport: Transport, names: readonly string[]): Promise<Target> {
  const nodes = tableOf(names);
  if (transport === 'node:http') {
    const samples: Samples = { filter: [], prioritize: [] };
    const server = await startPlainServer(nodes, (verb, ms) => samples[verb as Verb].push(ms));
    return { url: server.url, samples, close: () => server.close() };
  }
  const secure = transport === 'h2+mTLS' ? await makeTls() : undefined;
  const requestSeconds = new SampleHistogram();
  const server = await startExtenderServer({
    host: '127.0.0.1',
    port: 0,
    nodes,
    binder: { bind: async () => ({ outcome: 'gone' }) },
    clock: systemClock,
    metrics: { ...createMetrics('bench', { process: false }).extender, requestSeconds },
    log: pino({ level: 'error' }),
    ...(secure === undefined ? {} : { tls: secure.server }),
  });
  return {
    url: server.url,
    samples: requestSeconds.samples,
    ...(secure === undefined ? {} : { tls: secure.client }),
    close: async () => {
      await server.close();
      await secure?.remove();
    },
  };
}

async function makeTls() {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
  const authority = await createAuthority();
  const [server, client] = [await authority.server(), await authority.client('CN=bench')];
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  const files: ExtenderTls = {
    certificateFile: await file('tls.crt', server.certificate),
    keyFile: await file('tls.key', server.key),
    clientAuthorityFile: await file('ca.crt', authority.certificate),
    allowedClients: ['bench'],
  };
  return {
    server: files,
    client: { ca: authority.certificate, cert: client.certificate, key: client.key },
    remove: async () => await rm(directory, { recursive: true }),
  };
}

/** Solves again and again until it is stopped. */
function startSolving(): { stop(): Promise<void> } {
  const workload = buildWorkload(findCase(solveCase.case), { ...solveCase, seed: 1 });
  const types = instanceTypesFor(workload, 1);
  const { problem } = buildModel(toSnapshot(workload), () => types);
  const pool = createSolverPool({ threads: 2 });
  const abort = new AbortController();
  const options = { gap: 0, timeLimitMs: solveSeconds * 1000, threads: 2, master: 'glpk' } as const;
  const solving = (async () => {
    for (let seed = 1; !abort.signal.aborted; seed += 1) {
      await pool.solve(problem, { ...options, seed }, abort.signal);
    }
  })();
  return {
    stop: async () => {
      abort.abort();
      await solving;
      await pool.close();
    },
  };
}

/** p50, p99 and p99.9, rounded to microseconds. */
function quantiles(samples: readonly number[]): Quantiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000) / 1000;
  return [at(0.5), at(0.99), at(0.999)];
}

async function measure(
  transport: Transport,
  names: readonly string[],
  calls: number,
  load: 'idle' | 'solve',
): Promise<readonly VerbRecord[]> {
  const target = await startTarget(transport, names);
  const lag = monitorEventLoopDelay({ resolution: lagResolutionMs });
  lag.enable();
  const cpuBefore = process.threadCpuUsage();
  const { url, tls } = target;
  const task = {
    url,
    names: names.length,
    calls,
    warmUpCalls,
    ...(tls === undefined ? {} : { tls }),
  };
  const client = await runClient(task);
  lag.disable();
  const cpu = process.threadCpuUsage(cpuBefore);
  const cpuMsPerCall = (cpu.user + cpu.system) / 1000 / (2 * (calls + warmUpCalls));
  await target.close();
  const lagP99Ms = Math.round((lag.percentile(99) / 1e6 - lagResolutionMs) * 10) / 10;
  const records = (['filter', 'prioritize'] as const).map(
    (verb): VerbRecord => ({
      verb,
      transport,
      load,
      names: names.length,
      serverMs: quantiles(target.samples[verb].slice(warmUpCalls)),
      clientMs: quantiles(client[verb]),
      cpuMsPerCall: Math.round(cpuMsPerCall * 1000) / 1000,
      lagP99Ms,
    }),
  );
  for (const record of records) console.log(lineOf(record));
  return records;
}

function lineOf({ verb, transport, load, names, ...figures }: VerbRecord): string {
  const { serverMs, clientMs, cpuMsPerCall, lagP99Ms } = figures;
  return [
    verb.padEnd(10),
    transport.padEnd(9),
    load.padEnd(5),
    `${names}`.padStart(6),
    ...[...serverMs, ...clientMs, cpuMsPerCall].map((ms) => ms.toFixed(3).padStart(7)),
    lagP99Ms.toFixed(1).padStart(7),
  ].join(' ');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      names: { type: 'string', multiple: true, default: namesDefault },
      calls: { type: 'string', default: '2000' },
      load: { type: 'string', default: 'both' },
      out: { type: 'string', default: join(import.meta.dirname, 'results') },
    },
  });
  const sizes = values.names.map((text) => integerOption('names', text, 1, namesMax));
  const calls = integerOption('calls', values.calls, 1, callsMax);
  const load = choiceOption('load', values.load, ['idle', 'solve', 'both']);
  const { cpuModel, cpuCount, node } = describeMachine();
  console.log(`${cpuModel}, ${cpuCount} CPUs, Node ${node}, load ${loadNow()}`);
  console.log(`requests recorded from kube-scheduler ${captured.kubernetes}; ${calls} calls each`);
  const startedAt = new Date().toISOString();
  const loadBefore = loadNow();
  const inputs: ExtenderFile['inputs'][number][] = [];
  for (const size of sizes) {
    const body = namesRequest('filter', nodeNames(size));
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
    inputs.push({ names: size, bytes: body.length, hash });
    console.log(`  ${size} names: ${body.length} bytes, sha256 ${hash}`);
  }
  console.log('                                  server ms               client ms');
  console.log(
    'verb       transport load   names     p50     p99   p99.9     p50     p99   p99.9  cpu ms lag p99',
  );
  const records: VerbRecord[] = [];
  for (const state of (['idle', 'solve'] as const).filter(
    (one) => load === 'both' || load === one,
  )) {
    const solving = state === 'solve' ? startSolving() : undefined;
    for (const transport of ['http/1.1', 'h2+mTLS', 'node:http'] as const) {
      for (const size of sizes) {
        records.push(...(await measure(transport, nodeNames(size), calls, state)));
      }
    }
    await solving?.stop();
  }
  const file: ExtenderFile = {
    format: resultFormat,
    kind: 'extender',
    startedAt,
    machine: describeMachine(),
    load: [loadBefore, loadNow()],
    kubernetes: captured.kubernetes,
    calls,
    inputs,
    records,
  };
  writeFileSync(join(values.out, 'extender.json'), `${JSON.stringify(file, undefined, 2)}\n`);
}

await runProgram(main);
