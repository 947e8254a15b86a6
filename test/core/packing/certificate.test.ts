/** The certificate's bound against brute force, and against every small step away from a sound one. */
import { assert, property } from 'fast-check';
import t from 'tap';
import { InvariantError } from '../../../core/errors.ts';
import { checkCertificate } from '../../../core/packing/certificate.ts';
import type { PackingProblem } from '../../../core/packing/problem.ts';
import type { Certificate } from '../../../core/packing/solution.ts';
import { bruteForce, bruteForceCost } from '../../support/brute-force.ts';
import { fleetProblem } from '../../support/fleet-problem.ts';
import { evaluateNaively, randomCertificate } from '../../support/random-certificate.ts';
import { Dice, problemSpecs, randomProblem } from '../../support/random-problem.ts';

/** One resource, one class, two offerings: a bin of 10 for 100, a bin of 4 for 50. */
function tinyProblem(changes: Partial<PackingProblem> = {}): PackingProblem {
  const request = Float64Array.of(2);
  const capacity = Float64Array.of(10, 4);
  const masks = Uint16Array.of(0xffff);
  return {
    resourceNames: ['cpuMilli'],
    familyCount: 1,
    demand: Int32Array.of(7),
    priority: Float64Array.of(0),
    classCount: 1,
    familyOf: Int32Array.of(0),
    request,
    boundRequest: request,
    offeringCount: 2,
    capacity,
    boundCapacity: capacity,
    priceNano: Float64Array.of(100, 50),
    steerNano: new Float64Array(2),
    available: Int32Array.of(-1, -1),
    maskOf: Int32Array.of(0, 0),
    maskCount: 1,
    masks,
    boundMasks: masks,
    conflicts: new Int32Array(0),
    domainGroups: [],
    limits: [],
    ...changes,
  };
}

type Amounts = 'request' | 'boundRequest' | 'capacity' | 'boundCapacity';

/** The same amounts for the plan and for the bound. */
function bothReadings(plan: Amounts, bound: Amounts, amounts: number[]): Partial<PackingProblem> {
  return { [plan]: Float64Array.from(amounts), [bound]: Float64Array.from(amounts) };
}

function oneOffering(price: number): Partial<PackingProblem> {
  return {
    offeringCount: 1,
    priceNano: Float64Array.of(price),
    steerNano: new Float64Array(1),
    available: Int32Array.of(-1),
    maskOf: Int32Array.of(0),
  };
}

/** Two families instead of one, both as in the tiny problem. */
function twinProblem(changes: Partial<PackingProblem> = {}): PackingProblem {
  return tinyProblem({
    familyCount: 2,
    demand: Int32Array.of(7, 7),
    priority: new Float64Array(2),
    classCount: 2,
    familyOf: Int32Array.of(0, 1),
    ...bothReadings('request', 'boundRequest', [2, 2]),
    masks: Uint16Array.of(0xffff, 0xffff),
    boundMasks: Uint16Array.of(0xffff, 0xffff),
    ...changes,
  });
}

/** One family over two zones with a skew of 1; five pods fit a bin: 50 here, 250 there. */
function zonalProblem(boundSafe: boolean): PackingProblem {
  const masks = Uint16Array.of(0xffff, 0, 0, 0xffff);
  const domain = (name: string, c: number) => ({
    name,
    classes: Int32Array.of(c),
    existing: 0,
    max: 0x7fffffff,
  });
  return tinyProblem({
    classCount: 2,
    familyOf: Int32Array.of(0, 0),
    ...bothReadings('request', 'boundRequest', [2, 2]),
    ...bothReadings('capacity', 'boundCapacity', [10, 10]),
    priceNano: Float64Array.of(50, 250),
    maskOf: Int32Array.of(0, 1),
    maskCount: 2,
    masks,
    boundMasks: masks,
    domainGroups: [
      {
        name: 'spread',
        domains: [domain('a', 0), domain('b', 1)],
        maxSkew: 1,
        floorIsZero: false,
        boundSafe,
      },
    ],
  });
}

/** Twenty a pod: a full bin of ten is worth exactly its price. */
function tinyCertificate(changes: Partial<Certificate> = {}): Certificate {
  return {
    demand: [7],
    fractionBits: 2,
    classDual: [20],
    domainDual: [],
    limitDual: [],
    multipliers: [[40]],
    multiplierOf: [0, 0],
    tables: [],
    ...changes,
  };
}

function codesOf(problem: PackingProblem, certificate: Certificate): readonly string[] {
  const verdict = checkCertificate(problem, certificate);
  return verdict.ok ? [] : verdict.reasons.map(({ code }) => code);
}

t.test('a bound is rounded up to what plans can cost', async (t) => {
  t.strictSame(
    checkCertificate(tinyProblem(), tinyCertificate()),
    { ok: true, lowerBoundNano: 150 },
    '7 pods at 20 are 140; plans cost multiples of 50',
  );
  t.equal(bruteForceCost(tinyProblem(), [7]), 150);
});

t.test('a dual that makes a bin worth more than it costs is refused', async (t) => {
  t.strictSame(codesOf(tinyProblem(), tinyCertificate({ classDual: [21] })), ['dual-infeasible']);
});

t.test(
  'a multiplier raised above the price, or lowered below the requests, is refused',
  async (t) => {
    const raised = tinyCertificate({ multipliers: [[41]] });
    t.strictSame(codesOf(tinyProblem(), raised), ['dual-infeasible']);
    const twins = tinyCertificate({ demand: [7, 7], classDual: [20, 20] });
    t.strictSame(codesOf(twinProblem(), twins), []);
    t.strictSame(codesOf(twinProblem(), { ...twins, multipliers: [[38]] }), ['dual-infeasible']);
  },
);

t.test('a table lets a small bin be worth its best content and no more', async (t) => {
  const problem = twinProblem({
    resourceNames: ['cpuMilli', 'memoryMiB'],
    ...bothReadings('request', 'boundRequest', [3, 1, 3, 1]),
    ...bothReadings('capacity', 'boundCapacity', [5, 9]),
    ...oneOffering(60),
  });
  const plain = tinyCertificate({
    demand: [7, 7],
    classDual: [60, 60],
    multipliers: [[0, 0]],
    multiplierOf: [0],
  });
  t.strictSame(codesOf(problem, plain), ['dual-infeasible'], 'one pod of each seems to fit');
  const claim = { offerings: [0], resources: [0, 1], grid: [1, 1] } as const;
  t.strictSame(checkCertificate(problem, { ...plain, tables: [claim] }), {
    ok: true,
    lowerBoundNano: 14 * 60,
  });
  const coarse = { ...claim, grid: [2, 1] } as const;
  t.strictSame(
    codesOf(problem, { ...plain, tables: [coarse] }),
    ['dual-infeasible'],
    'rounded down to the grid, two pods of 3 fit into 5',
  );
});

t.test('a table that would be too large is refused with its size', async (t) => {
  const problem = tinyProblem({
    resourceNames: ['cpuMilli', 'memoryMiB'],
    ...bothReadings('request', 'boundRequest', [2, 2]),
    ...bothReadings('capacity', 'boundCapacity', [4e6, 4e6, 4, 4]),
  });
  const claim = { offerings: [0], resources: [0, 1], grid: [1, 1] } as const;
  const certificate = tinyCertificate({ multipliers: [[0, 0]], classDual: [1], tables: [claim] });
  t.strictSame(codesOf(problem, certificate), ['table-too-large']);
});

t.test('counted offerings cost the bound what their bins may be worth', async (t) => {
  const problem = tinyProblem({
    priceNano: Float64Array.of(100, 0),
    available: Int32Array.of(-1, 2),
  });
  const verdict = checkCertificate(problem, tinyCertificate());
  t.strictSame(verdict, { ok: true, lowerBoundNano: 100 }, '140 less two bins of 40, rounded up');
  t.equal(bruteForceCost(problem, [7]), 100);
});

t.test('limits lend their multipliers to the prices and are paid for', async (t) => {
  const limits = [{ name: 'cpu', weight: Float64Array.of(10, 4), max: 20 }];
  const certificate = tinyCertificate({ limitDual: [4], classDual: [22], multipliers: [[44]] });
  t.strictSame(checkCertificate(tinyProblem({ limits }), certificate), {
    ok: true,
    lowerBoundNano: 150,
  });
  const free = [{ name: 'cpu', weight: Float64Array.of(10, 4), max: 1000 }];
  t.strictSame(checkCertificate(tinyProblem({ limits: free }), certificate), {
    ok: true,
    lowerBoundNano: 0,
  });
});

t.test('domain rows pay at the end of their range that the sign of the dual names', async (t) => {
  const problem = zonalProblem(true);
  const even = tinyCertificate({
    classDual: [10, 50],
    multipliers: [[20], [100]],
    multiplierOf: [0, 1],
  });
  t.strictSame(
    checkCertificate(problem, even),
    { ok: true, lowerBoundNano: 100 },
    'without rows all 7 may go to the cheap zone: 70, rounded up',
  );
  const rows = { ...even, domainDual: [[0, 40]] };
  t.strictSame(
    checkCertificate(problem, rows),
    { ok: true, lowerBoundNano: 200 },
    '7 at 10 and 3 in the dear zone at 40 more: 190, rounded up',
  );
  t.strictSame(codesOf(zonalProblem(false), rows), ['domain-row-unusable']);
  t.equal(bruteForceCost(problem, [7]), 300);
});

t.test('a sum that rounds in doubles is redone exactly', async (t) => {
  const multiplier = 2 ** 50 - 1;
  const problem = tinyProblem({
    ...bothReadings('capacity', 'boundCapacity', [11]),
    ...oneOffering(11 * 2 ** 49 - 6),
  });
  const certificate = tinyCertificate({
    fractionBits: 1,
    classDual: [multiplier],
    multipliers: [[multiplier]],
    multiplierOf: [0],
  });
  t.equal(11 * multiplier, 2 * problem.priceNano[0]!, 'doubles see no difference');
  t.strictSame(codesOf(problem, certificate), ['dual-infeasible']);
});

t.test('duals that pass 2^53 when scaled are read exactly', async (t) => {
  const problem = tinyProblem({
    ...bothReadings('capacity', 'boundCapacity', [10]),
    ...oneOffering(20),
  });
  const certificate = tinyCertificate({
    fractionBits: 52,
    classDual: [4],
    multipliers: [[2 ** 53 - 1]],
    multiplierOf: [0],
  });
  t.strictSame(checkCertificate(problem, certificate), { ok: true, lowerBoundNano: 40 });
  t.strictSame(codesOf(problem, { ...certificate, classDual: [5] }), ['dual-infeasible']);
});

t.test('anything but integers in their ranges is refused before it is used', async (t) => {
  const claim = { offerings: [0], resources: [0, 0], grid: [1, 1] } as const;
  const broken: Record<string, unknown>[] = [
    { demand: [] },
    { demand: [8] },
    { demand: [-1] },
    { demand: [1.5] },
    { demand: '7' },
    { fractionBits: -1 },
    { fractionBits: 53 },
    { fractionBits: Number.NaN },
    { classDual: [-20] },
    { classDual: [Number.NaN] },
    { classDual: [20, 20] },
    { classDual: ['20'] },
    { classDual: undefined },
    { domainDual: [[1]] },
    { domainDual: null },
    { limitDual: [1] },
    { multipliers: [[40, 0]] },
    { multipliers: [[-40]] },
    { multipliers: [[Infinity]] },
    { multipliers: [40] },
    { multiplierOf: [0] },
    { multiplierOf: [0, 1] },
    { multiplierOf: [0, -1] },
    { tables: undefined },
    { tables: [null] },
    { tables: [{ ...claim, offerings: [2] }] },
    { tables: [{ ...claim, resources: [0, 1] }] },
    { tables: [{ ...claim, grid: [0, 1] }] },
  ];
  for (const change of broken) {
    const certificate = { ...tinyCertificate(), ...change } as Certificate;
    const codes = new Set(codesOf(tinyProblem(), certificate));
    t.strictSame([...codes], ['malformed-certificate'], JSON.stringify(change));
  }
});

t.test('a problem that is none is a bug, not a rejection', async (t) => {
  const broken = tinyProblem({ priceNano: Float64Array.of(100, 0.5) });
  t.throws(() => checkCertificate(broken, tinyCertificate()), InvariantError);
});

t.test('no accepted bound is above the optimum, and each equals the definition', async (t) => {
  let tight = 0;
  assert(
    property(problemSpecs({ families: 5, offerings: 4, pods: 7 }), (spec) => {
      const problem = randomProblem(spec);
      const optimum = bruteForce(problem);
      const served = problem.demand.map((pods, family) => pods - optimum.unserved[family]!);
      const certificate = randomCertificate(problem, served, new Dice(spec.seed));
      const verdict = checkCertificate(problem, certificate);
      if (!verdict.ok) return false;
      if (verdict.lowerBoundNano === optimum.costNano && optimum.costNano > 0) tight++;
      return (
        verdict.lowerBoundNano <= optimum.costNano &&
        BigInt(verdict.lowerBoundNano) === evaluateNaively(problem, certificate)
      );
    }),
    { numRuns: 2000, seed: 20261122 },
  );
  t.ok(tight > 50, `the bound met the optimum ${tight} times: the property is not idle`);
});

t.test(
  'every change of one number of a certificate is judged as the definition judges it',
  async (t) => {
    let refused = 0;
    for (let seed = 0; seed < 300; seed++) {
      const problem = randomProblem({
        seed,
        families: 1 + (seed % 4),
        offerings: 1 + (seed % 3),
        pods: 6,
        features: ['masks', 'domains', 'limits', 'counts', 'relaxations'],
      });
      const certificate = randomCertificate(problem, problem.demand, new Dice(seed));
      for (const changed of oneStepChanges(certificate)) {
        const verdict = checkCertificate(problem, changed);
        const expected = evaluateNaively(problem, changed);
        if (expected === undefined) refused++;
        const actual = verdict.ok ? BigInt(verdict.lowerBoundNano) : undefined;
        if (actual !== expected) t.equal(actual, expected, `seed ${seed}`);
      }
    }
    t.ok(refused > 500, `${refused} changes were refused`);
  },
);

t.test('16,000 offerings with 300 classes are checked in well under a second', async (t) => {
  const spec = { seed: 3, families: 300, pods: 100_000, types: 2000, zones: 4, existing: 0 };
  const problem = fleetProblem(spec);
  const resources = problem.resourceNames.length;
  const multipliers = Array.from(problem.priceNano, (price, o) =>
    problem.resourceNames.map((_, r) => {
      const capacity = problem.capacity[o * resources + r]!;
      return capacity === 0 ? 0 : Math.floor((price * 1024) / capacity / resources);
    }),
  );
  const certificate = tinyCertificate({
    demand: [...problem.demand],
    fractionBits: 10,
    classDual: Array.from(problem.demand, () => 100_000),
    multipliers,
    multiplierOf: multipliers.map((_, o) => o),
  });
  const before = process.cpuUsage();
  const verdict = checkCertificate(problem, certificate);
  const { user } = process.cpuUsage(before);
  t.ok(verdict.ok && verdict.lowerBoundNano > 0);
  t.ok(user < 2_000_000, `took ${user / 1000} ms of processor time`);
});

/** The certificate with one entry moved by one, in turn. */
function* oneStepChanges(certificate: Certificate): Generator<Certificate> {
  for (const at of certificate.classDual.keys()) {
    for (const step of [-1, 1]) {
      const classDual = nudge(certificate.classDual, at, step);
      if (classDual[at]! >= 0) yield { ...certificate, classDual };
    }
  }
  for (const [o, vector] of certificate.multipliers.entries()) {
    for (const at of vector.keys()) {
      for (const step of [-1, 1]) {
        const changed = nudge(vector, at, step);
        if (changed[at]! < 0) continue;
        yield { ...certificate, multipliers: certificate.multipliers.with(o, changed) };
      }
    }
  }
  for (const at of certificate.limitDual.keys()) {
    yield { ...certificate, limitDual: nudge(certificate.limitDual, at, 1) };
  }
}

function nudge(values: readonly number[], at: number, step: number): number[] {
  return values.with(at, values[at]! + step);
}
