/** Effective requests against values made by kube-scheduler's own code. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import t from 'tap';
import type { Container, PodSpec, PodStatus } from '../../../core/api/kubernetes.ts';
import {
  effectiveRequests,
  effectiveRequestsOnNode,
  specOnNode,
} from '../../../core/scheduling/requests.ts';

interface PodVector {
  readonly spec: PodSpec;
  readonly status?: PodStatus;
  readonly requests: Record<string, number>;
}

const vectors = JSON.parse(
  readFileSync(new URL('../../golden/kubernetes-vectors.json', import.meta.url), 'utf8'),
) as { pods: PodVector[]; podsOnNode: PodVector[] };

function inNameOrder(amounts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(amounts).sort(([a], [b]) => (a < b ? -1 : 1));
}

t.test(
  'templates count what kube-scheduler counts once the API server has defaulted them',
  async (t) => {
    for (const { spec, requests } of vectors.pods) {
      t.strictSame(
        inNameOrder(effectiveRequests(spec)),
        inNameOrder(requests),
        JSON.stringify(spec).slice(0, 200),
      );
    }
    t.equal(vectors.pods.length, 150);
  },
);

t.test(
  'pods on nodes count what kube-scheduler counts, resizes in progress included',
  async (t) => {
    for (const { spec, status, requests } of vectors.podsOnNode) {
      t.strictSame(
        inNameOrder(effectiveRequestsOnNode(spec, status)),
        inNameOrder(requests),
        JSON.stringify({ spec, status }).slice(0, 300),
      );
    }
    t.equal(vectors.podsOnNode.length, 150);
  },
);

t.test('init containers count one at a time, beside the sidecars before them', async (t) => {
  const spec: PodSpec = {
    containers: [container('main', '1')],
    initContainers: [
      container('first', '500m'),
      { ...container('sidecar', '200m'), restartPolicy: 'Always' },
      container('second', '3'),
    ],
  };
  t.strictSame(effectiveRequests(spec), { cpu: 3200 });
});

t.test('a status that changes nothing leaves the very same spec', async (t) => {
  const spec: PodSpec = { containers: [container('main', '1')] };
  const resources = { requests: { cpu: '1000m' } };
  const status: PodStatus = {
    containerStatuses: [{ name: 'main', resources, allocatedResources: { cpu: 1 } }],
  };
  t.equal(specOnNode(spec, status), spec);
  t.equal(specOnNode(spec, undefined), spec);
});

t.test('a resize that can never fit is charged as it stands', async (t) => {
  const spec: PodSpec = { containers: [container('main', '8')] };
  const status: PodStatus = {
    conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }],
    containerStatuses: [
      { name: 'main', resources: { requests: { cpu: '2' } }, allocatedResources: { cpu: '2' } },
    ],
  };
  t.strictSame(effectiveRequestsOnNode(spec, status), { cpu: 2000 });
  t.strictSame(effectiveRequests(spec), { cpu: 8000 });
});

t.test('the answer for one spec is one object, so that work per spec is done once', async (t) => {
  const spec: PodSpec = { containers: [container('main', '1')] };
  t.equal(effectiveRequests(spec), effectiveRequests(spec));
});

t.test(
  'a pod never takes less than its containers together, nor than any init container',
  async () => {
    const cpu = fc.nat(4000);
    fc.assert(
      fc.property(fc.array(cpu, { minLength: 1 }), fc.array(cpu), (main, init) => {
        const spec: PodSpec = {
          containers: main.map((milli, index) => container(`main-${index}`, `${milli}m`)),
          initContainers: init.map((milli, index) => container(`init-${index}`, `${milli}m`)),
        };
        const sum = main.reduce((a, b) => a + b, 0);
        return (effectiveRequests(spec).cpu ?? 0) === Math.max(sum, ...init);
      }),
    );
  },
);

function container(name: string, cpu: string): Container {
  return { name, resources: { requests: { cpu } } };
}
