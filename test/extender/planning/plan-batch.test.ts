// A batch that makes our own code fail costs nobody a plan but the pods that do it.

import t from 'tap';
import { firstFit } from '../../../core/packing/first-fit.ts';
import type { Solver } from '../../../core/ports.ts';
import type { ClusterSnapshot, SnapshotPod } from '../../../core/state/snapshot.ts';
import { systemClock } from '../../../extender/adapters/system.ts';
import { type BatchPlan, planBatch } from '../../../extender/planning/plan-batch.ts';
import { createWorld } from '../../../sim/world.ts';
import { nodeOf, podsOf, poolOf, specOf, typeOf } from '../../support/cluster-builders.ts';
import { firstFitSolver } from '../../support/in-process-solver.ts';

const small = specOf({ cpu: '500m', memory: '1Gi' });

function snapshotOf(shape: Partial<ClusterSnapshot>): ClusterSnapshot {
  return {
    pods: [],
    nodes: [],
    daemonSets: [],
    nodePools: [poolOf('default')],
    nodeClasses: [],
    namespaceLabels: new Map(),
    ...shape,
  };
}

/** A pod whose spec is nothing that the API server would store. */
function broken(name: string): SnapshotPod {
  const [pod] = podsOf(name, 1, small);
  if (pod === undefined) throw new Error('no pod');
  const spec = new Proxy(pod.spec, {
    get: () => {
      throw new TypeError(`${name} cannot be read`);
    },
  });
  return { ...pod, name, uid: name, spec };
}

async function plan(
  snapshot: ClusterSnapshot,
  pending: readonly SnapshotPod[],
  { solver, signal }: { readonly solver?: Solver; readonly signal?: AbortSignal } = {},
): Promise<{ readonly result: BatchPlan; readonly complaints: readonly string[] }> {
  const complaints: string[] = [];
  const { clock } = createWorld({ seed: 1, types: [] });
  const batch = planBatch(snapshot, pending, {
    clock: systemClock,
    solver: solver ?? firstFitSolver({ clock }),
    typesOf: () => [typeOf('m5.xlarge')],
    model: {},
    solve: { gap: 0.01, timeLimitMs: 100, seed: 1, threads: 1, master: 'glpk' },
    signal: signal ?? new AbortController().signal,
    complain: (line) => complaints.push(line),
  });
  return { result: await clock.settle(batch), complaints };
}

const namesOf = (pods: readonly SnapshotPod[]): string[] => pods.map(({ name }) => name).toSorted();
const placedNames = ({ claims, placements }: BatchPlan): string[] =>
  namesOf([...claims.flatMap(({ pods }) => pods), ...[...placements.values()].flat()]);

t.test('a solver that throws is told of, and first-fit stands in for all', async (t) => {
  const pods = podsOf('web', 20, small);
  const solver: Solver = {
    solve: async () => {
      throw new Error('out of memory');
    },
  };
  const { result, complaints } = await plan(snapshotOf({ pods }), pods, { solver });
  t.strictSame(placedNames(result), namesOf(pods));
  t.strictSame(result.unschedulable, []);
  t.notOk(result.isProven);
  t.equal(result.lowerBoundNano, 0);
  t.match(result.notes, [/The solver failed \(out of memory\)/]);
  t.match(complaints, [/out of memory/]);
});

t.test(
  'a pod that makes the model throw is left out with the reason, the rest is planned',
  async (t) => {
    for (const at of [0, 17, 99]) {
      const pods = podsOf('web', 100, small);
      pods.splice(at, 0, broken('odd'));
      const { result, complaints } = await plan(snapshotOf({ pods }), pods);
      t.strictSame(placedNames(result), namesOf(pods.filter(({ name }) => name !== 'odd')));
      t.strictSame(
        result.unschedulable.map(({ pod, reason }) => `${pod.name}: ${reason}`),
        ['odd: planning failed: odd cannot be read'],
      );
      t.notOk(result.isProven, 'bounds of parts are no bound of the whole');
      t.equal(
        result.costNano,
        result.claims.reduce((sum, { offering }) => sum + offering.priceNano, 0),
      );
      t.ok(complaints.length <= 8, 'about as many tries as divisions');
    }
  },
);

t.test('several of them are each found', async (t) => {
  const pods = [broken('a'), ...podsOf('web', 30, small), broken('b'), broken('c')];
  const { result } = await plan(snapshotOf({ pods }), pods);
  t.strictSame(namesOf(result.unschedulable.map(({ pod }) => pod)), ['a', 'b', 'c']);
  t.equal(placedNames(result).length, 30);
});

t.test('what is wrong besides the batch leaves every pod out, each once', async (t) => {
  const standing = { ...broken('standing'), nodeName: 'node-1', phase: 'Running' as const };
  const pods = podsOf('web', 5, small);
  const snapshot = snapshotOf({ pods: [...pods, standing], nodes: [nodeOf('node-1')] });
  const { result } = await plan(snapshot, pods);
  t.strictSame(namesOf(result.unschedulable.map(({ pod }) => pod)), namesOf(pods));
  t.match(result.unschedulable[0]?.reason, /^planning failed: standing cannot be read/);
  t.strictSame(result.claims, []);
});

t.test('halves do not take the same room of a node', async (t) => {
  const nodes = [nodeOf('node-1', { allocatable: { cpu: '1', memory: '4Gi' } })];
  const pods = [...podsOf('web', 4, small), broken('odd')];
  const { result } = await plan(snapshotOf({ pods, nodes }), pods);
  t.equal(result.placements.get('node-1')?.length, 2);
  t.strictSame(placedNames(result), ['web-0', 'web-1', 'web-2', 'web-3']);
});

t.test('an abort ends it with the reason of the signal, whatever fails meanwhile', async (t) => {
  const end = new AbortController();
  const pods = podsOf('web', 4, small);
  const solver: Solver = {
    solve: async (problem) => {
      end.abort(new Error('stopped'));
      throw new Error(`${firstFit(problem).bins.length} bins`);
    },
  };
  const run = plan(snapshotOf({ pods }), pods, { solver, signal: end.signal });
  await t.rejects(run, { message: 'stopped' });
});
