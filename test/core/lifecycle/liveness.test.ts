// When a NodeClaim that makes no progress is given up.

import t from 'tap';
import type { Condition } from '../../../core/api/kubernetes.ts';
import { livenessOf } from '../../../core/lifecycle/liveness.ts';
import { liveClaim } from '../../support/claim-world.ts';

const createdMs = Date.parse('2026-01-01T00:00:00Z');
const timeouts = { launchTimeoutMs: 300_000, registrationTimeoutMs: 900_000 };

function at(afterMs: number, ...conditions: Condition[]) {
  return livenessOf(liveClaim({}, { conditions }), timeouts, createdMs + afterMs);
}

t.test('a launch has its time from the creation of the claim', async (t) => {
  t.strictSame(at(60_000), { state: 'waiting', againAfterMs: 240_000 });
  const message = 'the cloud was asleep';
  const launched = { type: 'Launched', status: 'Unknown', message } as const;
  t.match(at(299_999, launched), { state: 'waiting', againAfterMs: 1 });
  t.match(at(300_000, launched), {
    state: 'expired',
    reason: 'LaunchTimeout',
    message: /within 300 s: the cloud was asleep$/,
  });
});

t.test('a registration has its time from the launch', async (t) => {
  const lastTransitionTime = '2026-01-01T00:04:00Z';
  const launched = { type: 'Launched', status: 'True', lastTransitionTime } as const;
  t.match(at(300_000, launched), { state: 'waiting', againAfterMs: 840_000 });
  t.match(at(1_140_000, launched), { state: 'expired', reason: 'RegistrationTimeout' });
});

t.test('what is registered may take its time', async (t) => {
  const conditions = ['Launched', 'Registered'].map((type) => ({ type, status: 'True' as const }));
  t.equal(at(1e9, ...conditions), undefined);
});
