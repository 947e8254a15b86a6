/** The verifier from first principles: sound plans pass, every single step away from one is refused. */
import t from 'tap';
import type { Plan, PlannedNode } from '../../../core/packing/plan.ts';
import { verifyPlan } from '../../../core/packing/verify-plan.ts';
import { podKey } from '../../../core/state/snapshot.ts';
import {
  obeysModel,
  type PlannedCluster,
  planCluster,
  requestsOf,
} from '../../support/planned-cluster.ts';
import { seededCluster } from '../../support/seeded-cluster.ts';

/** Large plans have thousands of neighbours: a different sample of each is tried. */
const maxStepsPerPlan = 80;

function plannedCluster(seed: number): PlannedCluster {
  const { snapshot, types } = seededCluster(seed);
  return planCluster(snapshot, types);
}

function codesOf({ snapshot, types, model }: PlannedCluster, plan: Plan): readonly string[] {
  const input = { snapshot, typesOf: () => types, zoneIds: new Map(), plan, model };
  return verifyPlan(input).findings.map(({ code }) => code);
}

t.test('a sound plan for any cluster is found to be sound', async (t) => {
  let nodes = 0;
  let placed = 0;
  for (let seed = 0; seed < 200; seed++) {
    const cluster = plannedCluster(seed);
    const { plan } = cluster;
    const codes = codesOf(cluster, plan);
    if (codes.length > 0) t.strictSame(codes, [], `seed ${seed}`);
    nodes += plan.nodes.length;
    placed += plan.existing.reduce((sum, entry) => sum + entry.placed.length, 0);
  }
  t.ok(nodes > 500 && placed > 150, `${nodes} new nodes, ${placed} pods on existing ones`);
});

t.test('the figures that are re-computed are those of the plan', async (t) => {
  const cluster = plannedCluster(4);
  const { snapshot, types, model, plan } = cluster;
  const { perHour, provenBound } = verifyPlan({
    snapshot,
    typesOf: () => types,
    zoneIds: new Map(),
    plan,
    model,
  });
  t.strictSame([perHour, provenBound], [plan.cost.perHour, plan.cost.lowerBound]);
  t.ok(provenBound > 0);
});

t.test('every single step away from a sound plan is refused', async (t) => {
  let steps = 0;
  for (let seed = 0; seed < 40; seed++) {
    const cluster = plannedCluster(seed);
    const all = [...corruptions(cluster.plan)];
    const stride = Math.ceil(all.length / maxStepsPerPlan);
    for (let at = seed % stride; at < all.length; at += stride) {
      const [what, plan] = all[at]!;
      steps++;
      if (codesOf(cluster, plan).length === 0) t.fail(`seed ${seed}: ${what} goes unnoticed`);
    }
  }
  t.ok(steps > 1_500, `${steps} corruptions`);
});

t.test('whatever the model admits holds from first principles, too', async (t) => {
  let legal = 0;
  let refused = 0;
  for (let seed = 0; seed < 40; seed++) {
    const cluster = plannedCluster(seed);
    for (const plan of consistentMoves(cluster)) {
      const codes = codesOf(cluster, plan);
      if (obeysModel(cluster, plan)) {
        legal++;
        if (codes.length > 0) t.strictSame(codes, [], `seed ${seed}`);
      } else {
        refused += codes.length > 0 ? 1 : 0;
      }
    }
  }
  t.ok(legal > 50, `${legal} moves of a pod made another sound plan`);
  t.ok(refused > 300, `${refused} moves were refused`);
});

type Step = readonly [string, Plan];

function* corruptions(plan: Plan): Generator<Step> {
  for (const [at, node] of plan.nodes.entries()) {
    for (const [what, changed] of nodeCorruptions(plan, node)) {
      yield [`${what} of ${node.name}`, { ...plan, nodes: plan.nodes.with(at, changed) }];
    }
    yield [`losing ${node.name}`, { ...plan, nodes: plan.nodes.toSpliced(at, 1) }];
    yield [`doubling ${node.name}`, { ...plan, nodes: [...plan.nodes, node] }];
  }
  for (const [at, entry] of plan.existing.entries()) {
    const withEntry = (changed: typeof entry): Plan => ({
      ...plan,
      existing: plan.existing.with(at, changed),
    });
    yield ['losing a node', { ...plan, existing: plan.existing.toSpliced(at, 1) }];
    yield ['another node', withEntry({ ...entry, node: 'nowhere' })];
    yield ['losing a pod', withEntry({ ...entry, pods: entry.pods.slice(1) })];
    yield ['a pod twice', withEntry({ ...entry, pods: [...entry.pods, entry.pods[0]!] })];
    const [first] = entry.placed;
    if (first !== undefined) {
      yield ['a placed pod that stands', withEntry({ ...entry, placed: entry.placed.slice(1) })];
    }
    const standing = entry.pods.find((pod) => !entry.placed.includes(pod));
    if (standing !== undefined) {
      yield [
        'a standing pod that is placed',
        withEntry({ ...entry, placed: [...entry.placed, standing] }),
      ];
    }
  }
  for (const [at, entry] of plan.unschedulable.entries()) {
    yield ['losing a pod', { ...plan, unschedulable: plan.unschedulable.toSpliced(at, 1) }];
    yield ['a pod twice', { ...plan, unschedulable: [...plan.unschedulable, entry] }];
    const silent = { ...entry, reason: '' };
    yield ['losing a reason', { ...plan, unschedulable: plan.unschedulable.with(at, silent) }];
  }
  yield* costCorruptions(plan);
  yield* certificateCorruptions(plan);
}

function* nodeCorruptions(
  plan: Plan,
  node: PlannedNode,
): Generator<readonly [string, PlannedNode]> {
  const stranger = plan.nodes.find((other) => other !== node)?.pods[0];
  if (stranger !== undefined) yield ['a second pod', { ...node, pods: [...node.pods, stranger] }];
  yield ['losing a pod', { ...node, pods: node.pods.slice(1) }];
  yield ['a pod twice', { ...node, pods: [...node.pods, node.pods[0]!] }];
  yield ['an unknown pod', { ...node, pods: [...node.pods, 'default/ghost'] }];
  yield ['the pool', { ...node, nodePool: 'other' }];
  yield ['the type', { ...node, instanceType: 'm5.none' }];
  yield ['the zone', { ...node, zone: 'test-1z' }];
  yield ['the capacity type', { ...node, capacityType: 'reserved' }];
  for (const substitute of node.substitutes) {
    const { instanceType, zone, capacityType } = substitute;
    if (substitute.pricePerHour !== node.pricePerHour) {
      yield ['the offering', { ...node, instanceType, zone, capacityType }];
    }
  }
  yield ['the price', { ...node, pricePerHour: node.pricePerHour + 1e-9 }];
  const cpu = { cpu: '64' };
  yield ['requests', { ...node, requests: { ...node.requests, ...cpu } }];
  yield ['allocatable', { ...node, allocatable: { ...node.allocatable, ...cpu } }];
  const other = plan.nodes.find((one) => one !== node);
  if (other !== undefined) yield ['the name', { ...node, name: other.name }];
  for (const [at, substitute] of node.substitutes.entries()) {
    const swap = (changed: typeof substitute): PlannedNode => ({
      ...node,
      substitutes: node.substitutes.with(at, changed),
    });
    const { pricePerHour } = substitute;
    yield ['price of a substitute', swap({ ...substitute, pricePerHour: pricePerHour / 2 })];
    yield ['type of a substitute', swap({ ...substitute, instanceType: 'm5.none' })];
    yield ['substitute by itself', swap({ ...substitute, ...offeringOf(node) })];
  }
}

function offeringOf({ instanceType, zone, capacityType, pricePerHour }: PlannedNode) {
  return { instanceType, zone, capacityType, pricePerHour };
}

function* costCorruptions(plan: Plan): Generator<Step> {
  const { cost } = plan;
  const withCost = (changes: Partial<Plan['cost']>): Plan => ({
    ...plan,
    cost: { ...cost, ...changes },
  });
  const gapOf = (lowerBound: number): number =>
    cost.perHour === 0 ? 0 : (cost.perHour - lowerBound) / cost.perHour;
  for (const step of [-1e-9, 1e-9]) {
    yield ['perHour', withCost({ perHour: cost.perHour + step })];
    const lowerBound = cost.lowerBound + step;
    yield ['lowerBound and gap', withCost({ lowerBound, gap: gapOf(lowerBound) })];
  }
  yield ['gap', withCost({ gap: (cost.gap ?? 0) + 0.001 })];
  yield ['gap lost', withCost({ gap: null })];
  if (cost.lowerBound < cost.perHour) yield ['proof optimal', withCost({ proof: 'optimal' })];
  yield ['proof unproven', withCost({ proof: 'unproven' })];
  const firstFitPerHour = (cost.firstFitPerHour ?? 0) + 0.5;
  yield ['firstFitPerHour', withCost({ firstFitPerHour })];
  yield ['losing the certificate', { ...plan, certificate: null }];
}

function* certificateCorruptions(plan: Plan): Generator<Step> {
  const { certificate } = plan;
  if (certificate === null) return;
  const withPart = (changes: Partial<typeof certificate>): Plan => ({
    ...plan,
    certificate: { ...certificate, ...changes },
  });
  for (const [at, pods] of certificate.demand.entries()) {
    yield ['demand + 1', withPart({ demand: certificate.demand.with(at, pods + 1) })];
    if (pods > 0) {
      yield ['demand - 1', withPart({ demand: certificate.demand.with(at, pods - 1) })];
    }
  }
  yield ['a dual too many', withPart({ classDual: [...certificate.classDual, 0] })];
  if (certificate.multiplierOf.length > 0) {
    const multiplierOf = certificate.multiplierOf.slice(1);
    yield ['a vector too few', withPart({ multiplierOf })];
  }
}

/** Plans with one pod elsewhere and all sums put right: legal or not, but consistent. */
function* consistentMoves({ snapshot, plan }: PlannedCluster): Generator<Plan> {
  const podOf = new Map(snapshot.pods.map((pod) => [podKey(pod), pod]));
  const withPods = (node: PlannedNode, pods: readonly string[]): PlannedNode => ({
    ...node,
    pods,
    requests: requestsOf(pods.map((pod) => podOf.get(pod)!)),
    substitutes: [],
  });
  for (const [from, node] of plan.nodes.entries()) {
    const [pod, ...rest] = node.pods;
    if (rest.length === 0) continue;
    const without = plan.nodes.with(from, withPods(node, rest));
    for (const [to, target] of plan.nodes.entries()) {
      if (to === from) continue;
      yield { ...plan, nodes: without.with(to, withPods(target, [...target.pods, pod!])) };
    }
    for (const [at, entry] of plan.existing.entries()) {
      const { pods, placed } = entry;
      const changed = { ...entry, pods: [...pods, pod!], placed: [...placed, pod!] };
      yield { ...plan, nodes: without, existing: plan.existing.with(at, changed) };
    }
  }
}
