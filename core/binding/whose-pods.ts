/**
 * Whose pods are bound by us, and whether a node is held at all.
 *
 * In: the mode that the operator has chosen, our profile's name, pods. Out: yes or no. By default
 * pods of the default scheduler are bound as well as our profile's: the fence makes that safe for
 * both. Pods of schedulers that bind themselves (Volcano, YuniKorn, any other name) are launched for
 * and left to them (design section 7.4). It knows no node.
 */
import type { PodSpec } from '../api/kubernetes.ts';

/**
 * - `default`: pods of the default scheduler and of our profile.
 * - `own`: pods of our profile alone.
 * - `none`: none: nodes are launched, placing is left to others (advise mode).
 */
export type BindMode = 'default' | 'own' | 'none';

/** What the API server writes where a pod names no scheduler. */
const defaultSchedulerName = 'default-scheduler';

/** A pod, as far as this depends on it. */
export interface SchedulersPod {
  readonly spec: Pick<PodSpec, 'schedulerName'>;
}

/** True if the pod may be an owner of a reservation. `schedulerName` is that of our profile. */
export function bindsPod(mode: BindMode, schedulerName: string, { spec }: SchedulersPod): boolean {
  const name = spec.schedulerName ?? defaultSchedulerName;
  switch (mode) {
    case 'none':
      return false;
    case 'own':
      return name === schedulerName;
    case 'default':
      return name === schedulerName || name === defaultSchedulerName;
  }
}

/**
 * True if a node for these pods is held until they are on it: it then carries the reserved taint and
 * its NodeClaim a reservation whose owners are the pods that `bindsPod` names.
 */
export function needsReservation(
  { bind, schedulerName }: { readonly bind: BindMode; readonly schedulerName: string },
  pods: readonly SchedulersPod[],
): boolean {
  return pods.some((pod) => bindsPod(bind, schedulerName, pod));
}
