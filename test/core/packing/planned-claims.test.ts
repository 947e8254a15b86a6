/** What a solution decides, in integers and with references to the snapshot's own pods. */
import t from 'tap';
import { firstFit } from '../../../core/packing/first-fit.ts';
import { makePlan } from '../../../core/packing/plan-nodes.ts';
import { planDecisions } from '../../../core/packing/planned-claims.ts';
import {
  type ClusterShape,
  daemonSetOf,
  modelOf,
  nodeOf,
  podsOf,
  poolOf,
  specOf,
  typeOf,
} from '../../support/cluster-builders.ts';
import { bin, sampleModel, sampleSnapshot, solutionOf } from '../../support/sample-model.ts';
import { seededCluster } from '../../support/seeded-cluster.ts';

/** Decisions of first-fit for a cluster. */
function decide(shape: ClusterShape) {
  const model = modelOf(shape);
  const solution = solutionOf(model, firstFit(model.problem).bins);
  return { model, solution, ...planDecisions(model.snapshot, model, solution) };
}

const small = { cpu: '500m', memory: '1Gi' };
const oneType = [typeOf('m5.xlarge', { zones: ['test-1a', 'test-1b'] })];

t.test('a claim names its pool, node class, offering and substitutes in integers', async (t) => {
  const nodePools = [poolOf('blue', { nodeClass: 'gpu' })];
  const pods = podsOf('web', 2, specOf(small));
  const { claims } = decide({ pods, nodePools, types: oneType });
  t.equal(claims.length, 1);
  const [claim] = claims;
  const at = (zone: string, capacityType: string, priceNano: number) => ({
    instanceType: 'm5.xlarge',
    zone,
    capacityType,
    priceNano,
  });
  t.match(claim, { nodePool: 'blue', nodeClass: 'gpu', chosenLabels: {}, daemonSets: [] });
  t.strictSame(claim?.offering, at('test-1a', 'spot', 100_000_000));
  t.strictSame(claim?.substitutes, [
    at('test-1b', 'spot', 100_000_000),
    at('test-1a', 'on-demand', 200_000_000),
    at('test-1b', 'on-demand', 200_000_000),
  ]);
  t.equal(claim?.type, oneType[0]);
  t.ok(
    claim?.pods.every((pod) => pods.includes(pod)),
    'the very pods of the snapshot',
  );
});

t.test('requests of a claim include its DaemonSets, those of its pods do not', async (t) => {
  const daemonSets = [
    daemonSetOf('agent', specOf({ cpu: '100m', memory: '64Mi' })),
    daemonSetOf('gpu-only', specOf({ cpu: '1' }, { nodeSelector: { gpu: 'yes' } })),
  ];
  const { claims } = decide({ pods: podsOf('web', 2, specOf(small)), types: oneType, daemonSets });
  t.strictSame(claims[0]?.daemonSets, ['kube-system/agent']);
  t.strictSame(claims[0]?.podRequests, { cpu: 1000, memory: 2 * 2 ** 30, pods: 2 });
  t.strictSame(claims[0]?.requests, { cpu: 1100, memory: (2 * 1024 + 64) * 2 ** 20, pods: 3 });
});

t.test('labels that the pool leaves open have the values that its pods ask for', async (t) => {
  const nodePools = [
    poolOf('default', { requirements: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] }),
  ];
  const of = (team: string) => podsOf(team, 1, specOf(small, { nodeSelector: { team } }));
  const { model, solution, claims } = decide({
    pods: [...of('a'), ...of('b')],
    nodePools,
    types: oneType,
  });
  const chosen = claims.map(({ pods, chosenLabels }) => [pods[0]?.name, chosenLabels]);
  t.strictSame(chosen, [
    ['a-0', { team: 'a' }],
    ['b-0', { team: 'b' }],
  ]);
  const { nodes } = makePlan(model.snapshot, model, solution, { firstFitNano: null, notes: [] });
  t.strictSame(
    nodes.map(({ labels }) => labels),
    [{ team: 'a' }, { team: 'b' }],
    'and the plan states them',
  );
});

t.test('only pods that are put on an existing node now are placements', async (t) => {
  const bound = { nodeName: 'old', phase: 'Running' };
  const pods = [...podsOf('web', 2, specOf(small)), ...podsOf('db', 1, specOf(small), bound)];
  const nodes = [nodeOf('old'), nodeOf('empty')];
  const { claims, placements } = decide({ pods, nodes, types: oneType });
  t.strictSame(claims, []);
  t.strictSame(placements, new Map([['old', pods.slice(0, 2)]]));
});

t.test('pods that get no place come in the order of the snapshot, with reasons', async (t) => {
  const model = sampleModel();
  const solution = solutionOf(model, [bin(4, [[0, 5]]), bin(3, [[2, 1]])]);
  const { unschedulable } = planDecisions(sampleSnapshot, model, solution);
  t.strictSame(
    unschedulable.map(({ pod }) => pod.name),
    ['web-5', 'job-1', 'job-2', 'job-3', 'huge-0'],
  );
  t.ok(unschedulable.every(({ reason }) => reason !== ''));
});

t.test('every pod of any cluster is decided about once, or stands where it stood', async (t) => {
  let claimed = 0;
  for (let seed = 0; seed < 60; seed++) {
    const { snapshot, types } = seededCluster(seed);
    const { model, solution, claims, placements, unschedulable } = decide({ ...snapshot, types });
    const pods = [
      ...claims.flatMap((claim) => claim.pods),
      ...[...placements.values()].flat(),
      ...unschedulable.map(({ pod }) => pod),
      ...[...model.placed.values()].flat().map((pod) => snapshot.pods[pod]!),
    ];
    const costNano = claims.reduce((sum, { offering }) => sum + offering.priceNano, 0);
    const isWhole = pods.length === snapshot.pods.length && new Set(pods).size === pods.length;
    if (!isWhole || costNano !== solution.costNano) t.fail(`seed ${seed}`);
    claimed += claims.length;
  }
  t.ok(claimed > 100, `${claimed} claims`);
});
