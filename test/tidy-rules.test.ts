/** The rules of the tidy test, tried on files that break them: a rule that finds nothing is none. */
import t from 'tap';
import { findDeadFiles, findFileBreaches, findStrayTests } from './support/file-rules.ts';
import { findLayerBreaches } from './support/layer-rules.ts';
import { importersOf, parseSource, type SourceFile } from './support/source-files.ts';

const header = '/** Says enough of what goes in and what comes out. */\n';

function source(path: string, body: string): SourceFile {
  return parseSource(path, header + body);
}

t.test('imports against the layers are found at their line', async (t) => {
  const cases: readonly (readonly [path: string, body: string, breach: RegExp | undefined])[] = [
    ['core/a.ts', "import { b } from './packing/b.ts';", undefined],
    ['core/a.ts', "import { Type } from 'typebox';", undefined],
    ['core/a.ts', "import { join } from 'node:path';", /core\/a\.ts:2: core imports node:path/],
    ['core/a.ts', "import pino from 'pino';", /of packages it may use typebox/],
    ['core/p/a.ts', "\nimport type { W } from '../../workers/w.ts';", /core\/p\/a\.ts:3: core imp/],
    ['core/a.ts', "export { s } from '../sim/s.ts';", /core imports sim\/s\.ts/],
    ['core/a.ts', "const s = await import('../sim/s.ts');", /core imports sim\/s\.ts/],
    [
      'core/a.ts',
      "import {\n  one,\n  two,\n} from '../sim/s.ts';",
      /core\/a\.ts:5: core imports sim/,
    ],
    ['core/a.ts', '// never: import { x } from "../sim/s.ts"', undefined],
    [
      'solver-wasm/host/a.ts',
      "import { b } from '../../core/b.ts';",
      /it may import nothing of ours/,
    ],
    ['workers/a.ts', "import { k } from '../solver-wasm/assembly/layout.ts';", undefined],
    ['workers/a.ts', "import { c } from '../catalogue/c.ts';", /may import core, solver-wasm$/],
    ['sim/a.ts', "import { c } from '../catalogue/c.ts';", undefined],
    ['sim/a.ts', "import { w } from '../workers/w.ts';", /sim imports workers/],
    ['catalogue/a.ts', "import { s } from '../sim/s.ts';", /catalogue imports sim/],
    ['extender/verbs/a.ts', "import { w } from '../../workers/pool.ts';", undefined],
    ['extender/verbs/a.ts', "import { s } from '../../sim/s.ts';", /name the simulator/],
    ['extender/cli/a.ts', "import { s } from '../../sim/s.ts';", undefined],
    ['extender/main.ts', "import { s } from '../sim/s.ts';", undefined],
    ['extender/verbs/a.ts', "import { k } from '../adapters/k.ts';", /others know the ports/],
    ['extender/cli/a.ts', "import { k } from '../adapters/k.ts';", undefined],
    ['extender/output/a.ts', "import { c } from '../cli/c.ts';", /nothing stands above the CLI/],
    ['extender/a.ts', "import { t } from '../test/t.ts';", /extender imports test/],
    ['extender/a.ts', "import { b } from '../bench/b.ts';", /extender imports bench/],
    ['test/a.ts', "import { b } from '../bench/b.ts';", undefined],
    ['bench/a.ts', "import { b } from '../other/b.ts';", /which is in no room/],
  ];
  for (const [path, body, breach] of cases) {
    const found = findLayerBreaches([source(path, body)]);
    if (breach === undefined) t.strictSame(found, [], `${path}: ${body}`);
    else {
      t.equal(found.length, 1, `${path}: ${body}`);
      t.match(found[0] ?? '', breach);
    }
  }
});

t.test('shortcuts are found in code, and prose and texts are left alone', async (t) => {
  const cases: readonly (readonly [path: string, body: string, breach: RegExp | undefined])[] = [
    ['core/a.ts', 'const a = b as any;', /core\/a\.ts:2: `any`/],
    ['core/a.ts', 'function a(b: any): void {}', /`any`/],
    ['core/a.ts', 'const a: any[] = [];', /`any`/],
    ['core/a.ts', 'const a = new Map<string, any>();', /`any`/],
    ['core/a.ts', "// as any other, and 'as any'\nconst a = 'as any';", undefined],
    ['core/a.ts', '// TODO: later', /belongs in an issue/],
    ['core/a.ts', '// TODO(#12): later', undefined],
    ['core/a.ts', '// @ts-ignore', /not silenced/],
    ['core/a.ts', '// oxlint-disable-next-line no-x', /its reason/],
    ['core/a.ts', '// oxlint-disable-next-line no-x -- it is a polyfill', undefined],
    ['core/a.ts', 'export default function a() {}', /exports have names/],
    ['workers/solve.ts', 'export default function a() {}', undefined],
    ['core/a.ts', "export * from './b.ts';", /passes on others/],
    ['extender/verbs/a.ts', "console.log('a');", /use the logger/],
    ['extender/cli/a.ts', "console.log('a');", undefined],
    ['core/a.ts', 'const now = Date.now();', /core has no clock/],
    ['core/a.ts', 'const now = new Date();', /core has no clock/],
    ['core/a.ts', 'const at = new Date(atMs);', undefined],
    ['core/a.ts', 'const dice = Math.random();', /no chance/],
    ['core/a.ts', '/*\n * Math.random() is not for us.\n */', undefined],
    ['sim/a.ts', 'const dice = Math.random();', /seeded dice/],
    ['workers/a.ts', 'const now = Date.now();', undefined],
  ];
  for (const [path, body, breach] of cases) {
    const found = findFileBreaches([source(path, body)]);
    if (breach === undefined) t.strictSame(found, [], `${path}: ${body}`);
    else {
      t.equal(found.length, 1, `${path}: ${body}`);
      t.match(found[0] ?? '', breach);
    }
  }
});

t.test('files without header, too long or badly named are found', async (t) => {
  const body = (lines: number): string => 'a();\n'.repeat(lines);
  t.match(findFileBreaches([parseSource('core/a.ts', 'a();\n')]), [/core\/a\.ts:1: opens with/]);
  t.match(findFileBreaches([parseSource('core/a.ts', '// a\na();\n')]), [/opens with/]);
  t.strictSame(findFileBreaches([parseSource('core/a.ts', `#!/usr/bin/env node\n${header}`)]), []);
  t.strictSame(findFileBreaches([source('core/a.ts', body(398))]), []);
  t.match(findFileBreaches([source('core/a.ts', body(399))]), [/core\/a\.ts:400: 400 lines/]);
  t.strictSame(findFileBreaches([source('test/a.test.ts', body(598))]), []);
  t.match(findFileBreaches([source('test/a.test.ts', body(599))]), [/fewer than 600/]);
  for (const path of ['core/aB.ts', 'core/a_b.ts', 'core/some_folder/a.ts', 'core/a.spec.ts']) {
    t.match(findFileBreaches([source(path, 'a();')]), [/kebab-case/], path);
  }
});

t.test('files that only the dead import are dead', async (t) => {
  const files = [
    source('core/entry.ts', "import './used.ts';"),
    source('core/used.ts', "const thread = new URL('./thread.ts', import.meta.url);"),
    source('core/thread.ts', ''),
    source('core/dead.ts', "import { b } from './also-dead.ts';"),
    source('core/also-dead.ts', "import { a } from './dead.ts';"),
    source('core/names.d.ts', ''),
    source('bench/tool.ts', '// Run: `node bench/tool.ts`.'),
    source('test/core/tested.test.ts', "import { c } from '../../core/tested.ts';"),
    source('core/tested.ts', ''),
  ];
  t.strictSame(
    findDeadFiles(files, ['core/entry.ts']).map((breach) => breach.split(':')[0]),
    ['core/dead.ts', 'core/also-dead.ts'],
  );
});

t.test('a test in a folder that the source does not have is found', async (t) => {
  const paths = ['test/core/a.test.ts', 'test/gone/a.test.ts', 'test/contract/a.test.ts'];
  const files = [...paths, 'test/a.test.ts'].map((path) => source(path, ''));
  t.match(
    findStrayTests(files, (path) => path === 'core'),
    [/^test\/gone\/a\.test\.ts:1: /],
  );
});

t.test('importers are found at every hand', async (t) => {
  const files = [
    source('test/a.test.ts', "import { b } from './support/b.ts';"),
    source('test/support/b.ts', "import { c } from '../../core/c.ts';"),
    source('core/c.ts', ''),
    source('core/d.ts', ''),
  ];
  t.strictSame([...importersOf(files, 'core/c.ts')].toSorted(), [
    'test/a.test.ts',
    'test/support/b.ts',
  ]);
});
