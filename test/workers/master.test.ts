/**
 * One contract, three LP backends: what the column generation may expect of a master.
 *
 * Every answer is checked by its own proof of optimality (primal feasible, dual feasible, equal
 * objectives), and the backends against each other.
 */
import { registerHooks } from 'node:module';
import t, { type Test } from 'tap';
import { createMaster, prepareMaster } from '../../workers/create-master.ts';
import { createGlpkMaster, isPinnedGlpk } from '../../workers/glpk.ts';
import { createGlpkJsonMaster, loadGlpkJson } from '../../workers/glpk-json.ts';
import { createHighsMaster, loadHighs } from '../../workers/highs.ts';
import {
  type Master,
  type MasterColumn,
  MasterError,
  type MasterResult,
} from '../../workers/master.ts';
import { Dice } from '../support/random-problem.ts';

/** Rows `sum >= lower`; the plain data that a master is made of. */
interface Program {
  readonly lower: number[];
  readonly columns: MasterColumn[];
}

const tolerance = 1e-6;

/** Pods to cover, a limit on bins, and columns of bins, in the sizes that a solve sees. */
function coveringProgram(seed: number): Program {
  const dice = new Dice(seed);
  const covers = dice.between(1, 25);
  const lower = Array.from({ length: covers }, () => dice.between(0, 400));
  const limits = dice.between(0, 2);
  for (let l = 0; l < limits; l++) lower.push(-dice.between(1000, 2000));
  const columns: MasterColumn[] = lower
    .slice(0, covers)
    .map((_, i) => ({ cost: 40 + dice.between(0, 9), rows: [i], values: [1] }));
  const more = dice.between(0, 60);
  for (let k = 0; k < more; k++) columns.push(randomColumn(dice, covers, lower.length));
  return { lower, columns };
}

/** A bin of a few classes, cheap enough to beat the single-class columns of the start. */
function randomColumn(dice: Dice, covers: number, rows: number): MasterColumn {
  const chosen = Array.from({ length: rows }, (_, i) => i).filter(
    (i) => i >= covers || dice.chance(30),
  );
  return {
    cost: dice.between(1, 2000) / 1000,
    rows: Int32Array.from(chosen),
    values: Float64Array.from(chosen, (i) => (i >= covers ? -1 : dice.between(1, 30))),
  };
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= tolerance * (1 + Math.abs(a) + Math.abs(b));
}

/** What is wrong with `result` as an optimum of the program; empty if it is one. */
function findFlaws({ lower, columns }: Program, result: MasterResult): string[] {
  const flaws: string[] = [];
  const { x, dual, objective } = result;
  const activity = new Float64Array(lower.length);
  let cost = 0;
  columns.forEach((column, k) => {
    cost += column.cost * x[k]!;
    let worth = 0;
    for (let e = 0; e < column.rows.length; e++) {
      activity[column.rows[e]!]! += column.values[e]! * x[k]!;
      worth += column.values[e]! * dual[column.rows[e]!]!;
    }
    if (worth > column.cost + tolerance * (1 + worth)) flaws.push(`column ${k} has room to pay`);
    if (x[k]! < 0) flaws.push(`x[${k}] is negative`);
  });
  let earned = 0;
  lower.forEach((least, i) => {
    earned += least * dual[i]!;
    if (activity[i]! < least - tolerance * (1 + Math.abs(least))) flaws.push(`row ${i} is short`);
    if (dual[i]! < 0) flaws.push(`dual[${i}] is negative`);
  });
  if (x.length !== columns.length || dual.length !== lower.length) flaws.push('wrong lengths');
  if (!near(cost, objective)) flaws.push(`objective ${objective}, but x costs ${cost}`);
  if (!near(earned, objective)) flaws.push(`objective ${objective}, but duals earn ${earned}`);
  return flaws;
}

const backends: readonly { name: string; create: (rows: readonly number[]) => Master }[] = [
  { name: 'glpk', create: (rows) => createMaster('glpk', rows) },
  { name: 'glpk-json', create: createGlpkJsonMaster },
  { name: 'highs', create: createHighsMaster },
];

t.test('a backend that starts asynchronously refuses masters until it has started', async (t) => {
  t.throws(() => createHighsMaster([1]), { message: /loadHighs\(\) has to finish/ });
  t.throws(() => createGlpkJsonMaster([1]), { message: /loadGlpkJson\(\) has to finish/ });
});

t.test('without the optional package highs the error says what to install', async (t) => {
  const absent = registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'highs') throw new Error(`Cannot find package '${specifier}'`);
      return next(specifier, context);
    },
  });
  try {
    await t.rejects(loadHighs(), { message: /npm install highs@1\.15\.3/, cause: Error });
  } finally {
    absent.deregister();
  }
});

t.test('the installed glpk.js is the pinned build, whose exports are known by name', async (t) => {
  t.equal(isPinnedGlpk(), true);
  t.equal(createGlpkMaster([1])?.name, 'glpk');
});

t.test('a prepared kind gives a master of that kind', async (t) => {
  await prepareMaster('glpk');
  await prepareMaster('highs');
  await loadGlpkJson();
  for (const { name, create } of backends) {
    const master = create([1]);
    t.equal(master.name, name);
    master.dispose();
  }
  t.equal(createMaster('highs', [1]).name, 'highs');
});

/** Runs the same program on every backend; checks each answer and that the objectives agree. */
function solveEverywhere(t: Test, masters: readonly Master[], program: Program, what: string) {
  const results = masters.map((master) => {
    const result = master.solve();
    t.strictSame(findFlaws(program, result), [], `${what} on ${master.name}`);
    return result;
  });
  for (const { objective } of results) {
    t.ok(near(objective, results[0]!.objective), `${what}: ${objective}`);
  }
}

t.test(
  'all backends find the same optimum, cold and warm after every kind of change',
  async (t) => {
    for (let seed = 0; seed < 40; seed++) {
      const dice = new Dice(seed + 1_000_003);
      const program = coveringProgram(seed);
      const covers = program.lower.filter((least) => least >= 0).length;
      const masters = backends.map(({ create }) => create(program.lower));
      try {
        for (const master of masters) master.addColumns(program.columns);
        solveEverywhere(t, masters, program, `seed ${seed}, cold`);

        for (let round = 0; round < 3; round++) {
          const fresh = Array.from({ length: dice.between(1, 20) }, () =>
            randomColumn(dice, covers, program.lower.length),
          );
          program.columns.push(...fresh);
          for (const master of masters) master.addColumns(fresh);
          solveEverywhere(t, masters, program, `seed ${seed}, more columns`);
        }

        for (let change = 0; change < 10; change++) {
          const row = dice.between(0, covers - 1);
          const least = dice.between(0, 500);
          program.lower[row] = least;
          for (const master of masters) master.setRow(row, least);
        }
        solveEverywhere(t, masters, program, `seed ${seed}, other rows`);

        for (let change = 0; change < 10; change++) {
          const at = dice.between(0, program.columns.length - 1);
          const cost = dice.between(1, 90);
          program.columns[at] = { ...program.columns[at]!, cost };
          for (const master of masters) master.setCost(at, cost);
        }
        solveEverywhere(t, masters, program, `seed ${seed}, other costs`);
      } finally {
        for (const master of masters) master.dispose();
      }
    }
  },
);

t.test('a column priced out of use stays out, and comes back with its price', async (t) => {
  for (const { name, create } of backends) {
    const master = create([10]);
    master.addColumns([
      { cost: 1, rows: [0], values: [5] },
      { cost: 3, rows: [0], values: [5] },
    ]);
    t.ok(near(master.solve().objective, 2), name);
    master.setCost(0, 1e6);
    const without = master.solve();
    t.ok(near(without.objective, 6), name);
    t.equal(without.x[0], 0, name);
    master.setCost(0, 1);
    t.ok(near(master.solve().objective, 2), name);
    master.dispose();
  }
});

t.test('an infeasible program is a MasterError, and so is one without a lower end', async (t) => {
  for (const { name, create } of backends) {
    const empty = create([1]);
    t.throws(() => empty.solve(), MasterError, `${name}: demand without columns`);
    empty.dispose();

    const torn = create([5, -1]);
    torn.addColumns([{ cost: 1, rows: [0, 1], values: [1, -1] }]);
    t.throws(() => torn.solve(), MasterError, `${name}: five wanted, one allowed`);
    torn.dispose();

    const endless = create([1]);
    endless.addColumns([{ cost: -1, rows: [0], values: [1] }]);
    t.throws(() => endless.solve(), MasterError, `${name}: every column pays`);
    endless.dispose();
  }
});

t.test('a rebuilt master serves after one that failed', async (t) => {
  for (const { name, create } of backends) {
    const torn = create([5, -1]);
    const columns = [{ cost: 1, rows: [0, 1], values: [1, -1] }];
    torn.addColumns(columns);
    t.throws(() => torn.solve(), MasterError, name);
    torn.dispose();
    const whole = create([5, -9]);
    whole.addColumns(columns);
    t.ok(near(whole.solve().objective, 5), name);
    whole.dispose();
  }
});

t.test('a thousand columns of one shape but rising cost do not make a master cycle', async (t) => {
  for (const { name, create } of backends) {
    const rows = Array.from({ length: 60 }, () => 7);
    const master = create(rows);
    const columns = Array.from({ length: 1000 }, (_, k) => ({
      cost: 1 + Math.floor(k / 60) * 1e-9,
      rows: [k % 60, (k * 7 + 1) % 60].sort((a, b) => a - b),
      values: [1, 1],
    })).filter(({ rows: [a, b] }) => a !== b);
    master.addColumns(columns);
    t.strictSame(findFlaws({ lower: rows, columns }, master.solve()), [], name);
    master.dispose();
  }
});

t.test('disposing a HiGHS master twice does no harm, and it then refuses to solve', async (t) => {
  const master = createHighsMaster([1]);
  master.dispose();
  master.dispose();
  t.throws(() => master.solve(), MasterError);
});
