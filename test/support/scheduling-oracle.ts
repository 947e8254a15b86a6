/**
 * The cheapest way to place a few pods, by trying every assignment and every order of binding.
 *
 * In: a tiny cluster without weights, minValues and DaemonSets. Out: the least price of new nodes.
 * A placement is legal if there is an order in which kube-scheduler's filters would let every pod
 * onto its node, one after another. Rules are written here in the plainest way, for this purpose
 * alone; nothing of the model is used but how labels and selectors match.
 */
import type { Node, PodSpec, TopologySpreadConstraint } from '../../core/api/kubernetes.ts';
import type { NodePool } from '../../core/api/nodepool.ts';
import { compileSelector } from '../../core/scheduling/label-selector.ts';
import { offeredResources } from '../../core/scheduling/quantity.ts';
import { effectiveRequests } from '../../core/scheduling/requests.ts';
import { admitsLabels, requirementsOf } from '../../core/scheduling/requirements.ts';
import { firstUntoleratedTaint } from '../../core/scheduling/taints.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { ClusterSnapshot, SnapshotPod } from '../../core/state/snapshot.ts';
import { capacityTypeKey, hostKey, poolKey, zoneKey } from './cluster-builders.ts';

type Labels = Readonly<Record<string, string>>;

interface Kind {
  readonly labels: Labels;
  readonly taints: NonNullable<Node['spec']>['taints'];
  readonly allocatable: Readonly<Record<string, number>>;
  readonly capacityCpu: number;
  readonly pool: NodePool | undefined;
  readonly priceNano: number;
}

interface Standing {
  readonly kind: Kind;
  readonly hostname: string;
  readonly pods: SnapshotPod[];
}

/** Kinds of nodes that pools can launch. */
function newKinds(snapshot: ClusterSnapshot, types: readonly InstanceType[]): Kind[] {
  return snapshot.nodePools.flatMap((pool) => {
    const { metadata, spec } = pool.spec.template;
    const demanded = requirementsOf(spec.requirements);
    return types.flatMap((type) =>
      type.offerings.flatMap((offering): Kind[] => {
        const labels: Labels = {
          ...type.labels,
          ...metadata?.labels,
          [zoneKey]: offering.zone,
          [capacityTypeKey]: offering.capacityType,
          [poolKey]: pool.metadata.name ?? '',
        };
        return admitsLabels(demanded, labels)
          ? [
              {
                labels,
                taints: spec.taints,
                allocatable: type.allocatable,
                capacityCpu: type.capacity['cpu'] ?? 0,
                pool,
                priceNano: offering.priceNanoUsdPerHour,
              },
            ]
          : [];
      }),
    );
  });
}

function existingKind(node: Node): Kind {
  const { labels } = node.metadata;
  return {
    labels: labels ?? {},
    taints: node.spec?.taints,
    allocatable: offeredResources(node.status?.allocatable ?? {}),
    capacityCpu: 0,
    pool: undefined,
    priceNano: 0,
  };
}

function selects(spec: PodSpec, labels: Labels): boolean {
  return Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
}

function toleratesAll(spec: PodSpec, kind: Kind): boolean {
  return firstUntoleratedTaint(kind.taints ?? [], spec.tolerations ?? []) === undefined;
}

function admits(pod: SnapshotPod, kind: Kind): boolean {
  return selects(pod.spec, kind.labels) && toleratesAll(pod.spec, kind);
}

function hasRoom(kind: Kind, pods: readonly SnapshotPod[]): boolean {
  const sum: Record<string, number> = { pods: pods.length };
  for (const { spec } of pods) {
    for (const [resource, amount] of Object.entries(effectiveRequests(spec))) {
      sum[resource] = (sum[resource] ?? 0) + amount;
    }
  }
  return Object.entries(sum).every(([name, amount]) => amount <= (kind.allocatable[name] ?? 0));
}

function domainOf({ kind, hostname }: Standing, key: string): string | undefined {
  return key === hostKey ? hostname : kind.labels[key];
}

function namedBy(pod: SnapshotPod, other: SnapshotPod, key: string, node: Standing, at: Standing) {
  const terms =
    pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.some(({ topologyKey, labelSelector }) => {
    const domain = domainOf(node, topologyKey);
    return (
      topologyKey === key &&
      domain !== undefined &&
      domain === domainOf(at, topologyKey) &&
      pod.namespace === other.namespace &&
      compileSelector(labelSelector).matches(other.labels)
    );
  });
}

function portsOf({ spec }: SnapshotPod): number[] {
  return spec.containers.flatMap(({ ports }) => (ports ?? []).map((port) => port.hostPort ?? 0));
}

/** Whether kube-scheduler lets the pod onto the node as things stand. */
function canJoin(
  pod: SnapshotPod,
  node: Standing,
  all: readonly Standing[],
  kinds: readonly Kind[],
) {
  const ports = portsOf(pod).filter((port) => port > 0);
  if (node.pods.some((other) => portsOf(other).some((port) => ports.includes(port)))) {
    return false;
  }
  for (const at of all) {
    for (const other of at.pods) {
      for (const key of [zoneKey, hostKey, capacityTypeKey, 'kubernetes.io/arch']) {
        if (namedBy(pod, other, key, node, at) || namedBy(other, pod, key, at, node)) {
          return false;
        }
      }
    }
  }
  return (pod.spec.topologySpreadConstraints ?? []).every((one) =>
    isWithinSkew(one, pod, node, all, kinds),
  );
}

function isWithinSkew(
  rule: TopologySpreadConstraint,
  pod: SnapshotPod,
  node: Standing,
  all: readonly Standing[],
  kinds: readonly Kind[],
): boolean {
  const { topologyKey: key, maxSkew, minDomains, nodeAffinityPolicy, nodeTaintsPolicy } = rule;
  const own = domainOf(node, key);
  if (own === undefined) {
    return false;
  }
  const sees = (kind: Kind): boolean =>
    (nodeAffinityPolicy === 'Ignore' || selects(pod.spec, kind.labels)) &&
    (nodeTaintsPolicy !== 'Honor' || toleratesAll(pod.spec, kind));
  const matcher = compileSelector(rule.labelSelector);
  const isCounted = ({ namespace, labels, deletionMs = 0 }: SnapshotPod): boolean =>
    deletionMs === 0 && namespace === pod.namespace && matcher.matches(labels);
  const counts = new Map<string, number>();
  if (key !== hostKey) {
    for (const kind of kinds.filter(sees)) {
      const value = kind.labels[key];
      if (value !== undefined) counts.set(value, 0);
    }
  }
  for (const at of all) {
    const value = domainOf(at, key);
    if (value !== undefined && sees(at.kind)) {
      counts.set(value, (counts.get(value) ?? 0) + at.pods.filter(isCounted).length);
    }
  }
  const isFew = counts.size < (minDomains ?? 1);
  const floor = key === hostKey || isFew ? 0 : Math.min(...counts.values());
  return (counts.get(own) ?? 0) + (isCounted(pod) ? 1 : 0) - floor <= maxSkew;
}

/** Whether some order of binding is legal; `target[i]` is the node of pod i. */
function hasLegalOrder(
  pods: readonly SnapshotPod[],
  target: readonly number[],
  nodes: readonly Standing[],
  kinds: readonly Kind[],
): boolean {
  const bind = (left: readonly number[]): boolean => {
    if (left.length === 0) {
      return true;
    }
    return left.some((i) => {
      const node = nodes[target[i]!]!;
      if (!canJoin(pods[i]!, node, nodes, kinds)) {
        return false;
      }
      node.pods.push(pods[i]!);
      const isLegal = bind(left.filter((other) => other !== i));
      node.pods.pop();
      return isLegal;
    });
  };
  return bind([...pods.keys()]);
}

function isWithinLimits(opened: readonly Kind[]): boolean {
  const pools = new Set(opened.map(({ pool }) => pool));
  return [...pools].every((pool) => {
    const own = opened.filter((kind) => kind.pool === pool);
    const { cpu, nodes } = offeredResources(pool?.spec.limits ?? {});
    const sum = own.reduce((total, kind) => total + kind.capacityCpu, 0);
    return sum <= (cpu ?? Infinity) && own.length <= (nodes ?? Infinity);
  });
}

/** The least price at which all `pods` can be placed; undefined if they cannot. */
export function leastPrice(
  snapshot: ClusterSnapshot,
  types: readonly InstanceType[],
  pods: readonly SnapshotPod[],
): number | undefined {
  const kinds = newKinds(snapshot, types);
  const standing: Standing[] = snapshot.nodes.map((node) => ({
    kind: existingKind(node),
    hostname: node.metadata.name ?? '',
    pods: snapshot.pods.filter(({ nodeName }) => nodeName === node.metadata.name),
  }));
  let best: number | undefined;
  const place = (
    next: number,
    nodes: Standing[],
    plan: SnapshotPod[][],
    target: number[],
  ): void => {
    const price = nodes.reduce((sum, { kind }) => sum + kind.priceNano, 0);
    if (best !== undefined && price >= best) {
      return;
    }
    const pod = pods[next];
    if (pod === undefined) {
      const opened = nodes.slice(standing.length).map(({ kind }) => kind);
      if (isWithinLimits(opened) && hasLegalOrder(pods, target, nodes, kinds)) {
        best = price;
      }
      return;
    }
    nodes.forEach((node, at) => {
      const planned = [...plan[at]!, pod];
      if (admits(pod, node.kind) && hasRoom(node.kind, [...node.pods, ...planned])) {
        place(next + 1, nodes, plan.with(at, planned), [...target, at]);
      }
    });
    for (const kind of kinds) {
      if (admits(pod, kind) && hasRoom(kind, [pod])) {
        const node = { kind, hostname: `new-${nodes.length}`, pods: [] };
        place(next + 1, [...nodes, node], [...plan, [pod]], [...target, nodes.length]);
      }
    }
  };
  place(
    0,
    standing,
    standing.map(() => []),
    [],
  );
  return best;
}
