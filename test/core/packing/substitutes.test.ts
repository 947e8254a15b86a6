/** Which other offerings could stand in for a planned node. */
import t from 'tap';
import type { PackingModel } from '../../../core/packing/packing-model.ts';
import type { PackingProblem } from '../../../core/packing/problem.ts';
import type { Bin } from '../../../core/packing/solution.ts';
import { SubstituteFinder, substitutesMax } from '../../../core/packing/substitutes.ts';
import { bin, sampleModel } from '../../support/sample-model.ts';

function find(model: PackingModel, wanted: Bin, bins: readonly Bin[] = [wanted]) {
  return new SubstituteFinder(model, bins).find(wanted).map((o) => {
    const offering = model.offerings[o]!;
    return offering.kind === 'new' ? `${offering.instanceType} ${offering.zone}` : 'existing';
  });
}

t.test('free pods may stand in any zone, cheapest first', (t) => {
  t.strictSame(find(sampleModel(), bin(2, [[2, 1]])), [
    'c6i.xlarge zone-b',
    'c6i.2xlarge zone-a',
    'c6i.2xlarge zone-b',
  ]);
  t.end();
});

t.test('pods that a rule ties to a zone keep it', (t) => {
  t.strictSame(find(sampleModel(), bin(0, [[0, 2]])), ['c6i.xlarge zone-a', 'c6i.2xlarge zone-a']);
  t.end();
});

t.test('what is too small or allows fewer of a class is left out', (t) => {
  t.strictSame(find(sampleModel(), bin(4, [[2, 2]])), ['c6i.2xlarge zone-b']);
  const model = sampleModel({ masks: Uint16Array.from([1, 0, 1, 0, 1, 1]) });
  t.strictSame(find(model, bin(4, [[2, 2]])), []);
  t.end();
});

t.test('counts and limits that the plan has used up are kept', (t) => {
  const available = Int32Array.from([-1, -1, -1, 1, -1, -1, 1]);
  const job = bin(2, [[2, 1]]);
  const counted = sampleModel({ available });
  t.strictSame(find(counted, job)[0], 'c6i.xlarge zone-b');
  t.strictSame(find(counted, job, [job, bin(3, [[2, 1]])])[0], 'c6i.2xlarge zone-a');
  const weight = Float64Array.from([2, 2, 4, 4, 8, 8, 0]);
  const limits: PackingProblem['limits'] = [{ name: 'cpu', weight, max: 9 }];
  t.strictSame(find(sampleModel({ limits }), job), [
    'c6i.xlarge zone-b',
    'c6i.2xlarge zone-a',
    'c6i.2xlarge zone-b',
  ]);
  t.strictSame(find(sampleModel({ limits }), job, [job, bin(2, [[2, 1]])]), ['c6i.xlarge zone-b']);
  t.end();
});

t.test(
  'nodes of another pool, or with other labels, and existing nodes are no substitutes',
  (t) => {
    const model = sampleModel();
    const offerings = model.offerings.map((offering, o) =>
      offering.kind === 'new' && o > 3
        ? { ...offering, ...(o === 4 ? { nodePool: 'x' } : { chosenLabels: { team: 'b' } }) }
        : offering,
    );
    t.strictSame(find({ ...model, offerings }, bin(2, [[2, 1]])), ['c6i.xlarge zone-b']);
    t.strictSame(find(model, bin(6, [[0, 1]])), []);
    t.end();
  },
);

t.test('no node has more substitutes than are named', (t) => {
  const model = sampleModel();
  const copies = 100;
  const repeat = <T>(items: Iterable<T>): T[] =>
    Array.from({ length: copies }, () => [...items]).flat();
  const problem: PackingProblem = {
    ...model.problem,
    offeringCount: model.problem.offeringCount * copies,
    capacity: Float64Array.from(repeat(model.problem.capacity)),
    priceNano: Float64Array.from(repeat(model.problem.priceNano)),
    steerNano: Float64Array.from(repeat(model.problem.steerNano)),
    available: Int32Array.from(repeat(model.problem.available)),
    maskOf: Int32Array.from(repeat(model.problem.maskOf)),
  };
  const wide = { ...model, problem, offerings: repeat(model.offerings) };
  t.equal(find(wide, bin(2, [[2, 1]])).length, substitutesMax);
  t.end();
});
