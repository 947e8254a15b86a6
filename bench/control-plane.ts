/**
 * The service on a real control plane: what it costs the scheduler, and what a large cluster costs it.
 *
 * In: the command line. Out: pods per second of kube-scheduler without an extender, with one that
 * does nothing, with the service, and with the service for marked pods only, in turns on one cluster
 * for each size; then, on the largest
 * cluster loaded with pods, memory of the service, latency of the verbs and lag of its event loop
 * while it plans. On the terminal, and in `bench/results/control-plane-SIZE.json`.
 *
 * Run on a quiet machine: `node bench/control-plane.ts [--nodes N]... [--pods N] [--load-pods N]`.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodePool, nodePoolsPath } from '../test/end-to-end/sample-objects.ts';
import { poll } from '../test/end-to-end/scenario.ts';
import type { Service } from '../test/end-to-end/service.ts';
import { openStage, type Stage } from '../test/end-to-end/stage.ts';
import { integerOption, runProgram } from './arguments.ts';
import type { ControlPlaneFile, LoadedRecord, ThroughputRecord } from './control-plane-result.ts';
import { captured, nodeNames } from './extender/requests.ts';
import { runClient } from './extender/run-client.ts';
import {
  deadlineMs,
  inParallel,
  joinNodes,
  markedOneOf,
  measureRate,
  median,
  podsPath,
  type Variant,
} from './extender/scheduling-rate.ts';
import { startEcho } from './extender/start-echo.ts';
import { describeMachine, loadNow } from './machine.ts';
import { residentMiB } from './process-memory.ts';
import { resultFormat } from './result.ts';

const nodesMax = 5_000;
const podsMax = 100_000;
const roundsMax = 100;
const callsMax = 100_000;
const warmUpCalls = 100;
const variants = ['none', 'echo', 'ours', 'marked'] as const satisfies readonly Variant[];
/** Pods that make the service plan come in groups of so many, as long as verbs are asked. */
const pendingPerGroup = 200;
const pendingEveryMs = 2_000;

interface Options {
  readonly pods: number;
  readonly rounds: number;
  readonly loadPods: number;
  readonly calls: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', multiple: true, default: ['1000', '5000'] },
      pods: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '3' },
      'load-pods': { type: 'string', default: '20000' },
      calls: { type: 'string', default: '2000' },
      out: { type: 'string', default: join(import.meta.dirname, 'results') },
    },
  });
  const sizes = values.nodes.map((text) => integerOption('nodes', text, 1, nodesMax));
  const options: Options = {
    pods: integerOption('pods', values.pods, 2, podsMax),
    rounds: integerOption('rounds', values.rounds, 1, roundsMax),
    loadPods: integerOption('load-pods', values['load-pods'], 0, podsMax),
    calls: integerOption('calls', values.calls, 1, callsMax),
  };
  const startedAt = new Date().toISOString();
  const machine = describeMachine();
  const hash = createHash('sha256').update(JSON.stringify([sizes.map(nodeNames), options]));
  const inputHash = hash.digest('hex').slice(0, 16);
  const { cpuModel, cpuCount, node } = machine;
  console.log(`${cpuModel}, ${cpuCount} CPUs, Node ${node}, load ${loadNow()}`);
  console.log(`kube-scheduler ${captured.kubernetes}, input sha256 ${inputHash}`);
  const throughput: ThroughputRecord[] = [];
  let loaded: LoadedRecord | null = null;
  const largest = Math.max(...sizes);
  const { kubernetes } = captured;
  // After each part: an hour of figures must not go with the part that fails.
  const save = (path: string): void => {
    const record = { startedAt, machine, kubernetes, inputHash, throughput, loaded };
    const file: ControlPlaneFile = { format: resultFormat, kind: 'control-plane', ...record };
    writeFileSync(path, `${JSON.stringify(file, undefined, 2)}\n`);
  };
  for (const size of sizes) {
    const stage = await openStage({
      log: () => undefined,
      plane: { schedulers: [] },
      hasDaemons: false,
    });
    try {
      await joinNodes(stage.plane, stage.cluster, nodeNames(size));
      const startMs = performance.now();
      const service = await stage.startService('stowage-1', { leaderElection: false });
      const readyMs = performance.now() - startMs;
      throughput.push(await measureThroughput(stage, service, size, options));
      save(join(values.out, `control-plane-${largest}.json`));
      if (size !== largest) continue;
      loaded = await measureLoaded(stage, service, size, readyMs, options);
      save(join(values.out, `control-plane-${largest}.json`));
    } finally {
      await stage.close();
    }
  }
}

async function measureThroughput(
  { plane, cluster }: Stage,
  service: Service,
  size: number,
  { pods, rounds }: Options,
): Promise<ThroughputRecord> {
  const rates: Record<(typeof variants)[number], number[]> = {
    none: [],
    echo: [],
    ours: [],
    marked: [],
  };
  const before = loadNow();
  console.log(`${size} nodes, ${pods} pods, ${rounds} rounds`);
  for (let round = 1; round <= rounds; round += 1) {
    for (const variant of variants) {
      const echo = variant === 'echo' ? await startEcho() : undefined;
      const url = variant === 'none' ? undefined : (echo?.url ?? service.extenderUrl);
      const rate = await measureRate(plane, cluster, { variant, url, pods, round });
      echo?.stop();
      rates[variant].push(Math.round(rate * 10) / 10);
      console.log(`  round ${round}  ${variant.padEnd(6)} ${rate.toFixed(1).padStart(7)} pods/s`);
    }
  }
  const share = (one: Variant, other: Variant): string =>
    `${((100 * median(rates[one])) / median(rates[other])).toFixed(1)} %`;
  const marked = `marked pods (one in ${markedOneOf}) ${share('marked', 'none')}`;
  console.log(
    `  ours: ${share('ours', 'echo')} of doing nothing, ${share('ours', 'none')} of none`,
  );
  console.log(`  ${marked} of none`);
  return { nodes: size, pods, load: [before, loadNow()], rates };
}

async function measureLoaded(
  stage: Stage,
  service: Service,
  size: number,
  startMs: number,
  { loadPods, calls }: Options,
): Promise<LoadedRecord> {
  const before = loadNow();
  const names = nodeNames(size);
  const ready = residentMiB(service.component.pid);
  await inParallel(loadPods, async (index) => {
    const spec = { ...workSpec('100m'), nodeName: names[index % size] ?? '' };
    await stage.plane.client.expect('POST', podsPath, {
      metadata: { name: `load-${index}` },
      spec,
    });
  });
  const isLoaded = (): boolean =>
    [...stage.cluster.pods.values()].filter(({ status }) => status?.phase === 'Running').length >=
    loadPods;
  await poll('all pods run', deadlineMs, isLoaded);
  const full = residentMiB(service.component.pid);
  const plansBefore = await metricOf(service, 'stowage_batch_pods_count');
  await stage.plane.client.expect('POST', nodePoolsPath, nodePool('general'));
  const work = startPlanning(stage);
  const report = await runClient({ url: service.extenderUrl, names: size, calls, warmUpCalls });
  const pending = await work.stop();
  const record: LoadedRecord = {
    nodes: size,
    pods: loadPods,
    pending,
    load: [before, loadNow()],
    startMs: Math.round(startMs),
    memoryMiB: [ready, full, residentMiB(service.component.pid, 'VmHWM')],
    calls,
    filterMs: quantiles(report.filter),
    prioritizeMs: quantiles(report.prioritize),
    eventLoopLagMs:
      Math.round((await metricOf(service, 'nodejs_eventloop_lag_p99_seconds')) * 1e5) / 100,
    plans: (await metricOf(service, 'stowage_batch_pods_count')) - plansBefore,
  };
  console.log(JSON.stringify(record, undefined, 2));
  return record;
}

/** Pods of many shapes that nobody schedules, said to be unschedulable. */
function startPlanning({ plane }: Stage): { stop(): Promise<number> } {
  let created = 0;
  const end = new AbortController();
  const running = (async () => {
    while (!end.signal.aborted) {
      await inParallel(pendingPerGroup, async () => {
        const name = `pending-${(created += 1)}`;
        const spec = { ...workSpec(`${250 + (created % 40) * 50}m`), schedulerName: 'nobody' };
        await plane.client.expect('POST', podsPath, { metadata: { name }, spec });
        const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' };
        const status = { conditions: [condition] };
        await plane.client.expect('PATCH', `${podsPath}/${name}/status`, { status });
      });
      await new Promise((resolve) => setTimeout(resolve, pendingEveryMs));
    }
  })();
  return {
    stop: async () => {
      end.abort();
      await running;
      return created;
    },
  };
}

function workSpec(cpu: string): object {
  const resources = { requests: { cpu, memory: '128Mi' } };
  return { containers: [{ name: 'main', image: 'main', resources }] };
}

async function metricOf({ operationsUrl }: Service, name: string): Promise<number> {
  const text = await (await fetch(`${operationsUrl}/metrics`)).text();
  const line = text
    .split('\n')
    .find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
  return Number(line?.split(' ').at(-1) ?? Number.NaN);
}

function quantiles(samples: readonly number[]): readonly [number, number, number] {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor(sorted.length * share)] ?? Number.NaN) * 1000) / 1000;
  return [at(0.5), at(0.99), at(0.999)];
}

await runProgram(main);
