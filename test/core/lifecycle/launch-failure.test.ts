// What follows from a launch that failed.

import * as fc from 'fast-check';
import t from 'tap';
import { refusedMs, retryDelayMs, verdictOf } from '../../../core/lifecycle/launch-failure.ts';

t.test('capacity is looked for elsewhere, outages are waited for, refusals are told', async (t) => {
  for (const failure of ['insufficient-capacity', 'no-addresses', 'quota-exceeded'] as const) {
    t.equal(verdictOf(failure), 'elsewhere', failure);
  }
  for (const failure of ['throttled', 'unavailable'] as const) {
    t.equal(verdictOf(failure), 'again', failure);
  }
  for (const failure of ['unauthorized', 'invalid'] as const) {
    t.equal(verdictOf(failure), 'refused', failure);
  }
});

t.test('pauses are bounded, grow, and are never shorter than asked for', async () => {
  const ms = fc.integer({ min: 0, max: 10_000_000 });
  fc.assert(
    fc.property(
      ms,
      ms,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (ageMs, askedMs, spread) => {
        const delayMs = retryDelayMs(0, ageMs, askedMs, spread);
        return (
          delayMs >= 1_000 &&
          delayMs <= 45_000 &&
          delayMs >= Math.min(askedMs, 30_000) &&
          delayMs >= Math.min(ageMs, 30_000)
        );
      },
    ),
  );
});

t.test('a refused launch is asked for a handful of times', async (t) => {
  let calls = 1;
  for (let nowMs = 0; nowMs < refusedMs; calls += 1) nowMs += retryDelayMs(0, nowMs, 0, 0);
  t.ok(calls >= 5 && calls <= 9, `${calls} calls`);
});
