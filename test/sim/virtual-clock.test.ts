/** The virtual clock runs events in order, alone or in step with real time. */
import t from 'tap';
import { createVirtualClock } from '../../sim/virtual-clock.ts';

t.test('events run in order of time, those of one time in order of asking', async (t) => {
  const clock = createVirtualClock(1000);
  const ran: string[] = [];
  clock.schedule(20, () => ran.push(`c ${clock.nowMs()}`));
  clock.schedule(10, () => ran.push(`a ${clock.nowMs()}`));
  clock.schedule(10, () => ran.push(`b ${clock.nowMs()}`));
  const taken = clock.schedule(10, () => ran.push('never'));
  taken.cancel();
  clock.schedule(100, () => ran.push('later'));
  await clock.advance(50);
  t.strictSame(ran, ['a 1010', 'b 1010', 'c 1020']);
  t.equal(clock.nowMs(), 1050);
  t.equal(clock.monotonicMs(), 50);
  t.equal(clock.eventCount, 3);
});

t.test('what an event causes in promises happens before the next event', async (t) => {
  const clock = createVirtualClock();
  const ran: string[] = [];
  async function chain(name: string): Promise<void> {
    for (let step = 0; step < 20; step += 1) await Promise.resolve();
    ran.push(name);
  }
  for (let index = 0; index < 200; index += 1) {
    clock.schedule(index, () => {
      ran.push(`event ${index}`);
      void chain(`chain ${index}`);
    });
  }
  await clock.advance(1000);
  const expected = Array.from({ length: 200 }, (_, index) => [`event ${index}`, `chain ${index}`]);
  t.strictSame(ran, expected.flat());
});

t.test('sleep ends after its time, or with the reason of the signal', async (t) => {
  const clock = createVirtualClock();
  const abort = new AbortController();
  const slept = clock.sleep(500, abort.signal).then(() => clock.monotonicMs());
  t.equal(await clock.settle(slept), 500);
  const cut = clock.sleep(500, abort.signal);
  clock.schedule(100, () => abort.abort(new RangeError('enough')));
  await t.rejects(clock.settle(cut), { name: 'RangeError', message: 'enough' });
  t.equal(clock.monotonicMs(), 600);
  await t.rejects(clock.sleep(1, abort.signal), { name: 'RangeError' });
});

t.test('settle says why it gives up', async (t) => {
  const clock = createVirtualClock();
  const never = new Promise<void>(() => undefined);
  await t.rejects(clock.settle(never), /nothing is left that could happen/);
  const tick = (): void => {
    clock.schedule(1000, tick);
  };
  tick();
  await t.rejects(clock.settle(never, 5000), /5000 ms of virtual time have passed/);
  await t.rejects(clock.settle(Promise.reject(new RangeError('its own'))), { name: 'RangeError' });
});

t.test('an event that throws ends the run with its error', async (t) => {
  const clock = createVirtualClock();
  clock.schedule(10, () => {
    throw new RangeError('broken');
  });
  await t.rejects(clock.advance(100), { name: 'RangeError' });
});

t.test('time stands still while something outside is waited for', async (t) => {
  const clock = createVirtualClock();
  const ran: string[] = [];
  clock.schedule(10, () => {
    const outside = new Promise<void>((resolve) => setTimeout(resolve, 20));
    void clock.hold(outside).then(() => ran.push(`back ${clock.monotonicMs()}`));
  });
  clock.schedule(11, () => ran.push(`next ${clock.monotonicMs()}`));
  await clock.advance(100);
  t.strictSame(ran, ['back 10', 'next 11']);
});

t.test('paced, it keeps step with real time and takes events from outside', async (t) => {
  const clock = createVirtualClock();
  const abort = new AbortController();
  const ran: number[] = [];
  clock.schedule(5_000, () => ran.push(clock.monotonicMs()));
  clock.schedule(20_000, () => {
    ran.push(clock.monotonicMs());
    abort.abort();
  });
  const startedMs = performance.now();
  const pacing = clock.pace({ speed: 200, signal: abort.signal });
  setTimeout(() => {
    clock.schedule(0, () => ran.push(clock.monotonicMs()));
  }, 40);
  await pacing;
  const tookMs = performance.now() - startedMs;
  t.ok(tookMs >= 99, `20 s at 200 times the speed took ${tookMs} ms`);
  t.equal(ran.length, 3);
  t.strictSame(
    ran,
    ran.toSorted((a, b) => a - b),
  );
  t.equal(ran.at(-1), 20_000);
});

t.test('paced, time stands still while something outside is waited for', async (t) => {
  const clock = createVirtualClock();
  const end = new AbortController();
  const paced = clock.pace({ speed: 1000, signal: end.signal });
  const outside = Promise.withResolvers<void>();
  let ticks = 0;
  const tick = (): void => {
    ticks += 1;
    clock.schedule(1_000, tick);
  };
  const held = clock.hold(outside.promise);
  const fromMs = clock.monotonicMs();
  clock.schedule(1_000, tick);
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.equal(ticks, 0, 'nothing happens meanwhile');
  t.ok(clock.monotonicMs() - fromMs < 1_000, 'and the time is what it was');
  outside.resolve();
  await held;
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.ok(ticks > 0, 'then it goes on');
  t.ok(ticks < 2_000, 'from there, without catching up');
  void clock.hold(new Promise(() => undefined));
  end.abort();
  await paced;
});

t.test('only one may drive it', async (t) => {
  const clock = createVirtualClock();
  clock.schedule(1, () => undefined);
  const first = clock.advance(10);
  await t.rejects(clock.advance(10), /driven already/);
  await first;
});
