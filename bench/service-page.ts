/**
 * docs/BENCH-SERVICE.md: what was measured of the running service.
 *
 * In: the result files of `extender.ts`, `service.ts`, `control-plane.ts`, `scale-up.ts` and
 * `ice-storm.ts`, as far as they are there. Out: one page, with the goals of design section 12 that are about the service. It measures
 * nothing; what was not measured is said to be missing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import type { ControlPlaneFile, ThroughputRecord } from './control-plane-result.ts';
import { iceStormLines, scaleUpLines } from './ec2-page.ts';
import type { IceStormFile, ScaleUpFile } from './ec2-result.ts';
import type { ExtenderFile, VerbRecord } from './extender-result.ts';
import { circumstances, count, machineText, ms, percent, table } from './page-text.ts';
import { median, resultFormat } from './result.ts';
import type { ServiceFile } from './service-result.ts';

export interface ServiceMeasurements {
  readonly extender: ExtenderFile | undefined;
  readonly service: ServiceFile | undefined;
  /** By size. */
  readonly controlPlane: readonly ControlPlaneFile[];
  readonly scaleUp: ScaleUpFile | undefined;
  readonly iceStorm: IceStormFile | undefined;
}

interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  /** Undefined where it was not measured. */
  readonly isMet: boolean | undefined;
}

const namesOfGoal = 5_000;
const verbGoalMs = 2;
const lagGoalMs = 20;
const echoShareGoal = 0.95;
const markedShareGoal = 0.9;
const launchGoalMs = 1_000;
/** MiB by nodes. */
const memoryGoals: ReadonlyMap<number, number> = new Map([
  [1_000, 260],
  [5_000, 1_024],
]);

const controlPlaneName = /^control-plane-\d+\.json$/;

function sizeOf({ throughput }: ControlPlaneFile): number {
  return Math.max(...throughput.map(({ nodes }) => nodes));
}

/** @throws InputError where a file is of another format */
export function readServiceResults(directory: string): ServiceMeasurements {
  const read = (name: string): unknown => {
    const path = join(directory, name);
    if (!existsSync(path)) return undefined;
    const file = JSON.parse(readFileSync(path, 'utf8')) as { readonly format: number };
    if (file.format === resultFormat) return file;
    throw new InputError({ file: path }, `expected format ${resultFormat}; measure again`);
  };
  return {
    extender: read('extender.json') as ExtenderFile | undefined,
    service: read('service.json') as ServiceFile | undefined,
    controlPlane: readdirSync(directory)
      .filter((name) => controlPlaneName.test(name))
      .map((name) => read(name) as ControlPlaneFile)
      .sort((a, b) => sizeOf(a) - sizeOf(b)),
    scaleUp: read('scale-up.json') as ScaleUpFile | undefined,
    iceStorm: read('ice-storm.json') as IceStormFile | undefined,
  };
}

/** The whole page. */
export function servicePage(results: ServiceMeasurements): string {
  const { extender, service, controlPlane, scaleUp, iceStorm } = results;
  return [
    '# What was measured of the service',
    '',
    'Made by `npm run bench:report` from the files under `bench/results`; do not edit. To measure',
    'again, on a quiet machine: `node bench/extender.ts`, `node bench/service.ts`,',
    '`node bench/control-plane.ts`, `node bench/scale-up.ts`, `node bench/ice-storm.ts --out bench/results`,',
    'then the report.',
    '',
    '## Goals',
    '',
    table(
      ['what', 'goal', 'measured', 'met'],
      goals(results).map(({ what, goal, measured, isMet }) => [
        what,
        goal,
        measured,
        isMet === undefined ? 'not measured' : isMet ? 'yes' : 'no',
      ]),
    ),
    '',
    '## The verbs',
    '',
    ...(extender === undefined ? ['Not measured.'] : verbLines(extender)),
    '',
    '## Memory and launches',
    '',
    ...(service === undefined ? ['Not measured.'] : serviceLines(service)),
    '',
    '## On a real control plane',
    '',
    ...(controlPlane.length === 0 ? ['Not measured.', ''] : []),
    ...controlPlane.flatMap((file) => [...controlPlaneLines(file), '']),
    '## Many nodes from EC2',
    '',
    ...(scaleUp === undefined ? ['Not measured.'] : scaleUpLines(scaleUp)),
    '',
    '## A dry pool',
    '',
    ...(iceStorm === undefined ? ['Not measured.'] : iceStormLines(iceStorm)),
    '',
  ].join('\n');
}

function goals({ extender, service, controlPlane }: ServiceMeasurements): readonly Goal[] {
  const verbs = (['filter', 'prioritize'] as const).map((verb): Goal => {
    const is = (one: VerbRecord): boolean =>
      one.verb === verb &&
      one.load === 'solve' &&
      one.transport === 'http/1.1' &&
      one.names === namesOfGoal;
    const found = extender?.records.find(is);
    return {
      what: `${verb}, 5,000 names, while a solve runs, over loopback: p99`,
      goal: `${verbGoalMs} ms`,
      measured: found === undefined ? '-' : ms(found.serverMs[1]),
      isMet: found && found.serverMs[1] <= verbGoalMs,
    };
  });
  const lag = controlPlane.at(-1)?.loaded?.eventLoopLagMs;
  const throughput = controlPlane.flatMap((file) => file.throughput);
  return [
    ...verbs,
    {
      what: 'event-loop lag of the service, loaded and planning: p99',
      goal: `${lagGoalMs} ms`,
      measured: lag === undefined ? '-' : ms(lag),
      isMet: lag === undefined ? undefined : lag <= lagGoalMs,
    },
    ...throughput.flatMap((record) => [
      shareGoal(record, 'ours', 'echo', echoShareGoal),
      shareGoal(record, 'marked', 'none', markedShareGoal),
    ]),
    {
      what: 'end of the batch window to the launch call, burst of 1,000 pods: p99',
      goal: ms(launchGoalMs),
      measured: service?.burst ? ms(service.burst.launchDelayP99Ms) : '-',
      isMet: service?.burst ? service.burst.launchDelayP99Ms <= launchGoalMs : undefined,
    },
    ...[...memoryGoals].map(([nodes, limitMiB]): Goal => {
      const found = service?.memory.find((one) => one.nodes === nodes);
      return {
        what: `memory at ${count(nodes)} nodes${found ? ` and ${count(found.pods)} pods` : ''}`,
        goal: `${count(limitMiB)} MiB`,
        measured: found === undefined ? '-' : `${found.residentMiB} MiB`,
        isMet: found && found.residentMiB <= limitMiB,
      };
    }),
  ];
}

function shareGoal(
  { nodes, rates }: ThroughputRecord,
  one: 'ours' | 'marked',
  other: 'echo' | 'none',
  goal: number,
): Goal {
  const share = median(rates[one]) / median(rates[other]);
  const who = one === 'ours' ? 'all pods' : 'marked pods only';
  const than = other === 'echo' ? 'an extender that does nothing' : 'no extender';
  return {
    what: `scheduler's throughput, ${count(nodes)} nodes, ${who}, of that with ${than}`,
    goal: percent(goal),
    measured: percent(share),
    isMet: share >= goal,
  };
}

function verbLines(file: ExtenderFile): string[] {
  const { kubernetes, calls, inputs, records } = file;
  const sizes = inputs.map(({ names, bytes, hash }) => `${count(names)} names ${bytes} B ${hash}`);
  return [
    ...circumstances(file),
    `Requests recorded from kube-scheduler ${kubernetes}, ${count(calls)} calls each, one at a time:`,
    `${sizes.join(', ')}. \`node:http\` is our decisions behind a server without a framework. The`,
    'server counts from the header to the end of the answer; the client is a process of its own.',
    '',
    table(
      [
        'verb',
        'over',
        'solver',
        'names',
        'server p50 / p99 / p99.9',
        'client',
        'CPU a call',
        'lag',
      ],
      records.map((one) => [
        one.verb,
        one.transport,
        one.load === 'solve' ? 'busy' : 'idle',
        count(one.names),
        one.serverMs.map(ms).join(' / '),
        one.clientMs.map(ms).join(' / '),
        ms(one.cpuMsPerCall),
        ms(one.lagP99Ms),
      ]),
    ),
  ];
}

function serviceLines(file: ServiceFile): string[] {
  const { memory, burst, nodeOptions } = file;
  return [
    ...circumstances(file),
    `One process with its threads for the verbs and the solver, Node options \`${nodeOptions}\`, as in`,
    'manifests/deploy. The cluster is listed page by page, as from the wire.',
    '',
    table(
      ['nodes', 'pods', 'resident', 'peak', 'heap', 'heap with a snapshot', 'listed in'],
      memory.map((one) => [
        count(one.nodes),
        count(one.pods),
        `${one.residentMiB} MiB`,
        `${one.peakResidentMiB} MiB`,
        `${one.heapMiB} MiB`,
        `${one.heapWithSnapshotMiB} MiB`,
        ms(one.syncMs),
      ]),
    ),
    ...(burst === null
      ? []
      : [
          '',
          `${count(burst.pods)} pods at once in the embedded cluster, in real time: ${burst.launches} launches,`,
          `p50 ${ms(burst.launchDelayP50Ms)}, p99 ${ms(burst.launchDelayP99Ms)} after the batch window closed; lag of the event`,
          `loop p50 ${ms(burst.lagP50Ms)}, p99 ${ms(burst.lagP99Ms)}, at most ${ms(burst.lagMaxMs)} (the simulated cluster shares it).`,
        ]),
  ];
}

function controlPlaneLines(file: ControlPlaneFile): string[] {
  const { throughput, loaded, kubernetes, inputHash } = file;
  const variants = ['none', 'echo', 'ours', 'marked'] as const;
  const names = ['no extender', 'does nothing', 'ours', 'ours, marked pods only'];
  return [
    `${machineText(file.machine)}; Kubernetes ${kubernetes}; input ${inputHash}. Pods per second from the first bind`,
    'to the last, all rounds in the order in which they were run; variants take turns on one cluster.',
    '',
    table(
      ['nodes', 'pods', 'load', ...names],
      throughput.map(({ nodes, pods, load, rates }) => [
        count(nodes),
        count(pods),
        load.join(' to '),
        ...variants.map((variant) => rates[variant].map((rate) => rate.toFixed(0)).join(', ')),
      ]),
    ),
    ...(loaded === null
      ? []
      : [
          '',
          `${count(loaded.nodes)} nodes and ${count(loaded.pods)} pods, load ${loaded.load.join(' to ')}: ready ${ms(loaded.startMs)} after the start;`,
          `memory ${loaded.memoryMiB[0]} MiB then, ${loaded.memoryMiB[1]} MiB with all pods, ${loaded.memoryMiB[2]} MiB at its highest. While`,
          `${count(loaded.pending)} more pods came and ${loaded.plans} plans were made: filter p50 / p99 / p99.9 ${loaded.filterMs.map(ms).join(' / ')},`,
          `prioritize ${loaded.prioritizeMs.map(ms).join(' / ')} as the scheduler sees them, event-loop lag p99 ${ms(loaded.eventLoopLagMs)}.`,
        ]),
  ];
}
