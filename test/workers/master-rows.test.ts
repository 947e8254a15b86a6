/** The master's rows cut off no legal plan, and forbid what the rules forbid. */
import t from 'tap';
import { type DomainGroup, maxInt32, type PackingProblem } from '../../core/packing/problem.ts';
import { contentOf, groupsOf } from '../../workers/incumbent.ts';
import { binColumn, buildRows, type MasterRows, splitColumns } from '../../workers/master-rows.ts';
import { type ReducedProblem, reduce } from '../../workers/reduce.ts';
import { bruteForce } from '../support/brute-force.ts';
import { allFeatures, Dice } from '../support/random-problem.ts';
import { tinyProblem } from '../support/reduced-problem.ts';

const cases = 600;

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-12 * (1 + Math.abs(b));
}

/** An optimal plan's demand, its bins as columns, and how far every row is above its lower bound. */
function slackOfOptimum(whole: PackingProblem): {
  p: ReducedProblem;
  rows: MasterRows;
  slack: number[];
} {
  const plan = bruteForce(whole);
  const demand = whole.demand.map((pods, family) => pods - plan.unserved[family]!);
  const p = reduce({ ...whole, demand });
  const rows = buildRows(p, 'plan');
  const groups = groupsOf(p, plan.bins);
  const content = contentOf(p, groups);
  const activity = rows.lower.map((lower) => -lower);
  for (const { pattern, copies } of groups) {
    const column = binColumn(
      p,
      rows,
      'pattern',
      pattern.offering,
      pattern.classes,
      pattern.counts,
      p.price,
    );
    column.rows.forEach((row, e) => (activity[row]! += copies * column.values[e]!));
  }
  for (const column of splitColumns(p, rows)) {
    const pods = content[column.classes[0]!]!;
    column.rows.forEach((row, e) => (activity[row]! += pods * column.values[e]!));
  }
  return { p, rows, slack: activity };
}

t.test('an optimal plan of brute force satisfies every row', async (t) => {
  let domains = 0;
  let limits = 0;
  for (let seed = 0; seed < cases; seed++) {
    const { rows, slack } = slackOfOptimum(tinyProblem(seed));
    domains += rows.domainRows.length;
    limits += rows.limitRow.length;
    slack.forEach((above, row) => t.ok(above >= -1e-9, `seed ${seed}, row ${row}: ${above}`));
  }
  t.ok(domains > 100 && limits > 100, `${domains} domain rows, ${limits} limits`);
});

t.test('it does so too where families may also stand outside of a group', async (t) => {
  let outside = 0;
  for (let seed = 0; seed < cases; seed++) {
    const problem = tinyProblem(
      seed,
      allFeatures.filter((one) => one !== 'domains'),
    );
    const dice = new Dice(seed);
    const gone = new Set(Array.from(problem.familyOf.keys()).filter(() => dice.chance(30)));
    const domainGroups = problem.domainGroups.map((group) => ({
      ...group,
      domains: group.domains.map((domain) => ({
        ...domain,
        classes: domain.classes.filter((c) => !gone.has(c)),
      })),
    }));
    const { rows, slack } = slackOfOptimum({ ...problem, domainGroups });
    outside += rows.domainRows.filter(({ boundSafe }) => !boundSafe).length;
    slack.forEach((above, row) => t.ok(above >= -1e-9, `seed ${seed}, row ${row}: ${above}`));
  }
  t.ok(outside > 50, `${outside} rows of groups that are not closed`);
});

t.test('for the bound only rows that every legal plan obeys are there', async (t) => {
  let left = 0;
  let kept = 0;
  for (let seed = 0; seed < cases; seed++) {
    const p = reduce(tinyProblem(seed));
    const [all, safe] = [buildRows(p, 'plan').domainRows, buildRows(p, 'bound').domainRows];
    left += all.length - safe.length;
    kept += safe.length;
    const key = ({ group, domain }: { group: number; domain: number }) => `${group}/${domain}`;
    t.strictSame(safe.map(key), all.filter(({ boundSafe }) => boundSafe).map(key), `seed ${seed}`);
  }
  t.ok(left > 20 && kept > 20, `${left} left out, ${kept} kept`);
});

/** Family 0 may choose between two zones, family 1 has to stand in the first. */
function pinnedBesideFree(free: number, pinned: number): PackingProblem {
  const group: DomainGroup = {
    name: 'spread',
    domains: [0, 1].map((z) => ({
      name: `zone-${z}`,
      classes: z === 0 ? Int32Array.of(0, 2) : Int32Array.of(1),
      existing: 0,
      max: maxInt32,
    })),
    maxSkew: 1,
    floorIsZero: false,
    boundSafe: true,
  };
  const base = tinyProblem(1, allFeatures, { families: 1, offerings: 1, pods: 1 });
  const each = <T extends Float64Array>(values: T): T =>
    Float64Array.from({ length: values.length * 3 }, (_, at) => values[at % values.length]!) as T;
  const masks = Uint16Array.of(100, 100, 100);
  return {
    ...base,
    familyCount: 2,
    demand: Int32Array.of(free, pinned),
    priority: new Float64Array(2),
    classCount: 3,
    familyOf: Int32Array.of(0, 0, 1),
    request: each(base.request),
    boundRequest: each(base.boundRequest),
    maskOf: new Int32Array(1),
    maskCount: 1,
    masks,
    boundMasks: masks,
    domainGroups: [group],
  };
}

t.test('pods without a choice take their share of a domain from those that have one', async (t) => {
  // Ten pods over two zones with a skew of one are five and five; four are pinned to the first.
  const rows = buildRows(reduce(pinnedBesideFree(6, 4)), 'plan');
  const byZone = rows.domainRows.map(({ domain, min, max, lowRow, highRow }) => ({
    domain,
    min,
    max,
    low: rows.lower[lowRow],
    high: rows.lower[highRow],
  }));
  t.strictSame(byZone, [
    { domain: 0, min: 5, max: 5, low: 1, high: -1 },
    { domain: 1, min: 5, max: 5, low: 5, high: -5 },
  ]);
  t.strictSame([...rows.isSplit], [1, 1, 0]);
});

t.test('cover rows ask for the demand, of split families through their family row', async (t) => {
  const rows = buildRows(reduce(pinnedBesideFree(6, 4)), 'plan');
  t.strictSame(rows.lower.slice(0, 3), [0, 0, 4]);
  t.equal(rows.lower[rows.familyRow[0]!], 6);
  t.equal(rows.familyRow[1], -1);
});

t.test(
  'a split column moves a pod from its family to a class and counts in its domain',
  async (t) => {
    const p = reduce(pinnedBesideFree(6, 4));
    const rows = buildRows(p, 'plan');
    const columns = splitColumns(p, rows);
    t.strictSame(
      columns.map(({ kind, cost, classes }) => ({ kind, cost, classes: [...classes] })),
      [
        { kind: 'split', cost: 0, classes: [0] },
        { kind: 'split', cost: 0, classes: [1] },
      ],
    );
    for (const { classes, rows: at, values } of columns) {
      const terms = Object.fromEntries(Array.from(at, (row, e) => [row, values[e]!]));
      const zone = rows.domainRows[classes[0]!]!;
      t.strictSame(terms, {
        [classes[0]!]: -1,
        [rows.familyRow[0]!]: 1,
        [zone.lowRow]: 1,
        [zone.highRow]: -1,
      });
    }
  },
);

t.test('a bin counts in its limits and, where bins are counted, in its count row', async (t) => {
  let counted = 0;
  for (let seed = 0; seed < 200; seed++) {
    const p = reduce(tinyProblem(seed));
    const rows = buildRows(p, 'plan');
    for (let k = 0; k < p.O; k++) {
      const column = binColumn(p, rows, 'pattern', k, Int32Array.of(0), Int32Array.of(1), p.price);
      const at = (row: number): number => {
        const e = column.rows.indexOf(row);
        return e < 0 ? 0 : column.values[e]!;
      };
      t.equal(at(0), 1);
      p.limitWeight.forEach((weights, l) => {
        const [row, weight] = [rows.limitRow[l]!, weights[k]!];
        if (weight === 0) t.equal(at(row), 0, `seed ${seed}: a bin without weight`);
        // Scaled together: the number of bins that a limit allows stays the same.
        else t.ok(near(rows.lower[row]! / at(row), p.limitMax[l]! / weight), `seed ${seed}`);
      });
      const row = rows.countRow[k]!;
      if (row < 0) continue;
      counted++;
      t.equal(at(row), -1);
      t.equal(rows.lower[row], -p.count[k]!);
    }
  }
  t.ok(counted > 20);
});
