/** What no NodeOverlay may say, by field. */
import t from 'tap';
import type { NodeOverlaySpec } from '../../../core/api/nodeoverlay.ts';
import { nodeOverlayProblems } from '../../../core/api/nodeoverlay-rules.ts';

function problemsOf(spec: Partial<NodeOverlaySpec>): string[] {
  return nodeOverlayProblems({
    apiVersion: 'karpenter.sh/v1alpha1',
    kind: 'NodeOverlay',
    metadata: { name: 'o' },
    spec: { requirements: [], ...spec },
  }).map(({ field, message }) => `${field}: ${message}`);
}

const requirement = (key: string, operator: 'In' | 'NotIn' | 'Gt' | 'Exists', values?: string[]) =>
  problemsOf({ requirements: [{ key, operator, ...(values === undefined ? {} : { values }) }] });

t.test('labels of types, places and pools may be required, those of one instance may not', (t) => {
  for (const key of [
    'karpenter.sh/nodepool',
    'node.kubernetes.io/instance-type',
    'topology.kubernetes.io/zone',
    'karpenter.k8s.aws/instance-family',
    'example.com/team',
  ]) {
    t.strictSame(requirement(key, 'In', ['x']), [], key);
  }
  for (const key of [
    'karpenter.sh/registered',
    'kubernetes.io/hostname',
    'karpenter.k8s.aws/capacity-reservation-id',
    'karpenter.k8s.aws/instance-tenancy',
    'karpenter.k8s.aws/placement-group-id',
  ]) {
    t.match(
      requirement(key, 'Exists')[0],
      /^spec\.requirements\[0\]\.key: expected a label by which/,
    );
  }
  t.end();
});

t.test('values fit their operator', (t) => {
  t.match(
    requirement('team', 'In', [])[0],
    /^spec\.requirements\[0\]\.values: .*for In, found none/,
  );
  t.match(requirement('team', 'NotIn')[0], /at least one value for NotIn/);
  t.match(requirement('team', 'Gt', ['x'])[0], /exactly one integer/);
  t.match(
    requirement('karpenter.sh/capacity-type', 'In', ['cheap'])[0],
    /on-demand, spot, reserved/,
  );
  t.end();
});

t.test('one price, of a sensible size, and extended resources only', (t) => {
  t.strictSame(problemsOf({ price: '1', priceAdjustment: '-1%' }), [
    'spec.priceAdjustment: expected none beside price',
  ]);
  t.match(problemsOf({ price: '10001' })[0], /^spec\.price: expected an amount of at most 10000/);
  t.match(problemsOf({ priceAdjustment: '+99999%' })[0], /^spec\.priceAdjustment: /);
  t.strictSame(problemsOf({ priceAdjustment: '-100%', capacity: { 'example.com/x': '1' } }), []);
  t.strictSame(problemsOf({ capacity: { memory: '1Gi' } }), [
    'spec.capacity.memory: expected an extended resource such as example.com/device, found memory',
  ]);
  t.end();
});
