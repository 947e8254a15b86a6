/**
 * The smallest problem there is: one pod, one offering.
 *
 * In: nothing. Out: a packing problem. Solving it opens threads and compiles kernels, so that the
 * start of a pool can be measured apart from a solve.
 */
import { type PackingProblem, unlimitedCount, unlimitedPerBin } from '../core/packing/problem.ts';

const one = Float64Array.of(1);
const anyNumber = Uint16Array.of(unlimitedPerBin);

export const tinyProblem: PackingProblem = {
  resourceNames: ['cpuMilli'],
  familyCount: 1,
  demand: Int32Array.of(1),
  priority: Float64Array.of(0),
  classCount: 1,
  familyOf: Int32Array.of(0),
  request: one,
  boundRequest: one,
  offeringCount: 1,
  capacity: one,
  boundCapacity: one,
  priceNano: Float64Array.of(1_000_000_000),
  steerNano: Float64Array.of(0),
  available: Int32Array.of(unlimitedCount),
  maskOf: Int32Array.of(0),
  maskCount: 1,
  masks: anyNumber,
  boundMasks: anyNumber,
  conflicts: new Int32Array(0),
  domainGroups: [],
  limits: [],
};
