/**
 * What a bench case is: pods, pools and settings, made from a size and a seed.
 *
 * In: nothing. Out: the types that cases fill, and their two readings: a `ClusterSnapshot` for our
 * own pipeline, and plain Kubernetes objects for `stowage plan -f` and for peers. A workload knows
 * nothing of instance types; it may say how the bench should vary their spot prices.
 */

import type { EC2NodeClass } from '../core/api/ec2nodeclass.ts';
import type { DaemonSet, PodSpec } from '../core/api/kubernetes.ts';
import type { NodePool } from '../core/api/nodepool.ts';
import { InputError } from '../core/errors.ts';
import type { ClusterSnapshot, SnapshotPod } from '../core/state/snapshot.ts';

/** Alike pods: `name-0` to `name-(count - 1)`. */
export interface PodGroup {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  readonly count: number;
}

export interface Workload {
  readonly groups: readonly PodGroup[];
  readonly nodePools: readonly NodePool[];
  readonly nodeClasses: readonly EC2NodeClass[];
  readonly daemonSets: readonly DaemonSet[];
  /** As `--memory-overhead` of the command line. */
  readonly memoryOverhead: 'measured' | number;
  /**
   * Share by which a zone's spot price may differ from the region's, either way; 0 leaves the
   * catalogue as it is.
   */
  readonly spotZoneSpread: number;
}

/** How large a workload should be. Cases of fixed shape ignore `classes`. */
export interface WorkloadSize {
  readonly pods: number;
  readonly classes: number;
  readonly seed: number;
}

export interface BenchCase {
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  readonly defaultPods: number;
  readonly defaultClasses: number;
  /** False where Karpenter cannot be asked the same question; then why not. */
  readonly karpenter: true | string;
  /** @throws InputError when the case needs data that is not there */
  build(size: WorkloadSize): Workload;
}

export const benchNamespace = 'bench';

/** Most pods that a bench builds: ten times the largest size that is promised. */
const maxPods = 1_000_000;

/**
 * The workload of a case, checked.
 * @throws InputError when the size is out of range or the case lacks its data
 */
export function buildWorkload(benchCase: BenchCase, size: WorkloadSize): Workload {
  const { pods, classes } = size;
  if (!Number.isInteger(pods) || pods < 1 || pods > maxPods) {
    throw new InputError({ field: '--pods' }, `expected an integer from 1 to ${maxPods}`);
  }
  if (!Number.isInteger(classes) || classes < 1 || classes > pods) {
    throw new InputError({ field: '--classes' }, `expected an integer from 1 to ${pods}`);
  }
  return benchCase.build(size);
}

/** Pods of a workload. */
export function countPods(workload: Workload): number {
  return workload.groups.reduce((sum, group) => sum + group.count, 0);
}

/** The workload as our own pipeline reads it; pods of a group share labels and spec. */
export function toSnapshot(workload: Workload): ClusterSnapshot {
  const pods: SnapshotPod[] = [];
  const annotations = {};
  for (const { name, labels, spec, count } of workload.groups) {
    for (let i = 0; i < count; i++) {
      pods.push({
        namespace: benchNamespace,
        name: `${name}-${i}`,
        uid: `${name}-${i}`,
        labels,
        annotations,
        spec,
        nodeName: '',
        phase: 'Pending',
        ownerKind: '',
        createdMs: 0,
        priority: spec.priority ?? 0,
      });
    }
  }
  return {
    pods,
    nodes: [],
    daemonSets: workload.daemonSets,
    nodePools: workload.nodePools,
    nodeClasses: workload.nodeClasses,
    namespaceLabels: new Map([[benchNamespace, {}]]),
  };
}

/** A Pod as a manifest holds it. */
export interface PodManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: PodSpec;
}

/** The pods as plain Kubernetes objects. */
export function toPodManifests(workload: Workload): PodManifest[] {
  return workload.groups.flatMap(({ name, labels, spec, count }) =>
    Array.from(
      { length: count },
      (_, i): PodManifest => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: benchNamespace, name: `${name}-${i}`, labels },
        spec,
      }),
    ),
  );
}

/** One pod for each DaemonSet, named after it. */
export function toDaemonSetPodManifests(workload: Workload): PodManifest[] {
  return workload.daemonSets.map(({ metadata, spec }) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: benchNamespace,
      name: metadata.name ?? 'daemon',
      labels: spec.template.metadata?.labels ?? {},
    },
    spec: spec.template.spec,
  }));
}

/** Everything as manifests for `stowage plan -f`, groups as Deployments or pod by pod. */
export function* toManifests(workload: Workload, deployments: boolean): Generator<object> {
  yield* workload.nodeClasses;
  yield* workload.nodePools;
  for (const daemonSet of workload.daemonSets) {
    yield { apiVersion: 'apps/v1', kind: 'DaemonSet', ...daemonSet };
  }
  if (deployments) {
    for (const { name, labels, spec, count } of workload.groups) {
      yield {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { namespace: benchNamespace, name },
        spec: {
          replicas: count,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec },
        },
      };
    }
    return;
  }
  yield* toPodManifests(workload);
}
