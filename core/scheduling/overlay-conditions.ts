/**
 * What is said on a NodeOverlay of itself.
 *
 * In: an overlay, the overlay that it meets if there is one. Out: its conditions, with Karpenter's
 * types and reasons; the message says what to change. It knows no offerings.
 */
import type { ConditionUpdate } from '../api/conditions.ts';
import type { NodeOverlay } from '../api/nodeoverlay.ts';
import { nodeOverlayProblems } from '../api/nodeoverlay-rules.ts';

/** `ValidationSucceeded`, and `Ready`, which follows it. */
export function overlayConditions(
  overlay: NodeOverlay,
  conflictsWith: string | undefined,
): readonly ConditionUpdate[] {
  const fault = faultOf(overlay, conflictsWith);
  if (fault === undefined) {
    return [
      { type: 'ValidationSucceeded', status: 'True' },
      { type: 'Ready', status: 'True' },
    ];
  }
  const { reason, message } = fault;
  return [
    { type: 'ValidationSucceeded', status: 'False', reason, message },
    {
      type: 'Ready',
      status: 'False',
      reason: 'UnhealthyDependents',
      message: `ValidationSucceeded=False`,
    },
  ];
}

function faultOf(
  overlay: NodeOverlay,
  conflictsWith: string | undefined,
): { readonly reason: string; readonly message: string } | undefined {
  const problems = nodeOverlayProblems(overlay).map(({ field, message }) => `${field}: ${message}`);
  if (problems.length > 0) return { reason: 'RuntimeValidation', message: problems.join('; ') };
  if (conflictsWith === undefined) return undefined;
  const weight = overlay.spec.weight ?? 0;
  const message = `NodeOverlay ${conflictsWith} of the same weight (${weight}) speaks of some of the same offerings or resources, so this one is not applied: give one of them another spec.weight, or requirements that keep them apart`;
  return { reason: 'Conflict', message };
}
