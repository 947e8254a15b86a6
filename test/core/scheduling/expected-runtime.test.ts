/** How long a pod is expected to run, from its annotation and its deadline. */
import t from 'tap';
import { expectedRuntimeMs } from '../../../core/scheduling/expected-runtime.ts';

t.test('the annotation is a duration as Go writes it', async (t) => {
  t.equal(expectedRuntimeMs('90s', undefined), 90_000);
  t.equal(expectedRuntimeMs('2h30m', undefined), 9_000_000);
  t.equal(expectedRuntimeMs('1500ms', undefined), 1_500);
});

t.test('the shorter of expectation and deadline holds', async (t) => {
  t.equal(expectedRuntimeMs('1h', 60), 60_000);
  t.equal(expectedRuntimeMs('10s', 60), 10_000);
  t.equal(expectedRuntimeMs(undefined, 60), 60_000);
});

t.test('what cannot be read, and what is longer than a year, is no expectation', async (t) => {
  for (const text of ['', '5', 'soon', '1d', '-1h', '1h ', '999999999h', '1s1s1s1s1s']) {
    t.equal(expectedRuntimeMs(text, undefined), undefined, JSON.stringify(text));
  }
  t.equal(expectedRuntimeMs(undefined, undefined), undefined);
});
