/**
 * For processes that are killed at some step: what keeps the cluster moving until they reach it, and
 * what must be true once they are left in peace.
 *
 * In: a scene with a workload. Out: nodes are taken away at intervals until the process has died;
 * checks of the end. It kills nothing.
 */
import type { Test } from 'tap';
import { hasCondition } from '../control-plane/objects.ts';
import { deploymentsPath, nodeClaimsPath } from './sample-objects.ts';
import { claimsOf, isRunning, poll, untilEmpty, untilPods } from './scenario.ts';
import { deadlineMs, type Scene } from './scene.ts';

/** While the step has not been reached, the cluster is stirred this often. */
const stirEveryMs = 6_000;

/** Stirs until the process has died. */
export async function stirUntilDead(
  stir: () => Promise<void>,
  hasDied: () => boolean,
): Promise<void> {
  let stirredMs = -Infinity;
  await poll('the process has died', deadlineMs, async () => {
    if (performance.now() - stirredMs > stirEveryMs) {
      stirredMs = performance.now();
      await stir();
    }
    return hasDied();
  });
}

/** Takes up to so many nodes away: they are drained and ended, and their pods need others. */
export async function takeNodesAway(scene: Scene, count: number): Promise<void> {
  const ready = (await claimsOf(scene)).filter(
    (claim) => claim.metadata.deletionTimestamp === undefined && hasCondition(claim, 'Initialized'),
  );
  for (const { metadata } of ready.slice(0, count)) {
    await scene.plane.client.send('DELETE', `${nodeClaimsPath}/${metadata.name}`);
  }
}

/** The work runs on as many nodes as there are instances and claims; without it all of them go. */
export async function checkRest(
  t: Test,
  scene: Scene,
  app: string,
  replicas: number,
): Promise<void> {
  const { cloud, cluster, plane } = scene;
  await t.test('the work is running again, on as many nodes as there are instances', async (t) => {
    await untilPods(scene, app, replicas, isRunning);
    await poll('instances, nodes and claims are the same', deadlineMs, async () => {
      const claims = (await claimsOf(scene)).length;
      return cloud.living().length === claims && cluster.nodes.size === claims;
    });
    t.pass('nothing is left behind');
  });
  await t.test('and all of it goes', async () => {
    await plane.client.expect('DELETE', `${deploymentsPath}/${app}`);
    await untilEmpty(scene);
  });
}
