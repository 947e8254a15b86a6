/**
 * The project's own TypeScript, read for the tidy tests.
 *
 * In: the rooms under the package root. Out: each file with its text, its code without comments and
 * strings, and what it imports. Imports are found by their spelling, which the formatter keeps
 * uniform; it knows no types.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folders of the design, in the order of its section 3. */
export const rooms = [
  'core',
  'solver-wasm',
  'workers',
  'extender',
  'sim',
  'catalogue',
  'bench',
  'test',
] as const;

export type Room = (typeof rooms)[number];

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the root, where the import is of a file of ours. */
  readonly target: string | undefined;
  /** From 1. */
  readonly line: number;
}

export interface SourceFile {
  /** From the package root, with `/`. */
  readonly path: string;
  readonly room: Room;
  readonly lines: readonly string[];
  /** The same lines without what stands in comments, strings of one line and patterns. */
  readonly code: readonly string[];
  readonly imports: readonly Import[];
  /** Paths from the root that it imports, or starts as a thread or a process. */
  readonly named: readonly string[];
}

/** Path of the package root. */
export const packageRoot = join(import.meta.dirname, '../..');

const importPatterns = [
  /^(?:import|export)\b[^;'"]*?\bfrom\s+['"]([^'"]+)['"]/gm,
  /^import\s+['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]/g,
];
/** Strings of one line, and regular expressions where an expression may begin. */
const literalPattern =
  /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|(?<=[(,=:[]\s*)\/(?![/*])(?:[^/\\[]|\\.|\[(?:[^\]\\]|\\.)*\])+\/\w*/g;
/** Any other text that is a file's name: of a thread, of a child process. */
const namePattern = /['"`]([\w./-]+\.ts)['"`]/g;

/** Every `.ts` file of every room, sorted by path. */
export function readSourceFiles(root: string): readonly SourceFile[] {
  return rooms
    .flatMap((room) =>
      globSync(`${room}/**/*.ts`, { cwd: root }).map((path) => path.replaceAll('\\', '/')),
    )
    .toSorted()
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

/** The files that import the one, at first or at any hand. */
export function importersOf(files: readonly SourceFile[], path: string): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting = [path];
  // Each file enters once.
  for (let target = waiting.pop(); target !== undefined; target = waiting.pop()) {
    for (const file of files) {
      if (found.has(file.path) || !file.imports.some((one) => one.target === target)) continue;
      found.add(file.path);
      waiting.push(file.path);
    }
  }
  return found;
}

/** @throws Error where the path is in no room */
export function parseSource(path: string, text: string): SourceFile {
  const room = rooms.find((one) => path.startsWith(`${one}/`));
  if (room === undefined) throw new Error(`${path}: in no room of the design`);
  const lines = text.replace(/\n$/, '').split('\n');
  const named = [...text.matchAll(namePattern)].map((match) => join(dirname(path), match[1] ?? ''));
  return { path, room, lines, code: codeOf(lines), imports: importsOf(path, text), named };
}

function importsOf(path: string, text: string): readonly Import[] {
  return importPatterns
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map((match) => {
      const specifier = match[1] ?? '';
      const isOurs = specifier.startsWith('.');
      return {
        specifier,
        target: isOurs ? join(dirname(path), specifier) : undefined,
        line: text.slice(0, match.index + match[0].length).split('\n').length,
      };
    });
}

function codeOf(lines: readonly string[]): readonly string[] {
  let isInBlock = false;
  return lines.map((line) => {
    const bare = line.replace(literalPattern, "''").replace(/(^|\s)\/\/.*$/, '$1');
    if (isInBlock) {
      const end = bare.indexOf('*/');
      if (end < 0) return '';
      isInBlock = false;
      return bare.slice(end + 2);
    }
    const start = bare.search(/(^|\s)\/\*/);
    if (start < 0) return bare;
    const end = bare.indexOf('*/', start + 2);
    if (end >= 0) return bare.slice(0, start) + bare.slice(end + 2);
    isInBlock = true;
    return bare.slice(0, start);
  });
}
