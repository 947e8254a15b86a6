/** Plans in the search's terms: there and back without a change, and the cheapest one is kept. */
import t from 'tap';
import { verifyUnprovenPlan } from '../../core/packing/verify-solution.ts';
import { columnKey, costOf, reducedCost } from '../../workers/columns.ts';
import { binsOf, contentOf, groupsOf, Incumbent } from '../../workers/incumbent.ts';
import { type ReducedProblem, reduce } from '../../workers/reduce.ts';
import { bruteForce } from '../support/brute-force.ts';
import { tinyProblem } from '../support/reduced-problem.ts';

/** An optimal plan of a random problem, and its reduction. */
function planned(seed: number) {
  const problem = tinyProblem(seed);
  const plan = bruteForce(problem);
  const p: ReducedProblem = reduce(problem);
  return { problem, plan, p };
}

t.test('a plan translated to kept offerings and back is legal and no dearer', async (t) => {
  for (let seed = 0; seed < 400; seed++) {
    const { problem, plan, p } = planned(seed);
    const bins = binsOf(p, groupsOf(p, plan.bins));
    const costNano = bins.reduce(
      (sum, bin) => sum + problem.priceNano[bin.offering]! * bin.copies,
      0,
    );
    const status = verifyUnprovenPlan(problem, { ...plan, bins, costNano });
    t.strictSame(status.ok ? [] : status.violations, [], `seed ${seed}`);
    t.ok(costNano <= plan.costNano, `seed ${seed}: ${costNano} for ${plan.costNano}`);
  }
});

t.test('equal bins are merged, whatever the order they come in', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const { plan, p } = planned(seed);
    const groups = groupsOf(p, plan.bins);
    const once = binsOf(p, groups);
    t.strictSame(binsOf(p, [...groups].reverse()), once, `seed ${seed}: order`);
    const twice = binsOf(p, [...groups, ...groups]);
    t.strictSame(
      twice.map(({ copies, ...bin }) => ({ ...bin, copies: copies / 2 })),
      once.map(({ copies, ...bin }) => ({ ...bin, copies })),
      `seed ${seed}: merged`,
    );
    const keys = once.map((bin) => columnKey(bin.offering, bin.classes, bin.counts));
    t.equal(new Set(keys).size, keys.length, `seed ${seed}: distinct`);
  }
});

t.test('the content of a plan is the pods that it places', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const { problem, plan, p } = planned(seed);
    const content = contentOf(p, groupsOf(p, plan.bins));
    const placed = new Int32Array(problem.familyCount);
    content.forEach((pods, c) => (placed[problem.familyOf[c]!]! += pods));
    t.strictSame(
      placed,
      problem.demand.map((pods, family) => pods - plan.unserved[family]!),
      `seed ${seed}`,
    );
  }
});

t.test('only a cheaper plan replaces the incumbent', async (t) => {
  const { p } = planned(1);
  const price = Float64Array.of(3, 2);
  const two = { ...p, price, money: price };
  const bin = (offering: number, copies: number) => ({
    pattern: { offering, classes: Int32Array.of(0), counts: Int32Array.of(1) },
    copies,
  });
  const incumbent = new Incumbent(two);
  t.equal(incumbent.cost, Infinity);
  t.equal(incumbent.take([bin(0, 2)]), true);
  t.equal(incumbent.cost, 6);
  t.equal(incumbent.take([bin(1, 3)]), false, 'equal cost: the first stays');
  t.equal(incumbent.take([bin(0, 1), bin(1, 1)]), true);
  t.equal(incumbent.cost, 5);
  t.equal(incumbent.take([bin(0, 3)]), false);
  t.equal(incumbent.groups.length, 2);
  t.equal(costOf(incumbent.groups, price), 5);
});

t.test('columns are told apart by offering, classes and counts', async (t) => {
  const keys = [
    columnKey(1, Int32Array.of(2, 3), [1, 1]),
    columnKey(1, Int32Array.of(2, 3), [1, 2]),
    columnKey(1, Int32Array.of(2), [1]),
    columnKey(2, Int32Array.of(2), [1]),
    columnKey(1, Int32Array.of(23), [1]),
    columnKey(12, Int32Array.of(3), [1]),
    columnKey(1, Int32Array.of(2), [0.5]),
  ];
  t.equal(new Set(keys).size, keys.length);
  t.equal(columnKey(1, Int32Array.of(2, 3), Float64Array.of(1, 1)), keys[0]);
});

t.test('a column pays if its contents are worth more than it costs', async (t) => {
  const column = {
    kind: 'pattern',
    cost: 5,
    offering: 0,
    classes: Int32Array.of(0, 2),
    counts: Int32Array.of(2, 1),
    rows: Int32Array.of(0, 2, 3),
    values: Float64Array.of(2, 1, -1),
  } as const;
  t.equal(reducedCost(column, Float64Array.of(1, 9, 1, 0)), 2);
  t.equal(reducedCost(column, Float64Array.of(3, 9, 1, 1)), -1);
});
