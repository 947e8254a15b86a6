/**
 * Does a node that has really come hold the pods that were planned for it?
 *
 * In: the node as it is, the pods on it, the DaemonSets that belong there, the pods in the order in
 * which they get their place. Out: for each pod nothing, or why it does not fit. Checks what
 * kube-scheduler and the kubelet check of one node: resources, number of pods, taints (not the one
 * that we hold the node with), node selection, host ports; room for DaemonSet pods that have not come
 * is kept. It knows no other node: rules over several nodes were the plan's business.
 *
 * Source: `reference/extender.md` 2.4 step 3 and 4.2.
 */
import type { Node, PodSpec, Taint } from '../api/kubernetes.ts';
import { reservedTaint } from '../api/labels.ts';
import { type DaemonTemplate, isPodOf } from '../scheduling/daemonsets.ts';
import { anyPortsCollide, type HostPort, hostPortsOf } from '../scheduling/host-ports.ts';
import { type NodeSelection, nodeSelectionOf } from '../scheduling/node-affinity.ts';
import { formatAmount, offeredResources } from '../scheduling/quantity.ts';
import { effectiveRequests } from '../scheduling/requests.ts';
import { admitsLabels } from '../scheduling/requirements.ts';
import type { Resources } from '../scheduling/resources.ts';
import {
  firstUntoleratedTaint,
  isEphemeralTaint,
  taintText,
  unschedulableTaint,
} from '../scheduling/taints.ts';
import { canonicalLabels, nodeNameField } from '../scheduling/well-known-labels.ts';
import type { NodeUsage } from '../state/node-usage.ts';
import { isTerminal } from '../state/snapshot.ts';

/** A node, and what stands on it. */
export interface StandingNode {
  readonly node: Node;
  readonly usage: NodeUsage;
  /** Of the cluster; those that do not run on this node are passed over. */
  readonly daemons: readonly DaemonTemplate[];
  /** Pods that are on their way there for certain, or may be. */
  readonly coming: readonly WaitingPod[];
}

/** A pod that wants its place. */
export interface WaitingPod {
  readonly uid: string;
  readonly spec: PodSpec;
}

/**
 * Why pods do not fit, by UID; pods that fit are not in it. Each takes its room before the next one
 * is looked at. O(pods on the node + pods).
 */
export function misfits(
  standing: StandingNode,
  pods: readonly WaitingPod[],
): ReadonlyMap<string, string> {
  const room = new NodeRoom(standing);
  const reasons = new Map<string, string>();
  for (const { uid, spec } of pods) {
    const reason = room.refusal(spec);
    if (reason === undefined) room.take(spec);
    else reasons.set(uid, reason);
  }
  return reasons;
}

/** DaemonSets whose pods run on this node, whatever starting taints it still has. */
export function daemonsOf(
  node: Node,
  daemons: readonly DaemonTemplate[],
): readonly DaemonTemplate[] {
  const labels = labelsOf(node);
  const taints = lastingTaints(node).filter((taint) => !isEphemeralTaint(taint));
  return daemons.filter(
    ({ selection, tolerations }) =>
      admits(selection, labels) && firstUntoleratedTaint(taints, tolerations) === undefined,
  );
}

/** Devices that a node should have and that are not allocatable. */
export function missingDevices(node: Node, devices: Iterable<string>): readonly string[] {
  const allocatable = offeredResources(node.status?.allocatable ?? {});
  return [...new Set(devices)].filter((device) => (allocatable[device] ?? 0) === 0);
}

class NodeRoom {
  readonly #labels: Readonly<Record<string, string>>;
  readonly #taints: readonly Taint[];
  readonly #allocatable: Resources;
  readonly #taken: Map<string, number>;
  readonly #ports: HostPort[] = [];
  #podCount: number;

  constructor({ node, usage, daemons, coming }: StandingNode) {
    this.#labels = labelsOf(node);
    this.#taints = lastingTaints(node);
    this.#allocatable = offeredResources(node.status?.allocatable ?? {});
    this.#taken = new Map(usage.requested);
    this.#podCount = usage.activeCount;
    const residents = [...usage.pods.values()].filter((pod) => !isTerminal(pod));
    for (const { spec } of residents) this.#ports.push(...hostPortsOf(spec));
    for (const daemon of daemonsOf(node, daemons)) {
      if (residents.some((pod) => isPodOf(daemon, pod))) continue;
      this.#add(daemon.requests, daemon.ports);
    }
    for (const { spec } of coming) this.take(spec);
  }

  refusal(spec: PodSpec): string | undefined {
    const taint = firstUntoleratedTaint(this.#taints, spec.tolerations ?? []);
    if (taint !== undefined) return `does not tolerate the taint ${taintText(taint)}`;
    if (!admits(nodeSelectionOf(spec), this.#labels)) {
      return 'node selector or required node affinity does not match';
    }
    if (anyPortsCollide(hostPortsOf(spec), this.#ports)) return 'a host port is taken';
    const podsMax = this.#allocatable['pods'] ?? 0;
    if (this.#podCount + 1 > podsMax) return `the node holds ${podsMax} pods`;
    for (const [resource, amount] of Object.entries(effectiveRequests(spec))) {
      const free = (this.#allocatable[resource] ?? 0) - (this.#taken.get(resource) ?? 0);
      if (amount > free) {
        const [wanted, left] = [amount, Math.max(0, free)].map((n) => formatAmount(resource, n));
        return `needs ${wanted} of ${resource}, ${left} is free`;
      }
    }
    return undefined;
  }

  take(spec: PodSpec): void {
    this.#add(effectiveRequests(spec), hostPortsOf(spec));
  }

  #add(requests: Resources, ports: readonly HostPort[]): void {
    this.#podCount += 1;
    this.#ports.push(...ports);
    for (const [resource, amount] of Object.entries(requests)) {
      this.#taken.set(resource, (this.#taken.get(resource) ?? 0) + amount);
    }
  }
}

function labelsOf({ metadata }: Node): Readonly<Record<string, string>> {
  return { ...canonicalLabels(metadata.labels ?? {}), [nodeNameField]: metadata.name ?? '' };
}

function admits({ alternatives }: NodeSelection, labels: Readonly<Record<string, string>>) {
  return alternatives.some((requirements) => admitsLabels(requirements, labels));
}

/** Without ours, which is about to go. A cordon counts as the taint that follows it. */
function lastingTaints({ spec }: Node): readonly Taint[] {
  const taints = (spec?.taints ?? []).filter(({ key }) => key !== reservedTaint.key);
  const isCordoned =
    spec?.unschedulable === true && !taints.some(({ key }) => key === unschedulableTaint.key);
  return isCordoned ? [...taints, unschedulableTaint] : taints;
}
