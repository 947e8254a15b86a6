/** First-fit against cases worked out by hand, and against the verifier on random problems. */
import { assert, property } from 'fast-check';
import t from 'tap';
import { type FirstFitPlan, firstFit } from '../../../core/packing/first-fit.ts';
import { karpenterStyleFirstFit } from '../../../core/packing/karpenter-first-fit.ts';
import {
  type DomainGroup,
  maxInt32,
  type PackingProblem,
  unlimitedCount,
  unlimitedPerBin,
} from '../../../core/packing/problem.ts';
import { verifyUnprovenPlan } from '../../../core/packing/verify-solution.ts';
import { bruteForce, bruteForceCost, isLegalPlan } from '../../support/brute-force.ts';
import { fleetProblem } from '../../support/fleet-problem.ts';
import { problemSpecs, randomProblem } from '../../support/random-problem.ts';

/** Families of [cpu, memory, pods] over offerings of [cpu, memory, price], no rules. */
function plainProblem(
  families: readonly (readonly [number, number, number])[],
  offerings: readonly (readonly [number, number, number])[],
  changes: Partial<PackingProblem> = {},
): PackingProblem {
  const request = Float64Array.from(families.flatMap(([cpu, memory]) => [cpu, memory]));
  const capacity = Float64Array.from(offerings.flatMap(([cpu, memory]) => [cpu, memory]));
  const masks = new Uint16Array(families.length).fill(unlimitedPerBin);
  return {
    resourceNames: ['cpuMilli', 'memoryMiB'],
    familyCount: families.length,
    demand: Int32Array.from(families, ([, , pods]) => pods),
    priority: new Float64Array(families.length),
    classCount: families.length,
    familyOf: Int32Array.from(families.keys()),
    request,
    boundRequest: request,
    offeringCount: offerings.length,
    capacity,
    boundCapacity: capacity,
    priceNano: Float64Array.from(offerings, ([, , price]) => price),
    steerNano: new Float64Array(offerings.length),
    available: new Int32Array(offerings.length).fill(unlimitedCount),
    maskOf: new Int32Array(offerings.length),
    maskCount: 1,
    masks,
    boundMasks: masks,
    conflicts: new Int32Array(0),
    domainGroups: [],
    limits: [],
    ...changes,
  };
}

/** One family of `pods` over zones of one offering each, with a skew of `maxSkew`. */
function zonalProblem(
  pods: number,
  prices: readonly number[],
  changes: Partial<DomainGroup> = {},
): PackingProblem {
  const zones = prices.length;
  const masks = new Uint16Array(zones * zones);
  for (let z = 0; z < zones; z++) masks[z * zones + z] = unlimitedPerBin;
  return plainProblem(
    prices.map(() => [1, 1, pods]),
    prices.map((price) => [10, 10, price]),
    {
      familyCount: 1,
      demand: Int32Array.of(pods),
      priority: new Float64Array(1),
      familyOf: new Int32Array(zones),
      maskOf: Int32Array.from(prices.keys()),
      maskCount: zones,
      masks,
      boundMasks: masks,
      domainGroups: [
        {
          name: 'spread',
          domains: prices.map((_, z) => ({
            name: `zone-${z}`,
            classes: Int32Array.of(z),
            existing: 0,
            max: maxInt32,
          })),
          maxSkew: 1,
          floorIsZero: false,
          boundSafe: true,
          ...changes,
        },
      ],
    },
  );
}

function countBins(plan: FirstFitPlan): ReadonlyMap<number, number> {
  const copies = new Map<number, number>();
  for (const bin of plan.bins) {
    copies.set(bin.offering, (copies.get(bin.offering) ?? 0) + bin.copies);
  }
  return copies;
}

function countUnserved(plan: FirstFitPlan): number {
  return plan.unserved.reduce((sum, pods) => sum + pods, 0);
}

t.test('first-fit buys the offering with the lowest price per pod that it will fill', async (t) => {
  const offerings = [
    [4, 8, 100],
    [8, 16, 180],
    [64, 128, 1000],
  ] as const;
  const many = firstFit(plainProblem([[2, 2, 320]], offerings));
  t.strictSame([...countBins(many)], [[2, 10]], '32 pods a bin at 31 each');
  const few = firstFit(plainProblem([[2, 2, 4]], offerings));
  t.strictSame([...countBins(few)], [[1, 1]]);
});

t.test('a bin that stays half empty moves to the cheapest offering that holds it', async (t) => {
  const offerings = [
    [4, 4, 100],
    [10, 10, 150],
  ] as const;
  const plan = firstFit(plainProblem([[2, 2, 6]], offerings));
  t.equal(plan.costNano, 250, 'five pods in the large one, one in the small one');
  t.strictSame(
    [...countBins(plan)].sort(([a], [b]) => a - b),
    [
      [0, 1],
      [1, 1],
    ],
  );
});

t.test('smaller families fill what larger ones leave', async (t) => {
  const plan = firstFit(
    plainProblem(
      [
        [1, 1, 4],
        [6, 6, 2],
      ],
      [[8, 8, 100]],
    ),
  );
  t.strictSame(plan.bins, [
    { offering: 0, classes: Int32Array.of(0, 1), counts: Int32Array.of(2, 1), copies: 2 },
  ]);
});

t.test('existing nodes fill before anything is bought', async (t) => {
  const problem = plainProblem(
    [[2, 2, 10]],
    [
      [10, 10, 100],
      [6, 6, 0],
    ],
    { available: Int32Array.of(unlimitedCount, 2) },
  );
  for (const pack of [firstFit, karpenterStyleFirstFit]) {
    const plan = pack(problem);
    t.equal(countBins(plan).get(1), 2, '3 pods on each of 2 nodes');
    t.equal(plan.costNano, 100);
    t.equal(countUnserved(plan), 0);
  }
});

t.test('when capacity is short, higher priority and then lower index is served', async (t) => {
  const limits = [{ name: 'nodes', weight: Float64Array.of(1), max: 1 }];
  const families = [
    [3, 3, 2],
    [5, 5, 1],
    [4, 4, 2],
  ] as const;
  const byIndex = firstFit(plainProblem(families, [[8, 8, 1]], { limits }));
  t.strictSame([...byIndex.unserved], [0, 1, 2]);
  const priority = Float64Array.of(0, 0, 5);
  const byPriority = firstFit(plainProblem(families, [[8, 8, 1]], { limits, priority }));
  t.strictSame([...byPriority.unserved], [2, 1, 0]);
});

t.test('pods spread over zones evenly, whatever the zones cost', async (t) => {
  for (const pack of [firstFit, karpenterStyleFirstFit]) {
    const problem = zonalProblem(100_000, [100, 300, 200]);
    const plan = pack(problem);
    t.equal(countUnserved(plan), 0);
    t.ok(verifyUnprovenPlan(problem, plan).ok);
    t.strictSame(
      [...countBins(plan).values()].sort((a, b) => a - b),
      [3334, 3334, 3334],
    );
  }
});

t.test('a closed zone holds the others back', async (t) => {
  const closed = { name: 'closed', classes: new Int32Array(0), existing: 2, max: maxInt32 };
  const open = zonalProblem(30, [100, 100]);
  const domains = [...open.domainGroups[0]!.domains, closed];
  const plan = firstFit(zonalProblem(30, [100, 100], { domains, maxSkew: 3 }));
  t.strictSame([...plan.unserved], [20], 'five each: the closed one has 2, the skew is 3');
});

t.test('zonal anti-affinity puts one pod into each zone, the cheapest first', async (t) => {
  const open = zonalProblem(2, [300, 100, 200]);
  const domains = open.domainGroups[0]!.domains.map((domain) => ({ ...domain, max: 1 }));
  const plan = firstFit(zonalProblem(2, [300, 100, 200], { domains, maxSkew: maxInt32 }));
  t.equal(plan.costNano, 300);
});

t.test(
  'price-blind first-fit grows bins to the largest offering and prices them last',
  async (t) => {
    const offerings = [
      [4, 4, 100],
      [16, 16, 800],
    ] as const;
    const problem = plainProblem([[4, 4, 4]], offerings);
    t.equal(karpenterStyleFirstFit(problem).costNano, 800, 'one bin of 16, though 4 of 4 cost 400');
    t.equal(firstFit(problem).costNano, 400);
    const small = karpenterStyleFirstFit(plainProblem([[4, 4, 1]], offerings));
    t.equal(small.costNano, 100, 'a bin that stays small is priced as small');
  },
);

t.test('price-blind first-fit takes pods by cpu, then memory', async (t) => {
  const problem = plainProblem(
    [
      [2, 9, 1],
      [3, 1, 1],
      [3, 2, 2],
    ],
    [[6, 9, 100]],
  );
  const plan = karpenterStyleFirstFit(problem);
  t.strictSame(
    plan.bins.map(({ classes, counts }) => [[...classes], [...counts]]),
    [
      [[2], [2]],
      [[1], [1]],
      [[0], [1]],
    ],
  );
});

t.test('first-fit is always legal and never cheaper than the optimum', async (t) => {
  let equal = 0;
  assert(
    property(problemSpecs({ families: 5, offerings: 4, pods: 7 }), (spec) => {
      const problem = randomProblem(spec);
      const plan = firstFit(problem);
      const served = problem.demand.map((pods, family) => pods - plan.unserved[family]!);
      const optimum = bruteForceCost(problem, served);
      if (optimum === plan.costNano) equal++;
      return (
        isLegalPlan(problem, plan) &&
        verifyUnprovenPlan(problem, plan).ok &&
        optimum !== undefined &&
        optimum <= plan.costNano
      );
    }),
    { numRuns: 3000, seed: 20261122 },
  );
  t.ok(equal > 1000, `it was optimal ${equal} times`);
});

t.test('first-fit serves what can be served where no rule is short', async () => {
  assert(
    property(problemSpecs({ families: 5, offerings: 4, pods: 7 }), (spec) => {
      const features = spec.features.filter(
        (feature) => !['counts', 'limits', 'domains'].includes(feature),
      );
      const problem = randomProblem({ ...spec, features });
      return firstFit(problem).unserved.every(
        (pods, family) => pods === bruteForce(problem).unserved[family],
      );
    }),
    { numRuns: 1000, seed: 7 },
  );
});

t.test('price-blind first-fit is legal whenever it places all', async (t) => {
  let placedAll = 0;
  assert(
    property(problemSpecs({ families: 5, offerings: 4, pods: 7 }), (spec) => {
      const problem = randomProblem(spec);
      const plan = karpenterStyleFirstFit(problem);
      if (countUnserved(plan) > 0) return true;
      placedAll++;
      return isLegalPlan(problem, plan) && plan.costNano >= bruteForce(problem).costNano;
    }),
    { numRuns: 3000, seed: 3 },
  );
  t.ok(placedAll > 1000, `it placed all ${placedAll} times`);
});

t.test('equal problems give equal plans, and pod counts do not change the work', async (t) => {
  const fleet = { seed: 2, families: 300, types: 1750, zones: 4, existing: 500 };
  for (const pack of [firstFit, karpenterStyleFirstFit]) {
    for (const pods of [10_000, 100_000]) {
      const problem = fleetProblem({ ...fleet, pods });
      const before = process.cpuUsage();
      const plan = pack(problem);
      const { user } = process.cpuUsage(before);
      t.strictSame(pack(fleetProblem({ ...fleet, pods })), plan);
      t.ok(verifyUnprovenPlan(problem, plan).ok);
      t.equal(countUnserved(plan), 0);
      t.ok(user < 2_000_000, `${pack.name}: ${pods} pods took ${user / 1000} ms of processor time`);
    }
  }
});
