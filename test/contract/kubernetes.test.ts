// The contract of the ClusterClient port, on a real API server through our own adapter.

import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { kinds } from '../../core/api/kinds.ts';
import { createKubernetesClient } from '../../extender/adapters/kubernetes/cluster-client.ts';
import { kubeconfigConnection } from '../../extender/adapters/kubernetes/connection.ts';
import { BUILD_DEADLINE_MS, unavailableReason } from '../control-plane/build.ts';
import { startControlPlane } from '../control-plane/control-plane.ts';
import { checkClusterClient } from './cluster-client.ts';
import { customKinds, customResourceDefinition } from './custom-resources.ts';
import { eventually } from './world.ts';

const runDeadlineMs = 600_000;

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout(BUILD_DEADLINE_MS + runDeadlineMs);

t.test('a real API server', { skip: reason ?? false }, async (t) => {
  const plane = await startControlPlane({ schedulers: [], log: (line) => t.comment(line) });
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
  } finally {
    client.close();
    await plane.stop();
  }
});
