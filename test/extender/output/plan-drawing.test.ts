/** How a plan becomes bins and slabs to be drawn. */
import t from 'tap';
import { drawnPodNamesMax, drawPlan } from '../../../extender/output/plan-drawing.ts';
import { sampleFacts, samplePlan } from '../../support/sample-plan.ts';

t.test('nodes alike in offering and contents are one bin with several names', (t) => {
  const { shelves } = drawPlan(samplePlan(), sampleFacts);
  t.strictSame(
    shelves.map(({ existing, instanceType, bins }) => [
      existing,
      instanceType,
      bins.map(({ names, zone }) => [names.length, zone]),
    ]),
    [
      [
        false,
        'c6i.xlarge',
        [
          [2, 'us-east-1a'],
          [1, 'us-east-1b'],
        ],
      ],
      [false, 'g5.2xlarge', [[1, 'us-east-1b']]],
      [true, 'm5.xlarge', [[1, 'us-east-1a']]],
    ],
    'dearest shelf first, existing nodes last',
  );
  t.end();
});

t.test('a slab tells how many pods of a shape and the dominant share of one', (t) => {
  const { shelves, shapes, workloads } = drawPlan(samplePlan(), sampleFacts);
  const [first] = shelves[0]!.bins;
  t.strictSame(first?.slabs, [[0, 2, 0.125]], '500 of 4000 milli, 1 of 8 GiB: an eighth');
  t.equal(first?.overheadShare, 0.125);
  const gpuSlab = shelves[1]!.bins[0]!.slabs[0]!;
  t.equal(gpuSlab[2], 1, 'the one GPU is what the pod takes most of');
  t.equal(workloads[shapes[gpuSlab[0]]!.workload]?.name, 'ml/train');
  t.end();
});

t.test('used parts count DaemonSets and stay in the order of the resources', (t) => {
  const { resources, shelves } = drawPlan(samplePlan(), sampleFacts);
  t.strictSame(resources, ['cpu', 'memory', 'nvidia.com/gpu', 'pods']);
  t.strictSame(shelves[0]?.bins[0]?.used, [0.375, 0.375, 0, 4 / 58]);
  t.strictSame(shelves[1]?.bins[0]?.used, [0.375, 0.25, 1, 1 / 58]);
  t.end();
});

t.test('pods of no known shape are drawn as other, and counted', (t) => {
  const [node] = samplePlan().nodes;
  const plan = samplePlan({ nodes: [{ ...node!, pods: ['kube-system/x'] }], existing: [] });
  const { workloads } = drawPlan(plan, sampleFacts);
  t.strictSame(workloads, [{ name: 'other', pods: 1 }]);
  t.end();
});

t.test('workloads come in the order of what they cover', (t) => {
  const { workloads } = drawPlan(samplePlan(), sampleFacts);
  t.strictSame(workloads, [
    { name: 'ml/train', pods: 1 },
    { name: 'shop/web', pods: 7 },
  ]);
  t.end();
});

t.test('names of pods are left out where there are too many for a page', (t) => {
  const [node] = samplePlan().nodes;
  const pods = Array.from({ length: drawnPodNamesMax + 1 }, (_, index) => `shop/web-${index}`);
  const few = drawPlan(samplePlan(), sampleFacts);
  t.strictSame(few.shelves[1]?.bins[0]?.pods, ['ml/train-0']);
  const many = drawPlan(samplePlan({ nodes: [{ ...node!, pods }] }), sampleFacts);
  t.strictSame(many.shelves[0]?.bins[0]?.pods, []);
  t.equal(many.shelves[0]?.bins[0]?.slabs[0]?.[1], drawnPodNamesMax + 1, 'counts stay');
  t.end();
});
