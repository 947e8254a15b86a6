/**
 * Takes NodeClaims of an EC2NodeClass along when its hash is computed otherwise.
 *
 * In: a class with its present hash, its claims. Out: the annotations of claims whose hash is of
 * another version, or that have none. What has changed since their launch cannot be told from such a
 * hash, and an upgrade must not replace every node; one that is known to have drifted keeps its hash,
 * so that it stays so (Karpenter's rules).
 */
import { isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import {
  annotationNodeClassHash,
  annotationNodeClassHashVersion,
} from '../../../core/api/labels.ts';
import {
  nodeClassHashAnnotations,
  nodeClassHashVersion,
} from '../../../core/ec2/node-class-hash.ts';
import { type NodeClassKind, nodeClassKindOf } from '../../../core/lifecycle/ownership.ts';
import { isClusterError } from '../../../core/ports.ts';
import { type ControllerContext, fieldManager } from '../context.ts';

/** O(claims). @throws ClusterError */
export async function rehashClaims(
  { client, view, signal }: Pick<ControllerContext, 'client' | 'view' | 'signal'>,
  kind: NodeClassKind,
  nodeClass: Live<NodeClassKind>,
): Promise<void> {
  const present = nodeClassHashAnnotations(nodeClass);
  for (const claim of view.all('NodeClaim')) {
    const { name, uid, annotations: known, deletionTimestamp } = claim.metadata;
    const { nodeClassRef } = claim.spec;
    if (nodeClassRef.name !== nodeClass.metadata.name || nodeClassKindOf(nodeClassRef) !== kind) {
      continue;
    }
    if (known?.[annotationNodeClassHashVersion] === nodeClassHashVersion) continue;
    if (deletionTimestamp !== undefined) continue;
    const isKept = isTrue(claim, 'Drifted') && known?.[annotationNodeClassHash] !== undefined;
    const annotations = isKept
      ? { [annotationNodeClassHashVersion]: nodeClassHashVersion }
      : present;
    try {
      const body = { metadata: { annotations } };
      await client.patch(
        'NodeClaim',
        { name },
        { type: 'merge', body },
        { fieldManager, uid, signal },
      );
    } catch (error) {
      if (!isClusterError(error, 'NotFound')) throw error;
    }
  }
}
