/**
 * Counts NodeClaims by their conditions, for the gauge that Karpenter's dashboards show.
 *
 * In: NodeClaims as they change. Out: the gauge. Reasons are from lists of ours, so that it has few
 * series; one that falls to zero stays at zero, as scrapers like it.
 */
import type { Live } from '../../../core/api/kinds.ts';
import type { ControllerContext } from '../context.ts';

/** Counts until the returned function is called; what is there now comes first. */
export function countConditions({
  view,
  metrics,
  owns,
}: Pick<ControllerContext, 'view' | 'metrics' | 'owns'>): () => void {
  const gauge = metrics.nodeClaims.conditionCount;
  gauge.reset();

  function count(claim: Live<'NodeClaim'> | undefined, change: 1 | -1): void {
    if (claim === undefined || !owns(claim.spec.nodeClassRef)) return;
    for (const { type, status, reason = '' } of claim.status?.conditions ?? []) {
      gauge.inc({ type, status, reason }, change);
    }
  }

  for (const claim of view.all('NodeClaim')) count(claim, 1);
  return view.listen('NodeClaim', ({ type, object, previous }) => {
    count(previous, -1);
    if (type !== 'deleted') count(object, 1);
  });
}
