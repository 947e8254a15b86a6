/**
 * Clusters from a seed over every rule that a plan is verified by, for tests that change plans.
 *
 * In: a seed. Out: a snapshot and instance types: pools with requirements, taints, limits and weights,
 * DaemonSets, existing nodes with pods, and deployments whose pods select, spread, avoid each other,
 * hold host ports or ask for devices. Small: some dozens of pods.
 */
import type { PodSpec } from '../../core/api/kubernetes.ts';
import type { NodePool, NodePoolRequirement } from '../../core/api/nodepool.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { ClusterSnapshot, SnapshotPod } from '../../core/state/snapshot.ts';
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
} from './cluster-builders.ts';
import { Dice } from './random-problem.ts';

export interface SeededCluster {
  readonly snapshot: ClusterSnapshot;
  readonly types: readonly InstanceType[];
}

const zones = ['test-1a', 'test-1b', 'test-1c'];
const device = 'example.com/device';
const familyKey = 'karpenter.k8s.aws/instance-family';
const typeKey = 'node.kubernetes.io/instance-type';

/** The cluster of a seed. */
export function seededCluster(seed: number): SeededCluster {
  const dice = new Dice(seed);
  const pods = Array.from({ length: dice.between(1, 6) }, (_, at) =>
    randomDeployment(dice, `app-${at}`),
  ).flat();
  const nodes = Array.from({ length: dice.chance(50) ? dice.between(1, 4) : 0 }, (_, at) =>
    randomNode(dice, `node-${at}`),
  );
  for (const { metadata } of nodes) {
    const nodeName = metadata.name ?? '';
    const spec = randomSpec(dice, `old-${nodeName}`);
    if (!dice.chance(60)) continue;
    const labels = { app: `app-${dice.between(0, 5)}` };
    const phase = dice.chance(85) ? 'Running' : 'Succeeded';
    const deletionMs = dice.chance(20) ? 1 : 0;
    const more = { nodeName, phase, labels, deletionMs };
    pods.push(...podsOf(`old-${nodeName}`, dice.between(1, 2), spec, more));
  }
  if (dice.chance(20)) pods.push(...oddPods(dice));
  return {
    snapshot: {
      pods,
      nodes,
      daemonSets: dice.chance(50) ? [randomDaemonSet(dice)] : [],
      nodePools: randomPools(dice),
      nodeClasses: [],
      namespaceLabels: new Map([['default', { team: 'a' }]]),
    },
    types: randomTypes(dice),
  };
}

function randomDaemonSet(dice: Dice) {
  const spec = specOf(
    { cpu: '100m', memory: '128Mi' },
    {
      ...(dice.chance(40) ? { nodeSelector: { [zoneKey]: dice.pick(zones) } } : {}),
      ...(dice.chance(30) ? { ports: [{ containerPort: 9100, hostPort: 9100 }] } : {}),
      ...(dice.chance(50) ? { tolerations: [{ operator: 'Exists' as const }] } : {}),
    },
  );
  return daemonSetOf('agent', spec);
}

function randomTypes(dice: Dice): readonly InstanceType[] {
  return Array.from({ length: dice.between(2, 6) }, (_, at) => {
    const cpu = dice.pick([2, 4, 8, 16]);
    return typeOf(`${dice.pick(['c5', 'm5', 'r5'])}.t${at}`, {
      cpuMilli: cpu * 1000 - 80,
      memoryMiB: cpu * dice.pick([2, 4, 8]) * 1024 - 500,
      pods: dice.pick([8, 29, 58]),
      priceNano: cpu * 50_000_000 + dice.between(0, 9) * 1_000_000,
      zones: dice.chance(70) ? zones : zones.slice(0, dice.between(1, 2)),
      ...(dice.chance(25) ? { resources: { [device]: dice.pick([1, 4]) } } : {}),
    });
  });
}

function randomPools(dice: Dice): readonly NodePool[] {
  const plain = poolOf('default', randomLimits(dice));
  if (dice.chance(40)) return [plain];
  const requirements: NodePoolRequirement[] = [];
  if (dice.chance(40)) {
    requirements.push({ key: capacityTypeKey, operator: 'In', values: ['spot'] });
  }
  if (dice.chance(30)) {
    requirements.push({ key: zoneKey, operator: 'NotIn', values: [dice.pick(zones)] });
  }
  if (dice.chance(30)) requirements.push({ key: 'tier', operator: 'In', values: ['gold', 'tin'] });
  if (dice.chance(20)) requirements.push({ key: typeKey, operator: 'Exists', minValues: 2 });
  if (dice.chance(20)) requirements.push({ key: familyKey, operator: 'In', values: ['c5', 'm5'] });
  const special = poolOf('special', {
    requirements,
    ...(dice.chance(50)
      ? { taints: [{ key: 'dedicated', value: 'x', effect: 'NoSchedule' }] }
      : {}),
    ...(dice.chance(40) ? { labels: { team: 'blue' } } : {}),
    ...(dice.chance(30) ? { weight: 10 } : {}),
    ...randomLimits(dice),
  });
  return [plain, special];
}

function randomLimits(dice: Dice): { readonly limits?: Record<string, string> } {
  if (dice.chance(70)) return {};
  return { limits: dice.chance(50) ? { cpu: String(dice.between(4, 60)) } : { nodes: '3' } };
}

function randomNode(dice: Dice, name: string) {
  return nodeOf(name, {
    zone: dice.pick(zones),
    labels: {
      [capacityTypeKey]: 'on-demand',
      ...(dice.chance(40) ? { [poolKey]: 'default', 'karpenter.sh/initialized': 'true' } : {}),
      ...(dice.chance(30) ? { team: 'blue' } : {}),
    },
    ...(dice.chance(15) ? { unschedulable: true } : {}),
    ...(dice.chance(15)
      ? { taints: [{ key: 'dedicated', value: 'x', effect: 'NoSchedule' as const }] }
      : {}),
    ...(dice.chance(10) ? { metadata: { name, deletionTimestamp: '2026-01-01T00:00:00Z' } } : {}),
  });
}

function randomDeployment(dice: Dice, name: string): SnapshotPod[] {
  const count = dice.chance(20) ? dice.between(8, 20) : dice.between(1, 6);
  const priority = dice.chance(20) ? dice.between(1, 3) : 0;
  return podsOf(name, count, randomSpec(dice, name), { priority });
}

function randomSpec(dice: Dice, name: string): PodSpec {
  const requests: Record<string, string> = {
    cpu: `${dice.pick([50, 100, 250, 500, 1000, 1900])}m`,
    memory: dice.pick(['100M', '256Mi', '1000000001', '2Gi', '7Gi']),
    ...(dice.chance(10) ? { [device]: '1' } : {}),
    ...(dice.chance(10) ? { 'ephemeral-storage': '3G' } : {}),
  };
  const ports = [{ containerPort: 80, hostPort: dice.pick([80, 9100]) }];
  const spec = specOf(requests, dice.chance(15) ? { ports } : {});
  return { ...spec, ...randomPlacement(dice), ...randomCompany(dice, name) };
}

/** Rules about the node alone. */
function randomPlacement(dice: Dice): Partial<PodSpec> {
  const nodeSelector: Record<string, string> = {};
  if (dice.chance(10)) nodeSelector[zoneKey] = dice.pick(zones);
  if (dice.chance(10)) nodeSelector[capacityTypeKey] = 'on-demand';
  if (dice.chance(8)) nodeSelector['tier'] = dice.pick(['gold', 'tin', 'lead']);
  if (dice.chance(8)) nodeSelector['team'] = 'blue';
  return {
    ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
    ...(dice.chance(40)
      ? { tolerations: [{ key: 'dedicated', operator: 'Exists' as const }] }
      : {}),
  };
}

/** Rules about other pods, or an affinity of two terms. */
function randomCompany(dice: Dice, name: string): Partial<PodSpec> {
  const own = { app: name };
  const others = { app: `app-${dice.between(0, 5)}` };
  const maxSkew = dice.between(1, 2);
  switch (dice.between(0, 11)) {
    case 0:
      return { affinity: antiAffinity(hostKey, own) };
    case 1:
      return { affinity: antiAffinity(zoneKey, dice.chance(50) ? own : others) };
    case 2:
      return { affinity: antiAffinity(hostKey, others) };
    case 3:
      return { topologySpreadConstraints: [spreadOver(zoneKey, own, { maxSkew })] };
    case 4:
      return { topologySpreadConstraints: [spreadOver(hostKey, own, { maxSkew })] };
    case 5: {
      const overBoth = [spreadOver(zoneKey, own), spreadOver(capacityTypeKey, own, { maxSkew })];
      return { topologySpreadConstraints: overBoth };
    }
    case 6: {
      const more = { maxSkew, minDomains: dice.between(2, 4) };
      return { topologySpreadConstraints: [spreadOver(zoneKey, others, more)] };
    }
    case 7:
      return { affinity: { nodeAffinity: zoneOrTier(dice.pick(zones)) } };
    default:
      return {};
  }
}

function zoneOrTier(zone: string) {
  const term = (key: string, value: string) => ({
    matchExpressions: [{ key, operator: 'In' as const, values: [value] }],
  });
  const nodeSelectorTerms = [term(zoneKey, zone), term('tier', 'gold')];
  return { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
}

/** Pods that no plan may place. */
function oddPods(dice: Dice): SnapshotPod[] {
  const spec = specOf({ cpu: '100m' });
  const claim = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
  return dice.pick([
    podsOf('done', 1, spec, { phase: 'Succeeded' }),
    podsOf('gated', 1, { ...spec, schedulingGates: [{ name: 'wait' }] }),
    podsOf('stray', 1, spec, { ownerKind: 'DaemonSet' }),
    podsOf('claims', 1, { ...spec, volumes: [claim] }),
    podsOf('going', 1, spec, { deletionMs: 1 }),
  ]);
}
