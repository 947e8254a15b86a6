/** The condition Drifted follows pools, node classes and instances; nothing is disrupted by it. */
import t from 'tap';
import { conditionOf } from '../../../../core/api/conditions.ts';
import { nodePoolHash } from '../../../../core/nodepool-status/nodepool-hash.ts';
import { startDrift } from '../../../../extender/controllers/drift/drift.ts';
import { claimControllers, claimWorld, draftClaim } from '../../../support/claim-world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

t.test('a claim says that it has drifted as long as it has', async (t) => {
  const w = claimWorld(t.name);
  const process = await startControllers(w, 'stowage', {
    start: (context) => [...claimControllers(context), startDrift(context)],
  });
  const pool = w.cluster.get('NodePool', { name: 'general' });
  if (pool === undefined) throw new Error('there is no pool');
  const labels = { ...pool.spec.template.metadata?.labels };
  const annotations = {
    'karpenter.sh/nodepool-hash': nodePoolHash(pool),
    'karpenter.sh/nodepool-hash-version': 'stowage-v1',
  };
  w.cluster.create('NodeClaim', draftClaim('a', { labels, annotations }));
  await w.clock.advance(120_000);
  const drifted = () => {
    const claim = w.claim('a');
    return claim === undefined ? undefined : conditionOf(claim, 'Drifted');
  };
  t.equal(conditionOf(w.claim('a')!, 'Initialized')?.status, 'True');
  t.equal(drifted(), undefined);

  const writeClass = async (status: object) => {
    const body = { status };
    w.cluster.patch(
      'EC2NodeClass',
      { name: 'default' },
      { type: 'merge', body },
      { subresource: 'status' },
    );
    await w.clock.advance(15_000);
  };
  await writeClass({ amis: [{ id: 'ami-new', requirements: [] }] });
  t.match(drifted(), { status: 'True', reason: 'AMIDrift', message: /it is now ami-new/ });
  const version = w.claim('a')?.metadata.resourceVersion;
  await w.clock.advance(12 * 60_000);
  t.equal(w.claim('a')?.metadata.resourceVersion, version, 'what is said is not said again');
  await writeClass({ amis: null });
  t.equal(drifted(), undefined);

  const taints = [{ key: 'team', effect: 'NoSchedule' as const }];
  const template = { spec: { taints } };
  w.cluster.patch('NodePool', { name: 'general' }, { type: 'merge', body: { spec: { template } } });
  await w.clock.advance(15_000);
  t.match(drifted(), { status: 'True', reason: 'NodePoolDrifted' });
  t.equal(w.living(), 1);
  t.equal(w.claim('a')?.metadata.deletionTimestamp, undefined, 'it is said, and nothing is done');
  t.strictSame(process.failures, []);
});
