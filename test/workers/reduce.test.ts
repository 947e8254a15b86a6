/** Dropping offerings and clipping capacities changes neither the optimum nor what may be proven. */
import t from 'tap';
import {
  type PackingProblem,
  unlimitedCount,
  unlimitedPerBin,
} from '../../core/packing/problem.ts';
import { reduce } from '../../workers/reduce.ts';
import { bruteForceCost } from '../support/brute-force.ts';
import { fleetProblem } from '../support/fleet-problem.ts';
import { keptProblem, steeringAsMoney, tinyProblem } from '../support/reduced-problem.ts';

const cases = 600;

/** The problem as the bound reads it: its own arrays in place of the plan's, no conflicts. */
function asBoundReads(problem: PackingProblem): PackingProblem {
  return {
    ...problem,
    request: problem.boundRequest,
    capacity: problem.boundCapacity,
    masks: problem.boundMasks,
    conflicts: new Int32Array(0),
    domainGroups: [],
  };
}

t.test('the kept offerings hold a plan as cheap as all of them, steering counted', async (t) => {
  let dropped = 0;
  for (let seed = 0; seed < cases; seed++) {
    const problem = tinyProblem(seed);
    const kept = keptProblem(reduce(problem));
    dropped += problem.offeringCount - kept.offeringCount;
    t.equal(
      bruteForceCost(steeringAsMoney(kept), problem.demand),
      bruteForceCost(steeringAsMoney(problem), problem.demand),
      `seed ${seed}`,
    );
  }
  t.ok(dropped > cases / 2, `${dropped} offerings dropped`);
});

t.test('in money alone the kept offerings are as cheap as all of them', async (t) => {
  for (let seed = 0; seed < cases; seed++) {
    const problem = tinyProblem(seed);
    t.equal(
      bruteForceCost(keptProblem(reduce(problem)), problem.demand),
      bruteForceCost(problem, problem.demand),
      `seed ${seed}`,
    );
  }
});

t.test('what the bound may assume of all offerings it may assume of the kept ones', async (t) => {
  for (let seed = 0; seed < cases; seed++) {
    const problem = tinyProblem(seed, ['domains']);
    t.equal(
      bruteForceCost(asBoundReads(keptProblem(reduce(problem))), problem.demand),
      bruteForceCost(asBoundReads(problem), problem.demand),
      `seed ${seed}`,
    );
  }
});

t.test(
  'every dropped offering has a stand-in that is no dearer, heavier or stricter',
  async (t) => {
    for (let seed = 0; seed < cases; seed++) {
      const problem = tinyProblem(seed);
      const p = reduce(problem);
      const demanded = Array.from(problem.familyOf.keys()).filter(
        (c) => problem.demand[problem.familyOf[c]!]! > 0,
      );
      p.keptFor.forEach((k, o) => {
        if (k < 0) return;
        const by = p.original[k]!;
        if (by === o) return;
        const what = `seed ${seed}: ${by} for ${o}`;
        t.equal(problem.available[by], unlimitedCount, what);
        t.ok(problem.priceNano[by]! <= problem.priceNano[o]!, `${what}, price`);
        t.ok(
          problem.limits.every(({ weight }) => weight[by]! <= weight[o]!),
          `${what}, limits`,
        );
        const [row, other] = [by, o].map((one) => problem.maskOf[one]! * problem.classCount);
        t.ok(
          demanded.every((c) => problem.masks[row! + c]! >= problem.masks[other! + c]!),
          `${what}, masks`,
        );
      });
    }
  },
);

t.test('an offering without a stand-in is one that nothing fits into', async (t) => {
  let without = 0;
  for (let seed = 0; seed < cases; seed++) {
    const problem = tinyProblem(seed);
    const p = reduce(problem);
    p.keptFor.forEach((k, o) => {
      if (k >= 0) return;
      without++;
      for (let c = 0; c < problem.classCount; c++) {
        const R = problem.resourceNames.length;
        const fits =
          problem.demand[problem.familyOf[c]!]! > 0 &&
          problem.boundMasks[problem.maskOf[o]! * problem.classCount + c]! > 0 &&
          problem.resourceNames.every(
            (_, r) => problem.boundRequest[c * R + r]! <= problem.boundCapacity[o * R + r]!,
          );
        t.notOk(fits, `seed ${seed}: class ${c} in offering ${o}`);
      }
    });
  }
  t.ok(without > 10, `${without} offerings without a stand-in`);
});

t.test('most copies of a class follow rule, resources and demand', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const problem = tinyProblem(seed);
    const p = reduce(problem);
    const alone = new Set<number>();
    for (let i = 0; i < problem.conflicts.length; i += 2) {
      if (problem.conflicts[i] === problem.conflicts[i + 1]) alone.add(problem.conflicts[i]!);
    }
    for (let k = 0; k < p.O; k++) {
      const o = p.original[k]!;
      for (let c = 0; c < p.n; c++) {
        const rule = problem.masks[problem.maskOf[o]! * p.n + c]!;
        const caps = problem.resourceNames.map((_, r) => {
          const asks = problem.request[c * p.R + r]!;
          return asks === 0 ? Infinity : Math.floor(problem.capacity[o * p.R + r]! / asks);
        });
        const most = Math.min(
          rule === unlimitedPerBin ? Infinity : rule,
          alone.has(c) ? 1 : Infinity,
          problem.demand[problem.familyOf[c]!]!,
          ...caps,
        );
        t.equal(p.many[k * p.n + c], most, `seed ${seed}, offering ${o}, class ${c}`);
      }
    }
  }
});

t.test('of a catalogue of hundreds of offerings only the undominated stay', async (t) => {
  const problem = fleetProblem({
    seed: 5,
    families: 60,
    pods: 1000,
    types: 150,
    zones: 3,
    existing: 30,
  });
  const p = reduce(problem);
  t.ok(p.O < problem.offeringCount / 2, `${p.O} of ${problem.offeringCount}`);
  const existing = Array.from(problem.available.keys()).filter((o) => problem.available[o]! > 0);
  t.strictSame(
    existing.filter((o) => p.original[p.keptFor[o]!] !== o),
    [],
    'nodes that exist are never merged away',
  );
});

t.test('the reduction is a function of the problem', async (t) => {
  const problem = tinyProblem(7, [], { families: 8, offerings: 8, pods: 40 });
  t.strictSame(reduce(problem), reduce(problem));
});
