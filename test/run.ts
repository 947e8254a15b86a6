/**
 * `npm test`: every test, and one plain closing line.
 *
 * In: test files or folders to run, by default all; `CI=true` forbids leaving tests out. Out: a line
 * per test file, what failed, what was left out, what took longest, and last `N passed, N failed`;
 * exit code 0 only if every file passed. The programs of other projects that tests run (Kubernetes,
 * Karpenter's scheduler) are built first, into the cache, so that no test waits for a compiler.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { ensureKarpenterPeer, PeerMissingError } from '../bench/peers/karpenter.ts';
import { ensureBinaries, GoMissingError } from './control-plane/build.ts';
import { importersOf, readSourceFiles } from './support/source-files.ts';
import { TapSummary, type TestFile } from './support/tap-summary.ts';

/** So many of the slowest files are listed. */
const slowestMax = 10;
/** CI ends a run of ninety minutes without a word; this says what hung. The builds are not in it. */
const testsDeadlineMs = 65 * 60_000;
/** What tap has to say after it was told to end. */
const farewellMs = 30_000;
/** Tests of the whole on a real control plane. */
const scenes = 'test/end-to-end';
/** Test files at the same time; two cores are what CI has. */
const jobsMax = 2;
/** A test may be left out on CI for these reasons and no other. */
const allowedSkips: readonly { readonly path: string; readonly reason: RegExp }[] = [
  // .ci/run installs a browser where it can; a mirror that is down for an hour must not stop work.
  { path: 'test/extender/output/plan-page.test.ts', reason: /^no browser at / },
  { path: 'test/extender/dashboard/page.test.ts', reason: /^no browser at / },
];

const isCi = process.env['CI'] === 'true';
const root = join(import.meta.dirname, '..');
const wanted = process.argv.slice(2).map((path) => relative(root, resolve(path)));

const startedMs = performance.now();
if (wanted.length === 0) await buildPeers();
const summary = new TapSummary();
const files = testFiles(wanted);
// A control plane is six processes: beside a solver, or where a test counts milliseconds, it is to
// be alone. The scenes from end to end wait most of the time, and allow minutes: two fit beside another.
const heavy = importersOf(readSourceFiles(root), 'test/control-plane/control-plane.ts');
const light = files.filter((file) => !heavy.has(file));
const alone = files.filter((file) => heavy.has(file) && !isWithin(file, scenes));
const paired = files.filter((file) => heavy.has(file) && isWithin(file, scenes));
const deadline = AbortSignal.timeout(testsDeadlineMs);
const exitCodes = [
  await runTap(light, jobsMax, summary),
  await runTap(alone, 1, summary),
  await runTap(paired, jobsMax, summary),
];
report(summary, judge(summary, exitCodes));

/** Every test file, or those at and below the wanted paths. */
function testFiles(paths: readonly string[]): string[] {
  const files = globSync('test/**/*.test.ts', { cwd: root }).toSorted();
  for (const path of paths) {
    if (files.some((file) => isWithin(file, path))) continue;
    print(`${path}: no test file there`);
    print('\n0 passed, 1 failed');
    process.exit(1);
  }
  return paths.length === 0
    ? files
    : files.filter((file) => paths.some((path) => isWithin(file, path)));
}

function isWithin(file: string, path: string): boolean {
  return path === '' || file === path || file.startsWith(`${path}/`);
}

/** Minutes on a machine that has never run the tests, a look at the disk on any other. */
async function buildPeers(): Promise<void> {
  const log = (line: string): void => print(line);
  for (const [name, build] of [
    ['control plane', ensureBinaries],
    ['Karpenter peer', ensureKarpenterPeer],
  ] as const) {
    const buildStartedMs = performance.now();
    try {
      await build(log);
      print(`${name}: ready (${seconds(performance.now() - buildStartedMs)})`);
    } catch (error) {
      if (!(error instanceof GoMissingError || error instanceof PeerMissingError)) throw error;
      print(`${name}: left out, ${error.message}`);
    }
  }
}

async function runTap(
  paths: readonly string[],
  jobs: number,
  into: TapSummary,
): Promise<number | null> {
  if (paths.length === 0) return 0;
  const tap = join(root, 'node_modules/.bin/tap');
  const child = spawn(process.execPath, [tap, '--reporter=tap', `--jobs=${jobs}`, ...paths], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = (): void => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), farewellMs).unref();
  };
  if (deadline.aborted) end();
  else deadline.addEventListener('abort', end, { once: true });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const file = into.read(line);
    if (file !== undefined) printFile(file);
  }
  return await ended;
}

/** What is wrong with the run as a whole, beside the assertions that failed. */
function judge({ files, totals }: TapSummary, codes: readonly (number | null)[]): string[] {
  const found: string[] = [];
  if (deadline.aborted) {
    const ended = new Set(files.map(({ path }) => path));
    const missing = [...light, ...alone, ...paired].filter((path) => !ended.has(path));
    const minutes = testsDeadlineMs / 60_000;
    found.push(`the tests were ended after ${minutes} minutes, before ${missing.join(', ')}`);
  }
  if (totals === undefined) found.push('tap ended without giving its totals');
  else if (totals.passed + totals.failed === 0) found.push('no test was run');
  for (const { path, skips } of isCi ? files : []) {
    for (const { test, reason } of skips) {
      const isAllowed = allowedSkips.some((one) => one.path === path && one.reason.test(reason));
      if (!isAllowed) found.push(`${path}: left out on CI: ${test}: ${reason || 'no reason'}`);
    }
  }
  const isExplained = (totals?.failed ?? 0) > 0 || found.length > 0;
  for (const code of codes) {
    if (code !== 0 && !isExplained) found.push(`tap ended with ${code ?? 'a signal'}`);
  }
  return found;
}

function report({ files, totals }: TapSummary, complaints: readonly string[]): void {
  const slowest = files.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, slowestMax);
  if (files.length > slowestMax) {
    print(`\nslowest of ${files.length} files, ${seconds(performance.now() - startedMs)} in all:`);
    for (const { path, durationMs } of slowest)
      print(`${seconds(durationMs).padStart(9)}  ${path}`);
  }
  const skips = files.flatMap(({ path, skips }) => skips.map((skip) => ({ path, ...skip })));
  if (skips.length > 0) print('\nleft out:');
  for (const { path, test, reason } of skips) print(`  ${path}: ${test}: ${reason}`);
  const failing = files.filter(({ passed }) => !passed);
  if (failing.length + complaints.length > 0) print('\nfailed:');
  for (const { path, failures } of failing) {
    print(`  ${path}`);
    for (const line of failures) print(`    ${line}`);
  }
  for (const complaint of complaints) print(`  ${complaint}`);
  const { passed = 0, failed = 0, skipped = 0 } = totals ?? {};
  // A file can fail without an assertion that does: by its exit code, or by its deadline.
  const failedInAll = Math.max(failed, failing.length) + complaints.length;
  if (failedInAll > 0) process.exitCode = 1;
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  print(`\n${passed} passed, ${failedInAll} failed${tail}`);
}

function printFile({ path, passed, durationMs }: TestFile): void {
  print(`${passed ? 'ok    ' : 'FAILED'} ${seconds(durationMs).padStart(9)}  ${path}`);
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
