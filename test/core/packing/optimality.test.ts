/** The independent proof by exhaustion against brute force. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { PackingProblem } from '../../../core/packing/problem.ts';
import type { Certificate } from '../../../core/packing/solution.ts';
import { checkOptimality } from '../../../core/packing/verification/optimality.ts';
import { bruteForce, bruteForceCost } from '../../support/brute-force.ts';
import { plainCertificate, randomCertificate } from '../../support/random-certificate.ts';
import { Dice, type Feature, randomProblem } from '../../support/random-problem.ts';

const features: readonly Feature[] = [
  'masks',
  'multiplicity',
  'conflicts',
  'extraResources',
  'relaxations',
  'priorities',
  'steering',
  'degenerate',
];

const spec = fc.record({
  seed: fc.nat(),
  families: fc.integer({ min: 0, max: 4 }),
  offerings: fc.integer({ min: 1, max: 4 }),
  pods: fc.integer({ min: 0, max: 7 }),
  features: fc.subarray([...features]),
});

/** The problem as a lower bound may read it. */
function boundReading(problem: PackingProblem): PackingProblem {
  return {
    ...problem,
    request: problem.boundRequest,
    capacity: problem.boundCapacity,
    masks: problem.boundMasks,
    conflicts: new Int32Array(0),
  };
}

t.test('it agrees with brute force about what is cheapest', async (t) => {
  const seen = { proven: 0, 'proven-in-model': 0, refuted: 0 };
  fc.assert(
    fc.property(spec, fc.nat(2), fc.integer({ min: 1, max: 1000 }), (one, kind, more) => {
      const problem = randomProblem(one);
      const { unserved, costNano } = bruteForce(problem);
      const served = Array.from(problem.demand, (pods, family) => pods - unserved[family]!);
      const certificates = [
        null,
        plainCertificate(problem, served),
        randomCertificate(problem, served, new Dice(one.seed)),
      ];
      const certificate = certificates[kind]!;
      const least = bruteForceCost(boundReading(problem), served);
      const { outcome } = checkOptimality(problem, served, costNano, certificate);
      assert.equal(outcome, least === costNano ? 'proven' : 'proven-in-model');
      const dearer = checkOptimality(problem, served, costNano + more, certificate);
      assert.ok(dearer.outcome === 'refuted');
      assert.ok(dearer.costNano >= costNano && dearer.costNano < costNano + more);
      seen[outcome] += 1;
      seen.refuted += 1;
    }),
    { numRuns: 1500 },
  );
  t.ok(seen.proven > 700 && seen['proven-in-model'] > 50, JSON.stringify(seen));
});

/** Three kinds of pods that fill the two types badly. */
function awkward(): PackingProblem {
  return randomProblem({ seed: 3, families: 3, offerings: 3, pods: 7, features: [] });
}

t.test('when its steps run out it says so and claims nothing', async (t) => {
  const problem = awkward();
  const served = Array.from(problem.demand);
  const cost = bruteForceCost(problem, served)!;
  t.equal(checkOptimality(problem, served, cost, null).outcome, 'proven');
  t.strictSame(checkOptimality(problem, served, cost, null, 5), {
    outcome: 'not-proven',
    reason: 'more than 5 steps were needed',
  });
});

t.test('rules that it does not search are named', async (t) => {
  const problem = awkward();
  const served = Array.from(problem.demand);
  const reasonOf = (changes: Partial<PackingProblem>, certificate: Certificate | null = null) => {
    const check = checkOptimality({ ...problem, ...changes }, served, 1, certificate);
    return check.outcome === 'not-proven' ? check.reason : check.outcome;
  };
  const limit = { name: 'nodes', weight: new Float64Array(problem.offeringCount), max: 1 };
  t.equal(reasonOf({ limits: [limit] }), 'there are limits or rules over domains');
  const available = problem.available.with(0, 2);
  t.equal(reasonOf({ available }), 'there are existing nodes or counted offerings');
  const twice = problem.familyOf.with(1, 0);
  t.equal(reasonOf({ familyOf: twice }), 'families are split over domains');
  const other = plainCertificate(problem, served.with(0, served[0]! - 1));
  t.equal(reasonOf({}, other), 'the certificate does not hold for these pods');
  const certificate = plainCertificate(problem, served);
  const tooHigh = { ...certificate, classDual: certificate.classDual.map((dual) => dual + 1e6) };
  t.equal(reasonOf({}, tooHigh), 'the certificate does not hold for these pods');
});
