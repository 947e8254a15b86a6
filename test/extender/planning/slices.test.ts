/** Long work between which others have their turn. */
import t from 'tap';
import type { Clock } from '../../../core/ports.ts';
import { mapInSteps } from '../../../core/steps.ts';
import { inSlices } from '../../../extender/planning/slices.ts';

/** A clock on which each look takes a time; how often it was asked to wait. */
function slowClock(lookMs: number): Clock & { readonly rests: readonly number[] } {
  let nowMs = 0;
  const rests: number[] = [];
  const look = (): number => (nowMs += lookMs);
  return {
    rests,
    nowMs: look,
    monotonicMs: look,
    sleep: async (_, signal) => {
      rests.push(nowMs);
      signal?.throwIfAborted();
    },
    schedule: () => ({ cancel: () => undefined }),
  };
}

const items = Array.from({ length: 100 }, (_, index) => index);
const { signal } = new AbortController();

t.test('work that takes long gives others a turn, and is done all the same', async (t) => {
  const clock = slowClock(2);
  const result = await inSlices(
    mapInSteps(items, 1, (one) => one),
    clock,
    signal,
  );
  t.strictSame(result, items);
  t.ok(clock.rests.length > 20, `${clock.rests.length} rests in 200 ms`);
});

t.test('on a clock that stands still it is done in one go', async (t) => {
  const clock = slowClock(0);
  t.strictSame(
    await inSlices(
      mapInSteps(items, 1, (one) => one),
      clock,
      signal,
    ),
    items,
  );
  t.strictSame(clock.rests, []);
});

t.test('whoever stops it has not to wait until it is done', async (t) => {
  const end = new AbortController();
  let done = 0;
  const work = mapInSteps(items, 1, () => {
    done += 1;
    if (done === 10) end.abort(new Error('stopped'));
  });
  await t.rejects(inSlices(work, slowClock(2), end.signal), { message: 'stopped' });
  t.ok(done < 20, `${done} of ${items.length}`);
});
