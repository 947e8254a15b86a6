// `npm run control-plane`: a real cluster with Stowage in it, for a person to play with.
//
// In:  --speed N (seconds of the simulated EC2 in one, by default 10), --replicas N (of Stowage);
//      or --bare for the control plane alone, then --nodes N (how many machines join),
//      --no-scheduler, --scheduler-configuration FILE.
// Out: a running plane with schedulers, KWOK, a simulated EC2, NodePools and the service; on the
//      terminal how to reach it. Ctrl-C ends it all.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { nodePool, nodePoolsPath } from '../end-to-end/sample-objects.ts';
import type { Service } from '../end-to-end/service.ts';
import { openStage, type Stage } from '../end-to-end/stage.ts';
import { ensureBinaries } from './build.ts';
import {
  type ControlPlane,
  type SchedulerOptions,
  SYSTEM_UNDER_TEST,
  startControlPlane,
} from './control-plane.ts';
import { joinNode } from './joining-node.ts';

/** More than this and a machine with 2 cores no longer keeps up. */
const NODES_MAX = 5_000;
const SPEED_MAX = 100;
const REPLICAS_MAX = 3;

/** Something that runs until it is closed. */
interface Running {
  readonly instructions: string;
  close(): Promise<void>;
}

const log = (line: string): void => console.log(line);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      speed: { type: 'string', default: '10' },
      replicas: { type: 'string', default: '1' },
      bare: { type: 'boolean', default: false },
      nodes: { type: 'string', default: '3' },
      'no-scheduler': { type: 'boolean', default: false },
      'scheduler-configuration': { type: 'string' },
    },
  });
  const nodeCount = integer('--nodes', values.nodes, 0, NODES_MAX);
  const speed = integer('--speed', values.speed, 1, SPEED_MAX);
  const replicas = integer('--replicas', values.replicas, 1, REPLICAS_MAX);
  const schedulers = values['no-scheduler']
    ? []
    : [await schedulerFrom(values['scheduler-configuration'])];

  // A build is ended by the default handling of signals and taken up again next time.
  await ensureBinaries(log);
  // Set up before anything is started, so that Ctrl-C during the start leaves nothing behind either.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => resolve());
  });
  const starting = values.bare ? startBare(schedulers, nodeCount) : startWhole(speed, replicas);
  const running = await Promise.race([starting, stopped]);
  if (running === undefined) {
    await (await starting).close();
    return;
  }
  console.log(running.instructions);
  await stopped;
  console.log('stopping');
  await running.close();
}

async function startBare(
  schedulers: readonly SchedulerOptions[],
  nodeCount: number,
): Promise<Running> {
  const startedMs = performance.now();
  const plane = await startControlPlane({ schedulers, log });
  try {
    for (let index = 1; index <= nodeCount; index += 1)
      await joinNode(plane.client, exampleMachine(index));
  } catch (error) {
    await plane.stop();
    throw error;
  }
  const instructions = `
A control plane is running (${seconds(startedMs)}, ${nodeCount} nodes).
${addresses(plane)}
  kubectl get nodes
  kubectl create deployment web --image=web --replicas=10
  kubectl get pods -o wide

Ctrl-C ends it and removes everything.
`;
  return { instructions, close: async () => await plane.stop() };
}

async function startWhole(speed: number, replicas: number): Promise<Running> {
  const startedMs = performance.now();
  const stage = await openStage({ log, speed });
  try {
    const services: Service[] = [];
    for (let index = 1; index <= replicas; index += 1)
      services.push(await stage.startService(`stowage-${index}`));
    await furnish(stage);
    const [first] = services;
    await stage.startScheduler('stowage-scheduler', first?.extenderUrl ?? '');
    const dashboards = services.map(({ operationsUrl }) => `  dashboard     ${operationsUrl}/`);
    const instructions = `
Stowage is running on a real control plane (${seconds(startedMs)}), with a simulated EC2 ${speed} times as fast as EC2.

${dashboards.join('\n')}
${addresses(stage.plane)}
  kubectl get nodepools
  kubectl create deployment web --image=web --replicas=40
  kubectl set resources deployment web --requests=cpu=700m,memory=1Gi
  kubectl get nodeclaims,nodes
  kubectl scale deployment web --replicas=0

Pods of the default scheduler are provisioned for and bound as well as those with
"schedulerName: stowage". Nodes go when they have been empty for a while.
Ctrl-C ends it and removes everything.
`;
    return { instructions, close: async () => await stage.close() };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

async function furnish({ plane }: Stage): Promise<void> {
  const general = nodePool('general', { consolidateAfter: '15s' });
  const accelerated = nodePool('accelerated', {
    consolidateAfter: '15s',
    instanceTypes: ['g5.xlarge', 'g5.2xlarge', 'g6.xlarge', 'g6.2xlarge'],
    taints: [{ key: 'nvidia.com/gpu', effect: 'NoSchedule' }],
  });
  for (const pool of [general, accelerated]) await plane.client.expect('POST', nodePoolsPath, pool);
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${name}: expected a whole number from ${least} to ${most}, got "${text}"`);
  }
  return value;
}

async function schedulerFrom(path: string | undefined): Promise<SchedulerOptions> {
  if (path === undefined) return { name: 'kube-scheduler' };
  const configuration: unknown = parse(await readFile(path, 'utf8'));
  if (typeof configuration !== 'object' || configuration === null) {
    throw new Error(`${path}: expected a KubeSchedulerConfiguration`);
  }
  return { name: 'kube-scheduler', configuration: { ...configuration } };
}

function exampleMachine(index: number) {
  const zone = ['us-east-1a', 'us-east-1b', 'us-east-1c'][index % 3] ?? 'us-east-1a';
  return {
    name: `node-${index}`,
    providerId: `aws:///${zone}/i-${String(index).padStart(17, '0')}`,
    labels: {
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/os': 'linux',
      'node.kubernetes.io/instance-type': 'm7i.xlarge',
      'topology.kubernetes.io/region': 'us-east-1',
      'topology.kubernetes.io/zone': zone,
    },
    taints: [],
    allocatable: { cpu: '3920m', memory: '14900Mi', 'ephemeral-storage': '18Gi', pods: '58' },
  };
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

function addresses(plane: ControlPlane): string {
  return `  API server    ${plane.apiUrl}
  kubeconfig    ${plane.kubeconfigPath}
  ${SYSTEM_UNDER_TEST.user}'s
                ${plane.kubeconfigOf(SYSTEM_UNDER_TEST.name)}
  logs          ${plane.directory}

  export KUBECONFIG=${plane.kubeconfigPath}
  alias kubectl=${plane.binaries.kubectl}
`;
}

await main();
