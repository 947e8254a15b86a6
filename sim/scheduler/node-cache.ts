/**
 * The scheduler's own picture of the nodes: what it has heard, and what it has assumed.
 *
 * In: nodes and pods as they become known, pods that were placed but not bound yet. Out: per node
 * what is requested and by whom. Source: `pkg/scheduler/backend/cache`. An assumed pod counts until
 * its binding is heard of or has failed.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { PodSpec, Taint } from '../../core/api/kubernetes.ts';
import { hostPortsOf } from '../../core/scheduling/host-ports.ts';
import { offeredResources } from '../../core/scheduling/quantity.ts';
import type { Resources } from '../../core/scheduling/resources.ts';
import { unschedulableTaint } from '../../core/scheduling/taints.ts';
import { canonicalLabels, nodeNameField } from '../../core/scheduling/well-known-labels.ts';
import { requestsOf } from '../pod-requests.ts';

export interface CachedPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  readonly priority: number;
  readonly isTerminating: boolean;
}

export interface NodeInfo {
  readonly name: string;
  /** Undefined while only pods of it are known. */
  node: Live<'Node'> | undefined;
  labels: Readonly<Record<string, string>>;
  /** With the taint of an unschedulable node. */
  taints: readonly Taint[];
  allocatable: Resources;
  readonly requested: Map<string, number>;
  readonly pods: Map<string, CachedPod>;
}

export class NodeCache {
  readonly #infos = new Map<string, NodeInfo>();
  readonly #nodeOf = new Map<string, string>();
  /** Pods with rules that others must obey. */
  readonly #separating = new Map<string, { readonly pod: CachedPod; readonly nodeName: string }>();

  /** Nodes that exist. */
  *nodes(): Generator<NodeInfo> {
    for (const info of this.#infos.values()) if (info.node !== undefined) yield info;
  }

  get nodeCount(): number {
    let count = 0;
    for (const info of this.#infos.values()) if (info.node !== undefined) count += 1;
    return count;
  }

  get(name: string): NodeInfo | undefined {
    return this.#infos.get(name);
  }

  /** True if the pod counts on some node. */
  has(uid: string): boolean {
    return this.#nodeOf.has(uid);
  }

  podOf(uid: string): CachedPod | undefined {
    return this.#infos.get(this.#nodeOf.get(uid) ?? '')?.pods.get(uid);
  }

  /** Pods with hard anti-affinity, and where they are. */
  get separating(): Iterable<{ readonly pod: CachedPod; readonly nodeName: string }> {
    return this.#separating.values();
  }

  putNode(node: Live<'Node'>): NodeInfo {
    const info = this.#info(node.metadata.name);
    info.node = node;
    info.labels = {
      ...canonicalLabels(node.metadata.labels ?? {}),
      [nodeNameField]: node.metadata.name,
    };
    const taints = node.spec?.taints ?? [];
    const isCordoned = node.spec?.unschedulable === true;
    info.taints = isCordoned ? [...taints, unschedulableTaint] : taints;
    info.allocatable = offeredResources(node.status?.allocatable ?? {});
    return info;
  }

  deleteNode(name: string): void {
    const info = this.#infos.get(name);
    if (info === undefined) return;
    info.node = undefined;
    if (info.pods.size === 0) this.#infos.delete(name);
  }

  /** A pod on a node, heard of or assumed. Putting it again replaces it. */
  putPod(pod: CachedPod, nodeName: string): void {
    this.deletePod(pod.uid);
    const info = this.#info(nodeName);
    info.pods.set(pod.uid, pod);
    this.#nodeOf.set(pod.uid, nodeName);
    charge(info, pod, 1);
    const terms =
      pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    if (terms.length > 0) this.#separating.set(pod.uid, { pod, nodeName });
  }

  deletePod(uid: string): void {
    const nodeName = this.#nodeOf.get(uid);
    const info = nodeName === undefined ? undefined : this.#infos.get(nodeName);
    const pod = info?.pods.get(uid);
    if (info === undefined || pod === undefined) return;
    info.pods.delete(uid);
    this.#nodeOf.delete(uid);
    this.#separating.delete(uid);
    charge(info, pod, -1);
    if (info.node === undefined && info.pods.size === 0) this.#infos.delete(info.name);
  }

  #info(name: string): NodeInfo {
    let info = this.#infos.get(name);
    if (info === undefined) {
      info = {
        name,
        node: undefined,
        labels: {},
        taints: [],
        allocatable: {},
        requested: new Map(),
        pods: new Map(),
      };
      this.#infos.set(name, info);
    }
    return info;
  }
}

/** What the scheduler keeps of a pod. */
export function cachedPodOf(pod: Live<'Pod'>): CachedPod {
  return {
    uid: pod.metadata.uid,
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    labels: pod.metadata.labels ?? {},
    spec: pod.spec,
    priority: pod.spec.priority ?? 0,
    isTerminating: pod.metadata.deletionTimestamp !== undefined,
  };
}

const portsPerSpec = new WeakMap<PodSpec, ReturnType<typeof hostPortsOf>>();

/** Host ports of a spec, computed once. */
export function portsOf(spec: PodSpec): ReturnType<typeof hostPortsOf> {
  const known = portsPerSpec.get(spec);
  if (known !== undefined) return known;
  const ports = hostPortsOf(spec);
  portsPerSpec.set(spec, ports);
  return ports;
}

function charge(info: NodeInfo, pod: CachedPod, sign: 1 | -1): void {
  const requests = requestsOf(pod.spec);
  for (const resource in requests) {
    info.requested.set(
      resource,
      (info.requested.get(resource) ?? 0) + sign * (requests[resource] ?? 0),
    );
  }
}
