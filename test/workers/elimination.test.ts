/** Doing with a bin less: what comes out is a legal plan for less money, and hidden ones are found. */
import t from 'tap';
import { firstFit } from '../../core/packing/first-fit.ts';
import { verifyUnprovenPlan } from '../../core/packing/verify-solution.ts';
import { eliminate } from '../../workers/elimination.ts';
import { binsOf, groupsOf } from '../../workers/incumbent.ts';
import type { Pattern } from '../../workers/kernel-memory.ts';
import { SeededRandom } from '../../workers/random.ts';
import { type ReducedProblem, reduce } from '../../workers/reduce.ts';
import { substitutes } from '../../workers/substitutes.ts';
import { fleetProblem } from '../support/fleet-problem.ts';
import { Dice } from '../support/random-problem.ts';
import { tinyProblem } from '../support/reduced-problem.ts';

const never = (): boolean => false;

function looseFrom(p: ReducedProblem, gone: readonly Pattern[]): Int32Array {
  const loose = new Int32Array(p.n);
  for (const { classes, counts } of gone)
    classes.forEach((c, e) => {
      loose[c]! += counts[e]!;
    });
  return loose;
}

function byPrice(p: ReducedProblem): number[] {
  return Array.from(p.price.keys()).sort((a, b) => p.price[a]! - p.price[b]! || a - b);
}

function costOf(p: ReducedProblem, bins: readonly Pattern[]): number {
  return bins.reduce((sum, { offering }) => sum + p.price[offering]!, 0);
}

t.test('a plan with one bin in the place of two is legal, complete and cheaper', async (t) => {
  const sizes = { families: 6, offerings: 6, pods: 30 };
  let rebuilt = 0;
  for (let seed = 0; seed < 400; seed++) {
    const problem = tinyProblem(seed, [], sizes);
    const first = firstFit(problem);
    const served = {
      ...problem,
      demand: problem.demand.map((pods, f) => pods - first.unserved[f]!),
    };
    const p = reduce(served);
    const bins = groupsOf(p, first.bins).flatMap(({ pattern, copies }) =>
      Array.from({ length: copies }, () => pattern),
    );
    const [gone, kept] = [bins.slice(-2), bins.slice(0, -2)];
    if (kept.length === 0) continue;
    const further = substitutes(p, gone, byPrice(p));
    const random = new SeededRandom(seed);
    const loose = looseFrom(p, gone);
    const better = eliminate(p, { bins: kept, loose, further }, random, 20_000, never);
    if (better === null) continue;
    rebuilt++;
    t.ok(costOf(p, better) < costOf(p, bins) || costOf(p, gone) === 0, `seed ${seed}: cheaper`);
    const groups = better.map((pattern) => ({ pattern, copies: 1 }));
    const plan = {
      bins: binsOf(p, groups),
      unserved: new Int32Array(problem.familyCount),
      costNano: 0,
    };
    plan.costNano = plan.bins.reduce(
      (sum, { offering, copies }) => sum + problem.priceNano[offering]! * copies,
      0,
    );
    const verdict = verifyUnprovenPlan(served, plan);
    t.strictSame(verdict.ok ? [] : verdict.violations, [], `seed ${seed}: legal`);
  }
  t.ok(rebuilt > 15, `${rebuilt} plans rebuilt`);
});

/** Bins cut at random into three pods each: as many bins are enough, with nothing to spare. */
function cutBins(seed: number, bins: number): { p: ReducedProblem; demand: Int32Array } {
  const dice = new Dice(seed);
  const capacity = [1000, 1000];
  const request: number[] = [];
  for (let b = 0; b < bins; b++) {
    const [a, c] = [dice.between(200, 450), dice.between(200, 450)];
    const [d, e] = [dice.between(200, 450), dice.between(200, 450)];
    request.push(a, d, c, e, 1000 - a - c, 1000 - d - e);
  }
  const base = fleetProblem({
    seed,
    families: 3 * bins,
    pods: 3 * bins,
    types: 1,
    zones: 1,
    existing: 0,
  });
  const demand = new Int32Array(3 * bins).fill(1);
  const requests = Float64Array.from(request);
  const capacities = Float64Array.from(capacity);
  const masks = new Uint16Array(3 * bins).fill(0xffff);
  const problem = {
    ...base,
    resourceNames: ['cpuMilli', 'memoryMiB'],
    demand,
    request: requests,
    boundRequest: requests,
    offeringCount: 1,
    capacity: capacities,
    boundCapacity: capacities,
    priceNano: Float64Array.of(1e9),
    steerNano: Float64Array.of(0),
    available: Int32Array.of(-1),
    maskOf: Int32Array.of(0),
    maskCount: 1,
    masks,
    boundMasks: masks,
    domainGroups: [],
    limits: [],
  };
  return { p: reduce(problem), demand };
}

t.test('bins without a gap are found again from their pods', async (t) => {
  const empty = { offering: 0, classes: new Int32Array(0), counts: new Int32Array(0) };
  for (let seed = 1; seed <= 10; seed++) {
    const { p, demand } = cutBins(seed, 5);
    const bins = Array.from({ length: 4 }, () => empty);
    const random = new SeededRandom(seed);
    const found = eliminate(p, { bins, loose: demand, further: [0] }, random, 3e6, never);
    t.equal(found?.length, 5, `seed ${seed}`);
  }
});

t.test(
  'the same seed rebuilds the same bins, and no more than the work allowed is done',
  async (t) => {
    const { p, demand } = cutBins(3, 5);
    const empty = { offering: 0, classes: new Int32Array(0), counts: new Int32Array(0) };
    const start = { bins: Array.from({ length: 4 }, () => empty), loose: demand, further: [0] };
    const once = eliminate(p, start, new SeededRandom(5), 3e6, never);
    t.strictSame(eliminate(p, start, new SeededRandom(5), 3e6, never), once);
    t.equal(eliminate(p, start, new SeededRandom(5), 1, never), null);
    t.equal(
      eliminate(p, start, new SeededRandom(5), 3e6, () => true),
      null,
    );
  },
);

t.test(
  'what stands in for bins given up costs less and spends no more of counts and limits',
  async (t) => {
    let found = 0;
    for (let seed = 0; seed < 300; seed++) {
      const p = reduce(tinyProblem(seed, [], { families: 6, offerings: 8, pods: 20 }));
      if (p.O < 2) continue;
      const gone = [0, p.O - 1].map((offering) => ({
        offering,
        classes: new Int32Array(0),
        counts: new Int32Array(0),
      }));
      for (const k of substitutes(p, gone, byPrice(p))) {
        found++;
        t.ok(p.price[k]! < costOf(p, gone), `seed ${seed}: price`);
        for (const weight of p.limitWeight)
          t.ok(weight[k]! <= weight[0]! + weight[p.O - 1]!, `seed ${seed}: limit`);
        if (p.count[k] !== 0x7fffffff) t.ok(k === 0 || k === p.O - 1, `seed ${seed}: count`);
      }
    }
    t.ok(found > 100, `${found} substitutes`);
  },
);
