/**
 * The verb bind: puts a pod where kube-scheduler has decided to put it.
 *
 * In: the decoded request and the cluster's binder. Out: '' when the pod is on that node, now or
 * already, else why not, for people. It decides nothing and checks nothing that kube-scheduler has
 * checked a moment ago. This is the only verb that waits.
 */
import type { ClusterClient } from '../../core/ports.ts';
import { isClusterError } from '../../core/ports.ts';
import type { BindingArgs } from '../wire.ts';

/** What binds: `bind` sends the pod's UID along and settles conflicts. */
export type Binder = Pick<ClusterClient, 'bind'>;

/**
 * Binds the pod. A message makes kube-scheduler give the node's room free and try again later.
 * Errors that are not the cluster's are thrown on: they are bugs.
 */
export async function bindPod(
  binder: Binder,
  args: BindingArgs,
  signal: AbortSignal,
): Promise<string> {
  const { nodeName, ...pod } = args;
  try {
    const bound = await binder.bind(pod, nodeName, { signal });
    switch (bound.outcome) {
      case 'bound':
        return '';
      case 'elsewhere':
        return `the pod is bound to node ${bound.nodeName} already`;
      case 'gone':
        return 'there is no pod of that UID any more';
      case 'terminating':
        return 'the pod is being deleted';
      case 'gated':
        return 'the pod has scheduling gates';
    }
  } catch (error) {
    if (isClusterError(error)) {
      return `the API server did not bind the pod: ${error.code}: ${error.message}`;
    }
    throw error;
  }
}
