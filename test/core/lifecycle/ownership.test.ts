// Whose NodePools and NodeClaims we act on.

import t from 'tap';
import { isOurs, nodeClassKindOf } from '../../../core/lifecycle/ownership.ts';

t.test('both groups of EC2NodeClass are ours, and nothing else is', async (t) => {
  const kind = 'EC2NodeClass';
  t.equal(nodeClassKindOf({ group: 'karpenter.k8s.aws', kind }), 'EC2NodeClass');
  t.equal(nodeClassKindOf({ group: 'stowage.dev', kind }), 'EC2NodeClass.stowage.dev');
  t.ok(isOurs({ group: 'stowage.dev', kind }));
  t.notOk(isOurs({ group: 'karpenter.azure.com', kind: 'AKSNodeClass' }));
  t.notOk(isOurs({ group: 'karpenter.k8s.aws', kind: 'AWSNodeTemplate' }));
  t.notOk(isOurs({ group: 'eks.amazonaws.com', kind: 'NodeClass' }));
});
