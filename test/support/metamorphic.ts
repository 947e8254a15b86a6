/**
 * Changes to a problem whose effect on cost and bound is known.
 *
 * In: a problem. Out: the same question asked otherwise: classes and offerings in another order, a
 * family told as two, one offering more.
 */
import type { PackingProblem } from '../../core/packing/problem.ts';
import type { Dice } from './random-problem.ts';

/** [new index] old index, by dice. */
function shuffled(length: number, dice: Dice): number[] {
  const order = Array.from({ length }, (_, at) => at);
  for (let at = length - 1; at > 0; at--) {
    const other = dice.between(0, at);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}

type Numbers = Float64Array | Int32Array | Uint16Array;

/** Rows of `width` numbers in a new order. */
function reordered<T extends Numbers>(values: T, order: readonly number[], width = 1): T {
  const result = values.slice() as T;
  order.forEach((old, at) => {
    result.set(values.subarray(old * width, old * width + width), at * width);
  });
  return result;
}

/** Columns of a table of rows `width` wide in a new order. */
function reorderedColumns(values: Uint16Array, order: readonly number[]): Uint16Array {
  const width = order.length;
  return values.map((_, at) => values[at - (at % width) + order[at % width]!]!);
}

/** The same problem with classes and offerings in another order. */
export function permuted(problem: PackingProblem, dice: Dice): PackingProblem {
  const classes = shuffled(problem.classCount, dice);
  const offerings = shuffled(problem.offeringCount, dice);
  const R = problem.resourceNames.length;
  const newClass = new Int32Array(problem.classCount);
  classes.forEach((old, at) => (newClass[old] = at));
  const renamed = (indices: Int32Array): Int32Array => indices.map((old) => newClass[old]!);
  return {
    ...problem,
    familyOf: reordered(problem.familyOf, classes),
    request: reordered(problem.request, classes, R),
    boundRequest: reordered(problem.boundRequest, classes, R),
    capacity: reordered(problem.capacity, offerings, R),
    boundCapacity: reordered(problem.boundCapacity, offerings, R),
    priceNano: reordered(problem.priceNano, offerings),
    steerNano: reordered(problem.steerNano, offerings),
    available: reordered(problem.available, offerings),
    maskOf: reordered(problem.maskOf, offerings),
    masks: reorderedColumns(problem.masks, classes),
    boundMasks: reorderedColumns(problem.boundMasks, classes),
    conflicts: renamed(problem.conflicts),
    domainGroups: problem.domainGroups.map((group) => ({
      ...group,
      domains: group.domains.map((domain) => ({ ...domain, classes: renamed(domain.classes) })),
    })),
    limits: problem.limits.map((limit) => ({
      ...limit,
      weight: reordered(limit.weight, offerings),
    })),
  };
}

/** `first` followed by `second`. */
function joined<T extends Numbers>(first: T, second: T): T {
  const result = new (first.constructor as new (length: number) => T)(first.length + second.length);
  result.set(first);
  result.set(second, first.length);
  return result;
}

/**
 * The same problem with `pods` of a family told as a family of their own, classes and all. For
 * problems without conflicts, and families without rules over domains or copies per bin.
 */
export function withFamilyInTwo(
  problem: PackingProblem,
  family: number,
  pods: number,
): PackingProblem {
  const R = problem.resourceNames.length;
  const c = problem.familyOf.indexOf(family);
  const demand = problem.demand.slice();
  demand[family]! -= pods;
  const widened = (masks: Uint16Array): Uint16Array =>
    Uint16Array.from({ length: problem.maskCount * (problem.classCount + 1) }, (_, at) => {
      const mask = Math.floor(at / (problem.classCount + 1));
      const column = at % (problem.classCount + 1);
      return masks[mask * problem.classCount + (column === problem.classCount ? c : column)]!;
    });
  return {
    ...problem,
    familyCount: problem.familyCount + 1,
    demand: joined(demand, Int32Array.of(pods)),
    priority: joined(problem.priority, problem.priority.subarray(family, family + 1)),
    classCount: problem.classCount + 1,
    familyOf: joined(problem.familyOf, Int32Array.of(problem.familyCount)),
    request: joined(problem.request, problem.request.subarray(c * R, c * R + R)),
    boundRequest: joined(problem.boundRequest, problem.boundRequest.subarray(c * R, c * R + R)),
    masks: widened(problem.masks),
    boundMasks: widened(problem.boundMasks),
  };
}

/** The problem with one offering more: a copy of `like`, `growth` times as large, at `priceNano`. */
export function withOffering(
  problem: PackingProblem,
  like: number,
  growth: number,
  priceNano: number,
): PackingProblem {
  const R = problem.resourceNames.length;
  const row = (values: Float64Array): Float64Array =>
    joined(
      values,
      values.slice(like * R, like * R + R).map((amount) => amount * growth),
    );
  return {
    ...problem,
    offeringCount: problem.offeringCount + 1,
    capacity: row(problem.capacity),
    boundCapacity: row(problem.boundCapacity),
    priceNano: joined(problem.priceNano, Float64Array.of(priceNano)),
    steerNano: joined(problem.steerNano, new Float64Array(1)),
    available: joined(problem.available, Int32Array.of(-1)),
    maskOf: joined(problem.maskOf, problem.maskOf.slice(like, like + 1)),
    limits: problem.limits.map((limit) => ({
      ...limit,
      weight: joined(limit.weight, limit.weight.slice(like, like + 1)),
    })),
  };
}
