/**
 * Compiles the kernels with asc: plain and SIMD, release and debug, into build/wasm.
 *
 * In: solver-wasm/assembly, asconfig.json. Out: build/wasm/*.wasm and a stamp of what they were made
 * from, so that a run with nothing changed costs a few milliseconds. Knows nothing of the host.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const assembly = 'solver-wasm/assembly';
const outDir = join(root, 'build', 'wasm');
const stampFile = join(outDir, 'stamp.txt');

/** [output, entry, target, further flags]. The debug builds keep bounds checks and source maps. */
const builds: readonly (readonly [string, string, string, readonly string[]])[] = [
  ['plain.wasm', 'index.ts', 'release', []],
  ['simd.wasm', 'index-simd.ts', 'release', ['--enable', 'simd']],
  ['plain.debug.wasm', 'index.ts', 'debug', []],
  ['simd.debug.wasm', 'index-simd.ts', 'debug', ['--enable', 'simd']],
];

function stampOfSources(): string {
  const hash = createHash('sha256');
  const files = readdirSync(join(root, assembly), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort();
  for (const name of files) hash.update(name).update(readFileSync(join(root, assembly, name)));
  for (const name of [
    'asconfig.json',
    'solver-wasm/build.ts',
    'node_modules/assemblyscript/package.json',
  ]) {
    hash.update(readFileSync(join(root, name)));
  }
  return hash.digest('hex');
}

const stamp = stampOfSources();
const current = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';
if (current !== stamp || builds.some(([name]) => !existsSync(join(outDir, name)))) {
  mkdirSync(outDir, { recursive: true });
  const { default: asc } = await import('assemblyscript/asc');
  process.chdir(root);
  for (const [name, entry, target, flags] of builds) {
    const argv = [`${assembly}/${entry}`, '--config', 'asconfig.json', '--target', target];
    const stderr = asc.createMemoryStream();
    const output = ['-o', `build/wasm/${name}`];
    const { error } = await asc.main([...argv, ...output, ...flags], { stderr });
    if (error !== null) {
      process.stderr.write(`${stderr.toString()}\n`);
      throw error;
    }
  }
  writeFileSync(stampFile, stamp);
}
