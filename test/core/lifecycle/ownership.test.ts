// Whose NodePools and NodeClaims we act on.

import t from 'tap';
import { nodeClassKindOf, ownership } from '../../../core/lifecycle/ownership.ts';

t.test('both groups of EC2NodeClass are ours, and nothing else is', async (t) => {
  const kind = 'EC2NodeClass';
  t.equal(nodeClassKindOf({ group: 'karpenter.k8s.aws', kind }), 'EC2NodeClass');
  t.equal(nodeClassKindOf({ group: 'stowage.dev', kind }), 'EC2NodeClass.stowage.dev');
  const owns = ownership(false);
  t.ok(owns({ group: 'karpenter.k8s.aws', kind }));
  t.ok(owns({ group: 'stowage.dev', kind }));
  t.notOk(owns({ group: 'karpenter.azure.com', kind: 'AKSNodeClass' }));
  t.notOk(owns({ group: 'karpenter.k8s.aws', kind: 'AWSNodeTemplate' }));
  t.notOk(owns({ group: 'eks.amazonaws.com', kind: 'NodeClass' }));
});

t.test('while a Karpenter leads, what is of its group is not ours', async (t) => {
  const owns = ownership(true);
  t.notOk(owns({ group: 'karpenter.k8s.aws', kind: 'EC2NodeClass' }));
  t.ok(owns({ group: 'stowage.dev', kind: 'EC2NodeClass' }));
  t.notOk(owns({ group: 'eks.amazonaws.com', kind: 'NodeClass' }));
});
