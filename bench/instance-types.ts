/**
 * The instance types that a bench case is packed into.
 *
 * In: the embedded catalogue, a workload's node class and settings, its seed. Out: types with
 * allocatable, and the same as JSON in the shape of `stowage instance-types -o json`, so that peers
 * get to the last byte what our own model gets. Which types a NodePool admits is not decided here.
 */
import { loadCatalogue } from '../catalogue/loader.ts';
import { resolveInstanceTypes } from '../core/scheduling/allocatable.ts';
import { formatResources } from '../core/scheduling/quantity.ts';
import type { InstanceType, InstanceTypeFacts } from '../core/state/instance-type.ts';
import { createRandom } from './random.ts';
import type { Workload } from './workload.ts';

/** Facts of all types, spot prices varied per zone where the workload wants it. */
export function catalogueFor(workload: Workload, seed: number): readonly InstanceTypeFacts[] {
  const { types } = loadCatalogue();
  if (workload.spotZoneSpread === 0) return types;
  const random = createRandom(seed, 'spot-prices');
  return types.map((facts) => ({
    ...facts,
    offerings: facts.offerings.map((offering) => {
      if (offering.capacityType !== 'spot') return offering;
      const factor = 1 + workload.spotZoneSpread * (2 * random.next() - 1);
      // Whole micro-USD: prices finer than that do not exist.
      const micro = Math.max(1, Math.round((offering.priceNanoUsdPerHour * factor) / 1000));
      return { ...offering, priceNanoUsdPerHour: 1000 * micro };
    }),
  }));
}

/** The types under the workload's node class; all its pools share the first. */
export function instanceTypesFor(workload: Workload, seed: number): InstanceType[] {
  const options = { memoryOverhead: workload.memoryOverhead, reservedEnis: 0 };
  return resolveInstanceTypes(catalogueFor(workload, seed), workload.nodeClasses[0], options);
}

export interface InstanceTypeJson {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly offerings: readonly {
    readonly zone: string;
    readonly capacityType: string;
    /** USD. */
    readonly pricePerHour: number;
    readonly available: boolean;
  }[];
}

export function toInstanceTypeJson(type: InstanceType): InstanceTypeJson {
  return {
    name: type.name,
    labels: type.labels,
    capacity: formatResources(type.capacity),
    allocatable: formatResources(type.allocatable),
    offerings: type.offerings.map(({ zone, capacityType, priceNanoUsdPerHour, available }) => ({
      zone,
      capacityType,
      pricePerHour: priceNanoUsdPerHour / 1e9,
      available,
    })),
  };
}
