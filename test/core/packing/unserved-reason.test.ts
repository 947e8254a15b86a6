/** The reason that a pod is given when it was left out. */
import t from 'tap';
import type { DomainGroup, PackingProblem } from '../../../core/packing/problem.ts';
import { maxInt32 } from '../../../core/packing/problem.ts';
import type { Bin } from '../../../core/packing/solution.ts';
import { unservedReasons } from '../../../core/packing/unserved-reason.ts';
import { bin, sampleModel, solutionOf } from '../../support/sample-model.ts';

function reason(overrides: Partial<PackingProblem>, bins: readonly Bin[], family: number): string {
  const model = sampleModel(overrides);
  return unservedReasons(model, solutionOf(model, bins)).reasonOf(family);
}

const weight = Float64Array.from([1, 1, 1, 1, 1, 1, 0]);

t.test('a limit that one more node would exceed is named', (t) => {
  const limits = [
    { name: 'limits.nodes of NodePool default', weight, max: 1 },
    { name: 'a limit with room', weight, max: 5 },
  ];
  t.equal(
    reason({ limits }, [bin(4, [[2, 3]])], 1),
    'another node would exceed limits.nodes of NodePool default',
  );
  t.match(
    reason({ limits }, [bin(4, [[0, 4]])], 0),
    /^another node would exceed .*; the existing nodes that admit it have no room left$/,
  );
  t.end();
});

t.test('used up counts are told as such', (t) => {
  const available = Int32Array.from([0, 0, 1, 0, 0, 0, 0]).map((count) => Math.max(count, 1));
  const bins = [2, 3, 4, 5].map((offering) => bin(offering, [[2, 1]]));
  t.equal(
    reason({ available, demand: Int32Array.from([6, 5]) }, bins, 1),
    'all instances that are available in the number stated are used',
  );
  t.end();
});

t.test('a rule over domains that one more pod would break is named', (t) => {
  const group: DomainGroup = {
    name: 'topologySpreadConstraints over topology.kubernetes.io/zone',
    domains: [
      { name: 'zone-a', classes: Int32Array.from([0]), existing: 0, max: maxInt32 },
      { name: 'zone-b', classes: Int32Array.from([1]), existing: 0, max: 1 },
    ],
    maxSkew: 1,
    floorIsZero: false,
    boundSafe: true,
  };
  const domainGroups = [group];
  const bins = [bin(0, [[0, 2]]), bin(1, [[1, 1]])];
  t.equal(reason({ domainGroups }, bins, 0), `another pod would break ${group.name}`);
  t.match(
    reason(
      { domainGroups },
      bins.slice(0, 1).map((one) => ({ ...one, counts: Int32Array.from([1]) })),
      0,
    ),
    'no place was found',
    'zone-b would still take one',
  );
  t.end();
});

t.test('where nothing binds, the search is to blame and says so', (t) => {
  t.equal(reason({}, [], 1), 'no place was found for it before the search ended');
  t.end();
});

t.test('of many limits a few are named and the rest is counted', (t) => {
  const limits = Array.from({ length: 7 }, (_, l) => ({ name: `limit ${l}`, weight, max: 0 }));
  t.equal(
    reason({ limits }, [], 1),
    'another node would exceed limit 0, limit 1, limit 2, limit 3 and 3 more',
  );
  t.end();
});
