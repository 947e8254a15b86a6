/**
 * Random packing problems over every feature of the model, reproducible from a few numbers.
 *
 * In: sizes, a seed, and which features to use. Out: a well-formed PackingProblem. Sizes and
 * features are separate from the seed, so that fast-check shrinks a failure to fewer families,
 * fewer offerings and fewer features.
 */
import { type Arbitrary, integer, nat, record, subarray } from 'fast-check';
import {
  type DomainGroup,
  type LimitRow,
  maxInt32,
  type PackingProblem,
  unlimitedCount,
  unlimitedPerBin,
} from '../../core/packing/problem.ts';

/** Features of the model that a problem may use. */
export const allFeatures = [
  'masks',
  'multiplicity',
  'conflicts',
  'extraResources',
  'counts',
  'limits',
  'domains',
  'relaxations',
  'priorities',
  'steering',
  'degenerate',
] as const;

export type Feature = (typeof allFeatures)[number];

/** What a problem is made from. */
export interface RandomProblemSpec {
  readonly seed: number;
  /** Families, 0 or more. */
  readonly families: number;
  /** Offerings, 1 or more. */
  readonly offerings: number;
  /** Most pods over all families. */
  readonly pods: number;
  readonly features: readonly Feature[];
}

/** Uniform numbers from a 32-bit seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0;
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return low + Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * (high - low + 1));
  }

  /** True `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.between(1, 100) <= percent;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.between(0, values.length - 1)]!;
  }
}

interface Kind {
  readonly zone: number;
  readonly capacityType: number;
  readonly size: number;
  readonly existing: boolean;
}

interface ClassPlace {
  readonly family: number;
  /** -1: any. */
  readonly zone: number;
  readonly capacityType: number;
}

/** The problem that `spec` stands for; the same spec always gives the same problem. */
export function randomProblem(spec: RandomProblemSpec): PackingProblem {
  const dice = new Dice(spec.seed);
  const has = (feature: Feature): boolean => spec.features.includes(feature);
  const extra = has('extraResources') ? dice.between(1, 2) : 0;
  const resourceNames = ['cpuMilli', 'memoryMiB', 'pods', 'example.com/a', 'example.com/b'].slice(
    0,
    3 + extra,
  );
  const resourceCount = resourceNames.length;
  const zones = has('domains') ? dice.between(2, 3) : 1;
  const capacityTypes = has('domains') && dice.chance(30) ? 2 : 1;

  const kinds: Kind[] = Array.from({ length: spec.offerings }, (_, at) => ({
    zone: dice.between(0, zones - 1),
    capacityType: dice.between(0, capacityTypes - 1),
    size: 1 + (at % 4) + (dice.chance(20) ? 3 : 0),
    existing: has('counts') && dice.chance(30),
  }));
  const demand = shareOut(dice, spec.families, spec.pods, has('degenerate'));
  const split = demand.map(() => (has('domains') && dice.chance(60) ? dice.between(1, 3) : 0));
  const places = listPlaces(split, zones, capacityTypes);
  const familyRequests = demand.map(() => randomRequest(dice, resourceCount, has('degenerate')));
  const request = Float64Array.from(places.flatMap(({ family }) => familyRequests[family]!));
  const capacity = Float64Array.from(
    kinds.flatMap((kind) => randomCapacity(dice, kind, resourceCount, has('degenerate'))),
  );
  const masks = randomMasks(dice, kinds, places, has);
  const relaxed = has('relaxations');
  const base = {
    resourceNames,
    familyCount: demand.length,
    demand: Int32Array.from(demand),
    priority: Float64Array.from(demand, () => (has('priorities') ? dice.between(-1, 2) : 0)),
    classCount: places.length,
    familyOf: Int32Array.from(places, ({ family }) => family),
    request,
    boundRequest: relaxed
      ? request.map((amount) => amount - (dice.chance(20) ? dice.between(0, amount) : 0))
      : request,
    offeringCount: kinds.length,
    capacity,
    boundCapacity: relaxed
      ? capacity.map((amount) => amount + (dice.chance(20) ? dice.between(0, 2) : 0))
      : capacity,
    priceNano: randomPrices(dice, kinds, has),
    steerNano: Float64Array.from(kinds, () => (has('steering') ? dice.between(0, 5) : 0)),
    available: Int32Array.from(kinds, (kind) =>
      kind.existing || (has('counts') && dice.chance(20)) ? dice.between(1, 2) : unlimitedCount,
    ),
    maskOf: masks.rowOf,
    maskCount: masks.rows,
    masks: masks.values,
    boundMasks: relaxed ? relaxMasks(dice, masks.values) : masks.values,
    conflicts: randomConflicts(dice, places.length, has('conflicts')),
  };
  return {
    ...base,
    domainGroups: has('domains') ? randomGroups(dice, places, split, zones, capacityTypes) : [],
    limits: has('limits') ? randomLimits(dice, base.offeringCount) : [],
  };
}

/** Problems of at most the given sizes; shrinks towards few families, offerings and features. */
export function problemSpecs(limits: {
  readonly families: number;
  readonly offerings: number;
  readonly pods: number;
}): Arbitrary<RandomProblemSpec> {
  return record({
    seed: nat(0x7fffffff),
    families: integer({ min: 1, max: limits.families }),
    offerings: integer({ min: 1, max: limits.offerings }),
    pods: integer({ min: 1, max: limits.pods }),
    features: subarray([...allFeatures]),
  });
}

function shareOut(dice: Dice, families: number, pods: number, degenerate: boolean): number[] {
  const demand = Array.from<number>({ length: families }).fill(0);
  if (families === 0) return demand;
  for (let i = 0; i < pods; i++) demand[dice.between(0, families - 1)]!++;
  return demand.map((count) => (degenerate && dice.chance(10) ? 0 : count));
}

/** Split 0: one class; 1: by zone; 2: by capacity type; 3: by both. */
function listPlaces(
  split: readonly number[],
  zones: number,
  capacityTypes: number,
): readonly ClassPlace[] {
  const any = [-1];
  const all = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
  return split.flatMap((kind, family) =>
    (kind === 1 || kind === 3 ? all(zones) : any).flatMap((zone) =>
      (kind >= 2 ? all(capacityTypes) : any).map((capacityType) => ({
        family,
        zone,
        capacityType,
      })),
    ),
  );
}

function randomRequest(dice: Dice, resourceCount: number, degenerate: boolean): number[] {
  const amounts = [dice.between(1, 4), dice.between(1, 7), 1];
  if (degenerate && dice.chance(10)) amounts[0] = 0;
  if (degenerate && dice.chance(10)) amounts[dice.between(0, 1)] = 1_000_000;
  if (degenerate && dice.chance(10)) amounts.fill(0);
  for (let r = 3; r < resourceCount; r++) amounts.push(dice.chance(25) ? dice.between(1, 2) : 0);
  return amounts;
}

function randomCapacity(
  dice: Dice,
  kind: Kind,
  resourceCount: number,
  degenerate: boolean,
): number[] {
  const amounts = [
    kind.size * 3 + dice.between(0, 2),
    kind.size * dice.between(3, 6),
    dice.between(1, 3 + kind.size),
  ];
  for (let r = 3; r < resourceCount; r++) amounts.push(dice.chance(50) ? dice.between(1, 3) : 0);
  if (degenerate && dice.chance(5)) amounts.fill(0);
  return amounts;
}

function randomPrices(
  dice: Dice,
  kinds: readonly Kind[],
  has: (feature: Feature) => boolean,
): Float64Array {
  const equal = has('degenerate') && dice.chance(15);
  const step = dice.pick([1, 1, 7, 100]);
  return Float64Array.from(kinds, (kind) => {
    if (kind.existing) return 0;
    if (has('degenerate') && dice.chance(4)) return 0;
    return step * (equal ? 10 : kind.size * 10 + dice.between(-3, 6));
  });
}

function randomMasks(
  dice: Dice,
  kinds: readonly Kind[],
  places: readonly ClassPlace[],
  has: (feature: Feature) => boolean,
): { readonly values: Uint16Array; readonly rowOf: Int32Array; readonly rows: number } {
  const families = new Set(places.map(({ family }) => family)).size;
  const flavours = has('masks') ? dice.between(1, 3) : 1;
  const rule = Array.from({ length: flavours }, () =>
    Array.from({ length: families }, () => {
      if (has('masks') && dice.chance(15)) return 0;
      return has('multiplicity') && dice.chance(30) ? dice.between(1, 2) : unlimitedPerBin;
    }),
  );
  const rowByKey = new Map<string, number>();
  const values: number[] = [];
  const rowOf = Int32Array.from(kinds, (kind) => {
    const flavour = dice.between(0, flavours - 1);
    const key = `${flavour}/${kind.zone}/${kind.capacityType}`;
    const known = rowByKey.get(key);
    if (known !== undefined) return known;
    for (const place of places) {
      const away =
        (place.zone >= 0 && place.zone !== kind.zone) ||
        (place.capacityType >= 0 && place.capacityType !== kind.capacityType);
      values.push(away ? 0 : rule[flavour]![place.family]!);
    }
    rowByKey.set(key, rowByKey.size);
    return rowByKey.size - 1;
  });
  return { values: Uint16Array.from(values), rowOf, rows: rowByKey.size };
}

function relaxMasks(dice: Dice, masks: Uint16Array): Uint16Array {
  return masks.map((most) => {
    if (most === unlimitedPerBin || !dice.chance(20)) return most;
    return dice.chance(50) ? unlimitedPerBin : most + dice.between(0, 2);
  });
}

function randomConflicts(dice: Dice, classes: number, wanted: boolean): Int32Array {
  if (!wanted || classes === 0) return new Int32Array(0);
  const pairs: number[] = [];
  const count = dice.between(1, Math.max(1, classes >> 1));
  for (let i = 0; i < count; i++) {
    const a = dice.between(0, classes - 1);
    const b = dice.between(0, classes - 1);
    if (a !== b || dice.chance(30)) pairs.push(a, b);
  }
  return Int32Array.from(pairs);
}

function randomGroups(
  dice: Dice,
  places: readonly ClassPlace[],
  split: readonly number[],
  zones: number,
  capacityTypes: number,
): readonly DomainGroup[] {
  const byZone = split.flatMap((kind, family) => (kind === 1 || kind === 3 ? [family] : []));
  const byType = split.flatMap((kind, family) => (kind >= 2 ? [family] : []));
  const groups: DomainGroup[] = [];
  const addGroup = (families: readonly number[], key: 'zone' | 'capacityType', count: number) => {
    const members = families.filter(() => dice.chance(70));
    if (members.length === 0) return;
    const isSpread = dice.chance(70);
    const domains = Array.from({ length: count }, (_, at) => ({
      name: `${key}-${at}`,
      classes: Int32Array.from(
        places.flatMap((place, c) =>
          members.includes(place.family) && place[key] === at ? [c] : [],
        ),
      ),
      existing: dice.chance(30) ? dice.between(1, 3) : 0,
      max: !isSpread || dice.chance(10) ? dice.between(0, 2) : maxInt32,
    }));
    if (dice.chance(15)) {
      const classes = new Int32Array(0);
      domains.push({ name: 'closed', classes, existing: dice.between(0, 1), max: maxInt32 });
    }
    groups.push({
      name: `group-${groups.length}`,
      domains,
      maxSkew: isSpread ? dice.between(1, 2) : maxInt32,
      floorIsZero: dice.chance(15),
      boundSafe: dice.chance(85),
    });
  };
  const rounds = dice.between(1, 2);
  for (let i = 0; i < rounds; i++) {
    addGroup(byZone, 'zone', zones);
    addGroup(byType, 'capacityType', capacityTypes);
  }
  return groups;
}

function randomLimits(dice: Dice, offerings: number): readonly LimitRow[] {
  return Array.from({ length: dice.between(1, 2) }, (_, at) => ({
    name: `limit-${at}`,
    weight: Float64Array.from({ length: offerings }, () => dice.between(0, 4)),
    max: dice.chance(30) ? dice.between(0, 8) : dice.between(8, 30),
  }));
}
