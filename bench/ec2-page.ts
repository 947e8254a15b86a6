/**
 * What was measured with the EC2 provider, for docs/BENCH-SERVICE.md.
 *
 * In: result files. Out: lines of the page. It measures and judges nothing.
 */
import type { IceStormFile, ScaleUpFile, SpreadSeconds } from './ec2-result.ts';
import { circumstances, count, table } from './page-text.ts';

export function scaleUpLines(file: ScaleUpFile): string[] {
  const { record, inputHash, speed } = file;
  const { pods, nodes, createFleetCalls, callsThrottled, memoryMiB } = record;
  const [before, full, highest] = memoryMiB;
  return [
    ...circumstances(file),
    `${count(pods)} pods that fill a node each, at once, on a real control plane: \`stowage serve\` with AWS's SDK`,
    `against the simulated EC2 and its rate limits, which shares the processors with all the rest. Machines`,
    `boot ${speed} times as fast as real ones. Input ${inputHash}.`,
    '',
    `${count(nodes)} nodes of ${count(record.claims)} NodeClaims by ${count(createFleetCalls)} calls of CreateFleet (${record.callsPerNode} a node, ${callsThrottled} throttled);`,
    `all run after ${record.upSeconds} s, nothing is left ${record.downSeconds} s after they were deleted. Memory of the`,
    `service ${before} MiB before, ${full} MiB with all nodes, ${highest} MiB at its highest. Claims with two`,
    `instances ${record.doubles}, instances without claim ${record.nameless}.`,
    '',
    table(
      ['from the pod', 'p50', 'p99', 'most'],
      [
        spreadRow('until its scheduler has found no place', record.createdToTried),
        spreadRow('and from then to the launch of its node', record.triedToLaunch),
        spreadRow('to the launch of its node', record.pendingToLaunch),
        spreadRow('to its binding', record.pendingToBound),
        spreadRow('to its start', record.pendingToRunning),
      ],
    ),
  ];
}

export function iceStormLines(file: IceStormFile): string[] {
  const { minutes, burst, burstEveryMs, storms } = file;
  return [
    ...circumstances(file),
    `The cheapest spot pool is dry for ${minutes} simulated minutes; ${burst} nodes are wanted at once, every`,
    `${burstEveryMs / 1_000} s. \`substitutes\` is what a plan writes on a claim, \`one-try\` a claim per offering.`,
    'Waits are simulated seconds and contain what the processor took.',
    '',
    table(
      [
        'policy',
        'nodes',
        'NodeClaims',
        'lost',
        'CreateFleet',
        'throttled',
        'wait p50 s',
        'wait p99 s',
      ],
      storms.map((one) => [
        one.policy,
        count(one.nodes),
        count(one.claims),
        count(one.claimsLost),
        count(one.createFleetCalls),
        count(one.callsThrottled),
        String(one.waitP50Seconds),
        String(one.waitP99Seconds),
      ]),
    ),
  ];
}

function spreadRow(what: string, spread: SpreadSeconds): string[] {
  return [what, ...spread.map((seconds) => `${seconds} s`)];
}
