/**
 * Pods per second of a real kube-scheduler: without an extender, with one that does nothing, with
 * ours, and with ours for marked pods only.
 *
 * In: the command line. Out: per variant the median of the rounds and its share of the others.
 * Variants take turns within a round, on one cluster, so that they share the machine's moods. While
 * pods are placed, only the scheduler, the API server, etcd and the extender run: kubelets and
 * controllers are frozen. Goals (design section 12): ours at least 95 % of doing nothing, marked
 * pods at least 90 % of no extender.
 *
 * Run on a quiet machine: `node bench/extender/throughput.ts [--nodes N] [--pods N] [--rounds N]`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { watchCluster } from '../../test/control-plane/cluster-watch.ts';
import { type ControlPlane, startControlPlane } from '../../test/control-plane/control-plane.ts';
import { joinNode } from '../../test/control-plane/joining-node.ts';
import { hasCondition, type Node } from '../../test/control-plane/objects.ts';
import { integerOption, runProgram } from '../arguments.ts';
import { describeMachine, loadNow } from '../machine.ts';
import { nodeNames } from './requests.ts';
import type { ServeTask } from './serve.ts';

const nodesMax = 5_000;
const podsMax = 100_000;
const roundsMax = 100;
const deadlineMs = 30 * 60_000;
const parallelCalls = 32;
const pods = '/api/v1/namespaces/default/pods';
/** One pod of so many is marked, in the variant that routes marked pods only. */
const markedOneOf = 10;
const mark = 'stowage.dev/managed';

const variants = ['none', 'echo', 'ours', 'marked'] as const;
type Variant = (typeof variants)[number];
type Cluster = Awaited<ReturnType<typeof watchCluster>>;

async function inParallel(count: number, run: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      await run(index);
    }
  };
  await Promise.all(Array.from({ length: parallelCalls }, worker));
}

async function joinNodes(plane: ControlPlane, cluster: Cluster, names: readonly string[]) {
  await inParallel(names.length, async (index) => {
    const name = names[index] ?? '';
    const zone = `eu-central-1${'abc'[index % 3]}`;
    await joinNode(plane.client, {
      name,
      providerId: `aws:///${zone}/${name}`,
      labels: { 'topology.kubernetes.io/zone': zone, 'kubernetes.io/arch': 'amd64' },
      taints: [],
      allocatable: { cpu: '15890m', memory: '60Gi', pods: '110' },
    });
  });
  const isOpen = (node: Node): boolean =>
    hasCondition(node, 'Ready') && (node.spec?.taints ?? []).length === 0;
  const allOpen = (): boolean => [...cluster.nodes.values()].every(isOpen);
  await cluster.until('all nodes are open', allOpen, deadlineMs);
}

async function startExtender(kind: ServeTask['kind'], names: readonly string[]) {
  const child = fork(new URL('./serve.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  child.send({ kind, names } satisfies ServeTask);
  const [url] = await once(child, 'message');
  return { url: String(url), stop: () => child.disconnect() };
}

function configurationOf(variant: Variant, schedulerName: string, url: string | undefined): object {
  const managed = { managedResources: [{ name: mark, ignoredByScheduler: true }] };
  const extender = {
    urlPrefix: url,
    filterVerb: 'filter',
    prioritizeVerb: 'prioritize',
    weight: 10,
    nodeCacheCapable: true,
    httpTimeout: '5s',
    ...(variant === 'marked' ? managed : {}),
  };
  return {
    percentageOfNodesToScore: 100,
    clientConnection: { qps: 5_000, burst: 10_000 },
    profiles: [{ schedulerName }],
    ...(url === undefined ? {} : { extenders: [extender] }),
  };
}

async function createPods(plane: ControlPlane, count: number, schedulerName: string) {
  const routed = schedulerName.startsWith('marked');
  await inParallel(count, async (index) => {
    const marks = routed && index % markedOneOf === 0 ? { [mark]: '1' } : {};
    const resources = { requests: { cpu: '100m', memory: '100Mi', ...marks }, limits: marks };
    await plane.client.expect('POST', pods, {
      metadata: { generateName: 'bench-' },
      spec: { schedulerName, containers: [{ name: 'main', image: 'main', resources }] },
    });
  });
}

/** Pods a second from the first bind to the last. */
async function measure(
  plane: ControlPlane,
  cluster: Cluster,
  names: readonly string[],
  variant: Variant,
  podCount: number,
  round: number,
): Promise<number> {
  const schedulerName = `${variant}-${round}`;
  const kind = variant === 'none' ? undefined : variant === 'echo' ? 'echo' : 'ours';
  const extender = kind === undefined ? undefined : await startExtender(kind, names);
  await createPods(plane, podCount, schedulerName);
  const frozen = [plane.kwok, plane.controllerManager];
  for (const component of frozen) component.suspend();
  let bound = 0;
  let [firstMs, lastMs] = [0, 0];
  cluster.listen({
    onNode: () => undefined,
    onPod: ({ object, previous }) => {
      const isOurs = object.spec.schedulerName === schedulerName;
      if (!isOurs || object.spec.nodeName === undefined || previous?.spec.nodeName !== undefined) {
        return;
      }
      bound += 1;
      lastMs = performance.now();
      if (bound === 1) firstMs = lastMs;
    },
  });
  const configuration = { ...configurationOf(variant, schedulerName, extender?.url) };
  const scheduler = await plane.startScheduler({ name: schedulerName, configuration });
  await cluster.until('all pods are bound', () => bound === podCount, deadlineMs);
  await scheduler.kill();
  extender?.stop();
  for (const component of frozen) component.resume();
  await plane.client.expect('DELETE', `${pods}?gracePeriodSeconds=0`);
  await cluster.until('the pods are gone', () => cluster.pods.size === 0, deadlineMs);
  return ((podCount - 1) * 1000) / (lastMs - firstMs);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '1000' },
      pods: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const nodeCount = integerOption('nodes', values.nodes, 1, nodesMax);
  const podCount = integerOption('pods', values.pods, 2, podsMax);
  const rounds = integerOption('rounds', values.rounds, 1, roundsMax);
  const { cpuModel, cpuCount, node } = describeMachine();
  console.log(`${cpuModel}, ${cpuCount} CPUs, Node ${node}, load ${loadNow()}`);
  console.log(`${nodeCount} nodes, ${podCount} pods, ${rounds} rounds`);
  const names = nodeNames(nodeCount);
  const plane = await startControlPlane({ schedulers: [] });
  try {
    const cluster = await watchCluster(plane.client);
    await joinNodes(plane, cluster, names);
    const results = new Map<Variant, number[]>(variants.map((variant) => [variant, []]));
    for (let round = 1; round <= rounds; round += 1) {
      for (const variant of variants) {
        const rate = await measure(plane, cluster, names, variant, podCount, round);
        results.get(variant)?.push(rate);
        console.log(`round ${round}  ${variant.padEnd(6)} ${rate.toFixed(1).padStart(7)} pods/s`);
      }
    }
    await cluster.stop();
    const rateOf = (variant: Variant): number => median(results.get(variant) ?? []);
    const share = (one: Variant, other: Variant): string =>
      `${((100 * rateOf(one)) / rateOf(other)).toFixed(1)} % of ${other}`;
    console.log(`median: ${variants.map((one) => `${one} ${rateOf(one).toFixed(1)}`).join(', ')}`);
    console.log(`ours: ${share('ours', 'echo')}, ${share('ours', 'none')}`);
    console.log(`marked (one pod in ${markedOneOf}): ${share('marked', 'none')}`);
  } finally {
    await plane.stop();
  }
}

await runProgram(main);
