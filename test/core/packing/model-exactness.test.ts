/**
 * Both readings of a problem against the truth: the cheapest legal placement, found by trying every
 * assignment in every order of binding. A plan's reading is never cheaper than the truth, a bound's
 * reading never dearer.
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { buildModel } from '../../../core/packing/model.ts';
import type { PackingProblem } from '../../../core/packing/problem.ts';
import type { ClusterSnapshot } from '../../../core/state/snapshot.ts';
import { bruteForceCost } from '../../support/brute-force.ts';
import { typeOf } from '../../support/cluster-builders.ts';
import { tinyCluster } from '../../support/random-cluster.ts';
import { leastPrice } from '../../support/scheduling-oracle.ts';

const zones = ['test-1a', 'test-1b'];
const types = [
  typeOf('m5.large', { cpuMilli: 2000, memoryMiB: 8192, zones, capacityTypes: ['on-demand'] }),
  typeOf('m5.xlarge', { zones, capacityTypes: ['spot'], priceNano: 290_000_000 }),
];

/** The problem as a lower bound may see it. */
function boundReading(problem: PackingProblem): PackingProblem {
  return {
    ...problem,
    request: problem.boundRequest,
    capacity: problem.boundCapacity,
    masks: problem.boundMasks,
    conflicts: new Int32Array(0),
    domainGroups: problem.domainGroups.filter(({ boundSafe }) => boundSafe),
  };
}

function check(snapshot: ClusterSnapshot): void {
  const { problem, families } = buildModel(snapshot, () => types);
  const pods = families.flatMap((family) => family.pods.map((pod) => snapshot.pods[pod]!));
  const truth = leastPrice(snapshot, types, pods);
  const plan = bruteForceCost(problem, problem.demand);
  const bound = bruteForceCost(boundReading(problem), problem.demand);
  if (plan !== undefined) {
    assert.ok(truth !== undefined && truth <= plan, `plan ${plan} below the truth ${truth}`);
  }
  if (truth !== undefined) {
    assert.ok(bound !== undefined && bound <= truth, `bound ${bound} above the truth ${truth}`);
  }
}

t.test('plans are never too cheap and bounds never too high', async () => {
  fc.assert(fc.property(tinyCluster, check), { numRuns: 200 });
});

t.test('pods that are being deleted hold their place and count in no spread', async () => {
  const goingCluster = tinyCluster.map((cluster) => ({
    ...cluster,
    pods: cluster.pods.map((pod) => (pod.nodeName === '' ? pod : { ...pod, deletionMs: 1 })),
  }));
  fc.assert(fc.property(goingCluster, check), { numRuns: 200 });
});

t.test('of two skews over the same pods the stricter one is bound first and counts', async () => {
  // Found by the property above: each rule took the other's pods to come last, and three pods were
  // planned into the one domain where two can stand.
  fc.assert(fc.property(tinyCluster, check), { numRuns: 200, seed: 385307711 });
});
