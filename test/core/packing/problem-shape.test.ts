/** What a well-formed problem is, on random ones and on broken ones. */
import { assert, property } from 'fast-check';
import t from 'tap';
import type { PackingProblem } from '../../../core/packing/problem.ts';
import { findProblemDefects } from '../../../core/packing/problem-shape.ts';
import { allFeatures, problemSpecs, randomProblem } from '../../support/random-problem.ts';

t.test('random problems of every feature are well formed', async () => {
  assert(
    property(problemSpecs({ families: 8, offerings: 8, pods: 40 }), (spec) => {
      return findProblemDefects(randomProblem(spec)).length === 0;
    }),
    { numRuns: 1000, seed: 1 },
  );
});

t.test('lengths, ranges and references that do not hold are named', async (t) => {
  const spec = { seed: 12, families: 3, offerings: 3, pods: 9, features: [...allFeatures] };
  const problem = randomProblem(spec);
  const group = problem.domainGroups[0]!;
  const domain = group.domains[0]!;
  const withGroup = (changes: Partial<typeof group>): Partial<PackingProblem> => ({
    domainGroups: [{ ...group, ...changes }],
  });
  const broken: readonly (readonly [Partial<PackingProblem>, RegExp])[] = [
    [{ demand: new Int32Array(1) }, /demand has 1 entries, expected 3/],
    [{ masks: problem.masks.slice(1) }, /masks has/],
    [{ conflicts: Int32Array.of(0) }, /pairs/],
    [{ conflicts: Int32Array.of(0, 99) }, /conflicts\[1\] is 99/],
    [{ request: problem.request.with(0, 0.5) }, /request\[0\] is 0.5/],
    [{ capacity: problem.capacity.with(1, -1) }, /capacity\[1\] is -1/],
    [{ priceNano: problem.priceNano.with(0, Number.NaN) }, /priceNano\[0\] is NaN/],
    [{ priceNano: problem.priceNano.with(0, 2 ** 53) }, /priceNano\[0\]/],
    [{ demand: problem.demand.with(0, -1) }, /demand\[0\] is -1/],
    [{ available: problem.available.with(0, 0) }, /available\[0\] is 0/],
    [{ maskOf: problem.maskOf.with(0, 99) }, /maskOf\[0\] is 99/],
    [{ familyOf: problem.familyOf.with(0, 3) }, /familyOf\[0\] is 3/],
    [{ boundRequest: problem.request.map((amount) => amount + 1) }, /boundRequest\[0\]/],
    [{ boundCapacity: problem.capacity.map((amount) => amount >> 1) }, /capacity\[0\] is/],
    [{ boundMasks: problem.masks.map(() => 0) }, /above boundMasks/],
    [{ limits: [{ name: 'x', weight: new Float64Array(1), max: 1 }] }, /weight of x has 1/],
    [{ limits: [{ name: 'x', weight: new Float64Array(3), max: -1 }] }, /limit x has max -1/],
    [withGroup({ maxSkew: 0 }), /maxSkew 0/],
    [withGroup({ domains: [domain, domain] }), /stands in two domains/],
    [withGroup({ domains: [{ ...domain, existing: -1 }] }), /existing -1/],
    [withGroup({ domains: [{ ...domain, classes: Int32Array.of(99) }] }), /is 99/],
  ];
  t.strictSame(findProblemDefects(problem), []);
  for (const [change, message] of broken) {
    const defects = findProblemDefects({ ...problem, ...change });
    t.ok(defects.length > 0, `${message} is found`);
    t.match(defects[0], { code: 'malformed-problem', message });
  }
});
