/** Reservations as annotations: what is written is read, and nothing else is. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { NodeReservation } from '../../../core/scheduling/reservation.ts';
import {
  annotationReservation,
  reservationOf,
  reservationRecord,
} from '../../../core/scheduling/reservation-record.ts';

const anyReservation: fc.Arbitrary<NodeReservation> = fc.record(
  {
    owners: fc.array(fc.uuid()).map((uids) => new Set(uids)),
    expiresAtMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
    fence: fc.constantFrom('binding', 'devices', 'claims'),
  },
  { noNullPrototype: true },
);

t.test('what is written is read', async () => {
  fc.assert(
    fc.property(anyReservation, (one) => {
      assert.deepEqual(reservationOf({ [annotationReservation]: reservationRecord(one) }), one);
    }),
  );
});

t.test('the same reservation is written the same', async (t) => {
  const [expiresAtMs, fence] = [1_767_225_600_000, 'binding'] as const;
  const one = reservationRecord({ owners: new Set(['b', 'a']), expiresAtMs, fence });
  const other = reservationRecord({ owners: new Set(['a', 'b']), expiresAtMs, fence });
  t.equal(one, other);
  t.equal(one, '{"pods":["a","b"],"expires":"2026-01-01T00:00:00.000Z","fence":"binding"}');
});

t.test('what cannot be read is no reservation', async (t) => {
  const good = { pods: ['a'], expires: '2026-01-01T00:00:00Z', fence: 'binding' };
  const bad = [
    'x',
    'null',
    '[]',
    JSON.stringify({ ...good, pods: 'a' }),
    JSON.stringify({ ...good, pods: [1] }),
    JSON.stringify({ ...good, expires: 'soon' }),
    JSON.stringify({ ...good, expires: 5 }),
    JSON.stringify({ ...good, fence: 'wall' }),
    JSON.stringify({ ...good, fence: undefined }),
  ];
  for (const record of bad) {
    t.equal(reservationOf({ [annotationReservation]: record }), undefined, record);
  }
  t.equal(reservationOf(undefined), undefined);
  t.equal(reservationOf({}), undefined);
});
