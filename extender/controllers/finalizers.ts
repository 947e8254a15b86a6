/**
 * Puts our finalizer on Nodes and NodeClaims, and takes it off.
 *
 * In: an object as it was seen. Out: one write, or none. Refused with `Conflict` if the object has
 * changed since, because the list is replaced as a whole: others have finalizers there too.
 */
import type { Live } from '../../core/api/kinds.ts';
import { terminationFinalizer } from '../../core/api/labels.ts';
import { isClusterError } from '../../core/ports.ts';
import { type ControllerContext, fieldManager } from './context.ts';

type Finalized = 'Node' | 'NodeClaim';

export function hasFinalizer({ metadata }: Live<Finalized>): boolean {
  return metadata.finalizers?.includes(terminationFinalizer) === true;
}

/** @throws ClusterError */
export async function addFinalizer<K extends Finalized>(
  context: Pick<ControllerContext, 'client'>,
  kind: K,
  object: Live<K>,
  signal: AbortSignal,
): Promise<void> {
  const others = object.metadata.finalizers ?? [];
  await write(context, kind, object, [...others, terminationFinalizer], signal);
}

/** True if this call took it off, false if the object was gone already. @throws ClusterError */
export async function removeFinalizer<K extends Finalized>(
  context: Pick<ControllerContext, 'client'>,
  kind: K,
  object: Live<K>,
  signal: AbortSignal,
): Promise<boolean> {
  const others = (object.metadata.finalizers ?? []).filter((one) => one !== terminationFinalizer);
  try {
    await write(context, kind, object, others, signal);
    return true;
  } catch (error) {
    if (isClusterError(error, 'NotFound')) return false;
    throw error;
  }
}

async function write<K extends Finalized>(
  { client }: Pick<ControllerContext, 'client'>,
  kind: K,
  { metadata: { name, uid, resourceVersion } }: Live<K>,
  finalizers: string[],
  signal: AbortSignal,
): Promise<void> {
  const operations = [{ op: 'add' as const, path: '/metadata/finalizers', value: finalizers }];
  await client.patch(
    kind,
    { name },
    { type: 'json', operations },
    { uid, resourceVersion, fieldManager, signal },
  );
}
