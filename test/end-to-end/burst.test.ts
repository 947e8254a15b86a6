// From nothing to a thousand running pods and back, on a real control plane with both schedulers.

import t, { type Test } from 'tap';
import { createRandom } from '../../sim/random.ts';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import {
  deployment,
  deploymentsPath,
  job,
  jobsPath,
  nodePool,
  nodePoolsPath,
} from './sample-objects.ts';
import {
  checkPromises,
  hasSucceeded,
  isRunning,
  podsOf,
  quantile,
  removeJob,
  type Timeline,
  untilEmpty,
  untilNodesAreInstances,
  untilPods,
  watchTimeline,
} from './scenario.ts';
import { deadlineMs } from './scene.ts';
import type { Service } from './service.ts';
import { openTestStage, type Stage } from './stage.ts';

/** Four sizes, so that packing is not a matter of counting. */
const sizes = ['250m', '500m', '900m', '1500m'] as const;
const podsPerSize = 250;
const mixedPods = 60;
const theirPool = { scheduler: 'default' };
const theirTaint = { key: 'scheduler', value: 'default', effect: 'NoSchedule' };
const theirTraits = {
  schedulerName: 'default-scheduler',
  nodeSelector: theirPool,
  tolerations: [theirTaint],
};
const churnJobs = 40;
const churnEveryMs = 500;
/** More than the seconds between launch and Ready, so that nodes are shared by many Jobs. */
const churnRunMs = [1_000, 6_000] as const;

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 5 * deadlineMs);

t.test('a thousand pods and no node', { skip: reason ?? false }, async (t) => {
  const stage = await openTestStage(t);
  await stage.plane.client.expect('POST', nodePoolsPath, nodePool('general'));
  // Two schedulers race for what is left of a node that both may use: docs say to keep them apart.
  const theirs = nodePool('theirs', { labels: theirPool, taints: [theirTaint] });
  await stage.plane.client.expect('POST', nodePoolsPath, theirs);
  const service = await stage.startService('stowage-1');
  await stage.startScheduler('stowage-scheduler', service.extenderUrl);
  await t.test('all run, on nodes that were launched for them', async (t) =>
    checkBurst(t, stage, service),
  );
  await t.test('pods of the default scheduler share the cluster', async (t) =>
    checkMixed(t, stage),
  );
  for (const { metadata } of await deploymentsOf(stage)) {
    await stage.plane.client.expect('DELETE', `${deploymentsPath}/${metadata.name}`);
  }
  await t.test('Jobs come and go, each pod once', async (t) => checkChurn(t, stage));
  await t.test('all of it goes when nobody needs it any more', async () => untilEmpty(stage));
  checkPromises(t, stage);
  t.equal(service.component.restarts, 0, 'the service ran through');
});

async function checkBurst(t: Test, stage: Stage, service: Service): Promise<void> {
  const timelines = sizes.map((cpu) => watchTimeline(stage, `burst-${cpu}`));
  const startMs = performance.now();
  await Promise.all(
    sizes.map(async (cpu) => {
      const object = deployment(`burst-${cpu}`, podsPerSize, { cpu });
      await stage.plane.client.expect('POST', deploymentsPath, object);
    }),
  );
  await Promise.all(
    sizes.map(async (cpu) => await untilPods(stage, `burst-${cpu}`, podsPerSize, isRunning)),
  );
  const elapsedMs = performance.now() - startMs;
  const { launches } = stage.cloud;
  t.comment(`1,000 pods run after ${seconds(elapsedMs)} on ${launches.length} launches`);
  t.comment(`creation -> bound: ${waits(timelines, 'boundMs')}`);
  t.comment(`creation -> running: ${waits(timelines, 'runningMs')}`);
  const calls = launches.map(({ calledMs }) => calledMs - startMs);
  t.comment(`launch calls ${seconds(Math.min(...calls))} to ${seconds(Math.max(...calls))}`);
  for (const line of await metricLines(service, 'stowage_launch_call_delay_seconds')) {
    t.comment(line);
  }
  await untilNodesAreInstances(stage);
  const names = new Set(launches.map(({ nodeClaimName }) => nodeClaimName));
  t.equal(names.size, launches.length, 'every claim was launched by one call');
}

async function checkMixed(t: Test, stage: Stage): Promise<void> {
  const { client } = stage.plane;
  const traits = { 'mixed-ours': {}, 'mixed-theirs': theirTraits };
  await Promise.all(
    Object.entries(traits).map(async ([name, options]) => {
      const object = deployment(name, mixedPods, { cpu: '700m', ...options });
      await client.expect('POST', deploymentsPath, object);
    }),
  );
  for (const name of Object.keys(traits)) await untilPods(stage, name, mixedPods, isRunning);
  const theirs = podsOf(stage, 'mixed-theirs');
  t.ok(theirs.every(({ spec }) => spec.schedulerName === 'default-scheduler'));
}

async function checkChurn(t: Test, stage: Stage): Promise<void> {
  const { client } = stage.plane;
  const random = createRandom('churn');
  const counts = new Map<string, number>();
  const [leastMs, mostMs] = churnRunMs;
  for (let number = 1; number <= churnJobs; number += 1) {
    const [name, pods] = [`churn-${number}`, 1 + random.integer(12)];
    counts.set(name, pods);
    const runMs = leastMs + random.integer(mostMs - leastMs);
    const options = { cpu: random.pick(sizes), ...(random.chance(0.7) ? {} : theirTraits) };
    await client.expect('POST', jobsPath, job(name, pods, runMs, options));
    await new Promise((resolve) => setTimeout(resolve, churnEveryMs));
  }
  for (const [name, pods] of counts) {
    await untilPods(stage, name, pods, hasSucceeded);
    t.equal(podsOf(stage, name).length, pods, 'no pod of it had to be made twice');
    await removeJob(stage, name);
  }
}

async function deploymentsOf({ plane }: Stage) {
  const { items } = await plane.client.expect<{
    readonly items: readonly { readonly metadata: { readonly name: string } }[];
  }>('GET', deploymentsPath);
  return items;
}

function waits(timelines: readonly Timeline[], step: 'boundMs' | 'runningMs'): string {
  const all = timelines.flatMap((timeline) =>
    [...timeline[step]].map(([uid, ms]) => ms - (timeline.createdMs.get(uid) ?? ms)),
  );
  return [0.5, 0.99, 1].map((share) => `p${share * 100} ${seconds(quantile(all, share))}`).join();
}

async function metricLines({ operationsUrl }: Service, name: string): Promise<readonly string[]> {
  const text = await (await fetch(`${operationsUrl}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(name));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
