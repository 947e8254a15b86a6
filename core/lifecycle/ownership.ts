/**
 * Which NodePools and NodeClaims are ours to act on.
 *
 * In: a reference to a node class, whether a Karpenter leads on the cluster. Out: under which name we
 * hold that kind, if we serve it, and whether it is ours. Karpenter decides in the same way, by group
 * and kind alone, so that two provisioners on one cluster never act on the same object (design
 * section 4). It reads no Lease.
 */
import { karpenterAwsGroup, stowageGroup } from '../api/labels.ts';
import type { NodeClassReference } from '../api/nodepool.ts';

/** The kinds of node class that we serve, as the registry of kinds calls them. */
export type NodeClassKind = 'EC2NodeClass' | 'EC2NodeClass.stowage.dev';

/** True if nodes of this class are launched, and ended, by us. */
export type Ownership = (reference: Pick<NodeClassReference, 'group' | 'kind'>) => boolean;

/** What is ours. While a Karpenter leads, the classes of its own group are not. */
export function ownership(karpenterLeads: boolean): Ownership {
  return (reference) => {
    const kind = nodeClassKindOf(reference);
    return kind === 'EC2NodeClass.stowage.dev' || (kind === 'EC2NodeClass' && !karpenterLeads);
  };
}

/** Where the node class is found; undefined if it is another provider's. */
export function nodeClassKindOf({
  group,
  kind,
}: Pick<NodeClassReference, 'group' | 'kind'>): NodeClassKind | undefined {
  if (kind !== 'EC2NodeClass') return undefined;
  if (group === karpenterAwsGroup) return 'EC2NodeClass';
  return group === stowageGroup ? 'EC2NodeClass.stowage.dev' : undefined;
}
