/**
 * prioritize: on which of the nodes that hold a pod it should go.
 *
 * In: the nodes, the pod, the time. Out: an integer from 0 to 10 each. It packs: a pod goes where a
 * node stays anyway (fuller, cheaper for what it holds, there as long as the pod is), so that the
 * others run empty and can be given back. A node that is held for the pod beats all. It looks at no
 * preference of the pod: kube-scheduler adds its own scores to these.
 */
import type { ExtenderNode, NodeStanding } from './extender-view.ts';
import { type AskingPod, isHeldFor } from './reservation.ts';

/** `MaxExtenderPriority` of extender v1. */
export const scoreMax = 10;
/** Nodes that are going, and nodes of which nothing is known. */
const leavingScore = 0;
/** Nodes of ours that hold nothing and would be given back. */
const emptyScore = 1;
/** Every other node has at least this, and up to the three parts below more. */
const stayingScore = 2;
const fullnessPoints = 3;
const pricePoints = 2;
const endPoints = 2;
/** A pod that outlives the node's other pods by less than this hardly prolongs the node's life. */
const shortOverrunMs = 10 * 60_000;

/**
 * What one vCPU, or the memory that costs as much, costs an hour on a node: rounded down.
 * EC2 charges for about 12 GiB what it charges for a vCPU (c, m and r families of one generation).
 */
export function unitPriceNanoUsdPerHour(
  priceNanoUsdPerHour: number,
  cpuMilli: number,
  memoryMiB: number,
): number {
  const gibPerVcpu = 12;
  const milliUnits = cpuMilli + Math.floor((memoryMiB * 1000) / (1024 * gibPerVcpu));
  return milliUnits === 0 ? 0 : Math.floor((priceNanoUsdPerHour * 1000) / milliUnits);
}

/** Lowest and highest unit price among the nodes asked about. */
interface PriceRange {
  readonly low: number;
  readonly high: number;
}

/**
 * Scores of the first `count` nodes, in their order; undefined stands for a node that is not known.
 * Only the differences have a meaning. O(count).
 */
export function scoresOf(
  nodes: readonly (ExtenderNode | undefined)[],
  count: number,
  pod: AskingPod,
  nowMs: number,
): Uint8Array {
  const scores = new Uint8Array(count);
  const range = { low: Number.POSITIVE_INFINITY, high: 0 };
  let isOwner = false;
  for (let index = 0; index < count; index += 1) {
    const reservation = nodes[index]?.reservation;
    if (reservation !== undefined && isHeldFor(reservation, pod, nowMs)) {
      scores[index] = scoreMax;
      isOwner = true;
    }
    const price = nodes[index]?.standing?.unitPriceNanoUsdPerHour;
    if (price !== undefined) {
      range.low = Math.min(range.low, price);
      range.high = Math.max(range.high, price);
    }
  }
  // A pod with a node of its own goes there: all else counts nothing.
  if (isOwner) {
    return scores;
  }
  for (let index = 0; index < count; index += 1) {
    const standing = nodes[index]?.standing;
    scores[index] = standing === undefined ? leavingScore : stayScore(standing, range, pod, nowMs);
  }
  return scores;
}

function stayScore(
  standing: NodeStanding,
  range: PriceRange,
  pod: AskingPod,
  nowMs: number,
): number {
  if (standing.isLeaving) {
    return leavingScore;
  }
  if (standing.isManaged && standing.workloadPods === 0) {
    return emptyScore;
  }
  return (
    stayingScore +
    partOfFullness(standing.fullnessPermille) +
    partOfPrice(standing.unitPriceNanoUsdPerHour, range) +
    partOfEnd(standing, pod, nowMs)
  );
}

function partOfFullness(fullnessPermille: number): number {
  const share = Math.min(1000, Math.max(0, fullnessPermille));
  return Math.floor((share * fullnessPoints) / 1000);
}

/** All points for the cheapest third of the range, none for the dearest. */
function partOfPrice(price: number | undefined, range: PriceRange): number {
  if (price === undefined || range.high <= range.low) {
    return pricePoints;
  }
  const steps = pricePoints + 1;
  const step = Math.floor(((range.high - price) * steps) / (range.high - range.low));
  return Math.min(pricePoints, step);
}

/** What the pod adds to the node's life: nothing, little, or more. */
function partOfEnd(standing: NodeStanding, pod: AskingPod, nowMs: number): number {
  if (!standing.isManaged || standing.expectedEndMs === undefined) {
    return endPoints;
  }
  if (pod.expectedRuntimeMs === undefined) {
    return 0;
  }
  const overrunMs = nowMs + pod.expectedRuntimeMs - standing.expectedEndMs;
  if (overrunMs <= 0) {
    return endPoints;
  }
  return overrunMs <= shortOverrunMs ? 1 : 0;
}
