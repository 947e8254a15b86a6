/**
 * Reads YAML documents from a stream of text, the items of Lists one by one.
 *
 * In: chunks of text. Out: objects, through a {@link ListAssembly}. Lines are looked at only for
 * where a document, or an item of a top-level `items:`, begins; each piece goes to the YAML parser
 * by itself, so that memory holds one piece, not the file. Scalars are read as kubectl reads them:
 * YAML 1.2 core, plus merge keys and the YAML 1.1 booleans (yes, no, on, off).
 */
import {
  boolYaml11Tag,
  CORE_SCHEMA,
  defineScalarTag,
  load,
  mergeTag,
  NOT_RESOLVED,
  YAMLException,
} from 'js-yaml';
import { InputError } from '../../core/errors.ts';
import type { ListAssembly } from './list-assembly.ts';
import type { Place } from './problems.ts';

/** Largest single document or item, in characters. */
const maxPieceLength = 16 * 1024 * 1024;

/** Most text of items with anchors that is kept for later items, in characters. */
const maxAnchoredLength = 1024 * 1024;

/**
 * yes, no, on and off are booleans, as for kubectl; y and n are left alone, because where kubectl
 * takes them for booleans it then refuses them: what they are meant as are names.
 */
const booleanTag = defineScalarTag<unknown>(boolYaml11Tag.tagName, {
  implicit: true,
  implicitFirstChars: boolYaml11Tag.implicitFirstChars,
  resolve: (source, isExplicit, tagName) =>
    source.length === 1 ? NOT_RESOLVED : boolYaml11Tag.resolve(source, isExplicit, tagName),
  identify: () => false,
});

const schema = CORE_SCHEMA.withTags(booleanTag, mergeTag);

const separator = /^(?:---|\.\.\.)(?:\s|$)/;
const itemsLine = /^items:[ \t]*(?:#.*)?\r?\n$/;
/** Comments, directives and white space only: nothing to parse. */
const blank = /^(?:[ \t]*(?:#.*)?\r?\n|%.*\n)*$/;

/** Where an anchor may be defined; in text it may be none, which costs the room to keep it. */
const anchor = /(?:^|[\s,[{])&[^\s,[\]{}&]+\s/;

/** Lines that are parsed together, and where they stand. */
interface Piece {
  lines: string[];
  length: number;
  firstLine: number;
}

/** Splitter of one stream: `push` chunks, then `end`. */
export class YamlSplitter {
  readonly #file: string;
  readonly #list: ListAssembly;
  #rest = '';
  #line = 0;
  #documentCount = 0;
  /** The document without its items. */
  #document: Piece = emptyPiece(1);
  /** The item that is being read; undefined outside items. */
  #item: Piece | undefined;
  /** Columns by which the dashes of items are indented; undefined until the first is seen. */
  #itemIndent: number | undefined;
  #inItems = false;
  #listOpen = false;
  /** Lines of this document's items that may define anchors; later items may name these. */
  readonly #anchored: string[] = [];
  #anchoredLength = 0;

  constructor(file: string, list: ListAssembly) {
    this.#file = file;
    this.#list = list;
  }

  /** @throws {InputError} if a piece is not YAML. */
  push(chunk: string): void {
    const text = this.#rest + chunk;
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.#takeLine(text.slice(start, end + 1));
      start = end + 1;
    }
    this.#rest = text.slice(start);
    if (this.#rest.length > maxPieceLength) {
      throw this.#error(`a line is longer than ${maxPieceLength} characters`, this.#line + 1);
    }
  }

  /** @throws {InputError} if the last piece is not YAML. */
  end(): void {
    if (this.#rest !== '') {
      this.#takeLine(`${this.#rest}\n`);
      this.#rest = '';
    }
    this.#endDocument();
  }

  #takeLine(line: string): void {
    this.#line += 1;
    const first = line.charCodeAt(0);
    // Only "-" and "." can begin a separator; most lines begin otherwise.
    if ((first === 0x2d || first === 0x2e) && separator.test(line)) {
      this.#endDocument();
      // A document may begin behind the separator, as in `--- {a: 1}`.
      this.#document = emptyPiece(this.#line);
      this.#append(this.#document, `   ${line.slice(3)}`);
      return;
    }
    if (this.#inItems && this.#takeItemLine(line)) {
      return;
    }
    this.#append(this.#document, line);
    if (first === 0x69 && itemsLine.test(line)) {
      this.#inItems = true;
      this.#itemIndent = undefined;
      // Holds the place of the items, whatever follows.
      this.#document.lines.pop();
      this.#append(this.#document, 'items: []\n');
    }
  }

  /** True if the line belongs to the items; otherwise the items have ended before it. */
  #takeItemLine(line: string): boolean {
    const content = line.search(/[^ ]/);
    const character = line[content];
    if (character === '\n' || character === '\r' || character === '#') {
      if (this.#item !== undefined) {
        this.#append(this.#item, line);
      }
      return true;
    }
    this.#itemIndent ??= character === '-' ? content : -1;
    if (content === this.#itemIndent && /^-\s/.test(line.slice(content))) {
      this.#endItem();
      this.#item = emptyPiece(this.#line);
    } else if (content <= this.#itemIndent || this.#item === undefined) {
      this.#endItem();
      this.#inItems = false;
      if (this.#itemIndent < 0 && content > 0) {
        // Not a list in block style after all: let the parser say what it is.
        this.#document.lines.pop();
        this.#append(this.#document, 'items:\n');
      }
      return false;
    }
    this.#append(this.#item, line);
    return true;
  }

  #endItem(): void {
    if (this.#item === undefined) {
      return;
    }
    const { lines, firstLine } = this.#item;
    this.#item = undefined;
    if (!this.#listOpen) {
      this.#documentCount += 1;
      const head = this.#parse(this.#document.lines, this.#document.firstLine);
      this.#list.open(this.#place(), head);
      this.#listOpen = true;
    }
    const parsed = this.#parseItem(lines, firstLine);
    for (const value of Array.isArray(parsed) ? parsed : [parsed]) {
      this.#list.item(value);
    }
  }

  /** An item by itself; behind those that define anchors if it names one that it does not define. */
  #parseItem(lines: readonly string[], firstLine: number): unknown {
    const before = this.#anchored.length;
    if (lines.some((line) => anchor.test(line))) this.#keepAnchors(lines);
    try {
      return load(lines.join(''), { schema });
    } catch (error) {
      if (before === 0 || !isUnknownAlias(error)) return this.#parse(lines, firstLine);
    }
    const text = [...this.#anchored.slice(0, before), ...lines];
    const all = this.#parse(text, firstLine - before);
    return Array.isArray(all) ? all.slice(-1) : all;
  }

  /** Beyond the bound none is kept, and an alias across items is the error that the parser makes it. */
  #keepAnchors(lines: readonly string[]): void {
    for (const line of lines) this.#anchoredLength += line.length;
    if (this.#anchoredLength > maxAnchoredLength) this.#anchored.length = 0;
    else this.#anchored.push(...lines);
  }

  #endDocument(): void {
    this.#endItem();
    this.#anchored.length = 0;
    this.#anchoredLength = 0;
    const { lines, firstLine } = this.#document;
    const text = lines.join('');
    if (this.#listOpen) {
      this.#list.close(this.#parse(lines, firstLine));
    } else if (!blank.test(text)) {
      this.#documentCount += 1;
      const value = this.#parse(lines, firstLine);
      if (value !== null) {
        this.#list.whole(value, this.#place());
      }
    }
    this.#document = emptyPiece(this.#line + 1);
    this.#inItems = false;
    this.#listOpen = false;
  }

  #append(piece: Piece, line: string): void {
    piece.length += line.length;
    if (piece.length > maxPieceLength) {
      throw this.#error(`an object is larger than ${maxPieceLength} characters`, piece.firstLine);
    }
    piece.lines.push(line);
  }

  #parse(lines: readonly string[], firstLine: number): unknown {
    try {
      return load(lines.join(''), { schema });
    } catch (error) {
      // The parser throws other errors too (a stack overflow on deep nesting): all mean bad input.
      const mark = error instanceof YAMLException ? error.mark : undefined;
      const reason = error instanceof YAMLException ? error.reason : String(error);
      throw this.#error(`not YAML: ${reason}`, firstLine + (mark?.line ?? 0), mark?.column);
    }
  }

  #place(): Place {
    return { file: this.#file, document: this.#documentCount };
  }

  #error(message: string, line: number, column?: number): InputError {
    const at = column === undefined ? `line ${line}` : `line ${line}, column ${column + 1}`;
    const document = Math.max(1, this.#documentCount);
    return new InputError({ file: this.#file, document }, `${at}: ${message}`);
  }
}

function emptyPiece(firstLine: number): Piece {
  return { lines: [], length: 0, firstLine };
}

function isUnknownAlias(error: unknown): boolean {
  return error instanceof YAMLException && error.reason.startsWith('unidentified alias');
}
