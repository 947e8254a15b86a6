/**
 * How a source file has to look, and that each one is of use.
 *
 * In: source files, and the paths that are started from outside. Out: a sentence per broken rule,
 * with file and line. It knows nothing of what the code does.
 */
import type { SourceFile } from './source-files.ts';

const linesMax = 400;
const testLinesMax = 600;
/** A header shorter than this says nothing. */
const headerCharactersMin = 30;
const namePattern = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.ts$/;
const folderPattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;
/** Piscina calls a module's default export. */
const defaultExports: readonly string[] = ['workers/solve.ts'];
/** Folders of tests that are about no one folder of the source. */
const ownTestFolders: readonly string[] = [
  'contract',
  'control-plane',
  'end-to-end',
  // The whole service in the simulated world: of no single folder.
  'sim/service',
  'golden',
  'support',
];

interface LineRule {
  readonly pattern: RegExp;
  readonly says: string;
  /** Looked for in comments and strings too. */
  readonly anywhere?: boolean;
  readonly concerns: (path: string) => boolean;
}

const everywhere = (): boolean => true;

const lineRules: readonly LineRule[] = [
  {
    pattern: /\bas any\b|<any\b|\bany(\[\]|>)|^[^?]*\w\??: any\b(?=\s*[;,)=|]|$)/,
    says: '`any` switches the checker off; say what is known, or `unknown`',
    concerns: everywhere,
  },
  {
    pattern: /^\s*(\/\/|\*|\/\*).*\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/,
    says: 'work that is left belongs in an issue: `TODO(#12): ...`',
    anywhere: true,
    concerns: everywhere,
  },
  {
    pattern: /^\s*(\/\/|\*|\/\*).*@ts-(ignore|nocheck|expect-error)/,
    says: 'the type checker is not silenced',
    anywhere: true,
    concerns: everywhere,
  },
  {
    pattern: /^\s*\/\/.*(oxlint|eslint|biome)-(disable|ignore)(?!.* -- )/,
    says: 'a silenced lint rule names itself and its reason: `-- why`',
    anywhere: true,
    concerns: everywhere,
  },
  {
    pattern: /^export default\b/,
    says: 'exports have names',
    concerns: (path) => !defaultExports.includes(path),
  },
  {
    pattern: /^export \* from\b/,
    says: 'import from where a thing is; no file only passes on others',
    concerns: (path) => !path.startsWith('solver-wasm/assembly/'),
  },
  {
    pattern: /\bconsole\.\w/,
    says: 'only the CLI, the bench and the tests speak to the terminal; use the logger',
    concerns: (path) => !/^(extender\/cli|bench|test)\//.test(path),
  },
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.|\bprocess\./,
    says: 'core has no clock, no chance and no process: take the value as an argument',
    concerns: (path) => path.startsWith('core/'),
  },
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b/,
    says: 'the simulator has its own clock and its own seeded dice',
    concerns: (path) => path.startsWith('sim/'),
  },
];

/** Broken rules of single files. */
export function findFileBreaches(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => [
    ...nameBreaches(file),
    ...sizeBreaches(file),
    ...headerBreaches(file),
    ...lineBreaches(file),
  ]);
}

/** Files that nothing reaches from the entries and the tests. */
export function findDeadFiles(
  files: readonly SourceFile[],
  entries: readonly string[],
): readonly string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const alive = new Set<string>();
  const waiting = files
    .map(({ path }) => path)
    .filter((path) => /\.(test|d)\.ts$/.test(path) || entries.includes(path))
    .concat(files.filter(isRunByHand).map(({ path }) => path));
  // Each file enters once.
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (alive.has(path)) continue;
    alive.add(path);
    for (const named of byPath.get(path)?.named ?? []) {
      if (byPath.has(named)) waiting.push(named);
    }
  }
  return [...byPath.keys()]
    .filter((path) => !alive.has(path))
    .map((path) => `${path}:1: nothing imports it, and nothing starts it`);
}

/** Test files whose folder has no counterpart in the source. */
export function findStrayTests(
  files: readonly SourceFile[],
  isFolder: (path: string) => boolean,
): readonly string[] {
  return files
    .map(({ path }) => path)
    .filter((path) => path.startsWith('test/') && path.endsWith('.test.ts'))
    .filter((path) => {
      const [, ...parts] = path.split('/').slice(0, -1);
      const isOwn = (folder: string): boolean => ownTestFolders.includes(folder);
      if (parts.length === 0 || isOwn(parts[0] ?? '') || isOwn(parts.join('/'))) return false;
      return !isFolder(parts.join('/'));
    })
    .map((path) => `${path}:1: the tree of the tests mirrors that of the source`);
}

function nameBreaches({ path }: SourceFile): readonly string[] {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  const isRight = namePattern.test(name) && parts.every((part) => folderPattern.test(part));
  return isRight ? [] : [`${path}:1: names of files and folders are kebab-case`];
}

function sizeBreaches({ path, lines }: SourceFile): readonly string[] {
  const max = path.startsWith('test/') ? testLinesMax : linesMax;
  return lines.length < max
    ? []
    : [`${path}:${lines.length}: ${lines.length} lines; a file has fewer than ${max}`];
}

/** A tool's header gives its command, `node path/of/the/tool.ts`. */
function isRunByHand(file: SourceFile): boolean {
  return headerOf(file).includes(`node ${file.path}`);
}

/** The comment before the first line of code. */
function headerOf({ lines, code }: SourceFile): string {
  const firstCode = code.findIndex((line) => line.trim() !== '' && !line.startsWith('#!'));
  return lines.slice(0, firstCode < 0 ? lines.length : firstCode).join(' ');
}

function headerBreaches(file: SourceFile): readonly string[] {
  const { path } = file;
  return headerOf(file).replace(/[/*\s]+/g, ' ').length >= headerCharactersMin
    ? []
    : [`${path}:1: opens with a comment: what goes in, what comes out, what it does not know`];
}

function lineBreaches({ path, lines, code }: SourceFile): readonly string[] {
  return lineRules
    .filter(({ concerns }) => concerns(path))
    .flatMap(({ pattern, says, anywhere }) =>
      (anywhere === true ? lines : code).flatMap((line, i) =>
        pattern.test(line) ? [`${path}:${i + 1}: ${says}`] : [],
      ),
    );
}
