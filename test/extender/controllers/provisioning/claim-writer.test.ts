// Pods that are added to a NodeClaim while it changes, in the simulated world.

import t from 'tap';
import { reservedTaint } from '../../../../core/api/labels.ts';
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

const hold = { fence: 'devices', expiresAtMs: 2e15 } as const;

const draft: NodeClaim = {
  apiVersion: 'karpenter.sh/v1',
  kind: 'NodeClaim',
  metadata: { name: 'claim', annotations: { [annotationReservation]: record(['first']) } },
  spec: {
    requirements: [],
    taints: [{ ...reservedTaint }],
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
    await world.clock.settle(writer.add([{ claim, owners: ['second'], nominated: [], hold }]));
  return { world, writer, context, patch, owners, add };
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

t.test('the next plan knows what was added before the watch has told of it', async (t) => {
  const { world, writer, context, patch, add } = await created();
  await world.clock.advance(1_000);
  t.ok(context.view.get('NodeClaim', { name: 'claim' }), 'the watch has told of the claim');
  const known = (): string[] =>
    writer
      .claims()
      .flatMap(({ metadata }) => [...(reservationOf(metadata.annotations)?.owners ?? [])]);
  t.strictSame(known(), ['first']);
  await add();
  t.strictSame(known(), ['first', 'second']);
  // What the watch tells later counts, also where it is less.
  patch({ metadata: { annotations: { [annotationReservation]: record(['other']) } } });
  await world.clock.advance(1_000);
  t.strictSame(known(), ['other']);
  deleteObject(world.cluster, 'NodeClaim', { name: 'claim' }, {});
  await world.clock.advance(1_000);
  t.strictSame(known(), []);
});

t.test(
  'a claim whose owners have all gone other ways is held for those that are added',
  async (t) => {
    const { world, patch, add } = await created();
    patch({ metadata: { annotations: { [annotationReservation]: null } } });
    await add();
    const stored = world.cluster.get('NodeClaim', { name: 'claim' });
    t.strictSame(reservationOf(stored?.metadata.annotations), {
      owners: new Set(['second']),
      ...hold,
    });
  },
);

t.test('an owner that needs more of kube-scheduler widens the fence', async (t) => {
  const { world, add } = await created();
  await add();
  const stored = world.cluster.get('NodeClaim', { name: 'claim' });
  const { fence, expiresAtMs } = reservationOf(stored?.metadata.annotations) ?? {};
  t.strictSame([fence, expiresAtMs], ['devices', 1e15]);
});
