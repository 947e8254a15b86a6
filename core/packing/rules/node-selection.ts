/**
 * Rule: a pod stands only on nodes that its nodeSelector, required node affinity and os admit.
 *
 * The work is done when rows are made (`selection-index.ts`, `existing-nodes.ts`); this reads it.
 */
import type { PlacementRule } from '../placement-row.ts';
import { unlimitedPerBin } from '../problem.ts';

export const nodeSelectionRule: PlacementRule = {
  name: 'node selector or affinity',
  perBin: (row, family) => (row.selected[family.selection] === 1 ? unlimitedPerBin : 0),
};
