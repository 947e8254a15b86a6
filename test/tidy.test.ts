/** The rules of the house, held against every source file: layers, headers, sizes, names, use. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findDeadFiles, findFileBreaches, findStrayTests } from './support/file-rules.ts';
import { findLayerBreaches } from './support/layer-rules.ts';
import { packageRoot, readSourceFiles } from './support/source-files.ts';

/** Started from outside, beside what package.json names, the tests, and tools that say so. */
const otherEntries: readonly string[] = [
  // By Piscina, as a thread.
  'workers/solve.ts',
  'extender/composition/extender-worker.ts',
  // By asc, from solver-wasm/build.ts.
  'solver-wasm/assembly/index.ts',
  'solver-wasm/assembly/index-simd.ts',
  'solver-wasm/assembly/lib/words.ts',
  // By the package's script.
  'test/run.ts',
];

const files = readSourceFiles(packageRoot);

/** The files that the scripts and commands of package.json start. */
function packageEntries(): readonly string[] {
  const { scripts, bin } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
    readonly bin: Readonly<Record<string, string>>;
  };
  const started = Object.values(scripts).flatMap((script) => script.match(/[\w./-]+\.ts\b/g) ?? []);
  const compiled = Object.values(bin).map((path) => path.replace(/^build\/(.*)\.js$/, '$1.ts'));
  return [...started, ...compiled];
}

/** Each breach is a failure of its own, so that its line can be read and opened. */
function expectNone(t: Test, breaches: readonly string[]): void {
  for (const breach of breaches) t.fail(breach, { diagnostic: false });
  if (breaches.length === 0) t.pass('nothing breaks the rule');
}

t.test('every room imports only what the design lets it', async (t) => {
  t.ok(files.length > 100, 'the source was found');
  expectNone(t, findLayerBreaches(files));
});

t.test('every file has its header, its size, its name and no shortcuts', async (t) => {
  expectNone(t, findFileBreaches(files));
});

t.test('every file is of use', async (t) => {
  const entries = [...packageEntries(), ...otherEntries];
  const paths = files.map(({ path }) => path);
  t.strictSame(
    entries.filter((entry) => !paths.includes(entry)),
    [],
    'every entry exists',
  );
  expectNone(t, findDeadFiles(files, entries));
});

t.test('the tests stand where their subject stands', async (t) => {
  expectNone(
    t,
    findStrayTests(files, (path) => existsSync(join(packageRoot, path))),
  );
});
