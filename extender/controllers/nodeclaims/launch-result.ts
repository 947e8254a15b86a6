/**
 * Writes a launched instance on its NodeClaim.
 *
 * In: a claim with what was asked for it, its instance and type. Out: labels, then the status that says
 * Launched: whoever sees that condition may rely on the labels. Until it is written the launch is asked
 * again under its token after a crash. An instance whose claim is gone meanwhile, or is being launched
 * otherwise by another process, is ended here; garbage collection finds it if that fails.
 */
import type { Live } from '../../../core/api/kinds.ts';
import type { CloudInstance } from '../../../core/cloud-port.ts';
import { launchRecordOf } from '../../../core/lifecycle/launch-record.ts';
import { launchedLabels, launchedStatus } from '../../../core/lifecycle/launched-claim.ts';
import { isClusterError } from '../../../core/ports.ts';
import type { InstanceType } from '../../../core/state/instance-type.ts';
import { type ControllerContext, fieldManager } from '../context.ts';
import { decide, observeStep } from './claim-records.ts';
import type { RecordedLaunch } from './launch-groups.ts';
import { writeStatus } from './status-write.ts';

/** Idempotent. @throws ClusterError, CloudError */
export async function settleLaunch(
  context: ControllerContext,
  { claim, record }: RecordedLaunch,
  instance: CloudInstance,
  type: InstanceType | undefined,
): Promise<void> {
  const labelled = await writeLabels(context, claim, instance, type);
  const isOurs = launchRecordOf(labelled?.metadata.annotations)?.token === record.token;
  const settled =
    labelled === undefined || !isOurs
      ? undefined
      : await writeStatus(context, labelled, {
          fields: launchedStatus(instance, type),
          conditions: [
            { type: 'Launched', status: 'True' },
            {
              type: 'Registered',
              status: 'Unknown',
              reason: 'NodeNotFound',
              message: 'Node not registered with cluster',
            },
            {
              type: 'Initialized',
              status: 'Unknown',
              reason: 'NodeNotFound',
              message: 'Node not registered with cluster',
            },
          ],
        });
  const { instanceType, zone, capacityType, providerID } = instance;
  if (settled === undefined) {
    context.log.info(
      { claim: claim.metadata.name, providerID },
      'the claim is gone or has another instance: this one is ended',
    );
    await context.cloud.terminate(providerID, { signal: context.signal });
    return;
  }
  if (!settled.isNew) return;
  observeStep(context, settled.claim, 'Launched');
  decide(context, settled.claim, 'launched', `${instanceType} in ${zone}, ${capacityType}`, {
    instanceType,
    zone,
    capacityType,
    providerID,
  });
}

async function writeLabels(
  { client, signal }: ControllerContext,
  claim: Live<'NodeClaim'>,
  instance: CloudInstance,
  type: InstanceType | undefined,
): Promise<Live<'NodeClaim'> | undefined> {
  const labels = launchedLabels(claim, instance, type);
  if (Object.keys(labels).length === 0) return claim;
  const { name, uid } = claim.metadata;
  try {
    return await client.patch(
      'NodeClaim',
      { name },
      { type: 'merge', body: { metadata: { labels } } },
      { fieldManager, uid, signal },
    );
  } catch (error) {
    // The uid stands for the very claim: another one of the name counts as gone too.
    if (isClusterError(error, 'NotFound', 'Conflict')) return undefined;
    throw error;
  }
}
