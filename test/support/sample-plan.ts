/**
 * A small plan with everything that outputs must show, and what they may ask of its pods and nodes.
 *
 * In: overrides, last wins. Out: a Plan and its DrawingFacts. Four nodes (two alike), one existing
 * node, three unschedulable pods of two reasons.
 */
import type { Plan, PlannedNode } from '../../core/packing/plan.ts';
import type { DrawingFacts, NodeFacts, PodShape } from '../../extender/output/plan-drawing.ts';

const gib = 2 ** 30;

const web: PodShape = {
  workload: 'shop/web',
  requests: { cpu: 500, memory: 1 * gib, pods: 1 },
};
const train: PodShape = {
  workload: 'ml/train',
  requests: { cpu: 3000, memory: 8 * gib, pods: 1, 'nvidia.com/gpu': 1 },
};

const small: Omit<NodeFacts, 'zone'> = {
  nodePool: 'default',
  instanceType: 'c6i.xlarge',
  capacityType: 'on-demand',
  allocatable: { cpu: 4000, memory: 8 * gib, pods: 58 },
  overhead: { cpu: 500, memory: 1 * gib, pods: 2 },
};
const accelerated: Omit<NodeFacts, 'zone'> = {
  nodePool: 'gpu',
  instanceType: 'g5.2xlarge',
  capacityType: 'spot',
  allocatable: { cpu: 8000, memory: 32 * gib, pods: 58, 'nvidia.com/gpu': 1 },
  overhead: {},
};

const nodeFacts = new Map<string, NodeFacts>([
  ['default-c6i-xlarge-1', { ...small, zone: 'us-east-1a' }],
  ['default-c6i-xlarge-2', { ...small, zone: 'us-east-1a' }],
  ['default-c6i-xlarge-3', { ...small, zone: 'us-east-1b' }],
  ['gpu-g5-2xlarge-1', { ...accelerated, zone: 'us-east-1b' }],
  ['ip-10-0-0-1.ec2.internal', { ...small, instanceType: 'm5.xlarge', zone: 'us-east-1a' }],
]);

/** What is known of the sample's pods (told by their names) and nodes. */
export const sampleFacts: DrawingFacts = {
  shapeOf: (pod) =>
    pod.startsWith('shop/web') ? web : pod.startsWith('ml/train') ? train : undefined,
  nodeOf: (name) => nodeFacts.get(name),
};

function smallNode(index: number, zone: string, pods: readonly string[]): PlannedNode {
  return {
    name: `default-c6i-xlarge-${index}`,
    nodePool: 'default',
    instanceType: 'c6i.xlarge',
    zone,
    capacityType: 'on-demand',
    pricePerHour: 0.17,
    pods,
    requests: { cpu: '1', memory: '2Gi', pods: '2' },
    allocatable: { cpu: '4', memory: '8Gi', pods: '58' },
    substitutes: [
      { instanceType: 'c5.xlarge', zone, capacityType: 'on-demand', pricePerHour: 0.17 },
      { instanceType: 'm6i.xlarge', zone, capacityType: 'on-demand', pricePerHour: 0.192 },
    ],
  };
}

/** The sample, with the given members replaced. */
export function samplePlan(overrides: Partial<Plan> = {}): Plan {
  return {
    apiVersion: 'stowage.dev/v1alpha1',
    kind: 'Plan',
    nodes: [
      smallNode(1, 'us-east-1a', ['shop/web-0', 'shop/web-1']),
      smallNode(2, 'us-east-1a', ['shop/web-2', 'shop/web-3']),
      smallNode(3, 'us-east-1b', ['shop/web-4']),
      {
        name: 'gpu-g5-2xlarge-1',
        nodePool: 'gpu',
        instanceType: 'g5.2xlarge',
        zone: 'us-east-1b',
        capacityType: 'spot',
        pricePerHour: 0.49,
        pods: ['ml/train-0'],
        requests: { cpu: '3', memory: '8Gi', pods: '1', 'nvidia.com/gpu': '1' },
        allocatable: { cpu: '8', memory: '32Gi', pods: '58', 'nvidia.com/gpu': '1' },
        labels: { team: 'vision' },
        substitutes: [],
      },
    ],
    existing: [
      {
        node: 'ip-10-0-0-1.ec2.internal',
        pods: ['shop/web-5', 'shop/web-6'],
        placed: ['shop/web-6'],
      },
    ],
    unschedulable: [
      { pod: 'ml/train-1', reason: 'no <admitted> type has nvidia.com/gpu 16' },
      { pod: 'ml/train-2', reason: 'no <admitted> type has nvidia.com/gpu 16' },
      { pod: 'shop/other', reason: 'NodePool default is at its limit of nodes' },
    ],
    cost: {
      perHour: 1,
      lowerBound: 0.995,
      gap: 0.005,
      proof: 'certified',
      firstFitPerHour: 1.25,
    },
    certificate: null,
    solver: {
      classes: 2,
      offerings: 40,
      offeringsKept: 20,
      columns: 7,
      iterations: 3,
      wallMs: 120,
      phases: { reduce: 2, generate: 80 },
      seed: 1,
      stoppedBy: 'gap',
      curve: [
        [1, 1_250_000_000, 0],
        [40, 1_100_000_000, 900_000_000],
        [120, 1_000_000_000, 995_000_000],
      ],
    },
    notes: ['No EC2NodeClass was given; AL2023 defaults were assumed.'],
    ...overrides,
  };
}
