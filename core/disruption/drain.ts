/**
 * Which pods leave a draining node next, and how.
 *
 * In: the node's pods, the time, the time by which the node must be empty if there is one. Out: what
 * the node still waits for, pods to be evicted, pods to be deleted because their time to end would
 * reach beyond the node's. It asks no disruption budget: the eviction itself does.
 *
 * Source: Karpenter's terminator: four waves, of which one begins when the one before is gone:
 * pods that are neither critical nor of a DaemonSet, DaemonSet pods, critical pods, critical
 * DaemonSet pods. The deadline knows no waves.
 */
import type { LivePod } from '../state/live-pod.ts';
import { isTerminal, isTerminating } from '../state/snapshot.ts';
import { isActive, isDrained, isOfDaemonSet, protectionOf, stuckAfterMs } from './pod-standing.ts';

/** The API server's default, where a pod does not say how long it may take to end. */
const defaultGraceMs = 30_000;
/** 0 would take the pod out of the API server without asking its kubelet. */
const graceSecondsMin = 1;
const criticalClasses: ReadonlySet<string> = new Set([
  'system-cluster-critical',
  'system-node-critical',
]);

export const drainWaves = ['workload', 'daemons', 'critical workload', 'critical daemons'] as const;
export type DrainWave = (typeof drainWaves)[number];

/** A pod that is deleted so that the node's deadline holds. */
export interface ForcedEnd {
  readonly pod: LivePod;
  readonly gracePeriodSeconds: number;
}

export interface DrainStep {
  /** Pods that must go before the node may, whatever is done about them now. */
  readonly waiting: readonly LivePod[];
  /** The wave that is on; undefined once all are gone. */
  readonly wave: DrainWave | undefined;
  readonly evict: readonly LivePod[];
  readonly force: readonly ForcedEnd[];
  /** Of the wave: pods that ask not to be disrupted, and hold the node up. */
  readonly held: readonly LivePod[];
  /** When something changes by the passing of time alone; `Infinity` if nothing does. */
  readonly changesMs: number;
}

/**
 * @param deadlineMs when every pod must be gone; undefined if they may take their time
 */
export function drainStep(
  pods: Iterable<LivePod>,
  deadlineMs: number | undefined,
  nowMs: number,
): DrainStep {
  const waiting: LivePod[] = [];
  for (const pod of pods) if (!isTerminal(pod) && isDrained(pod, nowMs)) waiting.push(pod);
  const force: ForcedEnd[] = [];
  const byWave = new Map<DrainWave, LivePod[]>();
  let changesMs = Infinity;
  for (const pod of waiting) {
    changesMs = Math.min(changesMs, changeTimeMs(pod, deadlineMs, nowMs));
    const forced = forcedEnd(pod, deadlineMs, nowMs);
    if (forced !== undefined) {
      force.push(forced);
      continue;
    }
    const wave = waveOf(pod);
    const others = byWave.get(wave);
    if (others === undefined) byWave.set(wave, [pod]);
    else others.push(pod);
  }
  const wave = drainWaves.find((one) => byWave.has(one));
  const active = (wave === undefined ? [] : (byWave.get(wave) ?? [])).filter(isActive);
  const isHeld = (pod: LivePod): boolean => protectionOf(pod, nowMs).state === 'active';
  return {
    waiting,
    wave,
    evict: active.filter((pod) => !isHeld(pod)),
    force,
    held: active.filter(isHeld),
    changesMs,
  };
}

/** What is to be done about one pod of a node that drains, its wave having come. */
export type PodStep =
  | { readonly act: 'evict' }
  | { readonly act: 'force'; readonly gracePeriodSeconds: number }
  /** It is on its way, or asks not to be disturbed. */
  | { readonly act: 'wait' };

export function podStep(pod: LivePod, deadlineMs: number | undefined, nowMs: number): PodStep {
  if (isTerminal(pod) || !isDrained(pod, nowMs)) return { act: 'wait' };
  const forced = forcedEnd(pod, deadlineMs, nowMs);
  if (forced !== undefined) return { act: 'force', gracePeriodSeconds: forced.gracePeriodSeconds };
  const isFree = isActive(pod) && protectionOf(pod, nowMs).state !== 'active';
  return { act: isFree ? 'evict' : 'wait' };
}

/** Which wave a pod leaves in. */
export function waveOf(pod: LivePod): DrainWave {
  const isCritical = criticalClasses.has(pod.spec.priorityClassName ?? '');
  if (isOfDaemonSet(pod)) return isCritical ? 'critical daemons' : 'daemons';
  return isCritical ? 'critical workload' : 'workload';
}

/** Given the time that is left until the deadline, if the pod would take longer by itself. */
function forcedEnd(
  pod: LivePod,
  deadlineMs: number | undefined,
  nowMs: number,
): ForcedEnd | undefined {
  if (deadlineMs === undefined || nowMs < forcedFromMs(pod, deadlineMs)) return undefined;
  const leftSeconds = Math.max(graceSecondsMin, Math.floor((deadlineMs - nowMs) / 1_000));
  // One that ends as soon as this would make it gains nothing from being asked again.
  if (isTerminating(pod) && pod.deletionMs <= nowMs + leftSeconds * 1_000) return undefined;
  return { pod, gracePeriodSeconds: leftSeconds };
}

/** From when on the pod, left to itself, would end too late; `Infinity` if it will end in time. */
export function forcedFromMs(pod: LivePod, deadlineMs: number): number {
  if (isTerminating(pod)) return pod.deletionMs > deadlineMs ? -Infinity : Infinity;
  return deadlineMs - graceMs(pod) + 1;
}

function graceMs({ spec }: LivePod): number {
  return spec.terminationGracePeriodSeconds === undefined
    ? defaultGraceMs
    : spec.terminationGracePeriodSeconds * 1_000;
}

/** The next time at which this pod is to be treated otherwise than now. */
function changeTimeMs(pod: LivePod, deadlineMs: number | undefined, nowMs: number): number {
  const protection = protectionOf(pod, nowMs);
  const times = [
    isTerminating(pod) ? pod.deletionMs + stuckAfterMs + 1 : Infinity,
    protection.state === 'active' ? protection.untilMs : Infinity,
    deadlineMs === undefined ? Infinity : forcedFromMs(pod, deadlineMs),
  ];
  return Math.min(...times.filter((timeMs) => timeMs > nowMs), Infinity);
}
