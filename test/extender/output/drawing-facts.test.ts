/** The facts that a drawing of a plan needs, by the plan's own names. */
import t from 'tap';
import type { DaemonSet, Node } from '../../../core/api/kubernetes.ts';
import { makePlan } from '../../../core/packing/plan-nodes.ts';
import type { ClusterSnapshot } from '../../../core/state/snapshot.ts';
import { drawingFacts } from '../../../extender/output/drawing-facts.ts';
import { bin, sampleModel, sampleSnapshot, solutionOf } from '../../support/sample-model.ts';

const mib = 2 ** 20;
const daemon = {
  metadata: { name: 'agent', namespace: 'ops' },
  spec: {
    template: {
      spec: {
        containers: [{ name: 'a', resources: { requests: { cpu: '100m', memory: '64Mi' } } }],
      },
    },
  },
} as DaemonSet;
const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'old',
    labels: {
      'karpenter.sh/nodepool': 'default',
      'node.kubernetes.io/instance-type': 'm5.large',
      'topology.kubernetes.io/zone': 'zone-a',
    },
  },
  status: { allocatable: { cpu: '1930m', memory: '7Gi', pods: '29' } },
} as Node;
const snapshot: ClusterSnapshot = { ...sampleSnapshot, nodes: [node], daemonSets: [daemon] };

t.test('the facts of a plan, by the names that it uses', (t) => {
  const plain = sampleModel();
  const offerings = plain.offerings.map((offering) =>
    offering.kind === 'new' ? { ...offering, daemonSets: ['ops/agent'] } : offering,
  );
  const model = { ...plain, offerings };
  const solution = solutionOf(model, [bin(4, [[2, 3]])]);
  const plan = makePlan(snapshot, model, solution, { firstFitNano: null, notes: [] });
  const facts = drawingFacts(snapshot, model, plan);

  t.strictSame(facts.nodeOf('default-c6i-2xlarge-1'), {
    nodePool: 'default',
    instanceType: 'c6i.2xlarge',
    zone: 'zone-a',
    capacityType: 'on-demand',
    allocatable: { cpu: 7900, memory: 15000 * mib, pods: 20 },
    overhead: { cpu: 100, memory: 64 * mib, pods: 1 },
  });
  t.strictSame(facts.nodeOf('old'), {
    nodePool: 'default',
    instanceType: 'm5.large',
    zone: 'zone-a',
    capacityType: '',
    allocatable: { cpu: 1930, memory: 7 * 1024 * mib, pods: 29 },
    overhead: {},
  });
  t.equal(facts.nodeOf('unknown'), undefined);
  t.strictSame(facts.shapeOf('default/job-2'), {
    workload: 'default/job',
    requests: { cpu: 2000, memory: 3 * 1024 * mib, pods: 1 },
  });
  t.equal(facts.shapeOf('default/job-0'), facts.shapeOf('default/job-3'), 'shared');
  t.equal(facts.shapeOf('default/unknown'), undefined);
  t.end();
});
