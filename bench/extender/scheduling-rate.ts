/**
 * How many pods a second a real kube-scheduler places, and what it takes to measure that.
 *
 * In: a control plane with nodes, a variant of the scheduler's configuration. Out: pods per second
 * from the first bind to the last. While pods are placed, only the scheduler, the API server, etcd
 * and the extender run: kubelets and controllers are frozen. It starts no extender.
 */
import type { watchCluster } from '../../test/control-plane/cluster-watch.ts';
import type { ControlPlane } from '../../test/control-plane/control-plane.ts';
import { joinNode } from '../../test/control-plane/joining-node.ts';
import { hasCondition, type Node } from '../../test/control-plane/objects.ts';

export const deadlineMs = 30 * 60_000;
const parallelCalls = 32;
export const podsPath = '/api/v1/namespaces/default/pods';
/** One pod of so many is marked, in the variant that routes marked pods only. */
export const markedOneOf = 10;
const mark = 'stowage.dev/managed';

export type Variant = 'none' | 'echo' | 'ours' | 'marked';
export type Cluster = Awaited<ReturnType<typeof watchCluster>>;

/** Runs all, some at a time. */
export async function inParallel(
  count: number,
  run: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      await run(index);
    }
  };
  await Promise.all(Array.from({ length: parallelCalls }, worker));
}

/** Machines that are open to every pod. */
export async function joinNodes(plane: ControlPlane, cluster: Cluster, names: readonly string[]) {
  await inParallel(names.length, async (index) => {
    const name = names[index] ?? '';
    const zone = `eu-central-1${'abc'[index % 3]}`;
    await joinNode(plane.client, {
      name,
      providerId: `aws:///${zone}/${name}`,
      labels: { 'topology.kubernetes.io/zone': zone, 'kubernetes.io/arch': 'amd64' },
      taints: [],
      allocatable: { cpu: '15890m', memory: '60Gi', pods: '110' },
    });
  });
  await untilAllOpen(cluster);
}

/** Nodes whose kubelets were frozen are shunned until they are heard again. */
async function untilAllOpen(cluster: Cluster): Promise<void> {
  const isOpen = (node: Node): boolean =>
    hasCondition(node, 'Ready') && (node.spec?.taints ?? []).length === 0;
  const allOpen = (): boolean => [...cluster.nodes.values()].every(isOpen);
  await cluster.until('all nodes are open', allOpen, deadlineMs);
}

function configurationOf(variant: Variant, schedulerName: string, url: string | undefined): object {
  const managed = { managedResources: [{ name: mark, ignoredByScheduler: true }] };
  const extender = {
    urlPrefix: url,
    filterVerb: 'filter',
    prioritizeVerb: 'prioritize',
    weight: 10,
    nodeCacheCapable: true,
    httpTimeout: '5s',
    ...(variant === 'marked' ? managed : {}),
  };
  return {
    percentageOfNodesToScore: 100,
    clientConnection: { qps: 5_000, burst: 10_000 },
    profiles: [{ schedulerName }],
    ...(url === undefined ? {} : { extenders: [extender] }),
  };
}

async function createPods(plane: ControlPlane, count: number, schedulerName: string) {
  const routed = schedulerName.startsWith('marked');
  await inParallel(count, async (index) => {
    const marks = routed && index % markedOneOf === 0 ? { [mark]: '1' } : {};
    const resources = { requests: { cpu: '100m', memory: '100Mi', ...marks }, limits: marks };
    await plane.client.expect('POST', podsPath, {
      metadata: { generateName: 'bench-' },
      spec: { schedulerName, containers: [{ name: 'main', image: 'main', resources }] },
    });
  });
}

export interface RateRequest {
  readonly variant: Variant;
  /** The extender's; undefined for none. */
  readonly url: string | undefined;
  readonly pods: number;
  readonly round: number;
}

/**
 * Pods a second from the first bind to the last.
 *
 * @throws Error if a pod is deleted while it is measured: nobody here does that
 */
export async function measureRate(
  plane: ControlPlane,
  cluster: Cluster,
  { variant, url, pods, round }: RateRequest,
): Promise<number> {
  const schedulerName = `${variant}-${round}`;
  await untilAllOpen(cluster);
  await createPods(plane, pods, schedulerName);
  const frozen = [plane.kwok, plane.controllerManager];
  for (const component of frozen) component.suspend();
  let bound = 0;
  const lost: string[] = [];
  let [firstMs, lastMs] = [0, 0];
  cluster.listen({
    onNode: () => undefined,
    onPod: ({ type, object, previous }) => {
      const isOurs = object.spec.schedulerName === schedulerName;
      if (isOurs && type === 'deleted') lost.push(JSON.stringify(object.status));
      if (!isOurs || object.spec.nodeName === undefined || previous?.spec.nodeName !== undefined) {
        return;
      }
      bound += 1;
      lastMs = performance.now();
      if (bound === 1) firstMs = lastMs;
    },
  });
  const configuration = { ...configurationOf(variant, schedulerName, url) };
  const scheduler = await plane.startScheduler({ name: schedulerName, configuration });
  const isOver = (): boolean => bound === pods || lost.length > 0;
  await cluster.until('all pods are bound', isOver, deadlineMs);
  if (lost.length > 0) throw new Error(`${bound} of ${pods} bound, one is gone: ${lost[0]}`);
  await scheduler.kill();
  for (const component of frozen) component.resume();
  // One by one: the API server takes longer over a large collection than a client waits.
  const left = [...cluster.pods.values()].filter(
    ({ spec }) => spec.schedulerName === schedulerName,
  );
  await inParallel(left.length, async (index) => {
    const path = `${podsPath}/${left[index]?.metadata.name}?gracePeriodSeconds=0`;
    await plane.client.expect('DELETE', path);
  });
  const isGone = (): boolean =>
    [...cluster.pods.values()].every(({ spec }) => spec.schedulerName !== schedulerName);
  await cluster.until('the pods are gone', isGone, deadlineMs);
  return ((pods - 1) * 1000) / (lastMs - firstMs);
}

/** The middle one of them; 0 of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
