// Which pods a NodeClaim was made for, and for how long.

import * as fc from 'fast-check';
import t from 'tap';
import type { NodeClaimStatus } from '../../../core/api/nodeclaim.ts';
import {
  annotationNominated,
  nominatedOf,
  nominationGraceMs,
  plannedOn,
} from '../../../core/provisioning/nominations.ts';
import {
  annotationReservation,
  reservationRecord,
} from '../../../core/scheduling/reservation-record.ts';
import { liveClaim } from '../../support/claim-world.ts';

const nowMs = Date.parse('2026-01-02T00:00:00Z');
const iso = (ms: number): string => new Date(ms).toISOString();
const initialized = (ms: number): NodeClaimStatus => ({
  conditions: [{ type: 'Initialized', status: 'True', lastTransitionTime: iso(ms) }],
});

function claim(owners: readonly string[], nominated: readonly string[], status?: NodeClaimStatus) {
  const record = { owners: new Set(owners), expiresAtMs: nowMs + 1_000, fence: 'binding' } as const;
  const annotations = {
    [annotationReservation]: reservationRecord(record),
    [annotationNominated]: JSON.stringify(nominated),
  };
  return liveClaim({ annotations }, status);
}

const planned = (...args: Parameters<typeof plannedOn>): string[] => [...plannedOn(...args)].sort();

t.test('owners count until the reservation expires', async (t) => {
  t.strictSame(planned(claim(['a', 'b'], []), nowMs), ['a', 'b']);
  t.strictSame(planned(claim(['a', 'b'], []), nowMs + 999), ['a', 'b']);
  t.strictSame(planned(claim(['a', 'b'], []), nowMs + 1_000), []);
});

t.test(
  'pods that others bind count until their scheduler has had time to use the node',
  async (t) => {
    t.strictSame(planned(claim(['a'], ['b', 'c']), nowMs), ['a', 'b', 'c']);
    const since = nowMs - nominationGraceMs;
    t.strictSame(planned(claim([], ['b'], initialized(since + 1)), nowMs), ['b']);
    t.strictSame(planned(claim([], ['b'], initialized(since)), nowMs), []);
    t.strictSame(planned(claim(['a'], ['b'], initialized(since)), nowMs), ['a'], 'owners go on');
    const unknown = { conditions: [{ type: 'Initialized', status: 'Unknown' as const }] };
    t.strictSame(
      planned(claim([], ['b'], unknown), nowMs + 1e9),
      ['b'],
      'not up yet: still awaited',
    );
  },
);

t.test('a claim that is being deleted is for nobody', async (t) => {
  const going = claim(['a'], ['b']);
  const metadata = { ...going.metadata, deletionTimestamp: iso(nowMs) };
  t.strictSame(planned({ ...going, metadata }, nowMs), []);
});

t.test('an annotation that cannot be read names nobody', async (t) => {
  for (const text of ['', 'no json', '{}', 'null', '[1,{}]', '"a"']) {
    t.strictSame(nominatedOf({ [annotationNominated]: text }), [], text);
  }
  t.strictSame(nominatedOf({ [annotationNominated]: '["a",1,"b"]' }), ['a', 'b']);
  t.strictSame(nominatedOf(undefined), []);
  fc.assert(
    fc.property(fc.string(), (text) => {
      const uids = nominatedOf({ [annotationNominated]: text });
      return uids.every((uid) => typeof uid === 'string');
    }),
  );
});
