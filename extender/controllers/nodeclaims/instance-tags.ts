/**
 * Tells instances that were launched together whose they are.
 *
 * In: what the cloud lists, the claims. Out: tags to set, whether more are to come. Instances of one
 * call are launched with the same tags; name and UID of the claim follow here, off the launch's way,
 * because each takes a call of its own. Until then the claim knows its instance and not the reverse.
 */
import { isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import type { CloudInstance } from '../../../core/cloud-port.ts';
import { isEnded, visibilityGraceMs } from '../../../core/lifecycle/garbage.ts';
import { lacksTags } from '../../../core/lifecycle/launch-group.ts';
import { launchRecordOf } from '../../../core/lifecycle/launch-record.ts';
import { memberTags } from '../../../core/lifecycle/launch-request.ts';
import type { ControllerContext } from '../context.ts';

export type Action = () => Promise<void>;

/** Instances tagged in one look: they must not keep what is to be ended waiting. */
const taggedMax = 100;

/** True for a launched claim of ours whose instance may not carry its name yet. */
export function awaitsTags(
  { owns, clock }: Pick<ControllerContext, 'owns' | 'clock'>,
  claim: Live<'NodeClaim'>,
): boolean {
  const record = launchRecordOf(claim.metadata.annotations);
  return (
    record?.group !== undefined &&
    isTrue(claim, 'Launched') &&
    owns(claim.spec.nodeClassRef) &&
    // By then it is listed, and what is listed has been tagged.
    clock.nowMs() - record.atMs < visibilityGraceMs
  );
}

/** What is to be done now; `areMissing`: some instances are not listed yet, or too many came at once. */
export function tagActions(
  context: ControllerContext,
  instances: readonly CloudInstance[],
): { readonly actions: readonly Action[]; readonly areMissing: boolean } {
  const { view, cloud, signal } = context;
  const listed = new Set(instances.map(({ providerID }) => providerID));
  const nameless = instances.flatMap((instance) => {
    const { providerID, state } = instance;
    if (!lacksTags(instance) || isEnded(state)) return [];
    const claim = view.claimByProviderID(providerID);
    if (claim === undefined || !context.owns(claim.spec.nodeClassRef)) return [];
    return [{ providerID, claim }];
  });
  const areMissing = [...view.all('NodeClaim')].some(
    (claim) => awaitsTags(context, claim) && !listed.has(claim.status?.providerID ?? ''),
  );
  return {
    actions: nameless.slice(0, taggedMax).map(({ providerID, claim }) => async () => {
      const tags = { ...memberTags(claim), Name: claim.metadata.name };
      await cloud.tag(providerID, tags, { signal });
    }),
    areMissing: areMissing || nameless.length > taggedMax,
  };
}
