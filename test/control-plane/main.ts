// `npm run control-plane`: a real control plane for a person to play with.
//
// In:  --nodes N (how many machines join), --no-scheduler, --scheduler-configuration FILE
//      (a KubeSchedulerConfiguration, for instance one that names an extender).
// Out: a running plane, and on the terminal how to reach it. Ctrl-C ends it all.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
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

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '3' },
      'no-scheduler': { type: 'boolean', default: false },
      'scheduler-configuration': { type: 'string' },
    },
  });
  const nodeCount = Number(values.nodes);
  if (!Number.isInteger(nodeCount) || nodeCount < 0 || nodeCount > NODES_MAX) {
    throw new Error(
      `--nodes: expected a whole number from 0 to ${NODES_MAX}, got "${values.nodes}"`,
    );
  }
  const schedulers = values['no-scheduler']
    ? []
    : [await schedulerFrom(values['scheduler-configuration'])];

  // A build is ended by the default handling of signals and taken up again next time.
  await ensureBinaries((line) => console.log(line));
  // Set up before anything is started, so that Ctrl-C during the start leaves nothing behind either.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => resolve());
  });
  const startedMs = performance.now();
  const starting = startControlPlane({ schedulers, log: (line) => console.log(line) });
  const plane = await Promise.race([starting, stopped]);
  if (plane === undefined) {
    await (await starting).stop();
    return;
  }
  try {
    for (let index = 1; index <= nodeCount; index += 1)
      await joinNode(plane.client, exampleMachine(index));
    console.log(instructions(plane, nodeCount, performance.now() - startedMs));
    await stopped;
  } finally {
    console.log('stopping');
    await plane.stop();
  }
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

function instructions(plane: ControlPlane, nodeCount: number, elapsedMs: number): string {
  const { kubectl } = plane.binaries;
  return `
A control plane is running (${(elapsedMs / 1000).toFixed(1)} s, ${nodeCount} nodes).

  API server    ${plane.apiUrl}
  kubeconfig    ${plane.kubeconfigPath}
  ${SYSTEM_UNDER_TEST.user}'s
                ${plane.kubeconfigOf(SYSTEM_UNDER_TEST.name)}
  logs          ${plane.directory}

  export KUBECONFIG=${plane.kubeconfigPath}
  alias kubectl=${kubectl}
  kubectl get nodes
  kubectl create deployment web --image=web --replicas=10
  kubectl get pods -o wide

Ctrl-C ends it and removes everything.
`;
}

await main();
