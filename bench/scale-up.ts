/**
 * From nothing to a thousand nodes with the EC2 provider.
 *
 * In: the command line. Out: calls of CreateFleet per node, the time from a pod's creation to the launch
 * of its node, memory of the service and how long it all took; on the terminal and in
 * `bench/results/scale-up.json`. The command line as it is shipped on a real control plane, AWS's SDK
 * against the simulated EC2 with its rate limits; every pod fills a node. Machines boot `speed` times as
 * fast as real ones, all else is in real time. Control plane, EC2 and machines share the processors.
 *
 * Run on a quiet machine: `node bench/scale-up.ts [--nodes N] [--speed N] [--out DIR]`.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Ec2Stage, openEc2Stage, untilNodeClassReady } from '../test/end-to-end/ec2-stage.ts';
import {
  deployment,
  deploymentsPath,
  nodePool,
  nodePoolsPath,
} from '../test/end-to-end/sample-objects.ts';
import {
  isRunning,
  podsOf,
  quantile,
  type Timeline,
  untilEmpty,
  untilPods,
  watchTimeline,
} from '../test/end-to-end/scenario.ts';
import type { ServeProcess } from '../test/end-to-end/serve-command.ts';
import { integerOption, runProgram } from './arguments.ts';
import type { ScaleUpFile, ScaleUpRecord, SpreadSeconds } from './ec2-result.ts';
import { describeMachine, loadNow } from './machine.ts';
import { residentMiB } from './process-memory.ts';
import { resultFormat } from './result.ts';

const nodesMax = 5_000;
const speedMax = 100;
const app = 'scale-up';
/** Leaves room on four cores for the DaemonSet and nothing else. */
const podCpu = '2900m';
const limitMs = 30 * 60_000;
const shares = [0.5, 0.99, 1] as const;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '1000' },
      speed: { type: 'string', default: '20' },
      out: { type: 'string', default: join(import.meta.dirname, 'results') },
    },
  });
  const nodes = integerOption('nodes', values.nodes, 1, nodesMax);
  const speed = integerOption('speed', values.speed, 1, speedMax);
  const fourCores = { key: 'karpenter.k8s.aws/instance-cpu', operator: 'In', values: ['4'] };
  const pool = nodePool('general', { requirements: [fourCores] });
  const work = deployment(app, nodes, { cpu: podCpu });
  const hash = createHash('sha256').update(JSON.stringify([pool, work, speed]));
  const inputHash = hash.digest('hex').slice(0, 16);
  const machine = describeMachine();
  const startedAt = new Date().toISOString();
  const loadBefore = loadNow();
  const { cpuModel, cpuCount, node } = machine;
  console.log(`${cpuModel}, ${cpuCount} CPUs, Node ${node}, load ${loadBefore}`);
  console.log(`${nodes} pods of ${podCpu}, input sha256 ${inputHash}`);
  const stage = await openEc2Stage({ speed, log: () => undefined });
  let record: ScaleUpRecord;
  try {
    record = await measure(stage, pool, work, nodes);
  } finally {
    await stage.close();
  }
  console.log(JSON.stringify(record, undefined, 2));
  const file: ScaleUpFile = {
    format: resultFormat,
    kind: 'scale-up',
    startedAt,
    machine,
    load: [loadBefore, loadNow()],
    inputHash,
    speed,
    record,
  };
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'scale-up.json'), `${JSON.stringify(file, undefined, 2)}\n`);
}

async function measure(
  stage: Ec2Stage,
  pool: object,
  work: object,
  pods: number,
): Promise<ScaleUpRecord> {
  const { plane, cloud, cluster } = stage;
  const { component, extenderUrl }: ServeProcess = await stage.startServe('stowage-1');
  await untilNodeClassReady(stage);
  await plane.client.expect('POST', nodePoolsPath, pool);
  await stage.startScheduler('stowage-scheduler', extenderUrl);
  const before = residentMiB(component.pid);
  const timeline = watchTimeline(stage, app);
  const startMs = performance.now();
  await plane.client.expect('POST', deploymentsPath, work);
  await untilPods(stage, app, pods, isRunning, limitMs);
  const upMs = performance.now() - startMs;
  const full = residentMiB(component.pid);
  const nodes = cluster.nodes.size;
  // While the pods are there: they say which node is whose.
  const pendingToLaunch = spread(launchWaits(stage, timeline, 'createdMs'));
  const triedToLaunch = spread(launchWaits(stage, timeline, 'triedMs'));
  // Trials are the node class's, which validates its rights.
  const fleets = cloud.wire.calls.filter(
    ({ action, error }) => action === 'CreateFleet' && error !== 'DryRunOperation',
  );
  const downStartMs = performance.now();
  await plane.client.expect('DELETE', deploymentsPath);
  await untilEmpty(stage, limitMs);
  return {
    pods,
    nodes,
    createFleetCalls: fleets.length,
    callsThrottled: fleets.filter(({ error }) => error === 'RequestLimitExceeded').length,
    callsPerNode: Math.round((fleets.length / nodes) * 1_000) / 1_000,
    claims: stage.claims.count,
    createdToTried: spread(waits(timeline, 'triedMs')),
    triedToLaunch,
    pendingToLaunch,
    pendingToBound: spread(waits(timeline, 'boundMs')),
    pendingToRunning: spread(waits(timeline, 'runningMs')),
    upSeconds: seconds(upMs),
    downSeconds: seconds(performance.now() - downStartMs),
    memoryMiB: [before, full, residentMiB(component.pid, 'VmHWM')],
    doubles: cloud.doubles.length,
    nameless: cloud.nameless.length,
  };
}

/** Milliseconds from a step of each pod to the launch of the instance that it runs on. */
function launchWaits(
  stage: Ec2Stage,
  timeline: Timeline,
  step: 'createdMs' | 'triedMs',
): readonly number[] {
  const launchedMs = new Map(
    [...stage.cloud.engine.instances.values()].map((one) => [one.privateDnsName, one.launchedMs]),
  );
  return podsOf(stage, app).map(({ metadata, spec }) => {
    const fromMs = performance.timeOrigin + (timeline[step].get(metadata.uid ?? '') ?? Number.NaN);
    return (launchedMs.get(spec.nodeName ?? '') ?? Number.NaN) - fromMs;
  });
}

function waits(timeline: Timeline, step: 'triedMs' | 'boundMs' | 'runningMs'): readonly number[] {
  return [...timeline[step]].map(([uid, ms]) => ms - (timeline.createdMs.get(uid) ?? Number.NaN));
}

function spread(ms: readonly number[]): SpreadSeconds {
  const [p50 = Number.NaN, p99 = Number.NaN, most = Number.NaN] = shares.map((share) =>
    seconds(quantile(ms, share)),
  );
  return [p50, p99, most];
}

function seconds(ms: number): number {
  return Math.round(ms / 10) / 100;
}

await runProgram(main);
