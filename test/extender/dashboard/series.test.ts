/** A bounded course of figures. */
import { array, assert, nat, property } from 'fast-check';
import t from 'tap';
import { Series } from '../../../extender/dashboard/series.ts';

const options = { pointsMax: 8, intervalMs: 10, intervalMaxMs: 40 };

t.test('points that come too soon are left out', async (t) => {
  const series = new Series<readonly [number, string]>(options);
  t.equal(series.add([0, 'a']), 'appended');
  t.equal(series.add([9, 'b']), 'ignored');
  t.equal(series.add([10, 'c']), 'appended');
  t.strictSame(series.points, [
    [0, 'a'],
    [10, 'c'],
  ]);
});

t.test('a long run is thinned out and still covered from its beginning', async (t) => {
  const series = new Series<readonly [number]>(options);
  for (let timeMs = 0; timeMs <= 80; timeMs += 10) series.add([timeMs]);
  t.strictSame(series.points, [[0], [20], [40], [60], [80]]);
  t.equal(series.isDue(90), false, 'points come half as often from now on');
  t.equal(series.isDue(100), true);
});

t.test('once it would be too coarse the oldest go', async (t) => {
  const series = new Series<readonly [number]>(options);
  for (let timeMs = 0; timeMs <= 10_000; timeMs += 10) series.add([timeMs]);
  t.strictSame(series.points.at(-1), [10_000]);
  t.equal(series.points.length, options.pointsMax);
  t.strictSame(series.points[0], [10_000 - 7 * options.intervalMaxMs]);
});

t.test('a clock that was set back begins a new course', async (t) => {
  const series = new Series<readonly [number]>(options);
  series.add([1_000]);
  t.equal(series.add([500]), 'thinned');
  t.strictSame(series.points, [[500]]);
});

t.test('whatever comes, points are bounded, in order and not too close', async (t) => {
  assert(
    property(array(nat(100), { maxLength: 400 }), (steps) => {
      const series = new Series<readonly [number]>(options);
      let timeMs = 0;
      for (const step of steps) {
        timeMs += step;
        series.add([timeMs]);
        const { points } = series;
        if (points.length > options.pointsMax) return false;
        for (let index = 1; index < points.length; index += 1) {
          const gap = (points[index]?.[0] ?? 0) - (points[index - 1]?.[0] ?? 0);
          if (gap < options.intervalMs) return false;
        }
      }
      return true;
    }),
  );
  t.pass('no counterexample');
});
