/**
 * Says of a registered node that it is ready for its pods, or what is missing.
 *
 * In: a claim and its Node. Out: the condition Initialized, after the Node has its label. What counts
 * as ready is core's to say (`core/lifecycle/initialization.ts`). There is no timeout: a node that
 * never becomes ready stays, and says why.
 */
import type { ConditionUpdate } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { labelInitialized } from '../../../core/api/labels.ts';
import { initializationObstacle } from '../../../core/lifecycle/initialization.ts';
import { pointerPart } from '../../../core/lifecycle/registration.ts';
import { type ControllerContext, fieldManager } from '../context.ts';

/** What is to be written on the claim. @throws ClusterError */
export async function initializeNode(
  { client, signal }: ControllerContext,
  claim: Live<'NodeClaim'>,
  node: Live<'Node'>,
): Promise<ConditionUpdate> {
  const obstacle = initializationObstacle(claim, node);
  if (obstacle !== undefined) return { type: 'Initialized', status: 'Unknown', ...obstacle };
  const { name, labels, uid } = node.metadata;
  if (labels?.[labelInitialized] !== 'true') {
    const path = `/metadata/labels/${pointerPart(labelInitialized)}`;
    // No version: the label holds whatever else has changed; the uid says that it is this node.
    await client.patch(
      'Node',
      { name },
      { type: 'json', operations: [{ op: 'add', path, value: 'true' }] },
      { fieldManager, uid, signal },
    );
  }
  return { type: 'Initialized', status: 'True' };
}
