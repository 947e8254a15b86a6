/**
 * Whether a node is what its NodeClaim promised: ready for the pods that it was launched for.
 *
 * In: a claim and its Node. Out: the first thing that is still missing, in Karpenter's words, or
 * nothing. `stowage.dev/reserved` is no obstacle: it stands until the pods are bound, and they are
 * bound when the node is initialized.
 */
import type { Node } from '../api/kubernetes.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import { offeredResources, requestedResources } from '../scheduling/quantity.ts';
import { isEphemeralTaint, taintText } from '../scheduling/taints.ts';

/** Reason and message of the condition Initialized while it is not true. */
export interface Obstacle {
  readonly reason:
    | 'NodeNotReady'
    | 'StartupTaintsExist'
    | 'KnownEphemeralTaintsExist'
    | 'ResourceNotRegistered';
  readonly message: string;
}

/** O(taints + resources). */
export function initializationObstacle(claim: NodeClaim, node: Node): Obstacle | undefined {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') {
    return { reason: 'NodeNotReady', message: `Node status is NotReady` };
  }
  const taints = node.spec?.taints ?? [];
  const startup = (claim.spec.startupTaints ?? []).find((wanted) =>
    taints.some(({ key, effect }) => key === wanted.key && effect === wanted.effect),
  );
  if (startup !== undefined) {
    return {
      reason: 'StartupTaintsExist',
      message: `StartupTaint "${taintText(startup)}" still exists`,
    };
  }
  const ephemeral = taints.find(isEphemeralTaint);
  if (ephemeral !== undefined) {
    return {
      reason: 'KnownEphemeralTaintsExist',
      message: `KnownEphemeralTaint "${taintText(ephemeral)}" still exists`,
    };
  }
  const missing = missingResource(claim, node);
  return missing === undefined
    ? undefined
    : {
        reason: 'ResourceNotRegistered',
        message: `Resource "${missing}" was requested but not registered`,
      };
}

/** A kubelet reports devices as zero until their plugin has registered. */
function missingResource(claim: NodeClaim, node: Node): string | undefined {
  const requested = requestedResources(claim.spec.resources?.requests ?? {});
  const allocatable = offeredResources(node.status?.allocatable ?? {});
  return Object.keys(requested).find(
    (resource) => (requested[resource] ?? 0) > 0 && (allocatable[resource] ?? 0) <= 0,
  );
}
