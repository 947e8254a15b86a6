/**
 * Each rule by itself: a plan that was made without the rule is judged with it.
 */
import tap from 'tap';
import { buildModel } from '../../../core/packing/model.ts';
import type { Plan } from '../../../core/packing/plan.ts';
import { verifyPlan } from '../../../core/packing/verify-plan.ts';
import { formatResources } from '../../../core/scheduling/quantity.ts';
import type { InstanceType } from '../../../core/state/instance-type.ts';
import type { ClusterSnapshot } from '../../../core/state/snapshot.ts';
import {
  antiAffinity,
  capacityTypeKey,
  daemonSetOf,
  hostKey,
  nodeOf,
  podsOf,
  poolKey,
  poolOf,
  specOf,
  spreadOver,
  typeOf,
  zoneKey,
} from '../../support/cluster-builders.ts';
import { planCluster } from '../../support/planned-cluster.ts';

interface Cluster extends Partial<ClusterSnapshot> {
  readonly types?: readonly InstanceType[];
}

const small = { cpu: '500m', memory: '1Gi' };
const web = podsOf('web', 4, specOf(small));
/** Only in one zone, so that plans lump. */
const oneZone = [typeOf('m5.xlarge', { zones: ['test-1a'] })];
const threeZones = [typeOf('m5.xlarge')];

function snapshotOf(parts: Cluster): ClusterSnapshot {
  return {
    pods: web,
    nodes: [],
    daemonSets: [],
    nodePools: [poolOf('default')],
    nodeClasses: [],
    namespaceLabels: new Map(),
    ...parts,
  };
}

/** Codes and objects of what is wrong with the plan made for `before`, judged by `after`. */
function judge(before: Cluster, after: Cluster, change = (plan: Plan): Plan => plan) {
  const { plan } = planCluster(snapshotOf(before), before.types ?? oneZone);
  const snapshot = snapshotOf(after);
  const types = after.types ?? before.types ?? oneZone;
  const typesOf = () => types;
  const model = buildModel(snapshot, typesOf);
  const input = { snapshot, typesOf, zoneIds: new Map(), plan: change(plan), model };
  return verifyPlan(input).findings;
}

/** The plan as one that states no labels. */
function withoutLabels(plan: Plan): Plan {
  return JSON.parse(JSON.stringify(plan, (key, value) => (key === 'labels' ? undefined : value)));
}

function expectCode(
  t: Pick<typeof tap, 'strictSame' | 'ok'>,
  code: string,
  ...[before, after, change]: Parameters<typeof judge>
): void {
  const sound = judge(before, before);
  t.strictSame(sound, [], 'the plan is sound without the rule');
  const codes = judge(before, after, change).map((finding) => finding.code);
  t.ok(codes.includes(code), `${code} is among ${[...new Set(codes)].join(', ')}`);
}

tap.test('a node that a pod does not select', async (t) => {
  const pods = podsOf('web', 4, specOf(small, { nodeSelector: { [zoneKey]: 'test-1b' } }));
  expectCode(t, 'node-selection', {}, { pods });
});

tap.test('a taint that a pod does not tolerate', async (t) => {
  const taints = [{ key: 'dedicated', value: 'x', effect: 'NoSchedule' as const }];
  expectCode(t, 'taint', {}, { nodePools: [poolOf('default', { taints })] });
});

tap.test('a taint that goes away when the node has started is none', async (t) => {
  const startupTaints = [{ key: 'starting', effect: 'NoSchedule' as const }];
  t.strictSame(judge({}, { nodePools: [poolOf('default', { startupTaints })] }), []);
});

tap.test('a host port held twice, by pods or by a DaemonSet', async (t) => {
  const ports = [{ containerPort: 80, hostPort: 80 }];
  expectCode(t, 'host-port', {}, { pods: podsOf('web', 4, specOf(small, { ports })) });
  const one = podsOf('web', 1, specOf(small, { ports }));
  const daemonSets = [daemonSetOf('agent', specOf({ cpu: '10m' }, { ports }))];
  expectCode(t, 'host-port', { pods: one }, { pods: one, daemonSets });
});

tap.test('more than a node has beside its DaemonSets', async (t) => {
  const pods = podsOf('web', 8, specOf(small));
  const daemonSets = [daemonSetOf('agent', specOf({ cpu: '100m' }))];
  expectCode(t, 'over-allocatable', { pods }, { pods, daemonSets });
  const bytes = podsOf('web', 1, specOf({ cpu: '1', memory: String(16 * 2 ** 30 + 1) }));
  expectCode(t, 'over-allocatable', { pods: podsOf('web', 1, specOf(small)) }, { pods: bytes });
});

tap.test('pods that refuse each other on one node or in one zone', async (t) => {
  const apart = (key: string) =>
    podsOf('web', 4, specOf(small, { affinity: antiAffinity(key, { app: 'web' }) }));
  expectCode(t, 'anti-affinity', {}, { pods: apart(hostKey) });
  expectCode(t, 'anti-affinity', {}, { pods: apart(zoneKey), types: threeZones });
});

tap.test('a pod that stands there and refuses the newcomers', async (t) => {
  const standing = (affinity = {}) =>
    podsOf('old', 1, specOf(small, { affinity }), { nodeName: 'node-0', phase: 'Running' });
  const nodes = [nodeOf('node-0', { zone: 'test-1a' })];
  const pods = podsOf('web', 2, specOf(small));
  for (const key of [hostKey, zoneKey]) {
    const refusing = standing(antiAffinity(key, { app: 'web' }));
    expectCode(
      t,
      'anti-affinity',
      { nodes, pods: [...pods, ...standing()] },
      { nodes, pods: [...pods, ...refusing] },
    );
  }
});

tap.test('two standing pods that refuse each other are not held against a plan', async (t) => {
  const affinity = antiAffinity(hostKey, { app: 'old' });
  const bound = { nodeName: 'node-0', phase: 'Running' };
  const old = podsOf('old', 2, specOf(small, { affinity }), bound);
  const pods = [...podsOf('web', 2, specOf(small)), ...old];
  t.strictSame(judge({ nodes: [nodeOf('node-0')], pods }, { nodes: [nodeOf('node-0')], pods }), []);
});

tap.test('pods lumped in a zone, on a node or in a capacity type', async (t) => {
  const spread = (key: string) =>
    podsOf(
      'web',
      4,
      specOf(small, { topologySpreadConstraints: [spreadOver(key, { app: 'web' })] }),
    );
  const types = threeZones;
  expectCode(t, 'topology-spread', { types }, { types, pods: spread(zoneKey) });
  expectCode(t, 'topology-spread', {}, { pods: spread(hostKey) });
  expectCode(t, 'topology-spread', {}, { pods: spread(capacityTypeKey) });
});

tap.test('a zone in which the pods could not stand does not hold the others back', async (t) => {
  const topologySpreadConstraints = [spreadOver(zoneKey, { app: 'web' })];
  const pods = podsOf('web', 4, specOf(small, { topologySpreadConstraints }));
  t.strictSame(judge({ pods }, { pods }), []);
});

tap.test('a node without the label that pods are spread over', async (t) => {
  const nodes = [nodeOf('node-0', { labels: {} })];
  const pods = podsOf('web', 2, specOf(small));
  const topologySpreadConstraints = [spreadOver('rack', { app: 'web' })];
  const racked = podsOf('web', 2, specOf(small, { topologySpreadConstraints }));
  expectCode(t, 'topology-spread', { nodes, pods }, { nodes, pods: racked });
});

tap.test('limits of a pool, its standing nodes included', async (t) => {
  const pods = podsOf('web', 24, specOf({ cpu: '1' }));
  const limits = { cpu: '16' };
  expectCode(t, 'pool-limit', { pods }, { pods, nodePools: [poolOf('default', { limits })] });
  const counted = [poolOf('default', { limits: { nodes: '6' } })];
  const nodes = [
    nodeOf('node-0', { labels: { [poolKey]: 'default' }, allocatable: { pods: '0' } }),
  ];
  expectCode(t, 'pool-limit', { pods, nodes }, { pods, nodes, nodePools: counted });
});

tap.test('fewer types to choose from than minValues asks for', async (t) => {
  const key = 'node.kubernetes.io/instance-type';
  const requirements = [{ key, operator: 'Exists' as const, minValues: 2 }];
  const nodePools = [poolOf('default', { requirements })];
  expectCode(t, 'min-values', {}, { nodePools });
});

tap.test('pods on one node that ask for different values of an open label', async (t) => {
  const values = ['gold', 'tin'];
  const requirements = [{ key: 'tier', operator: 'In' as const, values }];
  const nodePools = [poolOf('default', { requirements })];
  const pods = [...podsOf('a', 1, specOf(small)), ...podsOf('b', 1, specOf(small))];
  const choosy = [
    ...podsOf('a', 1, specOf(small, { nodeSelector: { tier: 'gold' } })),
    ...podsOf('b', 1, specOf(small, { nodeSelector: { tier: 'tin' } })),
  ];
  const both = { pods: choosy, nodePools };
  expectCode(t, 'node-selection', { pods, nodePools }, both);
  expectCode(t, 'label-conflict', { pods, nodePools }, both, withoutLabels);
});

tap.test('an offering that the pool does not admit or that is not to be had', async (t) => {
  const requirements = [{ key: capacityTypeKey, operator: 'In' as const, values: ['on-demand'] }];
  expectCode(t, 'bad-offering', {}, { nodePools: [poolOf('default', { requirements })] });
  expectCode(t, 'bad-offering', {}, { nodePools: [poolOf('default', { replicas: 1 })] });
  expectCode(t, 'bad-offering', {}, { nodePools: [poolOf('other')] });
  const sold = oneZone.map((type) => ({
    ...type,
    offerings: type.offerings.map((offering) => ({ ...offering, available: false })),
  }));
  expectCode(t, 'bad-offering', {}, { types: sold });
});

tap.test('another price or another size than the catalogue has', async (t) => {
  const dearer = [typeOf('m5.xlarge', { zones: ['test-1a'], priceNano: 300_000_000 })];
  expectCode(t, 'price-mismatch', {}, { types: dearer });
  const wider = [typeOf('m5.xlarge', { zones: ['test-1a'], memoryMiB: 20_000 })];
  expectCode(t, 'allocatable-mismatch', {}, { types: wider });
});

tap.test('an existing node that is cordoned, full, leaving or being disrupted', async (t) => {
  const pods = podsOf('web', 2, specOf(small));
  const nodes = [nodeOf('node-0')];
  const before = { nodes, pods };
  const judgeNode = (code: string, node: ReturnType<typeof nodeOf>): void =>
    expectCode(t, code, before, { pods, nodes: [node] });
  judgeNode('taint', nodeOf('node-0', { unschedulable: true }));
  judgeNode('over-allocatable', nodeOf('node-0', { allocatable: { cpu: '900m' } }));
  judgeNode('over-allocatable', nodeOf('node-0', { allocatable: { pods: '1' } }));
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  judgeNode('unknown-node', nodeOf('node-0', { metadata: { name: 'node-0', deletionTimestamp } }));
  const taints = [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' as const }];
  judgeNode('node-closed', nodeOf('node-0', { taints }));
});

tap.test('a pod that is not for a plan to place', async (t) => {
  const gated = { ...specOf(small), schedulingGates: [{ name: 'wait' }] };
  expectCode(t, 'pod-not-pending', {}, { pods: podsOf('web', 4, gated) });
  const claim = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
  const volumes = { ...specOf(small), volumes: [claim] };
  expectCode(t, 'pod-not-pending', {}, { pods: podsOf('web', 4, volumes) });
});

tap.test(
  'substitutes that do not hold the pods, cost something else, or exceed a limit',
  async (t) => {
    const types = [typeOf('m5.xlarge'), typeOf('m5.large', { cpuMilli: 400 })];
    const pods = podsOf('web', 4, specOf(small));
    const add = (instanceType: string, pricePerHour: number) => (plan: Plan) => {
      const [node, ...others] = plan.nodes;
      const substitute = { instanceType, zone: 'test-1b', capacityType: 'spot', pricePerHour };
      return { ...plan, nodes: [{ ...node!, substitutes: [substitute] }, ...others] };
    };
    const cluster = { types, pods };
    expectCode(t, 'bad-substitute', cluster, cluster, add('m5.large', 0.01));
    expectCode(t, 'substitute-price-mismatch', cluster, cluster, add('m5.xlarge', 0.05));
    t.strictSame(judge(cluster, cluster, add('m5.xlarge', 0.1)), []);
  },
);

tap.test('substitutes that are not listed by price', async (t) => {
  const cluster = { types: [typeOf('m5.large'), typeOf('m5.xlarge')] };
  const turn = (plan: Plan): Plan => ({
    ...plan,
    nodes: plan.nodes.map((node) => ({ ...node, substitutes: node.substitutes.toReversed() })),
  });
  t.strictSame(judge(cluster, cluster), []);
  expectCode(t, 'bad-substitute', cluster, cluster, turn);
});

tap.test('a substitute in a zone that a spread does not leave open', async (t) => {
  const types = threeZones;
  const topologySpreadConstraints = [spreadOver(zoneKey, { app: 'web' })];
  const pods = podsOf('web', 3, specOf(small, { topologySpreadConstraints }));
  const move = (plan: Plan): Plan => {
    const [node, other, ...others] = plan.nodes;
    const { instanceType, capacityType, pricePerHour } = node!;
    const substitute = { instanceType, capacityType, pricePerHour, zone: other!.zone };
    return { ...plan, nodes: [{ ...node!, substitutes: [substitute] }, other!, ...others] };
  };
  expectCode(t, 'bad-substitute', { types, pods }, { types, pods }, move);
});

tap.test('labels that a plan states for its nodes are held against pods and pool', async (t) => {
  const team = (values: string[]) =>
    poolOf('default', { requirements: [{ key: 'team', operator: 'In', values }] });
  const nodePools = [team(['a', 'b'])];
  const pods = podsOf('web', 2, specOf(small, { nodeSelector: { team: 'a' } }));
  const cluster = { pods, nodePools };
  const relabel = (labels: Record<string, string>) => (plan: Plan) => ({
    ...plan,
    nodes: plan.nodes.map((node) => ({ ...node, labels })),
  });
  expectCode(t, 'node-selection', cluster, cluster, relabel({ team: 'b' }));
  expectCode(t, 'bad-offering', cluster, cluster, relabel({ team: 'c' }));
  expectCode(t, 'bad-offering', cluster, cluster, relabel({ team: 'a', tier: 'x' }));
  expectCode(t, 'bad-offering', cluster, { pods, nodePools: [team(['b'])] });
  const unstated = judge(cluster, cluster, withoutLabels);
  t.strictSame(unstated, [], 'a label that is not stated may have any value');
});

tap.test('DaemonSets that follow a label stated by the plan take their room', async (t) => {
  const nodePools = [
    poolOf('default', { requirements: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] }),
  ];
  const pods = podsOf('web', 7, specOf(small));
  const nodeSelector = { team: 'b' };
  const daemonSets = [daemonSetOf('agent', specOf({ cpu: '1' }, { nodeSelector }))];
  const cluster = { pods, nodePools, daemonSets };
  expectCode(t, 'over-allocatable', cluster, cluster, (plan) => ({
    ...plan,
    nodes: plan.nodes.map((node) => ({ ...node, labels: { team: 'b' }, substitutes: [] })),
  }));
});

tap.test('a plan that calls itself optimal is searched for a cheaper one', async (t) => {
  const types = [
    typeOf('m5.large', { cpuMilli: 2000, zones: ['test-1a'], priceNano: 90_000_000 }),
    typeOf('m5.xlarge', { zones: ['test-1a'], priceNano: 190_000_000 }),
  ];
  const pods = podsOf('web', 3, specOf({ cpu: '1' }));
  const snapshot = snapshotOf({ pods });
  const { plan, model } = planCluster(snapshot, types);
  const optimal = (perHour: number, nodes = plan.nodes): Plan => ({
    ...plan,
    nodes,
    cost: { ...plan.cost, perHour, lowerBound: perHour, gap: 0, proof: 'optimal' },
  });
  const verdictOf = (changed: Plan) =>
    verifyPlan({ snapshot, typesOf: () => types, zoneIds: new Map(), plan: changed, model });
  const sound = verdictOf(optimal(plan.cost.perHour));
  t.strictSame(sound.findings, []);
  t.ok(sound.provenBound < sound.perHour, 'its certificate proves less');
  t.strictSame(sound.optimality, { outcome: 'proven' });

  const [first, ...others] = plan.nodes;
  const dearer = first!.substitutes.find(({ pricePerHour }) => pricePerHour > first!.pricePerHour)!;
  const perHour = plan.cost.perHour - first!.pricePerHour + dearer.pricePerHour;
  const { allocatable } = types.find(({ name }) => name === dearer.instanceType)!;
  const changed = {
    ...first!,
    ...dearer,
    allocatable: formatResources(allocatable),
    substitutes: [],
  };
  const refuted = verdictOf(optimal(perHour, [changed, ...others]));
  t.strictSame(
    refuted.findings.map(({ code, message }) => [code, message]),
    [['not-optimal', `called optimal, but ${plan.cost.perHour} per hour is enough`]],
  );
  t.equal(refuted.optimality, undefined);
});
