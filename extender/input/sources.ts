/**
 * Finds and reads the files that `-f` names.
 *
 * In: file names, directory names and `-`. Out: every object in them, to a visitor, in a fixed
 * order: as given, directories sorted by name and with all they contain. Files are streamed. Which
 * format a text has is told by its first character, as kubectl does; in directories only files
 * named .yaml, .yml or .json are read, and nothing that begins with a dot. It knows no kinds.
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { InputError } from '../../core/errors.ts';
import { JsonScanner } from './json-stream.ts';
import { ListAssembly, type ObjectVisitor } from './list-assembly.ts';
import { YamlSplitter } from './yaml-stream.ts';

/** The name under which standard input is read. */
export const standardInput = '-';

const manifestName = /\.(?:yaml|yml|json)$/;
const chunkBytes = 256 * 1024;
/** Directories within directories; deeper ones are more likely a loop of links. */
const maxDirectoryDepth = 32;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Reads all sources, one after another, and visits every object that is not a List.
 *
 * @throws {InputError} if a source does not exist, holds no manifest, or is neither JSON nor YAML.
 */
export async function readSources(
  sources: readonly string[],
  stdin: Readable,
  visit: ObjectVisitor,
): Promise<void> {
  const seen = new Set<string>();
  for (const source of sources) {
    for (const file of source === standardInput ? [source] : await filesOf(source)) {
      if (seen.has(file)) {
        throw new InputError({ file }, 'expected each source once, found it again');
      }
      seen.add(file);
      const stream =
        file === standardInput ? stdin : createReadStream(file, { highWaterMark: chunkBytes });
      await readStream(file, stream, visit);
    }
  }
}

/** The files that a name stands for: itself, or the manifests below it, sorted. */
async function filesOf(source: string): Promise<string[]> {
  const found = await stat(source).catch((error: unknown) => {
    throw readError(source, error);
  });
  if (!found.isDirectory()) {
    return [source];
  }
  const files = await manifestsBelow(source, 1);
  if (files.length === 0) {
    throw new InputError(
      { file: source },
      'expected a directory with .yaml, .yml or .json files, found none',
    );
  }
  return files;
}

async function manifestsBelow(directory: string, depth: number): Promise<string[]> {
  if (depth > maxDirectoryDepth) {
    throw new InputError({ file: directory }, `directories nest deeper than ${maxDirectoryDepth}`);
  }
  const files: string[] = [];
  const names = await readdir(directory).catch((error: unknown) => {
    throw readError(directory, error);
  });
  for (const name of names.filter((one) => !one.startsWith('.')).sort()) {
    const path = join(directory, name);
    const found = await stat(path).catch((error: unknown) => {
      throw readError(path, error);
    });
    if (found.isDirectory()) {
      files.push(...(await manifestsBelow(path, depth + 1)));
    } else if (manifestName.test(name)) {
      files.push(path);
    }
  }
  return files;
}

/** Takes chunks of one text; which scanner it needs is known at the first visible character. */
interface Scanner {
  push(chunk: Buffer): void;
  end(): void;
}

async function readStream(file: string, stream: Readable, visit: ObjectVisitor): Promise<void> {
  let scanner: Scanner | undefined;
  /** White space and comments before the first visible character. */
  let head: Buffer = Buffer.alloc(0);
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>;
  for (;;) {
    const { value, done } = await chunks.next().catch((error: unknown) => {
      throw readError(file, error);
    });
    if (done === true) {
      break;
    }
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    if (scanner === undefined) {
      head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
      const start = head.subarray(0, byteOrderMark.length).equals(byteOrderMark)
        ? head.subarray(byteOrderMark.length)
        : head;
      const text = start.toString('latin1').trimStart();
      if (text !== '' || head.length > chunkBytes) {
        scanner = scannerFor(file, text, visit);
        scanner.push(start);
      }
    } else {
      scanner.push(bytes);
    }
  }
  scanner?.end();
}

function scannerFor(file: string, start: string, visit: ObjectVisitor): Scanner {
  const list = new ListAssembly(visit);
  if (start.startsWith('{')) {
    return new JsonScanner(file, list);
  }
  const splitter = new YamlSplitter(file, list);
  const decoder = new StringDecoder('utf8');
  return {
    push: (chunk) => splitter.push(decoder.write(chunk)),
    end: () => {
      splitter.push(decoder.end());
      splitter.end();
    },
  };
}

function readError(file: string, error: unknown): InputError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EISDIR: 'is a directory',
  };
  return new InputError({ file }, reasons[code] ?? `cannot be read: ${String(error)}`);
}
