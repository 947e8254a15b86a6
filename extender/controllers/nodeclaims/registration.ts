/**
 * Makes the Node of a launched NodeClaim the claim's own.
 *
 * In: a claim, the Node with its instance's id. Out: the Node patched once, the condition Registered.
 * What a node gets is core's to say (`core/lifecycle/registration.ts`). A crash between the two
 * writes is repaired by the label on the Node.
 */
import type { Live } from '../../../core/api/kinds.ts';
import { labelZone } from '../../../core/api/labels.ts';
import {
  hasUnregisteredTaint,
  isRegisteredNode,
  registrationPatch,
} from '../../../core/lifecycle/registration.ts';
import { type ControllerContext, fieldManager } from '../context.ts';
import { claimReference, decide, observeStep, poolOf } from './claim-records.ts';
import { writeStatus } from './status-write.ts';

export interface RegisteredClaim {
  readonly claim: Live<'NodeClaim'>;
  readonly node: Live<'Node'>;
}

/** Undefined if the claim is gone. @throws ClusterError */
export async function registerNode(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  node: Live<'Node'>,
): Promise<RegisteredClaim | undefined> {
  const { client, recorder, metrics, signal } = context;
  const { name, resourceVersion, uid } = node.metadata;
  let registered = node;
  if (!isRegisteredNode(node)) {
    if (!hasUnregisteredTaint(node)) {
      const message = `node ${name} registered without the taint karpenter.sh/unregistered: pods may have been placed there too early`;
      recorder.event(claimReference(claim), 'Warning', 'UnregisteredTaintMissing', message);
    }
    const operations = registrationPatch(node, claim);
    registered = await client.patch(
      'Node',
      { name },
      { type: 'json', operations },
      { fieldManager, resourceVersion, uid, signal },
    );
  }
  const written = await writeStatus(context, claim, {
    fields: { nodeName: name },
    conditions: [{ type: 'Registered', status: 'True' }],
  });
  if (written === undefined) return undefined;
  if (written.isNew) {
    observeStep(context, written.claim, 'Registered');
    decide(context, written.claim, 'registered', `node ${name} has registered`, { node: name });
    const zone = node.metadata.labels?.[labelZone] ?? '';
    metrics.nodes.created.inc({ nodepool: poolOf(written.claim), zone });
  }
  return { claim: written.claim, node: registered };
}
