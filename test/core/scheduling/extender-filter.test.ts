/** The filter verb rejects foreign pods on reserved nodes, and nothing else. */
import t from 'tap';
import { filterReasons, rejectionReason } from '../../../core/scheduling/extender-filter.ts';
import type { Fence } from '../../../core/scheduling/reservation.ts';
import { askingPod, extenderNode, nowMs, reservation } from '../../support/extender-fixtures.ts';

const held = extenderNode('a', { reservation: reservation() });

t.test('a foreign pod is kept off a reserved node, with a reason per kind of fence', async (t) => {
  const reasons = (['binding', 'devices', 'claims'] satisfies Fence[]).map((fence) =>
    rejectionReason(extenderNode('a', { reservation: reservation({ fence }) }), askingPod(), nowMs),
  );
  t.strictSame(reasons, [filterReasons.binding, filterReasons.devices, filterReasons.claims]);
  t.equal(new Set(reasons).size, 3);
});

t.test('the pods that a node was launched for pass', async (t) => {
  t.equal(rejectionReason(held, askingPod({ uid: 'uid-owner' }), nowMs), undefined);
});

t.test('a pod that was made anew under an owner’s name is foreign: the UID counts', async (t) => {
  const again = askingPod({ name: 'owner', uid: 'uid-of-the-new-one' });
  t.equal(rejectionReason(held, again, nowMs), filterReasons.binding);
});

t.test('pods of DaemonSets pass: reserved nodes need them to become usable', async (t) => {
  t.equal(rejectionReason(held, askingPod({ isDaemon: true }), nowMs), undefined);
});

t.test('a reservation ends at its expiry, to the millisecond', async (t) => {
  const { expiresAtMs } = reservation();
  t.equal(rejectionReason(held, askingPod(), expiresAtMs - 1), filterReasons.binding);
  t.equal(rejectionReason(held, askingPod(), expiresAtMs), undefined);
});

t.test('nodes without a reservation and nodes that are not known are open to all', async (t) => {
  t.equal(rejectionReason(extenderNode('b'), askingPod(), nowMs), undefined);
  t.equal(rejectionReason(undefined, askingPod(), nowMs), undefined);
});

t.test('reasons have no name or number in them: kube-scheduler counts nodes by text', async (t) => {
  for (const reason of Object.values(filterReasons)) {
    t.notMatch(reason, /[0-9]/);
    t.ok(reason.length < 100, reason);
  }
});
