/** What is Karpenter's is in nobody else's hands, whatever there would be to do about it. */
import t from 'tap';
import type { Live } from '../../../core/api/kinds.ts';
import type { Controller, ControllerContext } from '../../../extender/controllers/context.ts';
import { startEmptiness } from '../../../extender/controllers/disruption/emptiness.ts';
import { startQuietTime } from '../../../extender/controllers/disruption/quiet-time.ts';
import { startLeftAlone } from '../../../extender/controllers/nodepools/left-alone.ts';
import { startNodePoolStatus } from '../../../extender/controllers/nodepools/status.ts';
import { isOurNode } from '../../../extender/controllers/termination/node-of-claim.ts';
import { deleteObject } from '../../../sim/cluster/deletion.ts';
import { describeWrite, watchWrites } from '../../support/api-writes.ts';
import { claimControllers, claimWorld, draftClaim } from '../../support/claim-world.ts';
import { startControllers } from '../../support/controller-fixture.ts';

const minute = 60_000;

/** All that write to pools, claims and nodes, save the binder: it ends what carries its reservation. */
function controllers(context: ControllerContext): readonly Controller[] {
  return [
    ...claimControllers(context),
    startQuietTime(context),
    startEmptiness(context),
    startNodePoolStatus(context),
    startLeftAlone(context),
  ];
}

t.test('whatever there is to do about it is left, and done once no Karpenter leads', async (t) => {
  const w = claimWorld('beside');
  const first = await startControllers(w, 'one', { start: claimControllers });
  for (const name of ['lost', 'expiring', 'removed', 'leaving', 'ending', 'empty']) {
    const expireAfter = name === 'expiring' ? '7m' : 'Never';
    w.cluster.create('NodeClaim', draftClaim(name, { spec: { expireAfter } }));
  }
  await w.clock.advance(5 * minute);
  t.equal(w.cluster.count('Node'), 6);
  first.stop();
  await w.clock.advance(1_000);

  const nodeOf = (name: string) => ({ name: w.claim(name)?.status?.nodeName ?? '' });
  const idOf = (name: string) => w.claim(name)?.status?.providerID?.split('/').at(-1) ?? '';
  w.engine.terminateInstances([idOf('lost')]);
  deleteObject(w.cluster, 'Node', nodeOf('leaving'));
  deleteObject(w.cluster, 'NodeClaim', { name: 'ending' });
  w.cluster.create('NodeClaim', draftClaim('new'));
  const open = draftClaim('open');
  w.cluster.create('NodeClaim', { ...open, metadata: { ...open.metadata, finalizers: [] } });
  // An instance whose claim is gone without a trace.
  const orphan = idOf('removed');
  const body = { metadata: { finalizers: null } };
  w.cluster.patch('NodeClaim', { name: 'removed' }, { type: 'merge', body });
  deleteObject(w.cluster, 'NodeClaim', { name: 'removed' });
  t.equal(w.claim('removed'), undefined);

  const instances = w.living();
  const { writes, faults } = watchWrites();
  const options = { start: controllers, besideKarpenter: true, faults };
  const second = await startControllers(w, 'two', options);
  // Less than what a launch may take, so that the new ones are not given up for that later.
  await w.clock.advance(4 * minute);
  t.strictSame(writes.map(describeWrite), []);
  t.equal(w.living(), instances, 'nothing was launched or ended');
  t.strictSame(second.failures, []);
  t.match(
    second.events
      .filter(({ kind }) => kind === 'NodePool')
      .map(({ name, reason }) => [name, reason]),
    [
      ['accelerated', 'LeftToKarpenter'],
      ['general', 'LeftToKarpenter'],
    ],
  );
  t.strictSame(
    second.events.filter(({ kind }) => kind !== 'NodePool'),
    [],
  );
  second.stop();
  await w.clock.advance(1_000);

  await startControllers(w, 'three', { start: controllers });
  await w.clock.advance(30 * minute);
  for (const name of ['lost', 'expiring', 'leaving', 'ending'])
    t.equal(w.claim(name), undefined, name);
  t.equal(w.engine.instances.get(orphan)?.state, 'terminated');
  t.match(w.claim('new')?.status, { providerID: /^aws:/ });
  t.strictSame(w.claim('open')?.metadata.finalizers, ['karpenter.sh/termination']);
  t.match(w.cluster.get('NodePool', { name: 'general' })?.status, { conditions: Array });
});

t.test('a node without a claim is known by its pool, and without that by its labels', async (t) => {
  const w = claimWorld('claimless', { absentKinds: [] });
  const { context } = await startControllers(w, 'one', { start: () => [], besideKarpenter: true });
  const pool = w.cluster.get('NodePool', { name: 'general' });
  if (pool === undefined) throw new Error('there is no pool');
  const nodeClassRef = { ...pool.spec.template.spec.nodeClassRef, group: 'stowage.dev' };
  const template = { spec: { ...pool.spec.template.spec, nodeClassRef } };
  const { apiVersion, kind, spec } = pool;
  w.cluster.create('NodePool', {
    apiVersion,
    kind,
    metadata: { name: 'moved' },
    spec: { ...spec, template },
  });
  await w.clock.advance(1_000);
  const isOurs = (labels: Record<string, string>): boolean => {
    const node: Live<'Node'> = {
      metadata: { name: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: '', labels },
    };
    return isOurNode(context, node, undefined);
  };
  const pooled = 'karpenter.sh/nodepool';
  t.equal(isOurs({ [pooled]: 'moved' }), true);
  t.equal(isOurs({ [pooled]: 'general', 'stowage.dev/ec2nodeclass': 'default' }), false);
  t.equal(isOurs({ [pooled]: 'gone', 'stowage.dev/ec2nodeclass': 'default' }), true);
  t.equal(isOurs({ [pooled]: 'gone', 'karpenter.k8s.aws/ec2nodeclass': 'default' }), false);
  t.equal(isOurs({ [pooled]: 'gone' }), false);
  t.equal(isOurs({ 'stowage.dev/ec2nodeclass': 'default' }), false, 'a node of no pool');
});
