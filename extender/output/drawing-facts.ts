/**
 * What a drawing asks about pods and nodes, answered from the model of the plan.
 *
 * In: snapshot, model, plan. Out: look-ups by the plan's names, in integers. It reads what the model
 * decided and decides nothing itself.
 */
import type { Node } from '../../core/api/kubernetes.ts';
import {
  labelCapacityType,
  labelInstanceType,
  labelNodePool,
  labelZone,
} from '../../core/api/labels.ts';
import type { NewNodeOffering, PackingModel } from '../../core/packing/packing-model.ts';
import type { Plan } from '../../core/packing/plan.ts';
import { offeredResources } from '../../core/scheduling/quantity.ts';
import { effectiveRequests } from '../../core/scheduling/requests.ts';
import type { Resources } from '../../core/scheduling/resources.ts';
import { type ClusterSnapshot, podKey, type SnapshotPod } from '../../core/state/snapshot.ts';
import type { DrawingFacts, NodeFacts, PodShape } from './plan-drawing.ts';
import { workloadName } from './workload-name.ts';

/** O(pods + nodes + DaemonSets). */
export function drawingFacts(
  snapshot: ClusterSnapshot,
  model: PackingModel,
  plan: Plan,
): DrawingFacts {
  const shapes = shapesByPod(snapshot.pods);
  const nodes = new Map<string, NodeFacts>();
  for (const node of snapshot.nodes) nodes.set(node.metadata.name ?? '', existingFacts(node));
  const offerings = newNodeFacts(snapshot, model);
  for (const node of plan.nodes) {
    const { nodePool, instanceType, zone, capacityType } = node;
    const facts = offerings.get([nodePool, instanceType, zone, capacityType].join(' '));
    if (facts !== undefined) nodes.set(node.name, facts);
  }
  return { shapeOf: (pod) => shapes.get(pod), nodeOf: (name) => nodes.get(name) };
}

/** One shape per spec and workload, shared. */
function shapesByPod(pods: readonly SnapshotPod[]): Map<string, PodShape> {
  const shapes = new Map<string, PodShape>();
  const bySpec = new Map<SnapshotPod['spec'], Map<string, PodShape>>();
  for (const pod of pods) {
    let byWorkload = bySpec.get(pod.spec);
    if (byWorkload === undefined) {
      byWorkload = new Map();
      bySpec.set(pod.spec, byWorkload);
    }
    const workload = workloadName(pod);
    let shape = byWorkload.get(workload);
    if (shape === undefined) {
      shape = { workload, requests: { ...effectiveRequests(pod.spec), pods: 1 } };
      byWorkload.set(workload, shape);
    }
    shapes.set(podKey(pod), shape);
  }
  return shapes;
}

/** Pods that stand on the node are in the plan's list, DaemonSets' among them. */
function existingFacts({ metadata, status }: Node): NodeFacts {
  const labels = metadata.labels ?? {};
  return {
    nodePool: labels[labelNodePool] ?? '',
    instanceType: labels[labelInstanceType] ?? '',
    zone: labels[labelZone] ?? '',
    capacityType: labels[labelCapacityType] ?? '',
    allocatable: offeredResources(status?.allocatable ?? {}),
    overhead: {},
  };
}

/** By NodePool, type, zone and capacity type; where several differ in labels only, the first. */
function newNodeFacts(snapshot: ClusterSnapshot, model: PackingModel): Map<string, NodeFacts> {
  const daemons = new Map<string, Resources>();
  for (const { metadata, spec } of snapshot.daemonSets) {
    const name = `${metadata.namespace ?? 'default'}/${metadata.name ?? ''}`;
    daemons.set(name, effectiveRequests(spec.template.spec));
  }
  const facts = new Map<string, NodeFacts>();
  for (const offering of model.offerings) {
    if (offering.kind === 'existing') continue;
    const { nodePool, instanceType, zone, capacityType } = offering;
    const key = [nodePool, instanceType, zone, capacityType].join(' ');
    if (facts.has(key)) continue;
    const { allocatable } = offering.type;
    const overhead = overheadOf(offering, daemons);
    facts.set(key, { nodePool, instanceType, zone, capacityType, allocatable, overhead });
  }
  return facts;
}

function overheadOf(
  { daemonSets }: NewNodeOffering,
  daemons: ReadonlyMap<string, Resources>,
): Resources {
  const sum: Record<string, number> = {};
  for (const name of daemonSets) {
    const requests = { ...daemons.get(name), pods: 1 };
    for (const [resource, amount] of Object.entries(requests)) {
      sum[resource] = (sum[resource] ?? 0) + amount;
    }
  }
  return sum;
}
