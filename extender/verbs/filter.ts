/**
 * The verb filter: `core/scheduling/extender-filter.ts` for every node of a request.
 *
 * In: the decoded request with the nodes it names, the time. Out: which of the nodes are left out and
 * why, in the order of the request. It never fails: a pod without a node is an empty list with
 * reasons, since an error would make kube-scheduler back off as from an outage.
 */
import { rejectionReason } from '../../core/scheduling/extender-filter.ts';
import type { ExtenderArgs } from '../wire.ts';
import type { FilterRejection } from '../wire-replies.ts';

/** O(nodes). */
export function filterNodes(
  { pod, names }: ExtenderArgs,
  nowMs: number,
): readonly FilterRejection[] {
  const rejections: FilterRejection[] = [];
  for (let index = 0; index < names.count; index += 1) {
    const reason = rejectionReason(names.nodes[index], pod, nowMs);
    if (reason !== undefined) {
      rejections.push({ index, reason });
    }
  }
  return rejections;
}
