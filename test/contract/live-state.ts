/**
 * The live state beside a real API server: equal to it in the end, whatever happened on the way.
 *
 * In: a running control plane. Out: assertions. Objects come and go in hundreds while the server is
 * killed and started again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';
import { ClusterError } from '../../core/ports.ts';
import type { KubernetesClient } from '../../extender/adapters/kubernetes/cluster-client.ts';
import { systemClock, systemRandom } from '../../extender/adapters/system.ts';
import { startLiveState } from '../../extender/controllers/live-state.ts';
import { createRandom } from '../../sim/random.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { podOf } from './world.ts';

const podsBefore = 700;
const changes = 600;
const parallel = 16;
const patienceMs = 60_000;

export async function checkLiveState(
  t: Test,
  plane: ControlPlane,
  client: KubernetesClient,
): Promise<void> {
  const namespace = 'live-state';
  await client.create('Namespace', { metadata: { name: namespace } });
  const random = createRandom(1);
  await inParallel(podsBefore, async (index) => {
    await client.create('Pod', podOf(namespace, `before-${index}`));
  });

  const abort = new AbortController();
  const failures: string[] = [];
  const live = startLiveState({
    client,
    clock: systemClock,
    random: systemRandom,
    signal: abort.signal,
    kinds: ['Pod', 'Node', 'NodeClaim', 'Namespace', 'EC2NodeClass.stowage.dev'],
    observer: { failed: (kind, during, { code }) => failures.push(`${kind} ${during} ${code}`) },
  });
  await live.synced;
  t.ok(live.view.count('Pod') >= podsBefore);

  const restarting = delay(300).then(async () => {
    await plane.apiServer.kill();
    await plane.apiServer.start();
  });
  await inParallel(changes, async (index) => {
    const name = { namespace, name: `before-${random.integer(podsBefore)}` };
    try {
      if (index % 3 === 0) await client.delete('Pod', name, { gracePeriodSeconds: 0 });
      else if (index % 3 === 1) await client.create('Pod', podOf(namespace, name.name));
      else {
        const body = { metadata: { labels: { index: String(index) } } };
        await client.patch('Pod', name, { type: 'merge', body });
      }
    } catch (error) {
      // The server is away for a while, and names are hit twice: both are part of it.
      if (!(error instanceof ClusterError)) throw error;
    }
  });
  await restarting;
  t.ok(failures.length > 0, 'the watches broke');

  let [here, there] = ['', 'nothing yet'];
  for (let waitedMs = 0; here !== there && waitedMs < patienceMs; waitedMs += 200) {
    await delay(200);
    here = [...live.view.all('Pod')]
      .map(({ uid, resourceVersion }) => `${uid} ${resourceVersion}`)
      .sort()
      .join('\n');
    there = (await client.list('Pod')).items
      .map(({ metadata }) => `${metadata.uid} ${metadata.resourceVersion}`)
      .sort()
      .join('\n');
  }
  t.ok(here === there, 'the live state is what the server has');
  t.ok(live.reflectors.every(({ hasSynced }) => hasSynced));
  t.comment(`failures on the way: ${[...new Set(failures)].join(', ')}`);
  abort.abort();
  await live.done;
}

async function inParallel(count: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await act(index);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}
