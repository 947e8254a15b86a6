/**
 * Binding and evicting a pod, told apart by what became of the pod.
 *
 * In: the plain calls of a client. Out: outcomes. After a conflict or a lost answer the pod is read:
 * its UID, node, deletion and gates say what happened (`reference/extender.md` 2.1 lists the cases).
 */
import type {
  BindOutcome,
  CallOptions,
  ClusterClient,
  EvictOutcome,
  PodIdentity,
} from '../../../core/ports.ts';
import { ClusterError, isClusterError } from '../../../core/ports.ts';
import { objectPath } from './paths.ts';
import { isBudgetMisuse, isBudgetRefusal } from './status-error.ts';
import type { HttpAnswer, HttpCall } from './transport.ts';

/** What these calls are made with. */
export interface PodCalls {
  readonly client: Pick<ClusterClient, 'get'>;
  readonly call: (request: HttpCall, options: CallOptions | undefined) => Promise<HttpAnswer>;
}

/** See `ClusterClient.bind`. */
export async function bindPod(
  { client, call }: PodCalls,
  pod: PodIdentity,
  nodeName: string,
  options: CallOptions | undefined,
): Promise<BindOutcome> {
  const { namespace, name, uid } = pod;
  const body = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { namespace, name, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
  };
  try {
    await call({ method: 'POST', path: objectPath('Pod', pod, 'binding'), body }, options);
    return { outcome: 'bound' };
  } catch (error) {
    if (isClusterError(error, 'NotFound')) return { outcome: 'gone' };
    if (!isUndecided(error)) throw error;
    const found = await client.get('Pod', pod, options);
    if (found?.metadata.uid !== uid) return { outcome: 'gone' };
    const boundTo = found.spec.nodeName ?? '';
    if (boundTo === nodeName) return { outcome: 'bound' };
    if (boundTo !== '') return { outcome: 'elsewhere', nodeName: boundTo };
    if (found.metadata.deletionTimestamp !== undefined) return { outcome: 'terminating' };
    if ((found.spec.schedulingGates ?? []).length > 0) return { outcome: 'gated' };
    throw error;
  }
}

/** See `ClusterClient.evict`. */
export async function evictPod(
  { client, call }: PodCalls,
  pod: PodIdentity,
  options: (CallOptions & { readonly gracePeriodSeconds?: number }) | undefined,
): Promise<EvictOutcome> {
  const { namespace, name, uid } = pod;
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { namespace, name },
    deleteOptions: {
      preconditions: { uid },
      gracePeriodSeconds: options?.gracePeriodSeconds,
    },
  };
  try {
    await call({ method: 'POST', path: objectPath('Pod', pod, 'eviction'), body }, options);
    return { outcome: 'evicted' };
  } catch (error) {
    if (isClusterError(error, 'NotFound')) return { outcome: 'gone' };
    if (isClusterError(error, 'TooManyRequests') && isBudgetRefusal(error)) {
      return { outcome: 'blocked', message: error.message, retryAfterMs: error.retryAfterMs };
    }
    if (!isUndecided(error)) throw error;
    if (isBudgetMisuse(error)) return { outcome: 'refused', message: error.message };
    const found = await client.get('Pod', pod, options);
    if (found?.metadata.uid !== uid) return { outcome: 'gone' };
    if (found.metadata.deletionTimestamp !== undefined) return { outcome: 'evicted' };
    throw error;
  }
}

/** A conflict, or an answer that was lost: the pod itself knows more. */
function isUndecided(error: unknown): error is ClusterError {
  return (
    isClusterError(error, 'Conflict') || (error instanceof ClusterError && error.mayHaveHappened)
  );
}
