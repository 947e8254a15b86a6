// When a batch is complete: idle time, longest time, what comes while a batch is planned.

import * as fc from 'fast-check';
import t from 'tap';
import { BatchWindow } from '../../../../extender/controllers/provisioning/batch-window.ts';
import { createVirtualClock } from '../../../../sim/virtual-clock.ts';

const idleMs = 100;
const maxMs = 1_000;

function fresh() {
  const clock = createVirtualClock();
  const window = new BatchWindow({ clock, idleMs, maxMs });
  const closed: { readonly atMs: number; readonly windowMs: number | undefined }[] = [];
  const wait = (): void => {
    void window.next().then((windowMs) => closed.push({ atMs: clock.monotonicMs(), windowMs }));
  };
  return { clock, window, closed, wait };
}

t.test('it closes when nothing has come for the idle time', async (t) => {
  const { clock, window, closed, wait } = fresh();
  wait();
  await clock.advance(5_000);
  t.strictSame(closed, [], 'nothing has come');
  window.note();
  await clock.advance(60);
  window.note();
  await clock.advance(99);
  t.strictSame(closed, []);
  await clock.advance(1);
  t.strictSame(closed, [{ atMs: 5_160, windowMs: 160 }]);
});

t.test('pods that keep coming cannot hold it open for longer than the longest time', async (t) => {
  const { clock, window, closed, wait } = fresh();
  wait();
  for (let count = 0; count < 40; count += 1) {
    window.note();
    await clock.advance(50);
  }
  t.strictSame(closed, [{ atMs: 1_000, windowMs: 1_000 }]);
});

t.test('what comes while a batch is planned is the next batch, at once if it is old', async (t) => {
  const { clock, window, closed, wait } = fresh();
  wait();
  window.note();
  await clock.advance(100);
  t.equal(closed.length, 1);
  window.note();
  await clock.advance(3_000);
  t.equal(closed.length, 1, 'nobody asks yet');
  wait();
  await clock.advance(0);
  t.strictSame(closed[1], { atMs: 3_100, windowMs: 3_000 });
  wait();
  await clock.advance(10_000);
  t.equal(closed.length, 2, 'and nothing is planned twice');
});

t.test('of several later looks the earliest counts, and a look needs no pod', async (t) => {
  const { clock, window, closed, wait } = fresh();
  wait();
  window.noteAfter(10_000);
  window.noteAfter(2_000);
  window.noteAfter(5_000);
  await clock.advance(60_000);
  t.strictSame(closed, [{ atMs: 2_100, windowMs: 100 }]);
});

t.test('the end is told to whoever waits, and to whoever asks later', async (t) => {
  const { clock, window, closed, wait } = fresh();
  wait();
  window.note();
  window.noteAfter(10);
  window.close();
  await clock.advance(5_000);
  t.strictSame(closed, [{ atMs: 0, windowMs: undefined }]);
  window.note();
  t.equal(await window.next(), undefined);
});

t.test('however pods come, each is planned for within the longest time', async () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(gaps, async (waits) => {
      const { clock, window, closed } = fresh();
      let firstMs: number | undefined;
      let worstMs = 0;
      const serve = async (): Promise<void> => {
        for (;;) {
          const windowMs = await window.next();
          if (windowMs === undefined) return;
          worstMs = Math.max(worstMs, clock.monotonicMs() - (firstMs ?? clock.monotonicMs()));
          firstMs = undefined;
          closed.push({ atMs: clock.monotonicMs(), windowMs });
        }
      };
      const served = serve();
      for (const gapMs of waits) {
        firstMs ??= clock.monotonicMs();
        window.note();
        await clock.advance(gapMs);
      }
      await clock.advance(maxMs);
      window.close();
      await served;
      return firstMs === undefined && worstMs <= maxMs && closed.length <= waits.length;
    }),
    { numRuns: 50 },
  );
});
