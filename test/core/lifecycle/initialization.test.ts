// Whether a node is what its NodeClaim promised.

import t from 'tap';
import type { Node } from '../../../core/api/kubernetes.ts';
import { initializationObstacle } from '../../../core/lifecycle/initialization.ts';
import { liveClaim } from '../../support/claim-world.ts';

const requests = { cpu: '1', 'nvidia.com/gpu': '1', 'example.com/none': '0' };
const startupTaints = [{ key: 'example.com/agent', effect: 'NoExecute' as const }];
const claim = liveClaim({ spec: { resources: { requests }, startupTaints } });
const good: Node = {
  metadata: { name: 'node-1' },
  spec: { taints: [{ key: 'stowage.dev/reserved', effect: 'NoSchedule' }] },
  status: {
    allocatable: { cpu: '2', 'nvidia.com/gpu': '1' },
    conditions: [{ type: 'Ready', status: 'True' }],
  },
};

function reason(change: Partial<Node>): string | undefined {
  return initializationObstacle(claim, { ...good, ...change })?.reason;
}

t.test('ready, open to its pods, with its devices: nothing is missing', async (t) => {
  t.equal(reason({}), undefined);
  const agent = { key: 'example.com/agent', effect: 'NoSchedule' as const };
  t.equal(reason({ spec: { taints: [agent] } }), undefined, 'another effect is another taint');
  t.equal(reason({ spec: {} }), undefined);
});

t.test('what is missing is named, the first first', async (t) => {
  const { status } = good;
  t.equal(reason({ status: { ...status, conditions: [] } }), 'NodeNotReady');
  const unknown = [{ type: 'Ready', status: 'Unknown' as const }];
  t.equal(reason({ status: { ...status, conditions: unknown } }), 'NodeNotReady');
  t.equal(reason({ spec: { taints: startupTaints } }), 'StartupTaintsExist');
  for (const key of [
    'node.kubernetes.io/not-ready',
    'karpenter.sh/unregistered',
    'readiness.k8s.io/cni',
  ]) {
    const taints = [{ key, effect: 'NoSchedule' as const }];
    t.equal(reason({ spec: { taints } }), 'KnownEphemeralTaintsExist', key);
  }
  for (const allocatable of [{ cpu: '2' }, { cpu: '2', 'nvidia.com/gpu': '0' }]) {
    t.match(initializationObstacle(claim, { ...good, status: { ...status, allocatable } }), {
      reason: 'ResourceNotRegistered',
      message: 'Resource "nvidia.com/gpu" was requested but not registered',
    });
  }
});
