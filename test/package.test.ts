/** The package as a user would install it: packed, unpacked elsewhere, and run without its sources. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { packageRoot, readSourceFiles } from './support/source-files.ts';

/** A plan of a few hundred nodes as JSON is below a megabyte. */
const maxOutputBytes = 64 * 2 ** 20;
const examples = join(packageRoot, 'manifests/examples');
/** Ended by the gap and not by the clock, so that two runs are equal. */
const planArgs = ['plan', '-f', examples, '--gap', '0.05', '--time-limit', '60s'];

/** All that a package may hold. */
const contents: readonly RegExp[] = [
  /^build\/(core|workers|extender|sim|catalogue|solver-wasm)\/.*\.js$/,
  /^build\/wasm\/(plain|simd)\.wasm$/,
  /^catalogue\/data\/.*\.json$/,
  /^extender\/output\/page\/[^/]+\.(css|js)$/,
  /^extender\/dashboard\/page\/[^/]+\.(css|js|html|svg)$/,
  /^manifests\/.*\.(yaml|json|md)$/,
  /^(README\.md|LICENSE|NOTICE|package\.json)$/,
];

interface Manifest {
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as Manifest;

/** Standard output of a command. By way of `env`, since tap gives every child its own loaders. */
async function run(cwd: string, command: string, args: readonly string[]): Promise<string> {
  const options = { cwd, maxBuffer: maxOutputBytes };
  const { stdout } = await promisify(execFile)('env', ['NODE_OPTIONS=', command, ...args], options);
  return stdout;
}

/** Compiles into a folder of its own, since others may be running from build/ at this moment. */
async function stagePackage(stage: string): Promise<void> {
  const compiler = join(packageRoot, 'node_modules/.bin/tsc');
  const out = join(stage, 'build');
  await run(packageRoot, compiler, ['-p', 'tsconfig.package.json', '--outDir', out]);
  const others = manifest.files.filter((path) => !path.startsWith('!') && path !== 'build');
  for (const path of ['package.json', 'README.md', 'LICENSE', 'build/wasm', ...others]) {
    cpSync(join(packageRoot, path), join(stage, path), { recursive: true });
  }
}

/** What varies from run to run without the plan being another one. */
function withoutTimes(text: string): unknown {
  const { solver, ...plan } = JSON.parse(text) as { readonly solver: Record<string, unknown> };
  const { wallMs: _wall, phases: _phases, curve: _curve, ...work } = solver;
  return { ...plan, solver: work };
}

t.test('the package', async (t) => {
  const folder = t.testdir({ stage: {}, installed: {} });
  const stage = join(folder, 'stage');
  await stagePackage(stage);
  const [packed] = Object.values(
    JSON.parse(
      await run(stage, 'npm', ['pack', '--ignore-scripts', '--json']),
    ) as readonly Packed[],
  );
  if (packed === undefined) throw new Error('npm pack named no package');
  const installed = join(folder, 'installed/package');
  await run(folder, 'tar', ['-xzf', join(stage, packed.filename), '-C', 'installed']);
  symlinkSync(join(packageRoot, 'node_modules'), join(installed, 'node_modules'));
  const program = join(installed, 'build/extender/cli/main.js');
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(elsewhere);

  t.test('holds what runs and what a user reads, and nothing else', async (t) => {
    const paths = packed.files.map(({ path }) => path);
    const foreign = paths.filter((path) => !contents.some((pattern) => pattern.test(path)));
    t.strictSame(foreign, []);
    for (const path of [
      'LICENSE',
      'NOTICE',
      'README.md',
      'build/extender/cli/main.js',
      'build/wasm/plain.wasm',
      'build/wasm/simd.wasm',
      'build/workers/solve.js',
      'catalogue/data/us-east-1.json',
      'extender/dashboard/page/index.html',
      'build/extender/composition/extender-worker.js',
    ]) {
      t.ok(paths.includes(path), path);
    }
  });

  t.test('plans as the sources do, from any folder, with its own threads', async (t) => {
    const source = join(packageRoot, 'extender/cli/main.ts');
    const args = [...planArgs, '-o', 'json'];
    const expected = await run(packageRoot, process.execPath, [source, ...args]);
    const actual = await run(elsewhere, process.execPath, [program, ...args]);
    t.strictSame(withoutTimes(actual), withoutTimes(expected));
  });

  t.test('finds the style and the script of its page', async (t) => {
    const page = await run(elsewhere, process.execPath, [program, ...planArgs, '-o', 'html']);
    t.match(page, readFileSync(join(packageRoot, 'extender/output/page/plan-page.css'), 'utf8'));
    t.match(page, readFileSync(join(packageRoot, 'extender/output/page/plan-page.js'), 'utf8'));
  });
});

t.test('every package that shipped code imports is installed with it', async (t) => {
  const installed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  const shipped = /^(core|workers|extender|sim|catalogue)\//;
  const missing = readSourceFiles(packageRoot)
    .filter(({ path }) => shipped.test(path) && path !== 'catalogue/make.ts')
    .flatMap(({ path, imports }) => imports.map((one) => ({ path, ...one })))
    .filter(({ specifier }) => !/^(\.|node:)/.test(specifier))
    .filter(({ specifier }) => {
      const depth = specifier.startsWith('@') ? 2 : 1;
      return !installed.includes(specifier.split('/').slice(0, depth).join('/'));
    })
    .map(({ path, line, specifier }) => `${path}:${line}: ${specifier}`);
  t.strictSame(missing, []);
});
