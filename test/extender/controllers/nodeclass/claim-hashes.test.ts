/** Claims of a node class whose hash is of another version are taken along, as Karpenter does. */
import t from 'tap';
import { nodeClassHashAnnotations } from '../../../../core/ec2/node-class-hash.ts';
import { rehashClaims } from '../../../../extender/controllers/nodeclass/claim-hashes.ts';
import { claimWorld, draftClaim } from '../../../support/claim-world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

const hashKey = 'karpenter.k8s.aws/ec2nodeclass-hash';
const versionKey = 'karpenter.k8s.aws/ec2nodeclass-hash-version';

t.test('a hash of another version is written anew, unless the claim has drifted', async (t) => {
  const w = claimWorld(t.name);
  const old = { [hashKey]: '123', [versionKey]: 'v4' };
  const same = { [hashKey]: '123', [versionKey]: 'stowage-v1' };
  const ofOther = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'other' };
  w.cluster.create('NodeClaim', draftClaim('old', { annotations: old }));
  w.cluster.create('NodeClaim', draftClaim('none'));
  w.cluster.create('NodeClaim', draftClaim('same', { annotations: same }));
  w.cluster.create(
    'NodeClaim',
    draftClaim('foreign', { annotations: old, spec: { nodeClassRef: ofOther } }),
  );
  w.cluster.create('NodeClaim', draftClaim('drifted', { annotations: old }));
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const conditions = [
    { type: 'Drifted', status: 'True' as const, reason: 'NodeClassDrift', lastTransitionTime },
  ];
  w.cluster.patch(
    'NodeClaim',
    { name: 'drifted' },
    { type: 'merge', body: { status: { conditions } } },
    { subresource: 'status' },
  );
  const { context } = await startControllers(w, 'stowage', { start: () => [] });
  const nodeClass = context.view.get('EC2NodeClass', { name: 'default' });
  if (nodeClass === undefined) throw new Error('there is no class');
  await w.clock.settle(rehashClaims(context, 'EC2NodeClass', nodeClass));
  const present = nodeClassHashAnnotations(nodeClass);
  const annotationsOf = (name: string) => {
    const { [hashKey]: hash, [versionKey]: version } = w.claim(name)?.metadata.annotations ?? {};
    return { [hashKey]: hash, [versionKey]: version };
  };
  t.strictSame(annotationsOf('old'), present);
  t.strictSame(annotationsOf('none'), present);
  t.strictSame(annotationsOf('same'), same, 'the same version may differ: that is drift');
  t.strictSame(annotationsOf('foreign'), old);
  t.strictSame(annotationsOf('drifted'), { [hashKey]: '123', [versionKey]: 'stowage-v1' });
});
