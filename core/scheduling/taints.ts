/**
 * Taints and tolerations: may a pod stand on a node?
 *
 * In: a node's or pool's taints, a pod's tolerations. Out: the first taint that keeps the pod away.
 * PreferNoSchedule never does. It knows nothing of labels and resources.
 */
import type { Taint, Toleration } from '../api/kubernetes.ts';
import { ephemeralTaintKeys, ephemeralTaintPrefix, reservedTaint } from '../api/labels.ts';
import { integerOf } from './requirements.ts';

export const unschedulableTaint: Taint = {
  key: 'node.kubernetes.io/unschedulable',
  effect: 'NoSchedule',
};

/** Whether a starting node sheds the taint by itself. */
export function isEphemeralTaint(taint: Taint): boolean {
  return ephemeralTaintKeys.has(taint.key) || taint.key.startsWith(ephemeralTaintPrefix);
}

/** True of a node that its taint holds for certain pods, and of a claim whose node will come so. */
export function hasReservedTaint(
  tainted: { readonly spec?: { readonly taints?: readonly Taint[] } } | undefined,
): boolean {
  return (tainted?.spec?.taints ?? []).some(({ key }) => key === reservedTaint.key);
}

/** What the DaemonSet controller adds to every pod it makes. */
export const daemonTolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];

/** Added besides when the DaemonSet's pods use the host's network. */
export const hostNetworkDaemonToleration: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
};

/** Whether one toleration covers one taint. An empty key with Exists covers every taint. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const effect = toleration.effect ?? '';
  if (effect !== '' && effect !== taint.effect) {
    return false;
  }
  const key = toleration.key ?? '';
  if (key !== '' && key !== taint.key) {
    return false;
  }
  switch (toleration.operator ?? '') {
    case 'Exists':
      return true;
    case '':
    case 'Equal':
      return key !== '' && (toleration.value ?? '') === (taint.value ?? '');
    case 'Lt':
    case 'Gt': {
      const limit = integerOf(toleration.value ?? '');
      const actual = integerOf(taint.value ?? '');
      if (key === '' || limit === undefined || actual === undefined) {
        return false;
      }
      return toleration.operator === 'Lt' ? actual < limit : actual > limit;
    }
    default:
      return false;
  }
}

/** The first taint that keeps a pod with these tolerations from being scheduled, or undefined. */
export function firstUntoleratedTaint(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
): Taint | undefined {
  return taints.find(
    (taint) =>
      taint.effect !== 'PreferNoSchedule' &&
      !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

/** `key=value:effect`, as kubectl writes it. */
export function taintText(taint: Taint): string {
  const value = taint.value === undefined || taint.value === '' ? '' : `=${taint.value}`;
  return `${taint.key}${value}:${taint.effect}`;
}
