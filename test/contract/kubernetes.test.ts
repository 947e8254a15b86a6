// The contract of the ClusterClient port, on a real API server through our own adapter.

import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { kinds } from '../../core/api/kinds.ts';
import type { ClusterClient } from '../../core/ports.ts';
import {
  createKubernetesClient,
  type KubernetesClient,
} from '../../extender/adapters/kubernetes/cluster-client.ts';
import { kubeconfigConnection } from '../../extender/adapters/kubernetes/connection.ts';
import { createSimulatedClient } from '../../sim/cluster/client.ts';
import { SimulatedCluster } from '../../sim/cluster/cluster.ts';
import { createRandom } from '../../sim/random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import { startControlPlane } from '../control-plane/control-plane.ts';
import { checkClusterClient } from './cluster-client.ts';
import { customKinds, customResourceDefinition } from './custom-resources.ts';
import { checkLiveState } from './live-state.ts';
import { compareWalks } from './walk.ts';
import { eventually } from './world.ts';

const runDeadlineMs = 600_000;
/** Those that the contract speaks of. The collector of pods would come into walks at its own time. */
const controllers = [
  'node-lifecycle-controller',
  'garbage-collector-controller',
  'disruption-controller',
  'namespace-controller',
];
const walkSeeds = [1, 2, 3];

const walkSteps = 400;

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + runDeadlineMs);

t.test('a real API server', { skip: reason ?? false }, async (t) => {
  const plane = await startControlPlane({
    schedulers: [],
    log: (line) => t.comment(line),
    flags: { 'kube-controller-manager': [`--controllers=${controllers.join(',')}`] },
  });
  const connection = await kubeconfigConnection({ file: plane.kubeconfigPath });
  const client = createKubernetesClient(connection);
  const world = {
    client,
    sleep: async (durationMs: number) => await delay(durationMs),
    // A restarted API server knows nothing from before its first list.
    forget: async () => {
      await plane.apiServer.kill();
      await plane.apiServer.start();
    },
  };
  try {
    for (const kind of customKinds) {
      const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      await plane.client.expect('POST', path, customResourceDefinition(kind));
    }
    for (const kind of customKinds) {
      await eventually(world, `${kinds[kind].plural} are served`, async () =>
        (await client.serves(kind)) ? true : undefined,
      );
    }
    await checkClusterClient(t, world);
    await t.test('random walks end alike on it and on the simulated cluster', async (t) => {
      for (const seed of walkSeeds) await checkWalk(t, client, seed);
    });
    await t.test('the live state ends equal to it, through a crash of the server', async (t) => {
      await checkLiveState(t, plane, client);
    });
  } finally {
    client.close();
    await plane.stop();
  }
});

/** The same steps on both. Time stands still in the simulation while the real server answers. */
async function checkWalk(t: Test, client: KubernetesClient, seed: number): Promise<void> {
  const clock = createVirtualClock();
  const random = createRandom(seed);
  const cluster = new SimulatedCluster({ clock, random, isFrozen: true });
  const namespace = `walk-${seed}`;
  cluster.create('Namespace', { metadata: { name: namespace } });
  await client.create('Namespace', { metadata: { name: namespace } });
  const simulated = createSimulatedClient(cluster, { actor: 'stowage' });
  const walk = compareWalks(held(client, clock), simulated, random, namespace, walkSteps);
  const { difference, outcomes } = await clock.settle(walk);
  t.equal(difference, undefined);
  t.comment([...outcomes].map(([outcome, times]) => `${outcome} ${times}`).join(', '));
  t.ok(outcomes.size >= 8, 'many kinds of outcome were compared');
}

function held(client: KubernetesClient, clock: VirtualClock): ClusterClient {
  return new Proxy<ClusterClient>(client, {
    get: (target, method: keyof ClusterClient) => {
      const call = target[method] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => await clock.hold(call(...args));
    },
  });
}
