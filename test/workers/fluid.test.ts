/** The relaxed knapsack is solved to its optimum: HiGHS finds the same, and its multipliers prove it. */
import t from 'tap';
import { fluidContent, type KnapsackData, relaxKnapsack } from '../../workers/fluid.ts';
import { createHighsMaster, loadHighs } from '../../workers/highs.ts';
import { reduce } from '../../workers/reduce.ts';
import { fleetProblem } from '../support/fleet-problem.ts';
import { Dice } from '../support/random-problem.ts';
import { tinyProblem, withPrices } from '../support/reduced-problem.ts';

await loadHighs();

/** max y x subject to request x <= capacity, x <= most, by an LP library. */
function optimumByHighs({ most, request, capacity, y }: KnapsackData): number {
  const R = capacity.length;
  const items = Array.from(y.keys()).filter((c) => most[c]! > 0);
  if (items.length === 0) return 0;
  const master = createHighsMaster([
    ...Array.from(capacity, (c) => -c),
    ...items.map((c) => -most[c]!),
  ]);
  try {
    master.addColumns(
      items.map((c, at) => {
        const asked = Array.from(capacity.keys()).filter((r) => request[c * R + r]! > 0);
        return {
          cost: -y[c]!,
          rows: [...asked, R + at],
          values: [...asked.map((r) => -request[c * R + r]!), -1],
        };
      }),
    );
    return -master.solve().objective;
  } finally {
    master.dispose();
  }
}

function randomKnapsack(seed: number): KnapsackData {
  const dice = new Dice(seed);
  const n = dice.between(1, 40);
  const R = dice.between(1, 6);
  const capacity = Float64Array.from({ length: R }, () => dice.between(1, 4000));
  const request = Float64Array.from({ length: n * R }, () =>
    dice.chance(25) ? 0 : dice.between(1, 900),
  );
  const most = Array.from({ length: n }, (_, c) => {
    const caps = Array.from(capacity, (size, r) => {
      const asks = request[c * R + r]!;
      return asks === 0 ? Infinity : Math.floor(size / asks);
    });
    return Math.min(dice.between(0, 12), ...caps);
  });
  const y = Float64Array.from({ length: n }, () =>
    dice.chance(15) ? 0 : dice.between(1, 5000) / 1000,
  );
  return { most, request, capacity, y };
}

/** The Lagrangian bound of the knapsack at given multipliers. */
function boundAtMultipliers(data: KnapsackData, lambda: Float64Array): number {
  const { most, request, capacity, y } = data;
  const R = capacity.length;
  let total = 0;
  for (let r = 0; r < R; r++) total += lambda[r]! * capacity[r]!;
  for (let c = 0; c < y.length; c++) {
    let gain = y[c]!;
    for (let r = 0; r < R; r++) gain -= lambda[r]! * request[c * R + r]!;
    total += most[c]! * Math.max(0, gain);
  }
  return total;
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-7 * (1 + Math.abs(b));
}

t.test('the content is worth as much as the optimum that HiGHS finds', async (t) => {
  for (let seed = 0; seed < 500; seed++) {
    const data = randomKnapsack(seed);
    const [value, best] = [relaxKnapsack(data).value, optimumByHighs(data)];
    t.ok(near(value, best), `seed ${seed}: ${value}, HiGHS ${best}`);
  }
});

t.test('the content fits and is worth what it says', async (t) => {
  for (let seed = 0; seed < 500; seed++) {
    const data = randomKnapsack(seed);
    const { value, classes, counts } = relaxKnapsack(data);
    const R = data.capacity.length;
    let worth = 0;
    const used = new Float64Array(R);
    classes.forEach((c, e) => {
      worth += counts[e]! * data.y[c]!;
      t.ok(counts[e]! > 0 && counts[e]! <= data.most[c]! * (1 + 1e-9), `seed ${seed}: copies`);
      for (let r = 0; r < R; r++) used[r]! += counts[e]! * data.request[c * R + r]!;
    });
    t.ok(near(worth, value), `seed ${seed}: worth`);
    t.ok(
      used.every((sum, r) => sum <= data.capacity[r]! * (1 + 1e-9)),
      `seed ${seed}: fits`,
    );
  }
});

t.test('its multipliers give the same value from above: nothing sharper exists', async (t) => {
  for (let seed = 0; seed < 500; seed++) {
    const data = randomKnapsack(seed);
    const { value, lambda } = relaxKnapsack(data);
    t.ok(
      lambda.every((one) => one >= 0),
      `seed ${seed}: multipliers are not negative`,
    );
    t.ok(near(boundAtMultipliers(data, lambda), value), `seed ${seed}`);
  }
});

t.test('at the sizes of a catalogue the optimum is found as well', async (t) => {
  const p = reduce(
    fleetProblem({ seed: 9, families: 120, pods: 5000, types: 40, zones: 2, existing: 0 }),
  );
  const dice = new Dice(9);
  const y = Float64Array.from({ length: p.n }, () => dice.between(0, 4000) / 1e5);
  for (let k = 0; k < p.O; k++) {
    const { value } = fluidContent(p, k, y);
    const data = {
      most: p.boundMany.subarray(k * p.n, k * p.n + p.n),
      request: p.source.boundRequest,
      capacity: p.boundCapacity.subarray(k * p.R, k * p.R + p.R),
      y,
    };
    t.ok(near(value, optimumByHighs(data)), `offering ${k}`);
  }
});

t.test('a content never holds what the bound forbids an offering', async (t) => {
  for (let seed = 0; seed < 150; seed++) {
    const p = reduce(withPrices(tinyProblem(seed), 1e7));
    const y = new Float64Array(p.n).fill(0.1);
    for (let k = 0; k < p.O; k++) {
      const { classes } = fluidContent(p, k, y);
      t.ok(
        classes.every((c) => p.boundMany[k * p.n + c]! > 0),
        `seed ${seed}, offering ${k}`,
      );
    }
  }
});

t.test('without values or room the content is empty', async (t) => {
  const nothing = { value: 0, classes: new Int32Array(0), counts: new Float64Array(0) };
  const data = {
    request: Float64Array.of(1, 2),
    capacity: Float64Array.of(4),
    y: Float64Array.of(0, 0),
  };
  t.match(relaxKnapsack({ ...data, most: [3, 3] }), nothing);
  t.match(relaxKnapsack({ ...data, y: Float64Array.of(1, 1), most: [0, 0] }), nothing);
});
