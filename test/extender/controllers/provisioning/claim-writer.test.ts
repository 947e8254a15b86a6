// Pods that are added to a NodeClaim while it changes, in the simulated world.

import t from 'tap';
import type { NodeClaim } from '../../../../core/api/nodeclaim.ts';
import {
  annotationReservation,
  reservationOf,
  reservationRecord,
} from '../../../../core/scheduling/reservation-record.ts';
import { ClaimWriter } from '../../../../extender/controllers/provisioning/claim-writer.ts';
import { deleteObject } from '../../../../sim/cluster/deletion.ts';
import { createWorld } from '../../../../sim/world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

const record = (owners: readonly string[]): string =>
  reservationRecord({ owners: new Set(owners), expiresAtMs: 1e15, fence: 'binding' });

const draft: NodeClaim = {
  apiVersion: 'karpenter.sh/v1',
  kind: 'NodeClaim',
  metadata: { name: 'claim', annotations: { [annotationReservation]: record(['first']) } },
  spec: {
    requirements: [],
    nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
  },
};

async function created() {
  const world = createWorld({ seed: 1, types: [] });
  const { context } = await startControllers(world, 'writer', { start: () => [] });
  const writer = new ClaimWriter(context);
  const [claim] = await world.clock.settle(writer.create([draft]));
  if (claim === undefined) throw new Error('the claim was not created');
  const patch = (body: object): void => {
    const options = 'status' in body ? ({ subresource: 'status' } as const) : {};
    world.cluster.patch('NodeClaim', { name: 'claim' }, { type: 'merge', body }, options);
  };
  const owners = (): string[] => {
    const stored = world.cluster.get('NodeClaim', { name: 'claim' });
    return [...(reservationOf(stored?.metadata.annotations)?.owners ?? [])];
  };
  const add = async (): Promise<void> =>
    await world.clock.settle(writer.add([{ claim, owners: ['second'], nominated: [] }]));
  return { world, patch, owners, add };
}

t.test('what was planned is added to what the claim has become', async (t) => {
  const { patch, owners, add } = await created();
  patch({ status: { providerID: 'aws:///zone/i-1' } });
  patch({ metadata: { annotations: { [annotationReservation]: record(['first', 'other']) } } });
  await add();
  t.strictSame(owners(), ['first', 'other', 'second']);
});

t.test('nothing is added to a claim whose node has come meanwhile', async (t) => {
  const { patch, owners, add } = await created();
  patch({ status: { nodeName: 'node' } });
  await add();
  t.strictSame(owners(), ['first']);
});

t.test('nothing is added to another claim of the same name, or to none', async (t) => {
  const { world, owners, add } = await created();
  deleteObject(world.cluster, 'NodeClaim', { name: 'claim' }, {});
  await add();
  t.strictSame(owners(), []);
  world.cluster.create('NodeClaim', draft);
  await add();
  t.strictSame(owners(), ['first']);
});
