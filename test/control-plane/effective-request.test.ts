// The checker's arithmetic, on cases worked out by hand from kube-scheduler's rule.

import { assert, bigInt, property } from 'fast-check';
import t from 'tap';
import { effectiveRequest, parseQuantities } from './effective-request.ts';
import type { Pod } from './objects.ts';

t.test('reads every form of a quantity exactly and rounds up', async (t) => {
  const cases: readonly [name: string, quantity: string, expected: bigint][] = [
    ['cpu', '1', 1000n],
    ['cpu', '0.1', 100n],
    ['cpu', '.5', 500n],
    ['cpu', '250m', 250n],
    ['cpu', '1n', 1n],
    ['cpu', '1500001u', 1501n],
    ['memory', '100m', 1n],
    ['memory', '1.5Gi', 1_610_612_736n],
    ['memory', '1e3', 1000n],
    ['memory', '12E', 12_000_000_000_000_000_000n],
    ['memory', '1E2', 100n],
    ['memory', '129M', 129_000_000n],
    ['memory', '5e-1', 1n],
    ['nvidia.com/gpu', '2', 2n],
  ];
  for (const [name, quantity, expected] of cases) {
    t.equal(parseQuantities({ [name]: quantity }).get(name), expected, `${name} ${quantity}`);
  }
  for (const wrong of ['', 'Gi', '1 Gi', '1Q', '-1', '1.2.3']) {
    t.throws(() => parseQuantities({ cpu: wrong }), /is not a quantity/, `"${wrong}"`);
  }
});

t.test('reads a number of thousandths as that number', async (t) => {
  const isExact = property(bigInt({ min: 0n, max: 10n ** 15n }), (milli) => {
    const decimal = `${milli / 1000n}.${String(milli % 1000n).padStart(3, '0')}`;
    return [`${milli}m`, decimal].every((cpu) => parseQuantities({ cpu }).get('cpu') === milli);
  });
  t.doesNotThrow(() => assert(isExact));
});

t.test('adds containers and sidecars, and takes the peak of the init containers', async (t) => {
  const pod: Pod = {
    metadata: { name: 'pod' },
    spec: {
      containers: [container('a', { cpu: '100m' }), container('b', { cpu: '200m', memory: '1Gi' })],
      initContainers: [
        container('early', { cpu: '250m' }),
        { ...container('sidecar', { cpu: '50m' }), restartPolicy: 'Always' },
        container('late', { cpu: '350m', memory: '64Mi' }),
      ],
      overhead: { cpu: '10m' },
    },
  };
  // Running: 100 + 200 + 50. While "late" runs: 350 + 50, the peak.
  t.strictSame(asObject(effectiveRequest(pod)), { cpu: 410n, memory: 1024n ** 3n });
});

t.test('lets pod-level requests replace the sum, even by less', async (t) => {
  const pod: Pod = {
    metadata: { name: 'pod' },
    spec: {
      containers: [container('a', { cpu: '2', memory: '1Gi', 'nvidia.com/gpu': '1' })],
      resources: { requests: { cpu: '1500m' } },
    },
  };
  t.strictSame(asObject(effectiveRequest(pod)), {
    cpu: 1500n,
    memory: 1024n ** 3n,
    'nvidia.com/gpu': 1n,
  });
});

t.test('counts the largest of wanted, granted and in force while a pod is resized', async (t) => {
  const resizing = (status: NonNullable<Pod['status']>): Pod => ({
    metadata: { name: 'pod' },
    spec: { containers: [container('a', { cpu: '3' })] },
    status: {
      containerStatuses: [
        { name: 'a', resources: { requests: { cpu: '1' } }, allocatedResources: { cpu: '2' } },
      ],
      ...status,
    },
  });
  t.strictSame(asObject(effectiveRequest(resizing({}))), { cpu: 3000n });
  const conditions = [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }];
  t.strictSame(asObject(effectiveRequest(resizing({ conditions }))), { cpu: 2000n });
});

function container(name: string, requests: Readonly<Record<string, string>>) {
  return { name, resources: { requests } };
}

function asObject(amounts: ReadonlyMap<string, bigint>): Record<string, bigint> {
  return Object.fromEntries(amounts);
}
