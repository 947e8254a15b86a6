/**
 * Says of a registered node that it is ready for its pods, or what is missing.
 *
 * In: a claim and its Node. Out: the Node's label, then the condition Initialized. What counts as
 * ready is core's to say (`core/lifecycle/initialization.ts`). There is no timeout: a node that never
 * becomes ready stays, and says why.
 */
import type { Live } from '../../../core/api/kinds.ts';
import { labelInitialized } from '../../../core/api/labels.ts';
import { initializationObstacle } from '../../../core/lifecycle/initialization.ts';
import { pointerPart } from '../../../core/lifecycle/registration.ts';
import { type ControllerContext, fieldManager } from '../context.ts';
import { decide, observeStep } from './claim-records.ts';
import type { RegisteredClaim } from './registration.ts';
import { writeStatus } from './status-write.ts';

/** The claim as it is afterwards; undefined if it is gone. @throws ClusterError */
export async function initializeNode(
  context: ControllerContext,
  { claim, node }: RegisteredClaim,
): Promise<Live<'NodeClaim'> | undefined> {
  const obstacle = initializationObstacle(claim, node);
  if (obstacle !== undefined) {
    const told = await writeStatus(context, claim, {
      conditions: [{ type: 'Initialized', status: 'Unknown', ...obstacle }],
    });
    return told?.claim;
  }
  const { name, labels, uid } = node.metadata;
  if (labels?.[labelInitialized] !== 'true') {
    const path = `/metadata/labels/${pointerPart(labelInitialized)}`;
    // No version: the label holds whatever else has changed; the uid says that it is this node.
    await context.client.patch(
      'Node',
      { name },
      { type: 'json', operations: [{ op: 'add', path, value: 'true' }] },
      { fieldManager, uid, signal: context.signal },
    );
  }
  const written = await writeStatus(context, claim, {
    conditions: [{ type: 'Initialized', status: 'True' }],
  });
  if (written?.isNew === true) {
    observeStep(context, written.claim, 'Initialized');
    decide(context, written.claim, 'initialized', `node ${name} is ready`, { node: name });
  }
  return written?.claim;
}
