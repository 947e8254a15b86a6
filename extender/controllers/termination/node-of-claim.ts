/**
 * Which Node belongs to which NodeClaim.
 *
 * In: the live view. Out: the other one of the pair. They belong together by the instance's ID; a
 * claim also names its node, which counts only as long as that node does not name another instance.
 */
import type { Live } from '../../../core/api/kinds.ts';
import { labelNodeClass, labelNodePool } from '../../../core/api/labels.ts';
import { isOurs } from '../../../core/lifecycle/ownership.ts';
import type { ClusterView } from '../../../core/state/view.ts';

/** Undefined if the node has none, or never had. */
export function claimOfNode(view: ClusterView, node: Live<'Node'>): Live<'NodeClaim'> | undefined {
  const providerID = node.spec?.providerID ?? '';
  return providerID === '' ? undefined : view.claimByProviderID(providerID);
}

/** Undefined if none has joined, or it is gone. */
export function nodeOfClaim(
  view: ClusterView,
  { status }: Live<'NodeClaim'>,
): Live<'Node'> | undefined {
  const providerID = status?.providerID ?? '';
  return providerID === '' ? undefined : view.nodeByProviderID(providerID);
}

/** Whether ending the node is ours. One that has lost its claim is known by its labels. */
export function isOurNode(node: Live<'Node'>, claim: Live<'NodeClaim'> | undefined): boolean {
  if (claim !== undefined) return isOurs(claim.spec.nodeClassRef);
  const { labels = {} } = node.metadata;
  return labels[labelNodePool] !== undefined && labels[labelNodeClass] !== undefined;
}
