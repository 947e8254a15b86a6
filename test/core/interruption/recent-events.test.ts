/** Events that were acted on lately. */
import t from 'tap';
import { RecentEvents } from '../../../core/interruption/recent-events.ts';

t.test('the latest events are remembered, the oldest forgotten', async (t) => {
  const recent = new RecentEvents(2);
  for (const id of ['a', 'b', '', 'a', 'c']) recent.add(id);
  t.strictSame(
    ['a', 'b', 'c', ''].map((id) => recent.has(id)),
    [true, false, true, false],
  );
});
