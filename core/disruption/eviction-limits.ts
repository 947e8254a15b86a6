/**
 * Whether disruption budgets of pods would hold up the drain of a node.
 *
 * In: pods, PodDisruptionBudgets. Out: what stands in the way. It asks nobody: the budgets' own
 * counts are taken as they are, and the eviction decides in the end. Source: Karpenter's
 * `pkg/utils/pdb`.
 */
import type { Live } from '../api/kinds.ts';
import { compileSelector } from '../scheduling/label-selector.ts';
import type { LivePod } from '../state/live-pod.ts';
import { podKey } from '../state/snapshot.ts';
import { isActive, isStatic, toleratesDisruption } from './pod-standing.ts';

/** A sentence part that names pod and budget; undefined if nothing stands in the way. */
export function evictionObstacle(
  pods: Iterable<LivePod>,
  budgets: readonly Live<'PodDisruptionBudget'>[],
): string | undefined {
  if (budgets.length === 0) return undefined;
  for (const pod of pods) {
    if (!isActive(pod) || isStatic(pod) || toleratesDisruption(pod)) continue;
    const covering = budgets.filter(
      ({ metadata, spec }) =>
        metadata.namespace === pod.namespace && compileSelector(spec.selector).matches(pod.labels),
    );
    if (covering.length > 1) {
      return `eviction does not support multiple PDBs (Pod ${podKey(pod)})`;
    }
    const [budget] = covering;
    if (budget === undefined || mayGoUnready(budget, pod)) continue;
    if ((budget.status?.disruptionsAllowed ?? 0) === 0) {
      return `pdb prevents pod evictions (PodDisruptionBudget ${podKey({ namespace: pod.namespace, name: budget.metadata.name })})`;
    }
  }
  return undefined;
}

function mayGoUnready({ spec }: Live<'PodDisruptionBudget'>, pod: LivePod): boolean {
  return spec.unhealthyPodEvictionPolicy === 'AlwaysAllow' && !pod.isReady;
}
