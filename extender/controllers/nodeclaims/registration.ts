/**
 * Makes the Node of a launched NodeClaim the claim's own.
 *
 * In: a claim, the Node with its instance's id. Out: the Node, patched once. What a node gets is
 * core's to say (`core/lifecycle/registration.ts`). The label on the Node says that it is done, so a
 * crash before the claim's status is written repeats nothing.
 */
import type { Live } from '../../../core/api/kinds.ts';
import {
  hasUnregisteredTaint,
  isRegisteredNode,
  registrationPatch,
} from '../../../core/lifecycle/registration.ts';
import { type ControllerContext, fieldManager } from '../context.ts';
import { claimReference } from './claim-records.ts';

/** The same object comes back if it is registered already. @throws ClusterError */
export async function registerNode(
  { client, recorder, signal }: ControllerContext,
  claim: Live<'NodeClaim'>,
  node: Live<'Node'>,
): Promise<Live<'Node'>> {
  if (isRegisteredNode(node)) return node;
  const { name, resourceVersion, uid } = node.metadata;
  if (!hasUnregisteredTaint(node)) {
    const message = `node ${name} registered without the taint karpenter.sh/unregistered: pods may have been placed there too early`;
    recorder.event(claimReference(claim), 'Warning', 'UnregisteredTaintMissing', message);
  }
  const operations = registrationPatch(node, claim);
  return await client.patch(
    'Node',
    { name },
    { type: 'json', operations },
    { fieldManager, resourceVersion, uid, signal },
  );
}
