/** The bench programs end to end, on inputs of a moment. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findKarpenterPeer } from '../../bench/peers/karpenter.ts';
import { page, readResults } from '../../bench/report.ts';
import type { ResultFile } from '../../bench/result.ts';

const bench = join(import.meta.dirname, '..', '..', 'bench');

function run(
  program: string,
  ...args: string[]
): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(bench, program), ...args],
    { encoding: 'utf8', timeout: 120_000 },
  );
  return { code: status, out: stdout, err: stderr };
}

t.test('a run writes what it measured, checked, with its machine and input', async (t) => {
  const out = t.testdir();
  const size = ['--pods', '30', '--classes', '19', '--seeds', '2', '--time-limit', '0.3'];
  const { code, out: text } = run('run.ts', '--case', 'zonal', ...size, '--warm', '--out', out);
  t.equal(code, 0, text);
  const file = JSON.parse(readFileSync(join(out, 'zonal-30x19.json'), 'utf8')) as ResultFile;
  t.strictSame(file.failed, []);
  t.strictSame(
    file.runs.map((record) => record.request.seed),
    [1, 2],
  );
  t.ok(file.machine.cpuCount >= 1);
  for (const { input, cold, warm, firstFit, peakMemoryMiB } of file.runs) {
    t.match(input.hash, /^[0-9a-f]{16}$/);
    t.match(text, input.hash, 'the hash stands beside the figures');
    t.equal(input.pods, 30);
    for (const solve of [cold, warm]) {
      t.strictSame(solve?.violations, []);
      t.ok(solve !== null && solve.cost > 0 && solve.lowerBound <= solve.cost);
    }
    t.strictSame(firstFit.violations, []);
    t.ok(peakMemoryMiB > 20);
  }
  t.not(file.runs[0]?.input.hash, file.runs[1]?.input.hash, 'seeds are different inputs');
  t.match(page(readResults(out)), /zonal \| 30 \/ 19/);
});

const peer = await findKarpenterPeer();
const skip = peer === undefined ? 'the Karpenter peer is not built' : false;

t.test("Karpenter's plan passes the same verifier, at the same prices", { skip }, async (t) => {
  const out = t.testdir();
  const size = ['--pods', '40', '--classes', '19', '--seeds', '1', '--time-limit', '0.2'];
  const cases = ['--case', 'zonal', '--case', 'pools', '--case', 'constrained'];
  const { code, out: text } = run('run.ts', ...cases, ...size, '--peer', 'karpenter', '--out', out);
  t.equal(code, 0, text);
  for (const name of ['zonal', 'pools', 'constrained']) {
    const file = JSON.parse(readFileSync(join(out, `${name}-40x19.json`), 'utf8')) as ResultFile;
    const karpenter = file.runs[0]?.karpenter;
    t.strictSame(karpenter?.violations, [], name);
    t.equal(karpenter?.unscheduled, 0, name);
    t.ok(karpenter !== null && karpenter !== undefined && karpenter.cost > 0, name);
  }
});

t.test('wrong options are answered with a sentence and exit code 1', async (t) => {
  for (const [args, message] of [
    [['--case', 'nothing'], /no case "nothing"/],
    [['--suite', 'nothing'], /no suite "nothing"/],
    [['--seeds', 'x'], /--seeds: expected an integer/],
    [['--no-such-option'], /no-such-option/],
  ] as const) {
    const { code, err } = run('run.ts', ...args);
    t.equal(code, 1);
    t.match(err, message);
    t.notMatch(err, /\n {4}at /, 'no stack for a typing error');
  }
});

t.test('a run that cannot be built is a failed run, not a missing one', async (t) => {
  const out = t.testdir();
  const { code } = run(
    'run.ts',
    '--case',
    'even-mix',
    '--pods',
    '5',
    '--classes',
    '9',
    '--seeds',
    '1',
    '--out',
    out,
  );
  t.equal(code, 1);
  const file = JSON.parse(readFileSync(join(out, 'even-mix-5x9.json'), 'utf8')) as ResultFile;
  t.match(file.failed[0]?.error, /--classes: expected an integer from 1 to 5/);
});

t.test('every case is listed', async (t) => {
  const { out } = run('run.ts', '--list');
  t.match(out, /even-mix +1000\/120/);
  t.match(out, /persona-weekly-batch/);
});
