/**
 * Which Node belongs to which NodeClaim.
 *
 * In: the live view. Out: the other one of the pair. They belong together by the instance's ID; a
 * claim also names its node, which counts only as long as that node does not name another instance.
 */
import type { Live } from '../../../core/api/kinds.ts';
import {
  karpenterAwsGroup,
  labelNodePool,
  nodeClassLabel,
  stowageGroup,
} from '../../../core/api/labels.ts';
import type { ClusterView } from '../../../core/state/view.ts';
import type { ControllerContext } from '../context.ts';

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

/**
 * Whether ending the node is ours. One that has lost its claim is known by its pool, and without that
 * by the label that names its node class.
 */
export function isOurNode(
  { view, owns }: Pick<ControllerContext, 'view' | 'owns'>,
  node: Live<'Node'>,
  claim: Live<'NodeClaim'> | undefined,
): boolean {
  if (claim !== undefined) return owns(claim.spec.nodeClassRef);
  const { labels = {} } = node.metadata;
  const name = labels[labelNodePool];
  if (name === undefined) return false;
  const pool = view.get('NodePool', { name });
  if (pool !== undefined) return owns(pool.spec.template.spec.nodeClassRef);
  return [karpenterAwsGroup, stowageGroup].some(
    (group) => labels[nodeClassLabel(group)] !== undefined && owns({ group, kind: 'EC2NodeClass' }),
  );
}
