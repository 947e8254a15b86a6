/** Instance status as events: what is acted on, from when on, and what is over. */
import t from 'tap';
import { statusMessages } from '../../../core/interruption/instance-status.ts';

const nowMs = Date.parse('2026-01-01T00:00:00Z');

t.test('status checks count after two minutes; changes that are over do not', async (t) => {
  const facts = {
    instanceId: 'i-1',
    checks: [{ status: 'impaired', impairedSinceMs: nowMs }, { status: 'ok' }],
    scheduled: [
      { code: 'instance-stop', description: 'soon', notBeforeMs: nowMs + 9, eventId: 'e-1' },
      { code: 'instance-stop', description: '[Completed] it', notBeforeMs: nowMs, eventId: 'e-2' },
      { code: 'something-else', description: '', notBeforeMs: nowMs, eventId: 'e-3' },
    ],
  };
  const early = statusMessages(facts, nowMs + 119_999);
  t.strictSame(
    early.map(({ id }) => id),
    ['status/i-1/instance-stop/e-1'],
  );
  const late = statusMessages(facts, nowMs + 120_000);
  t.match(late[0]?.content, { event: { kind: 'instance_unhealthy', instanceIds: ['i-1'] } });
  t.match(late[1]?.content, { event: { kind: 'scheduled_change', endsMs: nowMs + 9 } });
});
