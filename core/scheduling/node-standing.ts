/**
 * How a node stands, for packing: from what the live state holds of it.
 *
 * In: a Node, its pods and what they request, its NodeClaim and price. Out: a `NodeStanding`. It
 * does not compare nodes: `extender-score.ts` does.
 */

import type { Node } from '../api/kubernetes.ts';
import { annotationMirrorPod, disruptedTaint, labelNodePool } from '../api/labels.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import type { LivePod } from '../state/live-pod.ts';
import type { NodeUsage } from '../state/node-usage.ts';
import { isTerminal } from '../state/snapshot.ts';
import { annotationExpectedRuntime, expectedRuntimeMs } from './expected-runtime.ts';
import { unitPriceNanoUsdPerHour } from './extender-score.ts';
import type { NodeStanding } from './extender-view.ts';
import type { Resources } from './resources.ts';

const bytesPerMiB = 2 ** 20;

/** What is known of a node. */
export interface NodeFacts {
  readonly node: Node;
  /** Of the node, parsed (`offeredResources`). */
  readonly allocatable: Resources;
  readonly usage: NodeUsage;
  readonly claim: NodeClaim | undefined;
  readonly priceNanoUsdPerHour: number | undefined;
}

/** O(pods of the node). Pods that have not started count as starting now. */
export function standingOf(facts: NodeFacts, nowMs: number): NodeStanding {
  const { node, allocatable, usage, claim, priceNanoUsdPerHour: price } = facts;
  const workload = [...usage.pods.values()].filter(isWorkload);
  return {
    isLeaving:
      node.spec?.unschedulable === true ||
      node.metadata.deletionTimestamp !== undefined ||
      claim?.metadata.deletionTimestamp !== undefined ||
      (node.spec?.taints ?? []).some(({ key }) => key === disruptedTaint.key),
    isManaged: claim !== undefined || node.metadata.labels?.[labelNodePool] !== undefined,
    workloadPods: workload.length,
    fullnessPermille: fullnessPermille(allocatable, usage),
    unitPriceNanoUsdPerHour:
      price === undefined
        ? undefined
        : unitPriceNanoUsdPerHour(
            price,
            allocatable['cpu'] ?? 0,
            Math.floor((allocatable['memory'] ?? 0) / bytesPerMiB),
          ),
    expectedEndMs: expectedEndMs(workload, nowMs),
  };
}

function isWorkload(pod: LivePod): boolean {
  return (
    !isTerminal(pod) &&
    pod.ownerKind !== 'DaemonSet' &&
    pod.annotations[annotationMirrorPod] === undefined
  );
}

function fullnessPermille(allocatable: Resources, usage: NodeUsage): number {
  const ofPods = share(usage.activeCount, allocatable['pods']);
  const ofResources = [...usage.requested].map(([name, amount]) =>
    share(amount, allocatable[name]),
  );
  return Math.max(ofPods, ...ofResources);
}

/** Of a resource that the node does not have, a request fills nothing. */
function share(requested: number, offered: number | undefined): number {
  return offered === undefined || offered === 0 ? 0 : Math.floor((requested * 1000) / offered);
}

function expectedEndMs(workload: readonly LivePod[], nowMs: number): number | undefined {
  let endMs: number | undefined;
  for (const { annotations, spec, startedMs } of workload) {
    const runtimeMs = expectedRuntimeMs(
      annotations[annotationExpectedRuntime],
      spec.activeDeadlineSeconds,
    );
    if (runtimeMs === undefined) {
      return undefined;
    }
    const startMs = startedMs === 0 ? nowMs : startedMs;
    endMs = Math.max(endMs ?? 0, startMs + runtimeMs);
  }
  return endMs;
}
