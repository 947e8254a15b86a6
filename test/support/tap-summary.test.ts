/** The runner must not take a failed, skipped or broken run for a good one. */
import t from 'tap';
import { TapSummary } from './tap-summary.ts';

const run = `TAP version 14
1..3
# Subtest: test/core/a.test.ts
    # Subtest: adds up
        ok 1 - one
        not ok 2 - one is two
          ---
          diff: |
            --- expected
            +++ actual
            @@ -1,1 +1,1 @@
            -2
            +1

            not ok 7 - printed by the code under test
          ...

        1..2
    not ok 1 - adds up # time=56.189ms
      ---
      at:
        fileName: test/core/a.test.ts
      ...

    ok 2 - needs a browser # SKIP no browser here
    ok 3 - later # TODO
    1..3
    # time=76.096ms
not ok 1 - test/core/a.test.ts # time=76.096ms
  ---
  exitCode: 1
  ...

# Subtest: test/core/b.test.ts
    ok 1 - fine
    1..1
ok 2 - test/core/b.test.ts # time=1083.5ms

ok 3 - test/core/c.test.ts # SKIP not on this machine

# No coverage generated
# { total: 5, pass: 2, fail: 1, todo: 1, skip: 2 }
# time=2750.086ms
`;

function summaryOf(text: string): TapSummary {
  const summary = new TapSummary();
  for (const line of text.split('\n')) summary.read(line);
  return summary;
}

t.test('each file is told apart, with its time', async (t) => {
  t.strictSame(
    summaryOf(run).files.map(({ path, passed, durationMs }) => [path, passed, durationMs]),
    [
      ['test/core/a.test.ts', false, 76.096],
      ['test/core/b.test.ts', true, 1083.5],
      ['test/core/c.test.ts', true, 0],
    ],
  );
});

t.test('a failure is kept with its explanation, the groups around it are not', async (t) => {
  const [failing] = summaryOf(run).files;
  t.strictSame(failing?.failures, [
    'not ok 2 - one is two',
    '  diff: |',
    '    --- expected',
    '    +++ actual',
    '    @@ -1,1 +1,1 @@',
    '    -2',
    '    +1',
    '',
    '    not ok 7 - printed by the code under test',
  ]);
});

t.test('what was left out is listed with its reason', async (t) => {
  t.strictSame(
    summaryOf(run).files.flatMap(({ skips }) => skips),
    [
      { test: 'needs a browser', reason: 'no browser here' },
      { test: 'later', reason: '' },
      { test: 'the whole file', reason: 'not on this machine' },
    ],
  );
});

t.test('the totals are those of tap, and missing where tap gave none', async (t) => {
  t.strictSame(summaryOf(run).totals, { passed: 2, failed: 1, skipped: 3 });
  t.strictSame(
    summaryOf(run + run).totals,
    { passed: 4, failed: 2, skipped: 6 },
    'two runs are added up',
  );
  t.equal(summaryOf('TAP version 14\n1..1\n').totals, undefined);
  t.strictSame(summaryOf('# { total: 14, pass: 14 }').totals, {
    passed: 14,
    failed: 0,
    skipped: 0,
  });
});

t.test('a file that ends early fails in the words of its process', async (t) => {
  const text = `not ok 1 - test/core/a.test.ts
  ---
  exitCode: null
  signal: SIGKILL
  ...
`;
  const [file] = summaryOf(text).files;
  t.equal(file?.passed, false);
  t.strictSame(file?.failures, [
    'no assertion failed, but its process did:',
    '  exitCode: null',
    '  signal: SIGKILL',
  ]);
});
