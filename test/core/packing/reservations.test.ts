/** Capacity reservations: used first, never beyond their count, by whichever pools. */
import { array, assert, asyncProperty, boolean, integer, record } from 'fast-check';
import t from 'tap';
import type { NodePoolRequirement } from '../../../core/api/nodepool.ts';
import { firstFit } from '../../../core/packing/first-fit.ts';
import type { Plan, PlannedNode } from '../../../core/packing/plan.ts';
import { substitutesMax } from '../../../core/packing/substitutes.ts';
import { verifyPlan } from '../../../core/packing/verify-plan.ts';
import { verifyUnprovenPlan } from '../../../core/packing/verify-solution.ts';
import type { ClusterSnapshot } from '../../../core/state/snapshot.ts';
import {
  type ClusterShape,
  capacityTypeKey,
  modelOf,
  nodeOf,
  podsOf,
  poolKey,
  poolOf,
  specOf,
  typeOf,
} from '../../support/cluster-builders.ts';
import { countsBy, planOf } from '../../support/model-plan.ts';
import { planCluster } from '../../support/planned-cluster.ts';
import { countingClock, findSolutionFlaws, solveHere } from '../../support/solving.ts';

const reservationKey = 'karpenter.k8s.aws/capacity-reservation-id';
const reservationTypeKey = 'karpenter.k8s.aws/capacity-reservation-type';
/** Of a solve, in looks at the clock. */
const workMax = 100;
/** One to a node. */
const large = specOf({ cpu: '3', memory: '8Gi' });

function oneReservation(count: number) {
  return [typeOf('m5.xlarge', { reservations: [{ id: 'cr-1', count }] })];
}

function rule(key: string, operator: NodePoolRequirement['operator'], ...values: string[]) {
  return { key, operator, ...(values.length === 0 ? {} : { values }) };
}

/** Reservation id or capacity type -> nodes that first-fit plans for pods that need one each. */
function bought(shape: ClusterShape): Record<string, number> {
  return countsBy(planOf(shape), '', ({ offering }) =>
    offering.kind === 'new' ? (offering.reservationId ?? offering.capacityType) : 'existing',
  );
}

t.test('a reservation is used first and as far as it goes, by all pools together', async (t) => {
  const pods = [
    ...podsOf('a', 4, specOf({ cpu: '3' }, { nodeSelector: { team: 'a' } })),
    ...podsOf('b', 4, specOf({ cpu: '3' }, { nodeSelector: { team: 'b' } })),
  ];
  const nodePools = [
    poolOf('one', { labels: { team: 'a' } }),
    poolOf('two', { labels: { team: 'b' } }),
  ];
  const shape = { pods, nodePools, types: oneReservation(3) };
  t.strictSame(bought(shape), { 'cr-1': 3, spot: 5 });
  t.equal(planOf(shape).costNano, 5 * 100_000_000, 'what is reserved is paid for already');
});

t.test('claims that nothing was launched for yet take a place each', async (t) => {
  const labels = { [poolKey]: 'default', [reservationKey]: 'cr-1' };
  const coming = nodeOf('coming', { labels, allocatable: { cpu: '0', pods: '0' } });
  const running = nodeOf('running', { labels, allocatable: { cpu: '0', pods: '0' } });
  const nodes = [coming, { ...running, spec: { providerID: 'aws:///test-1a/i-1' } }];
  const shape = { pods: podsOf('a', 4, large), nodes, types: oneReservation(3) };
  t.strictSame(bought(shape), { 'cr-1': 2, spot: 2 });
});

t.test('requirements apply to reserved offerings and their labels', async (t) => {
  const types = [
    typeOf('m5.xlarge', {
      reservations: [
        { id: 'cr-1', count: 9 },
        { id: 'cr-2', count: 9, kind: 'capacity-block' },
      ],
    }),
  ];
  const pods = podsOf('a', 2, large);
  const cases: readonly (readonly [NodePoolRequirement, string])[] = [
    [rule(capacityTypeKey, 'NotIn', 'reserved'), 'spot'],
    [rule(capacityTypeKey, 'In', 'on-demand'), 'on-demand'],
    [rule(reservationKey, 'In', 'cr-2'), 'cr-2'],
    [rule(reservationTypeKey, 'In', 'capacity-block'), 'cr-2'],
    [rule(reservationTypeKey, 'NotIn', 'capacity-block'), 'cr-1'],
    [rule(reservationKey, 'DoesNotExist'), 'spot'],
  ];
  for (const [requirement, expected] of cases) {
    const nodePools = [poolOf('default', { requirements: [requirement] })];
    const name = `${requirement.key} ${requirement.operator} of a pool`;
    t.strictSame(bought({ pods, types, nodePools }), { [expected]: 2 }, name);
  }
  const wants = (key: string, value: string) =>
    podsOf('a', 2, specOf({ cpu: '3' }, { nodeSelector: { [key]: value } }));
  t.strictSame(bought({ pods: wants(reservationKey, 'cr-2'), types }), { 'cr-2': 2 });
  t.strictSame(bought({ pods: wants(reservationTypeKey, 'default'), types }), { 'cr-1': 2 });
  t.strictSame(bought({ pods: wants(capacityTypeKey, 'on-demand'), types }), { 'on-demand': 2 });
});

t.test('a full reservation is the reason for pods that may use nothing else', async (t) => {
  const requirements = [rule(capacityTypeKey, 'In', 'reserved')];
  const nodePools = [poolOf('default', { requirements })];
  const pods = podsOf('a', 5, large);
  const planned = planCluster(snapshotOf({ pods, nodePools }), oneReservation(3)).plan;
  t.equal(planned.nodes.length, 3);
  t.strictSame(
    planned.unschedulable.map(({ reason }) => reason),
    Array(2).fill('another node would exceed capacity reservation cr-1: 3 instances left'),
  );
  const full = planCluster(snapshotOf({ pods, nodePools }), oneReservation(0)).plan;
  t.equal(full.nodes.length, 0);
  t.match(
    full.unschedulable[0]?.reason,
    /1 by limits \(capacity reservation cr-1 0 instances left/,
  );
});

t.test('where a reservation runs out the pool of the next weight takes over', async (t) => {
  const nodePools = [
    poolOf('paid', { weight: 90, requirements: [rule(capacityTypeKey, 'In', 'reserved')] }),
    poolOf('other', { weight: 10, requirements: [rule(capacityTypeKey, 'In', 'on-demand')] }),
  ];
  const pods = podsOf('a', 5, large);
  const types = oneReservation(3);
  t.strictSame(bought({ pods, nodePools, types }), { 'cr-1': 3, 'on-demand': 2 });
  const many = { pods, nodePools, types: oneReservation(5) };
  t.strictSame(bought(many), { 'cr-1': 5 });
});

t.test('scarce places go to the pods of the highest priority', async (t) => {
  const nodePools = [poolOf('default', { requirements: [rule(reservationTypeKey, 'Exists')] })];
  const pods = [
    ...podsOf('low', 3, large, { priority: 1 }),
    ...podsOf('high', 3, large, { priority: 100 }),
  ];
  const { unserved } = planOf({ pods, nodePools, types: oneReservation(3) });
  t.strictSame(
    unserved.map((name) => name.split('-')[0]),
    ['low', 'low', 'low'],
  );
});

t.test('the smallest reserved type that will do is used', async (t) => {
  const types = [
    typeOf('m5.4xlarge', { cpuMilli: 16_000, reservations: [{ id: 'cr-large', count: 4 }] }),
    typeOf('m5.xlarge', { reservations: [{ id: 'cr-small', count: 4 }] }),
  ];
  t.strictSame(bought({ pods: podsOf('a', 1, large), types }), { 'cr-small': 1 });
});

t.test(
  'a plan names its reservations, and substitutes beyond the count are not named',
  async (t) => {
    const snapshot = snapshotOf({ pods: podsOf('a', 5, large) });
    const { plan } = planCluster(snapshot, oneReservation(3));
    const reserved = plan.nodes.filter(({ capacityType }) => capacityType === 'reserved');
    t.strictSame(
      reserved.map(({ reservationId, pricePerHour }) => [reservationId, pricePerHour]),
      [0, 1, 2].map(() => ['cr-1', 0]),
    );
    for (const { substitutes } of plan.nodes) {
      t.ok(substitutes.length > 0 && substitutes.length <= substitutesMax);
      t.notOk(substitutes.some(({ capacityType }) => capacityType === 'reserved'));
    }
  },
);

t.test('both verifiers refuse a plan that goes one over, and accept it one below', async (t) => {
  const pods = podsOf('a', 6, large);
  const roomy = planCluster(snapshotOf({ pods }), oneReservation(4));
  t.strictSame(planFindings(roomy.snapshot, 4, roomy.plan), []);
  t.strictSame(planFindings(roomy.snapshot, 3, roomy.plan).at(0), 'reservation-count');
  const swapped = (node: PlannedNode): PlannedNode => ({
    ...node,
    capacityType: 'reserved',
    reservationId: 'cr-1',
    pricePerHour: 0,
  });
  const over = { ...roomy.plan, nodes: roomy.plan.nodes.map(swapped) };
  t.ok(planFindings(roomy.snapshot, 4, over).includes('reservation-count'));
  const unknown = roomy.plan.nodes.map((node) => ({ ...node, reservationId: 'cr-2' }));
  t.ok(planFindings(roomy.snapshot, 4, { ...roomy.plan, nodes: unknown }).includes('bad-offering'));

  const model = modelOf({ pods, types: oneReservation(4) });
  const packed = firstFit(model.problem);
  t.ok(verifyUnprovenPlan(model.problem, packed).ok);
  const tighter = modelOf({ pods, types: oneReservation(3) });
  const verdict = verifyUnprovenPlan(tighter.problem, packed);
  t.match(verdict, { ok: false, violations: [{ code: 'limit-exceeded' }] });
});

/** Codes of what the verifier that reads plans finds. */
function planFindings(snapshot: ClusterSnapshot, count: number, plan: Plan): string[] {
  const types = oneReservation(count);
  const { model } = planCluster(snapshot, types);
  const input = { snapshot, typesOf: () => types, zoneIds: new Map(), plan, model };
  return verifyPlan(input).findings.map(({ code }) => code);
}

t.test('what is paid for is proven at once, and what is not is proven beside it', async (t) => {
  const pods = podsOf('a', 20, specOf({ cpu: '700m', memory: '1Gi' }));
  const model = modelOf({ pods, types: oneReservation(9) });
  const solution = await solveHere(model.problem, { gap: 0.01 });
  t.strictSame([solution.costNano, solution.lowerBoundNano], [0, 0]);
  const scarce = modelOf({ pods, types: oneReservation(2) });
  const mixed = await solveHere(
    scarce.problem,
    { gap: 0, timeLimitMs: workMax },
    { epochMs: countingClock() },
  );
  t.strictSame(findSolutionFlaws(scarce.problem, mixed, 'unknown'), []);
  t.ok(mixed.lowerBoundNano > 0);
});

t.test('no solver exceeds a reservation, nor calls worse than the best plan optimal', async () => {
  const shapes = record({
    counts: array(integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 2 }),
    // In halves of a cpu: what solvers can tell apart is not the point here.
    halves: array(integer({ min: 1, max: 7 }), { minLength: 2, maxLength: 6 }),
    isSmall: boolean(),
  });
  await assert(
    asyncProperty(shapes, async ({ counts, halves, isSmall }) => {
      const reservations = counts.map((count, index) => ({ id: `cr-${index}`, count }));
      const common = { zones: ['test-1a'], capacityTypes: ['on-demand'] as const };
      const types = [
        typeOf('m5.xlarge', { ...common, reservations }),
        typeOf('c5.xlarge', { ...common, cpuMilli: isSmall ? 2_000 : 6_000 }),
      ];
      const pods = halves.flatMap((half, at) =>
        podsOf(`p${at}`, 1, specOf({ cpu: `${half * 500}m` })),
      );
      const model = modelOf({ pods, types });
      const solution = await solveHere(
        model.problem,
        { timeLimitMs: workMax },
        { epochMs: countingClock() },
      );
      const flaws = findSolutionFlaws(model.problem, solution, 'brute-force');
      const used = counts.map(() => 0);
      for (const { offering, copies } of solution.bins) {
        const one = model.offerings[offering];
        const at = reservations.findIndex(
          ({ id }) => one?.kind === 'new' && id === one.reservationId,
        );
        if (at >= 0) used[at]! += copies;
      }
      return flaws.length === 0 && used.every((nodes, at) => nodes <= counts[at]!);
    }),
    { numRuns: 30, seed: 7 },
  );
});

function snapshotOf(parts: Partial<ClusterSnapshot>): ClusterSnapshot {
  return {
    pods: [],
    nodes: [],
    daemonSets: [],
    nodePools: [poolOf('default')],
    nodeClasses: [],
    namespaceLabels: new Map(),
    ...parts,
  };
}
