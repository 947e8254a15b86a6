/**
 * Random clusters through the model, planned by first-fit, judged by the verifier, which reads the
 * manifests itself and shares neither rows nor classes nor domain groups with the model.
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { firstFit } from '../../../core/packing/first-fit.ts';
import { buildModel } from '../../../core/packing/model.ts';
import { makePlan } from '../../../core/packing/plan-nodes.ts';
import { findProblemDefects } from '../../../core/packing/problem-shape.ts';
import { verifyPlan } from '../../../core/packing/verify-plan.ts';
import { verifyUnprovenPlan } from '../../../core/packing/verify-solution.ts';
import type { ClusterSnapshot } from '../../../core/state/snapshot.ts';
import { randomCluster, types } from '../../support/random-cluster.ts';
import { solutionOf } from '../../support/sample-model.ts';

const typesOf = () => types;

function check(snapshot: ClusterSnapshot): void {
  const model = buildModel(snapshot, typesOf, {});
  assert.deepEqual(findProblemDefects(model.problem), []);
  const seen = new Map<number, number>();
  const see = (pod: number): void => void seen.set(pod, (seen.get(pod) ?? 0) + 1);
  model.families.forEach(({ pods }) => pods.forEach(see));
  model.unschedulable.forEach(({ pod }) => see(pod));
  for (const pods of model.placed.values()) pods.forEach(see);
  assert.ok(
    snapshot.pods.every((_, pod) => seen.get(pod) === 1),
    'every pod is in one list',
  );
  const packed = firstFit(model.problem);
  const verdict = verifyUnprovenPlan(model.problem, packed);
  assert.ok(verdict.ok, JSON.stringify(verdict));
  const solution = { ...solutionOf(model, packed.bins), proof: 'unproven' as const };
  const plan = makePlan(
    snapshot,
    model,
    { ...solution, lowerBoundNano: 0 },
    {
      firstFitNano: null,
      notes: [],
    },
  );
  const { findings } = verifyPlan({ snapshot, typesOf, zoneIds: new Map(), plan, model });
  // What a rival plan would have cost is not the model's business.
  assert.deepEqual(
    findings.filter(({ code }) => code !== 'first-fit-mismatch'),
    [],
  );
}

t.test('what the model allows is legal as the manifests read', async () => {
  fc.assert(fc.property(randomCluster, check), { numRuns: 300 });
});
