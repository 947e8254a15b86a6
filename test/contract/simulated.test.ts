// The contract of the ClusterClient port, on the simulated cluster.

import t from 'tap';
import { createSimulatedClient } from '../../sim/cluster/client.ts';
import { SimulatedCluster } from '../../sim/cluster/cluster.ts';
import { startDisruptionController } from '../../sim/controllers/disruption.ts';
import { startGarbageCollector } from '../../sim/controllers/garbage-collector.ts';
import { startNodeLifecycle } from '../../sim/controllers/node-lifecycle.ts';
import { createRandom } from '../../sim/random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { checkClusterClient } from './cluster-client.ts';

t.test('the simulated cluster', async (t) => {
  const clock = createVirtualClock();
  const random = createRandom(1);
  const cluster = new SimulatedCluster({
    clock,
    random,
    isFrozen: true,
    absentKinds: ['EC2NodeClass.stowage.dev'],
  });
  startGarbageCollector(cluster);
  startDisruptionController(cluster);
  startNodeLifecycle(cluster, () => undefined);
  const latencies = random.branch('latency');
  const client = createSimulatedClient(cluster, {
    actor: 'stowage',
    latencyMs: () => 1 + latencies.integer(4),
  });
  const world = {
    client,
    sleep: async (durationMs: number) => await clock.sleep(durationMs),
    forget: async () => cluster.forget(),
  };
  await clock.settle(checkClusterClient(t, world));
});
