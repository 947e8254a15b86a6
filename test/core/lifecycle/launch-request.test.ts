// The request that launches a NodeClaim, and the token that stands for it.

import { createHash } from 'node:crypto';
import t from 'tap';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { type LaunchQuestion, launchRequest } from '../../../core/lifecycle/launch-request.ts';
import { liveClaim, onDemand } from '../../support/claim-world.ts';

const nodeClass: EC2NodeClass = {
  apiVersion: 'karpenter.k8s.aws/v1',
  kind: 'EC2NodeClass',
  metadata: { name: 'default' },
  spec: {
    amiSelectorTerms: [{ alias: 'al2023@latest' }],
    subnetSelectorTerms: [{ id: 'subnet-1' }],
    securityGroupSelectorTerms: [{ id: 'sg-1' }],
    role: 'node',
    tags: { owner: 'us' },
  },
};

function question(change: Partial<LaunchQuestion> = {}): LaunchQuestion {
  return {
    claim: liveClaim(),
    nodeClass,
    offerings: onDemand('m7i.large'),
    attempt: 1,
    clusterName: 'test',
    hash: (text) => createHash('sha256').update(text).digest('hex'),
    ...change,
  };
}

const { clientToken: token } = launchRequest(question());

t.test('equal requests have equal tokens, whatever order fields come in', async (t) => {
  t.match(token, /^[a-z0-9-]{36,60}$/);
  const { role, ...rest } = nodeClass.spec;
  const reordered: EC2NodeClass = { ...nodeClass, spec: { role: role ?? '', ...rest } };
  t.equal(launchRequest(question({ nodeClass: reordered })).clientToken, token);
  const touched = { ...nodeClass, metadata: { name: 'default', resourceVersion: '7' } };
  t.equal(launchRequest(question({ nodeClass: touched })).clientToken, token);
});

t.test('whatever is asked for otherwise has another token', async (t) => {
  const { claim } = question();
  const uid = '00000000-0000-4000-8000-000000000000';
  const changes: Record<string, Partial<LaunchQuestion>> = {
    attempt: { attempt: 2 },
    offerings: { offerings: onDemand('m7i.xlarge') },
    order: { offerings: onDemand('m7i.large').toReversed() },
    class: { nodeClass: { ...nodeClass, spec: { ...nodeClass.spec, role: 'other' } } },
    label: { claim: liveClaim({ labels: { team: 'blue' } }) },
    uid: { claim: { ...claim, metadata: { ...claim.metadata, uid } } },
    taint: {
      claim: {
        ...claim,
        spec: { ...claim.spec, startupTaints: [{ key: 'x', effect: 'NoExecute' }] },
      },
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    t.not(launchRequest(question(change)).clientToken, token, what);
  }
});

t.test('what an instance turns out to be does not change its request', async (t) => {
  const labels = {
    'topology.kubernetes.io/zone': 'us-east-1f',
    'node.kubernetes.io/instance-type': 'm7i.xlarge',
    'karpenter.sh/capacity-type': 'spot',
    'karpenter.k8s.aws/instance-cpu': '4',
  };
  t.equal(launchRequest(question({ claim: liveClaim({ labels }) })).clientToken, token);
});

t.test('the kubelet sets what it may, and comes closed', async (t) => {
  const labels = {
    'node.kubernetes.io/role': 'batch',
    'kubelet.kubernetes.io/x': '1',
    'app.kubernetes.io/name': 'x',
    'node-role.kubernetes.io/worker': '',
    'storage.k8s.io/y': 'z',
    'kubernetes.io/arch': 'amd64',
    'karpenter.k8s.aws/ec2nodeclass': 'default',
  };
  const request = launchRequest(question({ claim: liveClaim({ labels }) }));
  t.strictSame(request.labels, {
    'karpenter.sh/nodepool': 'general',
    team: 'red',
    'node.kubernetes.io/role': 'batch',
    'kubelet.kubernetes.io/x': '1',
    'karpenter.k8s.aws/ec2nodeclass': 'default',
  });
  t.strictSame(request.taints, [
    { key: 'stowage.dev/reserved', effect: 'NoSchedule' },
    { key: 'karpenter.sh/unregistered', effect: 'NoExecute' },
  ]);
});

t.test('tags say whose an instance is, and Karpenter takes none of ours for its own', async (t) => {
  const { tags } = launchRequest(question());
  t.match(tags, {
    owner: 'us',
    'kubernetes.io/cluster/test': 'owned',
    'karpenter.k8s.aws/ec2nodeclass': 'default',
    'karpenter.sh/nodepool': 'general',
    'karpenter.sh/nodeclaim': 'a',
    'stowage.dev/nodeclaim-uid': '2a1147c6-2b59-4af6-9eeb-402061a09763',
  });
  const claim = liveClaim();
  const nodeClassRef = { group: 'stowage.dev', kind: 'EC2NodeClass', name: 'default' };
  const beside = { ...claim, spec: { ...claim.spec, nodeClassRef } };
  const own = launchRequest(question({ claim: beside })).tags;
  t.equal(own['karpenter.k8s.aws/ec2nodeclass'], undefined);
  t.equal(own['stowage.dev/ec2nodeclass'], 'default');
  const labels = { 'stowage.dev/ec2nodeclass': 'default' };
  const request = launchRequest(question({ claim: liveClaim({ labels }) }));
  t.equal(request.labels['stowage.dev/ec2nodeclass'], 'default', 'and the label from the start');
});
