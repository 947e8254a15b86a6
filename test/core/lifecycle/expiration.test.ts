// When a NodeClaim has lived long enough.

import t from 'tap';
import { expiryMs } from '../../../core/lifecycle/expiration.ts';
import { liveClaim } from '../../support/claim-world.ts';

const createdMs = Date.parse('2026-01-01T00:00:00Z');

t.test('expireAfter counts from creation, 30 days where it is not said', async (t) => {
  t.equal(expiryMs(liveClaim({ spec: { expireAfter: '1h30m' } })), createdMs + 5_400_000);
  t.equal(expiryMs(liveClaim()), createdMs + 30 * 24 * 3_600_000);
  t.equal(expiryMs(liveClaim({ spec: { expireAfter: 'Never' } })), undefined);
});
