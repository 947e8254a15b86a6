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
import { parseArgs } from 'node:util';
import { watchCluster } from '../../test/control-plane/cluster-watch.ts';
import { startControlPlane } from '../../test/control-plane/control-plane.ts';
import { integerOption, runProgram } from '../arguments.ts';
import { describeMachine, loadNow } from '../machine.ts';
import { nodeNames } from './requests.ts';
import { joinNodes, markedOneOf, measureRate, median, type Variant } from './scheduling-rate.ts';
import { startExtender } from './served.ts';

const nodesMax = 5_000;
const podsMax = 100_000;
const roundsMax = 100;
const variants = ['none', 'echo', 'ours', 'marked'] as const satisfies readonly Variant[];

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
    const measureOne = async (variant: Variant, round: number): Promise<number> => {
      const kind = variant === 'none' ? undefined : variant === 'echo' ? 'echo' : 'ours';
      const extender = kind === undefined ? undefined : await startExtender(kind, names);
      const request = { variant, url: extender?.url, pods: podCount, round };
      const rate = await measureRate(plane, cluster, request);
      extender?.stop();
      return rate;
    };
    for (let round = 1; round <= rounds; round += 1) {
      for (const variant of variants) {
        const rate = await measureOne(variant, round);
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
