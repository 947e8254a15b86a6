/** Workload generators: sizes, seeds, and that what they make are sane objects. */

import { existsSync } from 'node:fs';
import * as fc from 'fast-check';
import t from 'tap';
import { splitByWeight, splitEvenly } from '../../bench/cases/parts.ts';
import { benchCases, findCase } from '../../bench/cases/registry.ts';
import { sharedDataPath } from '../../bench/shared-data.ts';
import {
  type BenchCase,
  buildWorkload,
  countPods,
  toPodManifests,
  toSnapshot,
} from '../../bench/workload.ts';
import { InputError } from '../../core/errors.ts';
import { requestedResources } from '../../core/scheduling/quantity.ts';

const runnable = benchCases.filter(
  ({ name }) => name !== 'gpu' || existsSync(sharedDataPath('openb/openb_pod_list_default.csv')),
);

/** Cases that cap the groups of which each pod needs a node of its own. */
const mayShrink = new Set(['zonal', 'zonal-small-nodes']);

function size(benchCase: BenchCase, seed: number): { pods: number; classes: number; seed: number } {
  return { pods: benchCase.defaultPods, classes: benchCase.defaultClasses, seed };
}

for (const benchCase of runnable) {
  t.test(`${benchCase.name} makes as many pods as asked for, all of them named once`, async (t) => {
    const workload = buildWorkload(benchCase, size(benchCase, 1));
    if (mayShrink.has(benchCase.name)) t.ok(countPods(workload) <= benchCase.defaultPods);
    else t.equal(countPods(workload), benchCase.defaultPods);
    const manifests = toPodManifests(workload);
    t.equal(new Set(manifests.map((pod) => pod.metadata.name)).size, manifests.length);
    t.equal(toSnapshot(workload).pods.length, manifests.length);
    for (const { spec } of workload.groups) {
      const requests = requestedResources(spec.containers[0]!.resources?.requests ?? {});
      t.ok(requests['cpu']! > 0 && requests['memory']! > 0, 'every pod asks for something');
    }
  });

  t.test(`${benchCase.name} is the same for the same seed`, async (t) => {
    t.strictSame(
      buildWorkload(benchCase, size(benchCase, 7)),
      buildWorkload(benchCase, size(benchCase, 7)),
    );
  });
}

t.test('another seed changes the pods, not the pools', async (t) => {
  for (const name of ['even-mix', 'complementary', 'awkward', 'skewed', 'zonal', 'constrained']) {
    const benchCase = findCase(name);
    const one = buildWorkload(benchCase, size(benchCase, 1));
    const other = buildWorkload(benchCase, size(benchCase, 2));
    t.not(JSON.stringify(one.groups), JSON.stringify(other.groups), name);
    t.strictSame(one.nodePools, other.nodePools, name);
  }
});

t.test(
  'the even mix makes the number of classes asked for, up to more than it lists',
  async (t) => {
    for (const classes of [1, 20, 60, 120, 200, 450]) {
      const workload = buildWorkload(findCase('even-mix'), { pods: 1000, classes, seed: 3 });
      t.equal(workload.groups.length, classes);
      const shapes = workload.groups.map((group) => JSON.stringify(group.spec.containers));
      t.equal(new Set(shapes).size, classes, 'all different');
    }
  },
);

t.test('the constrained case carries its rules in about the stated shares', async (t) => {
  const { groups } = buildWorkload(findCase('constrained'), {
    pods: 20_000,
    classes: 4000,
    seed: 1,
  });
  const share = (holds: (spec: (typeof groups)[number]['spec']) => boolean): number =>
    groups.filter(({ spec }) => holds(spec)).length / groups.length;
  const near = (actual: number, wanted: number): boolean => Math.abs(actual - wanted) < 0.02;
  t.ok(
    near(
      share((spec) => spec.nodeSelector?.['kubernetes.io/arch'] === 'amd64'),
      0.15,
    ),
  );
  t.ok(
    near(
      share((spec) => spec.nodeSelector?.['kubernetes.io/arch'] === 'arm64'),
      0.05,
    ),
  );
  t.ok(
    near(
      share((spec) => spec.nodeSelector?.['topology.kubernetes.io/zone'] !== undefined),
      0.07,
    ),
  );
  t.ok(
    near(
      share((spec) => spec.affinity !== undefined),
      0.15,
    ),
  );
});

t.test('sizes out of range are refused with the option that is wrong', async (t) => {
  const benchCase = findCase('even-mix');
  const message = (pods: number, classes: number): string => {
    try {
      buildWorkload(benchCase, { pods, classes, seed: 1 });
      return '';
    } catch (error) {
      return error instanceof InputError ? error.message : 'another error';
    }
  };
  t.match(message(0, 1), /--pods/);
  t.match(message(10, 11), /--classes/);
  t.throws(() => findCase('no-such-case'), /even-mix/);
});

t.test('splitting neither loses nor invents a pod', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 50 }),
      fc.nat(10_000),
      (weights, extra) => {
        const total = weights.length + extra;
        const counts = splitByWeight(total, weights);
        return (
          counts.every((count) => Number.isInteger(count) && count >= 1) &&
          counts.reduce((a, b) => a + b, 0) === total &&
          splitEvenly(total, weights.length).reduce((a, b) => a + b, 0) === total
        );
      },
    ),
  );
});
