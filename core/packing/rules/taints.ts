/**
 * Rule: a pod stands only on nodes whose NoSchedule and NoExecute taints it tolerates.
 *
 * A pool's startup taints and PreferNoSchedule taints keep nobody away.
 */
import type { PlacementRule } from '../placement-row.ts';
import { unlimitedPerBin } from '../problem.ts';

export const taintsRule: PlacementRule = {
  name: 'taints',
  perBin: (row, family) => (row.tolerated[family.tolerations] === 1 ? unlimitedPerBin : 0),
};
