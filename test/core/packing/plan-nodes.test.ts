/** How solved bins become the nodes of a plan, with names, prices and pods. */
import t from 'tap';
import { InvariantError } from '../../../core/errors.ts';
import { makePlan } from '../../../core/packing/plan-nodes.ts';
import { podKey } from '../../../core/state/snapshot.ts';
import { bin, sampleModel, sampleSnapshot, solutionOf } from '../../support/sample-model.ts';

const facts = { firstFitNano: null, notes: ['a note of the command'] };

/** Two large web nodes in each zone's turn, jobs two and two, the existing node for two web pods. */
const bins = [
  bin(4, [
    [0, 2],
    [2, 3],
  ]),
  bin(3, [
    [1, 2],
    [2, 1],
  ]),
  bin(6, [[0, 2]]),
];

t.test('every pod of the snapshot is named exactly once', (t) => {
  const model = sampleModel();
  const plan = makePlan(sampleSnapshot, model, solutionOf(model, bins), facts);
  const named = [
    ...plan.nodes.flatMap(({ pods }) => pods),
    ...plan.existing.flatMap(({ pods }) => pods),
    ...plan.unschedulable.map(({ pod }) => pod),
  ];
  t.strictSame(named.sort(), sampleSnapshot.pods.map(podKey).sort());
  t.end();
});

t.test('nodes have names by pool and type, prices in USD and quantities', (t) => {
  const model = sampleModel();
  const { nodes } = makePlan(sampleSnapshot, model, solutionOf(model, bins), facts);
  t.strictSame(
    nodes.map((node) => ({ ...node, substitutes: [] })),
    [
      {
        name: 'default-c6i-2xlarge-1',
        nodePool: 'default',
        instanceType: 'c6i.2xlarge',
        zone: 'zone-a',
        capacityType: 'on-demand',
        pricePerHour: 0.34,
        pods: ['default/web-2', 'default/web-3', 'default/job-0', 'default/job-1', 'default/job-2'],
        requests: { cpu: '7', memory: '11Gi', pods: '5' },
        allocatable: { cpu: '7900m', memory: '15000Mi', pods: '20' },
        substitutes: [],
      },
      {
        name: 'default-c6i-xlarge-1',
        nodePool: 'default',
        instanceType: 'c6i.xlarge',
        zone: 'zone-b',
        capacityType: 'on-demand',
        pricePerHour: 0.187,
        pods: ['default/web-4', 'default/web-5', 'default/job-3'],
        requests: { cpu: '3', memory: '5Gi', pods: '3' },
        allocatable: { cpu: '3900m', memory: '7000Mi', pods: '20' },
        substitutes: [],
      },
    ],
  );
  t.end();
});

t.test('substitutes are listed by price, whatever steers the launch', (t) => {
  const model = sampleModel();
  const { problem } = model;
  const most = Math.max(...problem.priceNano);
  // The dearest offering is held to cost least.
  const steerNano = problem.priceNano.map((price) => 2 * (most - price));
  const steered = { ...model, problem: { ...problem, steerNano } };
  const lastJobAlone = [
    bin(4, [
      [0, 2],
      [2, 2],
    ]),
    ...bins.slice(1),
    bin(1, [[2, 1]]),
  ];
  const solution = solutionOf(steered, lastJobAlone);
  const { nodes } = makePlan(sampleSnapshot, steered, solution, facts);
  const prices = nodes.map(({ substitutes }) => substitutes.map((one) => one.pricePerHour));
  t.ok(
    prices.some((list) => new Set(list).size > 1),
    'there is something to sort',
  );
  t.strictSame(
    prices,
    prices.map((list) => list.toSorted((a, b) => a - b)),
  );
  t.end();
});

t.test('existing nodes are filled first, and list who stands there and who is put there', (t) => {
  const model = sampleModel();
  const { existing } = makePlan(sampleSnapshot, model, solutionOf(model, bins), facts);
  const placed = ['default/web-0', 'default/web-1'];
  t.strictSame(existing, [{ node: 'old', pods: ['default/web-6', ...placed], placed }]);
  t.end();
});

t.test('a node that only pods mention is listed with them', (t) => {
  const model = { ...sampleModel(), placed: new Map([['gone', [10]]]) };
  const { existing } = makePlan(sampleSnapshot, model, solutionOf(model, bins.slice(0, 2)), facts);
  t.strictSame(existing, [{ node: 'gone', pods: ['default/web-6'], placed: [] }]);
  t.end();
});

t.test('the plan does not depend on the order of bins or on how copies are written', (t) => {
  const model = sampleModel();
  const single = bin(0, [[0, 1]]);
  const forward = [single, single, single, bin(2, [[2, 1]], 2), bin(1, [[1, 1]])];
  const backward = [bin(1, [[1, 1]]), bin(2, [[2, 1]]), bin(0, [[0, 1]], 3), bin(2, [[2, 1]])];
  const plan = makePlan(sampleSnapshot, model, solutionOf(model, forward), facts);
  t.strictSame(makePlan(sampleSnapshot, model, solutionOf(model, backward), facts), {
    ...plan,
  });
  t.end();
});

t.test('a planned node never takes the name of one that exists', (t) => {
  const model = sampleModel();
  const nodes = [{ ...sampleSnapshot.nodes[0]!, metadata: { name: 'default-c6i-2xlarge-1' } }];
  const solution = solutionOf(model, bins);
  const plan = makePlan({ ...sampleSnapshot, nodes }, model, solution, facts);
  t.strictSame(
    plan.nodes.map(({ name }) => name),
    ['default-c6i-2xlarge-2', 'default-c6i-xlarge-1'],
  );
  t.end();
});

t.test('pods go by the order of their family, so the last ones are left out', (t) => {
  const model = sampleModel();
  const solution = solutionOf(model, [bin(4, [[0, 4]])]);
  const { unschedulable } = makePlan(sampleSnapshot, model, solution, facts);
  t.strictSame(
    unschedulable.map(({ pod }) => pod),
    [
      'default/web-4',
      'default/web-5',
      'default/job-0',
      'default/job-1',
      'default/job-2',
      'default/job-3',
      'default/huge-0',
    ],
    'in the order of the input',
  );
  t.match(unschedulable.at(-1)?.reason, 'asks for cpu 900');
  t.end();
});

t.test('the gap is proven, nought for an empty plan, and null without a proof', (t) => {
  const model = sampleModel();
  const cost = (change: object) =>
    makePlan(sampleSnapshot, model, { ...solutionOf(model, bins), ...change }, facts).cost;
  t.equal(cost({}).gap, 0.5);
  t.equal(cost({ proof: 'unproven' }).gap, null);
  t.equal(cost({ costNano: 0, lowerBoundNano: 0 }).gap, 0);
  t.equal(cost({}).firstFitPerHour, null);
  const plan = makePlan(sampleSnapshot, model, solutionOf(model, bins), {
    firstFitNano: 2_000_000_000,
    notes: ['a note of the model'],
  });
  t.equal(plan.cost.firstFitPerHour, 2);
  t.strictSame(plan.notes, ['a note of the model'], 'no note twice');
  t.end();
});

t.test('a solution that does not add up is a bug, not a plan', (t) => {
  const model = sampleModel();
  const tooMany = solutionOf(model, [bin(4, [[0, 7]])]);
  t.throws(() => makePlan(sampleSnapshot, model, tooMany, facts), InvariantError);
  const twice = solutionOf(model, [bin(6, [[0, 1]], 2)]);
  t.throws(() => makePlan(sampleSnapshot, model, twice, facts), InvariantError);
  const lies = { ...solutionOf(model, bins), unserved: Int32Array.from([1, 0]) };
  t.throws(() => makePlan(sampleSnapshot, model, lies, facts), InvariantError);
  t.end();
});
