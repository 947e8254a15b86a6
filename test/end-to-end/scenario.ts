/**
 * What several scenarios ask of a scene: create things, wait, look at the end state.
 *
 * In: a scene. Out: waits with named deadlines, and the checks that every scenario ends with. It
 * judges nothing but what is written in its names.
 */
import type { Test } from 'tap';
import type { Pod } from '../control-plane/objects.ts';
import type { WatchedClaim } from './claim-watch.ts';
import { jobsPath, nodeClaimsPath } from './sample-objects.ts';
import { deadlineMs, type Scene } from './scene.ts';

/** Of what the product says of a pod. */
const explanationMax = 3_000;
const explainMs = 5_000;

/** Pods of a workload, by its `app` label. */
export function podsOf({ cluster }: Scene, app: string): readonly Pod[] {
  return [...cluster.pods.values()].filter((pod) => pod.metadata.labels?.['app'] === app);
}

export function isBound(pod: Pod): boolean {
  return pod.spec.nodeName !== undefined;
}

export function isRunning(pod: Pod): boolean {
  return pod.status?.phase === 'Running';
}

export function hasSucceeded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded';
}

/** Waits until so many pods of a workload are in a state. */
export async function untilPods(
  scene: Scene,
  app: string,
  count: number,
  is: (pod: Pod) => boolean,
  limitMs = deadlineMs,
): Promise<void> {
  const done = (): boolean => podsOf(scene, app).filter(is).length === count;
  try {
    await scene.cluster.until(`${count} pods of ${app}: ${is.name}`, done, limitMs);
  } catch (cause) {
    const straggler = podsOf(scene, app).find((pod) => !is(pod));
    const why = straggler === undefined ? 'all are there' : await explanationsOf(scene, straggler);
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)}; ${why}`, { cause });
  }
}

/** What the product says of a pod, wherever it runs: nobody can ask it after the test. */
async function explanationsOf({ operationsUrls }: Scene, { metadata }: Pod): Promise<string> {
  const path = `api/v1/explain/pod/${metadata.namespace}/${metadata.name}`;
  const answers = [...operationsUrls].map(async (url) => {
    try {
      const answer = await fetch(`${url}/${path}`, { signal: AbortSignal.timeout(explainMs) });
      return (await answer.text()).slice(0, explanationMax);
    } catch (error) {
      return `${url} does not answer: ${String(error)}`;
    }
  });
  return `${path}: ${(await Promise.all(answers)).join('; ')}`;
}

/** Waits until nothing is left that costs money: no instance, no Node, no NodeClaim. */
export async function untilEmpty(scene: Scene, limitMs = deadlineMs): Promise<void> {
  const { cluster, cloud } = scene;
  const noNodes = (): boolean => cluster.nodes.size === 0;
  await cluster.until('no node is left', noNodes, limitMs);
  await poll('no instance is left', limitMs, () => cloud.living().length === 0);
  await poll('no NodeClaim is left', limitMs, async () => {
    return (await claimsOf(scene)).length === 0;
  });
}

/** All NodeClaims, as the API server has them. */
export async function claimsOf({ plane }: Scene): Promise<readonly WatchedClaim[]> {
  const { items } = await plane.client.expect<{ readonly items: readonly WatchedClaim[] }>(
    'GET',
    nodeClaimsPath,
  );
  return items;
}

/** Waits until every instance that costs money is a Node, and every Node is one of them. */
export async function untilNodesAreInstances({ cluster, cloud }: Scene): Promise<void> {
  await poll('every instance is a node', deadlineMs, () => {
    const living = new Set(cloud.living().map(({ privateDnsName }) => privateDnsName));
    return living.size === cluster.nodes.size && living.isSubsetOf(new Set(cluster.nodes.keys()));
  });
}

/** Waits for what no watch tells of. */
export async function poll(
  what: string,
  limitMs: number,
  isTrue: () => boolean | Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A Job and the pods that it keeps, gone. */
export async function removeJob({ plane, cluster }: Scene, name: string): Promise<void> {
  await plane.client.expect('DELETE', `${jobsPath}/${name}?propagationPolicy=Background`);
  const isGone = (): boolean =>
    [...cluster.pods.values()].every(({ metadata }) => metadata.labels?.['app'] !== name);
  await cluster.until(`the pods of ${name} are gone`, isGone, deadlineMs);
}

/** What must hold at the end of every scenario. */
export function checkPromises(t: Test, { invariants, cloud, cluster }: Scene): void {
  t.strictSame(invariants.violations, [], 'no pod was lost, moved, failed; no node overcommitted');
  t.ok(invariants.comparisons > 0, 'nodes were compared with what they hold');
  t.strictSame(cloud.doubles, [], 'no claim had two instances');
  t.strictSame(cloud.machines.failures, [], 'every machine could do what machines do');
  t.ok(cluster.events > 0);
}

/** When pods of a workload reached each step, by `performance.now`. */
export interface Timeline {
  readonly createdMs: ReadonlyMap<string, number>;
  /** Its scheduler has tried it and found no place: from here on nodes are planned for it. */
  readonly triedMs: ReadonlyMap<string, number>;
  readonly boundMs: ReadonlyMap<string, number>;
  readonly runningMs: ReadonlyMap<string, number>;
}

/** Notes the times from now on. */
export function watchTimeline({ cluster }: Scene, app: string): Timeline {
  const timeline = {
    createdMs: new Map<string, number>(),
    triedMs: new Map<string, number>(),
    boundMs: new Map<string, number>(),
    runningMs: new Map<string, number>(),
  };
  const note = (times: Map<string, number>, uid: string): void => {
    if (!times.has(uid)) times.set(uid, performance.now());
  };
  cluster.listen({
    onNode: () => undefined,
    onPod: ({ object }) => {
      const { uid = '', labels } = object.metadata;
      if (labels?.['app'] !== app) return;
      note(timeline.createdMs, uid);
      if (isTried(object)) note(timeline.triedMs, uid);
      if (isBound(object)) note(timeline.boundMs, uid);
      if (isRunning(object)) note(timeline.runningMs, uid);
    },
  });
  return timeline;
}

function isTried({ status }: Pod): boolean {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return scheduled?.status === 'False';
}

/** The value below which that share of the values lies; NaN of none. */
export function quantile(values: Iterable<number>, share: number): number {
  const sorted = [...values].toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
