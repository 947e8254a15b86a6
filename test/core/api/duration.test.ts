// Durations in Go's notation: what is read as how long, and what is no duration at all.

import t from 'tap';
import { durationMs } from '../../../core/api/duration.ts';

t.test('compounds, fractions and signs are read as Go reads them', async (t) => {
  for (const [text, expectedMs] of [
    ['0', 0],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['250ms', 250],
    ['1500us', 1.5],
    ['-5m', -300_000],
    ['720h', 2_592_000_000],
  ] as const) {
    t.equal(durationMs(text), expectedMs, text);
  }
});

t.test('anything else is no duration', async (t) => {
  for (const text of ['', 'Never', 'true', '5', '5 m', 'm', '1h 30m', '1d', '1h'.repeat(40)]) {
    t.equal(durationMs(text), undefined, JSON.stringify(text));
  }
});
