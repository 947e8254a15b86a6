/** What stands on interrupted claims, and which of two reasons stays. */
import t from 'tap';
import {
  annotationInterrupted,
  annotationReplacements,
  type Interruption,
  interruptionOf,
  interruptionRecord,
  morePressing,
  replacementsOf,
  replacementsRecord,
} from '../../../core/interruption/interruption-record.ts';
import { liveClaim } from '../../support/claim-world.ts';

const nowMs = Date.parse('2026-01-01T00:00:00Z');
const spot: Interruption = {
  kind: 'spot_interrupted',
  sinceMs: nowMs,
  endsMs: nowMs + 120_000,
  message: 'spot',
};

t.test('marks are read back as they were written; what cannot be read is none', async (t) => {
  const marked = (annotations: Record<string, string>) => liveClaim({ annotations });
  t.strictSame(interruptionOf(marked({ [annotationInterrupted]: interruptionRecord(spot) })), spot);
  const room = { claims: ['b', 'a', 'b'], unplaced: 2 };
  t.strictSame(replacementsOf(marked({ [annotationReplacements]: replacementsRecord(room) })), {
    claims: ['a', 'b'],
    unplaced: 2,
  });
  for (const text of ['', '{', '[]', '{"kind":"odd","since":"2026-01-01T00:00:00Z"}', 'null']) {
    t.equal(interruptionOf(marked({ [annotationInterrupted]: text })), undefined, text);
    t.equal(replacementsOf(marked({ [annotationReplacements]: text })), undefined, text);
  }
});

t.test('of two reasons the more pressing one stays', async (t) => {
  const event = (kind: Interruption['kind'], endsMs?: number) =>
    ({ kind, instanceIds: ['i-1'], endsMs, message: kind }) as const;
  const risk = morePressing(undefined, event('rebalance_recommendation'), nowMs);
  t.equal(risk.kind, 'rebalance_recommendation');
  const warned = morePressing(risk, event('spot_interrupted', nowMs + 120_000), nowMs + 5);
  t.strictSame([warned.kind, warned.sinceMs], ['spot_interrupted', nowMs + 5]);
  t.equal(morePressing(warned, event('rebalance_recommendation'), nowMs + 9), warned);
  t.equal(morePressing(warned, event('spot_interrupted', nowMs + 120_000), nowMs + 9), warned);
  t.equal(morePressing(warned, event('instance_stopped'), nowMs + 9).kind, 'instance_stopped');
});
