/**
 * From any duals whatever comes a bound that no plan undercuts, and the certificate that proves it.
 */
import t from 'tap';
import { checkCertificate } from '../../core/packing/certificate.ts';
import type { PackingProblem } from '../../core/packing/problem.ts';
import { writeCertificate } from '../../workers/certify.ts';
import { boundAt, type DualPoint, demandTerm, dualPoint, mix } from '../../workers/lagrangian.ts';
import { buildRows, type MasterRows } from '../../workers/master-rows.ts';
import { type ReducedProblem, reduce } from '../../workers/reduce.ts';
import { bestContent, lagrangianWorth } from '../support/bin-worth.ts';
import { bruteForce, bruteForceCost } from '../support/brute-force.ts';
import { Dice } from '../support/random-problem.ts';
import { tinyProblem, withPrices } from '../support/reduced-problem.ts';

const cases = 500;
const nano = 1e9;

interface Case {
  readonly problem: PackingProblem;
  readonly p: ReducedProblem;
  readonly rows: MasterRows;
  /** USD per hour. */
  readonly optimum: number;
}

/** A problem whose whole demand an optimal plan serves, at prices of cents to dollars. */
function servedCase(seed: number): Case | null {
  const whole = withPrices(tinyProblem(seed), 1e7);
  const { unserved } = bruteForce(whole);
  const demand = whole.demand.map((pods, family) => pods - unserved[family]!);
  if (demand.every((pods) => pods === 0)) return null;
  const problem = { ...whole, demand };
  const p = reduce(problem);
  const optimum = bruteForceCost(problem, demand)! / nano;
  return { problem, p, rows: buildRows(p, 'plan'), optimum };
}

/** Duals around the prices of a problem, of every sign that is allowed. */
function randomPoint({ p, rows }: Case, dice: Dice): DualPoint {
  const scale = p.money.reduce((a, b) => Math.max(a, b), 0) || 0.1;
  const some = (most: number): number => (dice.between(0, 1000) / 1000) * most;
  return {
    y: Float64Array.from({ length: p.n }, () => (dice.chance(20) ? 0 : some(scale / 2))),
    domain: Float64Array.from(rows.domainRows, ({ boundSafe }) =>
      boundSafe && dice.chance(60) ? some(scale / 3) - scale / 6 : 0,
    ),
    limit: Float64Array.from(p.limitMax, () => (dice.chance(50) ? some(scale / 20) : 0)),
  };
}

t.test('no plan is cheaper than the bound at any duals', async (t) => {
  let positive = 0;
  for (let seed = 0; seed < cases; seed++) {
    const one = servedCase(seed);
    if (one === null) continue;
    const dice = new Dice(seed + 31);
    for (let round = 0; round < 4; round++) {
      const point = randomPoint(one, dice);
      const upper = Float64Array.from({ length: one.p.O }, (_, k) =>
        bestContent(one.p, k, point.y),
      );
      const { value, theta } = boundAt(one.p, one.rows, point, upper);
      if (value > 0) positive++;
      t.ok(theta >= 0 && theta <= 1, `seed ${seed}: theta ${theta}`);
      t.ok(value <= one.optimum * (1 + 1e-9) + 1e-9, `seed ${seed}: ${value} above ${one.optimum}`);
    }
  }
  t.ok(positive > cases / 2, `${positive} bounds say something`);
});

t.test('the certificate of a point is accepted and proves what the floats said', async (t) => {
  let positive = 0;
  for (let seed = 0; seed < cases; seed++) {
    const one = servedCase(seed);
    if (one === null) continue;
    const { problem, p, rows } = one;
    const dice = new Dice(seed + 47);
    const point = randomPoint(one, dice);
    const lambda = Float64Array.from({ length: p.O * p.R }, (_, at) => {
      const size = p.boundCapacity[at]!;
      const price = p.money[Math.floor(at / p.R)]!;
      return size > 0 && dice.chance(60) ? ((dice.between(0, 1000) / 1000) * price) / size : 0;
    });
    const upper = Float64Array.from({ length: p.O }, (_, k) =>
      lagrangianWorth(p, k, point.y, lambda),
    );
    const float = boundAt(p, rows, point, upper);
    const certificate = writeCertificate(p, rows, point, float.theta, lambda, null);
    if (certificate === null) {
      t.fail(`seed ${seed}: no certificate`);
      continue;
    }
    const verdict = checkCertificate(problem, certificate);
    if (!verdict.ok) {
      t.fail(`seed ${seed}: ${verdict.reasons[0]!.message}`);
      continue;
    }
    const proven = verdict.lowerBoundNano / nano;
    if (float.value > 0) positive++;
    // Rounding duals to whole nano-USD, and the room that is kept for rounding multipliers.
    const worth = point.y.reduce((sum, y, c) => sum + y * problem.demand[problem.familyOf[c]!]!, 0);
    t.ok(proven >= float.value - 1e-5 * (worth + 0.001), `seed ${seed}: ${proven}, ${float.value}`);
    t.ok(proven <= one.optimum * (1 + 1e-12), `seed ${seed}: ${proven} above ${one.optimum}`);
  }
  t.ok(positive > cases / 10, `${positive} certificates prove something`);
});

t.test('offerings that the reduction dropped are in the certificate as well', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const one = servedCase(seed);
    if (one === null) continue;
    const { problem, p, rows } = one;
    const point = randomPoint(one, new Dice(seed));
    const lambda = new Float64Array(p.O * p.R);
    const upper = Float64Array.from({ length: p.O }, (_, k) =>
      lagrangianWorth(p, k, point.y, lambda),
    );
    const { theta } = boundAt(p, rows, point, upper);
    const certificate = writeCertificate(p, rows, point, theta, lambda, null);
    t.equal(certificate?.multiplierOf.length, problem.offeringCount, `seed ${seed}`);
    t.strictSame(certificate?.demand, Array.from(problem.demand), `seed ${seed}`);
  }
});

t.test('covering the demand is worth the least value of a class of each family', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const one = servedCase(seed);
    if (one === null) continue;
    const { problem, p, rows } = one;
    const { y } = randomPoint(one, new Dice(seed));
    const without = {
      y,
      domain: new Float64Array(rows.domainRows.length),
      limit: new Float64Array(p.limitMax.length),
    };
    let expected = 0;
    problem.demand.forEach((pods, family) => {
      if (pods === 0) return;
      const values = Array.from(y).filter((_, c) => problem.familyOf[c] === family);
      expected += pods * Math.min(...values);
    });
    t.ok(Math.abs(demandTerm(p, rows, without) - expected) < 1e-9, `seed ${seed}`);
  }
});

t.test('duals of rows that the bound may not use are left out of a point', async (t) => {
  let unsafe = 0;
  for (let seed = 0; seed < cases; seed++) {
    const one = servedCase(seed);
    if (one === null) continue;
    const dual = new Float64Array(one.rows.lower.length).fill(1);
    const point = dualPoint(one.p, one.rows, dual);
    one.rows.domainRows.forEach(({ boundSafe, lowRow, highRow }, at) => {
      if (!boundSafe) unsafe++;
      const expected = boundSafe ? (lowRow >= 0 ? 1 : 0) - (highRow >= 0 ? 1 : 0) : 0;
      t.equal(point.domain[at], expected, `seed ${seed}, row ${at}`);
    });
    t.strictSame(point.y, new Float64Array(one.p.n).fill(1), `seed ${seed}`);
    t.equal(point.limit.length, one.p.limitMax.length, `seed ${seed}`);
  }
  t.ok(unsafe > 0, 'some rows were not safe');
});

t.test('a blend of two points lies between them', async (t) => {
  const p = { y: Float64Array.of(1, 2), domain: Float64Array.of(-1), limit: Float64Array.of(0) };
  const q = { y: Float64Array.of(3, 2), domain: Float64Array.of(1), limit: Float64Array.of(4) };
  t.strictSame(mix(0.75, p, q), {
    y: Float64Array.of(1.5, 2),
    domain: Float64Array.of(-0.5),
    limit: Float64Array.of(1),
  });
  t.strictSame(mix(1, p, q), p);
});
