/**
 * Resource dimensions of a problem, and the way from Kubernetes amounts to packing units.
 *
 * In: amounts in the units of `resources.ts`. Out: vectors over the dimensions: bytes become MiB,
 * requests rounded up and offers down for the plan; the other way round for the bound, so that
 * rounding can make a plan a little dearer but never a bound wrong. Where all pods ask for whole
 * units, rounding costs nothing and both read alike. It knows no pods and no nodes.
 */
import { unitOf } from '../scheduling/quantity.ts';
import type { Resources } from '../scheduling/resources.ts';

const bytesPerUnit = 2 ** 20;

/** Dimensions that every problem has, in this order; `pods` is the count of pods. */
const basicResources = ['cpu', 'memory', 'ephemeral-storage', 'pods'] as const;
const basicNames = ['cpuMilli', 'memoryMiB', 'ephemeralMiB', 'pods'];

/** Index of the dimension that counts pods. */
export const podsDimension = 3;

/** The resources that the problem counts. */
export interface ResourceAxis {
  /** Names of dimensions, for `PackingProblem.resourceNames`. */
  readonly names: readonly string[];
  /** Kubernetes names of the same dimensions. */
  readonly resources: readonly string[];
  /** What one unit is in the units of `resources.ts`. */
  readonly unit: readonly number[];
  /** Whether every pod asks for whole units: then what is left of a unit helps nobody. */
  readonly isWhole: readonly boolean[];
}

/** The basic dimensions, and every other resource of which some pod asks for more than none. */
export function resourceAxis(requests: readonly Resources[]): ResourceAxis {
  const extended = new Set<string>();
  for (const request of requests) {
    for (const [resource, amount] of Object.entries(request)) {
      if (amount > 0) {
        extended.add(resource);
      }
    }
  }
  for (const resource of basicResources) {
    extended.delete(resource);
  }
  const others = [...extended].sort();
  const resources = [...basicResources, ...others];
  const nameOf = (resource: string) => (unitOf(resource) === 'byte' ? `${resource}MiB` : resource);
  const unit = resources.map((resource) => (unitOf(resource) === 'byte' ? bytesPerUnit : 1));
  return {
    names: [...basicNames, ...others.map(nameOf)],
    resources,
    unit,
    isWhole: resources.map((resource, r) => {
      const size = unit[r]!;
      return requests.every((request) => (request[resource] ?? 0) % size === 0);
    }),
  };
}

/** Amounts along the axis in the units of `resources.ts`, nothing rounded yet. */
export function amountsOn(axis: ResourceAxis, resources: Resources): Float64Array {
  // Asked once for each node and pod: a loop takes a fifth of the time of Float64Array.from.
  const amounts = new Float64Array(axis.resources.length);
  for (let r = 0; r < amounts.length; r++) {
    amounts[r] = resources[axis.resources[r]!] ?? 0;
  }
  return amounts;
}

/** What a pod asks for: its amounts and one place among the pods. */
export function podAmounts(axis: ResourceAxis, requests: Resources): Float64Array {
  const amounts = amountsOn(axis, requests);
  amounts[podsDimension] = 1;
  return amounts;
}

/** Whole units, amounts rounded up. */
export function unitsUp(axis: ResourceAxis, amounts: Float64Array): Float64Array {
  return amounts.map((amount, r) => Math.ceil(amount / axis.unit[r]!));
}

/** Whole units, amounts rounded down. */
export function unitsDown(axis: ResourceAxis, amounts: Float64Array): Float64Array {
  return amounts.map((amount, r) => Math.floor(amount / axis.unit[r]!));
}

/** Whole units of room, as a bound may read them: never less than pods can use. */
export function boundUnits(axis: ResourceAxis, room: Float64Array): Float64Array {
  const [down, up] = [unitsDown(axis, room), unitsUp(axis, room)];
  return down.map((units, r) => (axis.isWhole[r]! ? units : up[r]!));
}

/** Adds `amounts` to `sum`. */
export function addAmounts(sum: Float64Array, amounts: Float64Array): void {
  for (let r = 0; r < sum.length; r++) {
    sum[r]! += amounts[r]!;
  }
}

/** Whether a demand fits into a capacity; both may be longer than the shorter of them. */
export function fitsInto(demand: Float64Array, capacity: Float64Array): boolean {
  for (let r = 0; r < demand.length; r++) {
    if (demand[r]! > capacity[r]!) {
      return false;
    }
  }
  return true;
}
