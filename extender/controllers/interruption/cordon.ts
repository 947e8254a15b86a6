/**
 * Closes a node to new pods, or opens it again.
 *
 * In: the node of a claim. Out: the taint that every drain draws first; pods that run there stay, and
 * load balancers keep it until it drains. Idempotent.
 */
import type { Live } from '../../../core/api/kinds.ts';
import { disruptedTaint } from '../../../core/api/labels.ts';
import { isClusterError } from '../../../core/ports.ts';
import { type ControllerContext, fieldManager } from '../context.ts';

/** Others write to nodes all the time; each time the node is read again. */
const attemptsMax = 5;

/** Whether the node was changed by this call. @throws ClusterError */
export async function setCordoned(
  { client }: ControllerContext,
  node: Live<'Node'>,
  isCordoned: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, uid } = node.metadata;
  let current: Live<'Node'> | undefined = node;
  for (let attempt = 1; ; attempt += 1) {
    if (current === undefined || current.metadata.uid !== uid) return false;
    const taints = current.spec?.taints ?? [];
    if (hasTaint(current) === isCordoned) return false;
    const others = taints.filter(({ key }) => key !== disruptedTaint.key);
    const body = { spec: { taints: isCordoned ? [...others, { ...disruptedTaint }] : others } };
    const { resourceVersion } = current.metadata;
    try {
      const options = { uid, resourceVersion, fieldManager, signal };
      await client.patch('Node', { name }, { type: 'merge', body }, options);
      return true;
    } catch (error) {
      if (isClusterError(error, 'NotFound')) return false;
      if (!isClusterError(error, 'Conflict') || attempt === attemptsMax) throw error;
    }
    current = await client.get('Node', { name }, { signal });
  }
}

function hasTaint({ spec }: Live<'Node'>): boolean {
  return (spec?.taints ?? []).some(
    ({ key, effect }) => key === disruptedTaint.key && effect === disruptedTaint.effect,
  );
}
