/** The verifier of solutions against brute force, and against every kind of broken solution. */
import { assert, property } from 'fast-check';
import t from 'tap';
import { checkCertificate } from '../../../core/packing/certificate.ts';
import { firstFit } from '../../../core/packing/first-fit.ts';
import type { PackingProblem } from '../../../core/packing/problem.ts';
import type { Bin, PackingSolution } from '../../../core/packing/solution.ts';
import { verifySolution, verifyUnprovenPlan } from '../../../core/packing/verify-solution.ts';
import { type BruteForcePlan, bruteForce, isLegalPlan } from '../../support/brute-force.ts';
import { randomCertificate } from '../../support/random-certificate.ts';
import {
  allFeatures,
  Dice,
  problemSpecs,
  type RandomProblemSpec,
  randomProblem,
} from '../../support/random-problem.ts';

const stats = {
  classes: 0,
  offerings: 0,
  offeringsKept: 0,
  columns: 0,
  iterations: 0,
  wallMs: 0,
  phases: {},
  seed: 0,
  stoppedBy: 'exhausted',
  curve: [],
} as const;

/** A plan by first-fit with a certificate that holds, as a solver would hand them over. */
function provenSolution(problem: PackingProblem, seed: number): PackingSolution {
  const plan = firstFit(problem);
  const served = problem.demand.map((pods, family) => pods - plan.unserved[family]!);
  const certificate = randomCertificate(problem, served, new Dice(seed));
  const verdict = checkCertificate(problem, certificate);
  if (!verdict.ok) throw new Error(verdict.reasons[0]!.message);
  const lowerBoundNano = verdict.lowerBoundNano;
  return { ...plan, lowerBoundNano, proof: 'certified', certificate, stats };
}

function someProblem(seed: number): PackingProblem {
  const features = allFeatures.filter((_, at) => ((seed * 2_654_435_761) >>> at) % 2 === 1);
  return randomProblem({
    seed,
    families: 1 + (seed % 4),
    offerings: 1 + (seed % 4),
    pods: 1 + (seed % 8),
    features,
  });
}

function codesOf(problem: PackingProblem, solution: PackingSolution): readonly string[] {
  const status = verifySolution(problem, solution);
  return status.ok ? [] : status.violations.map(({ code }) => code);
}

t.test('a sound solution is accepted with its cost and its proven bound', async (t) => {
  for (let seed = 0; seed < 500; seed++) {
    const problem = someProblem(seed);
    const solution = provenSolution(problem, seed);
    const { costNano, lowerBoundNano } = solution;
    t.strictSame(
      verifySolution(problem, solution),
      { ok: true, costNano, provenBoundNano: lowerBoundNano },
      `seed ${seed}`,
    );
  }
});

t.test('an optimal plan of brute force is accepted', async () => {
  assert(
    property(problemSpecs({ families: 4, offerings: 4, pods: 6 }), (spec) => {
      const problem = randomProblem(spec);
      return verifyUnprovenPlan(problem, bruteForce(problem)).ok;
    }),
    { numRuns: 1000, seed: 1 },
  );
});

t.test('each broken rule is named', async (t) => {
  const spec: RandomProblemSpec = { seed: 5, families: 2, offerings: 1, pods: 4, features: [] };
  const problem: PackingProblem = {
    ...randomProblem(spec),
    demand: Int32Array.of(2, 2),
    request: Float64Array.of(2, 1, 1, 1, 1, 1),
    boundRequest: Float64Array.of(2, 1, 1, 1, 1, 1),
    capacity: Float64Array.of(6, 9, 9),
    boundCapacity: Float64Array.of(6, 9, 9),
    priceNano: Float64Array.of(10),
  };
  const bin = (classes: number[], counts: number[], copies = 1): Bin => ({
    offering: 0,
    classes: Int32Array.from(classes),
    counts: Int32Array.from(counts),
    copies,
  });
  const plan = (bins: readonly Bin[], costNano = 10, left = [0, 0]): BruteForcePlan => ({
    bins,
    costNano,
    unserved: Int32Array.from(left),
  });
  const judge = (changes: Partial<PackingProblem>, candidate: BruteForcePlan) => {
    const status = verifyUnprovenPlan({ ...problem, ...changes }, candidate);
    return status.ok ? [] : status.violations.map(({ code }) => code);
  };
  const all = plan([bin([0, 1], [2, 2])]);
  const two = plan([bin([0], [2]), bin([1], [2])], 20);
  const domain = (name: string, c: number, max = 0x7fffffff) => ({
    name,
    classes: Int32Array.of(c),
    existing: 0,
    max,
  });
  const group = { name: 'g', maxSkew: 1, floorIsZero: false, boundSafe: true };

  t.strictSame(judge({}, all), []);
  t.strictSame(judge({ capacity: Float64Array.of(5, 9, 9) }, all), ['over-capacity']);
  t.strictSame(judge({ masks: Uint16Array.of(9, 0) }, all), ['incompatible-class']);
  t.strictSame(judge({ masks: Uint16Array.of(1, 9) }, all), ['too-many-per-bin']);
  t.strictSame(judge({ conflicts: Int32Array.of(1, 0) }, all), ['conflicting-classes']);
  t.strictSame(judge({ conflicts: Int32Array.of(1, 1) }, all), ['conflicting-classes']);
  t.strictSame(judge({ conflicts: Int32Array.of(1, 0) }, two), []);
  t.strictSame(judge({ available: Int32Array.of(1) }, two), ['too-many-bins']);
  const limits = [{ name: 'cpu', weight: Float64Array.of(3), max: 5 }];
  t.strictSame(judge({ limits }, two), ['limit-exceeded']);
  t.strictSame(judge({ limits }, all), []);
  const capped = { ...group, domains: [domain('a', 0, 1), domain('b', 1)] };
  t.strictSame(judge({ domainGroups: [capped] }, all), ['domain-max-exceeded']);
  const closed = { name: 'c', classes: new Int32Array(0), existing: 0, max: 0x7fffffff };
  const skewed = { ...group, domains: [domain('a', 0), closed] };
  t.strictSame(judge({ domainGroups: [skewed] }, all), ['skew-exceeded']);
  const level = { ...group, domains: [domain('a', 0), { ...closed, existing: 1 }] };
  t.strictSame(judge({ domainGroups: [level] }, all), []);
  t.strictSame(judge({ domainGroups: [{ ...level, floorIsZero: true }] }, all), ['skew-exceeded']);
  const idle = { ...group, domains: [{ ...closed, existing: 9 }, domain('b', 1)] };
  t.strictSame(
    judge({ domainGroups: [{ ...idle, maxSkew: 2 }] }, all),
    [],
    'a domain that the plan leaves alone may be too full already',
  );
  t.strictSame(judge({}, plan([bin([0, 1], [2, 1])])), ['pods-miscounted']);
  t.strictSame(judge({}, plan([bin([0, 1], [2, 2])], 10, [0, 1])), ['pods-miscounted']);
  t.strictSame(judge({}, plan([bin([0, 1], [2, 1])], 10, [0, 1])), []);
  t.strictSame(judge({}, plan([bin([0, 1], [2, 2])], 10, [0])), ['pods-miscounted']);
  t.strictSame(judge({}, plan([bin([0, 1], [2, 2])], 11)), ['cost-mismatch']);
  for (const odd of [bin([1, 0], [2, 2]), bin([0, 0, 1], [1, 1, 2]), bin([0, 2], [2, 2])]) {
    t.match(judge({}, plan([odd])), ['malformed-bin']);
  }
  t.match(judge({}, plan([bin([0, 1], [2, 0])])), ['malformed-bin']);
  t.match(judge({}, plan([bin([0, 1], [2, 2], 0)])), ['malformed-bin']);
  t.match(judge({}, plan([bin([], [])])), ['malformed-bin']);
  t.match(judge({}, plan([{ ...bin([0], [2]), offering: 1 }])), ['malformed-bin']);
  t.strictSame(judge({ demand: Int32Array.of(2) }, all), ['malformed-problem']);
});

t.test('a plan with one change is accepted only if it is legal as changed', async (t) => {
  let refused = 0;
  let legal = 0;
  for (let seed = 0; seed < 400; seed++) {
    const problem = someProblem(seed);
    const plan = firstFit(problem);
    for (const changed of oneStepChanges(problem, plan)) {
      const expected = isLegalPlan(problem, changed);
      const status = verifyUnprovenPlan(problem, changed);
      if (status.ok !== expected) t.equal(status.ok, expected, `seed ${seed}`);
      if (expected) legal++;
      else refused++;
    }
  }
  t.ok(refused > 5000, `${refused} changes were refused`);
  t.ok(legal > 20, `${legal} moves made another legal plan`);
});

t.test('pods that are dropped, doubled or disowned are always missed', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const problem = someProblem(seed);
    const solution = provenSolution(problem, seed);
    for (const [at, bin] of solution.bins.entries()) {
      for (const step of [-1, 1]) {
        const counts = bin.counts.with(0, bin.counts[0]! + step);
        const bins = solution.bins.with(at, { ...bin, counts });
        const codes = codesOf(problem, { ...solution, bins });
        t.ok(codes.includes('pods-miscounted') || codes.includes('malformed-bin'), `seed ${seed}`);
      }
    }
    for (const family of solution.unserved.keys()) {
      const unserved = solution.unserved.with(family, solution.unserved[family]! + 1);
      t.ok(codesOf(problem, { ...solution, unserved }).includes('pods-miscounted'));
    }
  }
});

t.test('a claim about the bound is never more than its certificate', async (t) => {
  let raised = 0;
  for (let seed = 0; seed < 300; seed++) {
    const problem = someProblem(seed);
    const solution = provenSolution(problem, seed);
    const { lowerBoundNano, costNano } = solution;
    const judge = (changes: Partial<PackingSolution>) =>
      codesOf(problem, { ...solution, ...changes });
    const above = judge({ lowerBoundNano: lowerBoundNano + 1 });
    t.strictSame(
      above.filter((code) => code !== 'bound-above-cost'),
      ['bound-unproven'],
    );
    t.equal(above.includes('bound-above-cost'), lowerBoundNano === costNano);
    t.ok(judge({ lowerBoundNano: costNano + 1 }).includes('bound-above-cost'));
    t.ok(judge({ lowerBoundNano: Number.NaN }).includes('bound-above-cost'));
    if (lowerBoundNano > 0) {
      raised++;
      t.strictSame(judge({ lowerBoundNano: lowerBoundNano - 1 }), []);
      t.strictSame(judge({ certificate: null, proof: 'unproven' }), ['bound-unproven']);
    }
    t.strictSame(judge({ certificate: null, lowerBoundNano: 0, proof: 'unproven' }), []);
    t.strictSame(judge({ certificate: null, lowerBoundNano: 0 }), ['certificate-missing']);
    t.strictSame(judge({ proof: 'optimal', lowerBoundNano: costNano }), []);
    if (lowerBoundNano < costNano) t.strictSame(judge({ proof: 'optimal' }), ['bound-unproven']);
  }
  t.ok(raised > 30, `${raised} solutions had a bound above 0`);
});

t.test('a certificate for other pods than are placed is refused', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const problem = someProblem(seed);
    const solution = provenSolution(problem, seed);
    const { certificate } = solution;
    certificate!.demand.forEach((pods, family) => {
      if (pods === 0) return;
      const demand = certificate!.demand.with(family, pods - 1);
      const changed = { ...solution, lowerBoundNano: 0, certificate: { ...certificate!, demand } };
      t.match(codesOf(problem, changed), ['certificate-demand-mismatch'], `seed ${seed}`);
    });
  }
});

t.test('a broken plan of many bins is reported in a bounded list', async (t) => {
  const problem = someProblem(3);
  const bin = { offering: 99, classes: Int32Array.of(0), counts: Int32Array.of(1), copies: 1 };
  const plan = { ...firstFit(problem), bins: Array.from({ length: 1000 }, () => bin) };
  const status = verifyUnprovenPlan(problem, plan);
  t.ok(!status.ok && status.violations.length === 50 && status.omitted >= 950);
});

/** Every plan that differs from `plan` in one pod, one bin, one offering or one figure. */
function* oneStepChanges(problem: PackingProblem, plan: BruteForcePlan): Generator<BruteForcePlan> {
  const bins = plan.bins.flatMap((bin) =>
    Array.from({ length: bin.copies }, () => ({ ...bin, copies: 1 })),
  );
  const withBin = (at: number, bin: Bin | undefined): readonly Bin[] =>
    bin === undefined ? bins.toSpliced(at, 1) : bins.with(at, bin);
  yield { ...plan, costNano: plan.costNano + 1 };
  yield { ...plan, costNano: plan.costNano - 1 };
  for (const [at, bin] of bins.entries()) {
    yield { ...plan, bins: withBin(at, undefined) };
    yield { ...plan, bins: withBin(at, { ...bin, copies: 2 }) };
    for (let offering = 0; offering < problem.offeringCount; offering++) {
      if (offering === bin.offering) continue;
      const changed = withBin(at, { ...bin, offering });
      yield { ...plan, bins: changed };
      const costNano =
        plan.costNano - problem.priceNano[bin.offering]! + problem.priceNano[offering]!;
      yield { ...plan, bins: changed, costNano };
    }
    for (const c of bin.classes) {
      const rest = movePod(bin, c, -1);
      yield { ...plan, bins: withBin(at, rest) };
      yield { ...plan, bins: withBin(at, movePod(bin, c, 1)) };
      for (let other = 0; other < problem.classCount; other++) {
        if (other === c || rest === undefined) continue;
        yield { ...plan, bins: withBin(at, movePod(rest, other, 1)) };
      }
      for (const [to, target] of bins.entries()) {
        if (to === at) continue;
        const moved = bins.with(to, movePod(target, c, 1)!);
        yield { ...plan, bins: rest === undefined ? moved.toSpliced(at, 1) : moved.with(at, rest) };
      }
    }
  }
  for (const family of plan.unserved.keys()) {
    for (const step of [-1, 1]) {
      const unserved = plan.unserved.with(family, plan.unserved[family]! + step);
      yield { ...plan, unserved };
    }
  }
}

/** `bin` with one pod of class `c` more or fewer; undefined if nothing is left. */
function movePod(bin: Bin, c: number, step: number): Bin | undefined {
  const contents = new Map([...bin.classes].map((known, at) => [known, bin.counts[at]!]));
  contents.set(c, (contents.get(c) ?? 0) + step);
  const classes = [...contents.keys()].filter((known) => contents.get(known)! > 0);
  if (classes.length === 0) return undefined;
  classes.sort((a, b) => a - b);
  return {
    ...bin,
    classes: Int32Array.from(classes),
    counts: Int32Array.from(classes, (known) => contents.get(known)!),
  };
}
