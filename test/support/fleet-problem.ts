/**
 * Large packing problems in the shape of a cloud catalogue: many alike offerings, few masks.
 *
 * In: sizes and a seed. Out: a PackingProblem with cpu, memory, ephemeral storage, pods and devices;
 * types times zones times capacity types, and families of which some are pinned to a zone, an
 * architecture, or on-demand. For tests of speed; the figures are made up.
 */
import {
  type PackingProblem,
  unlimitedCount,
  unlimitedPerBin,
} from '../../core/packing/problem.ts';
import { Dice } from './random-problem.ts';

export interface FleetSpec {
  readonly seed: number;
  readonly families: number;
  readonly pods: number;
  readonly types: number;
  readonly zones: number;
  /** Existing nodes, alike in groups of ten. */
  readonly existing: number;
}

const memoryPerCpu = [1920, 3840, 7680];

/** Families in one class each; offerings = types x zones x 2, then the existing nodes. */
export function fleetProblem(spec: FleetSpec): PackingProblem {
  const dice = new Dice(spec.seed);
  const resourceNames = ['cpuMilli', 'memoryMiB', 'ephemeralMiB', 'pods', 'example.com/device'];
  const types = Array.from({ length: spec.types }, () => {
    const cpu = dice.pick([2, 4, 8, 16, 32, 48, 64, 96, 128, 192]);
    const memory = cpu * dice.pick(memoryPerCpu);
    const device = dice.chance(5) ? dice.pick([1, 4, 8]) : 0;
    const price = cpu * 35_000_000 + memory * 3_600 + device * 700_000_000;
    return {
      capacity: [cpu * 1000 - 100, memory - 700, 17_000, Math.min(737, 15 * cpu), device],
      price: Math.round((price * dice.between(80, 120)) / 100),
      arm: dice.chance(40),
    };
  });
  const rules = Array.from({ length: spec.families }, () => ({
    arm: dice.chance(20) ? dice.chance(30) : undefined,
    zone: dice.chance(7) ? dice.between(0, spec.zones - 1) : undefined,
    onDemandOnly: dice.chance(10),
    perBin: dice.chance(5) ? 1 : unlimitedPerBin,
  }));
  const offerings = types.flatMap((type) =>
    Array.from({ length: spec.zones * 2 }, (_, at) => ({
      ...type,
      zone: at >> 1,
      spot: at % 2 === 1,
      available: unlimitedCount,
      price: at % 2 === 1 ? Math.round((type.price * dice.between(30, 70)) / 100) : type.price,
    })),
  );
  for (let i = 0; i < spec.existing; i += 10) {
    const like = dice.pick(offerings);
    offerings.push({ ...like, price: 0, available: Math.min(10, spec.existing - i) });
  }
  const rowByKey = new Map<string, number>();
  const masks: number[] = [];
  const maskOf = Int32Array.from(offerings, ({ arm, zone, spot }) => {
    const key = `${arm}/${zone}/${spot}`;
    const known = rowByKey.get(key);
    if (known !== undefined) return known;
    for (const rule of rules) {
      const fits =
        (rule.arm === undefined || rule.arm === arm) &&
        (rule.zone === undefined || rule.zone === zone) &&
        !(rule.onDemandOnly && spot);
      masks.push(fits ? rule.perBin : 0);
    }
    rowByKey.set(key, rowByKey.size);
    return rowByKey.size - 1;
  });
  const request = Float64Array.from(
    rules.flatMap(() => {
      const cpu = dice.pick([50, 100, 250, 500, 1000, 1500, 2000, 4000]) + dice.between(0, 9) * 10;
      const memory = Math.round((cpu * dice.between(5, 90)) / 10);
      return [cpu, memory, dice.chance(10) ? 100 : 0, 1, dice.chance(3) ? 1 : 0];
    }),
  );
  const demand = new Int32Array(spec.families);
  for (let i = 0; i < spec.pods; i++) {
    demand[Math.min(dice.between(0, spec.families - 1), dice.between(0, spec.families - 1))]!++;
  }
  const capacity = Float64Array.from(offerings.flatMap((offering) => offering.capacity));
  const masksArray = Uint16Array.from(masks);
  return {
    resourceNames,
    familyCount: spec.families,
    demand,
    priority: new Float64Array(spec.families),
    classCount: spec.families,
    familyOf: Int32Array.from(demand.keys()),
    request,
    boundRequest: request,
    offeringCount: offerings.length,
    capacity,
    boundCapacity: capacity,
    priceNano: Float64Array.from(offerings, ({ price }) => price),
    steerNano: new Float64Array(offerings.length),
    available: Int32Array.from(offerings, ({ available }) => available),
    maskOf,
    maskCount: rowByKey.size,
    masks: masksArray,
    boundMasks: masksArray,
    conflicts: new Int32Array(0),
    domainGroups: [],
    limits: [],
  };
}
