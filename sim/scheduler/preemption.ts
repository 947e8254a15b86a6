/**
 * Whom a pod of higher priority may push out.
 *
 * In: the pod, the nodes it does not fit. Out: per node the pods that would have to go, or the choice
 * among nodes. Source: `pkg/scheduler/framework/preemption` without budgets and without the rules
 * between pods: resources decide; victims are those of lowest priority, as few as will do.
 */

import { filterResources, filterSelection, filterTaints } from './filters.ts';
import { type CachedPod, type NodeInfo } from './node-cache.ts';

/** Pods that would have to go; `undefined` if that does not help. */
export function victimsOn(pod: CachedPod, info: NodeInfo): ReadonlySet<string> | undefined {
  if (pod.spec.preemptionPolicy === 'Never') return undefined;
  if (filterTaints(pod, info) !== undefined || filterSelection(pod, info) !== undefined) {
    return undefined;
  }
  const lower = [...info.pods.values()]
    .filter(({ priority }) => priority < pod.priority)
    .sort((a, b) => b.priority - a.priority || (a.uid < b.uid ? -1 : 1));
  const victims = new Set(lower.map(({ uid }) => uid));
  if (victims.size === 0 || filterResources(pod, info, victims) !== undefined) return undefined;
  // Those of highest priority are put back first.
  for (const { uid } of lower) {
    victims.delete(uid);
    if (filterResources(pod, info, victims) !== undefined) victims.add(uid);
  }
  return victims.size === 0 ? undefined : victims;
}

/** The node whose victims weigh least: lowest highest priority, then fewest, then by name. */
export function bestCandidate(
  candidates: ReadonlyMap<string, ReadonlySet<string>>,
  priorityOf: (uid: string) => number,
): string | undefined {
  let best: { readonly name: string; readonly highest: number; readonly count: number } | undefined;
  for (const [name, uids] of candidates) {
    if (uids.size === 0) continue;
    const highest = Math.max(...[...uids].map(priorityOf));
    const isBetter =
      best === undefined ||
      highest < best.highest ||
      (highest === best.highest && uids.size < best.count) ||
      (highest === best.highest && uids.size === best.count && name < best.name);
    if (isBetter) best = { name, highest, count: uids.size };
  }
  return best?.name;
}
