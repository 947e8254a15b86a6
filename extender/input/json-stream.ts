/**
 * Reads JSON objects from a stream of bytes, the items of Lists one by one.
 *
 * In: chunks of UTF-8. Out: objects, through a {@link ListAssembly}. The bytes are scanned only for
 * where the items of a top-level `items` array begin and end; each slice goes to JSON.parse, so that
 * memory holds one item, not the file. Several objects may follow one another. It knows nothing of
 * Kubernetes but that Lists have `items`.
 */
import { isUtf8 } from 'node:buffer';
import { InputError } from '../../core/errors.ts';
import type { ListAssembly } from './list-assembly.ts';
import type { Place } from './problems.ts';

/** Largest single object, in bytes: ten times what an API server accepts. */
const maxObjectBytes = 16 * 1024 * 1024;

const quote = 0x22;
const backslash = 0x5c;
const newline = 0x0a;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const maxWhitespace = 0x20;

/**
 * Where the scanner stands: between objects; in an object outside its items; in `items` before an
 * item (`first`, or `next` after a comma), in one, or after one.
 */
type State = 'between' | 'envelope' | 'first' | 'next' | 'item' | 'after';

/** Scanner of one stream: `push` chunks, then `end`. */
export class JsonScanner {
  readonly #file: string;
  readonly #list: ListAssembly;
  #state: State = 'between';
  #line = 1;
  #documentCount = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** At depth 1 of the envelope: a string that comes now is a member's name. */
  #atName = false;
  /** Name of the member at depth 1 that is being read; undefined outside names. */
  #name: number[] | undefined;
  #lastName = '';
  /** Set right behind the bracket that opens the items of the object. */
  #reachedItems = false;
  #listOpen = false;
  /** What has been seen of the object without its items. */
  #envelope: Buffer[] = [];
  #envelopeBytes = 0;
  #envelopeLine = 1;
  /** What earlier chunks hold of the item that is being read. */
  #item: Buffer[] = [];
  #itemBytes = 0;
  #itemLine = 1;

  constructor(file: string, list: ListAssembly) {
    this.#file = file;
    this.#list = list;
  }

  /** @throws {InputError} on the first byte that cannot be JSON of this shape. */
  push(chunk: Buffer): void {
    let at = 0;
    let start = 0;
    while (at < chunk.length) {
      if (this.#state === 'item') {
        at = this.#skipItem(chunk, at);
        if (this.#depth === 1) {
          this.#takeItem(chunk.subarray(start, at));
          this.#state = 'after';
        }
      } else if (this.#state === 'envelope') {
        at = this.#skipEnvelope(chunk, at);
        if (this.#depth === 0 || this.#reachedItems) {
          this.#keepEnvelope(chunk.subarray(start, at));
          this.#leaveEnvelope();
        }
      } else {
        start = at;
        at += this.#separate(chunk[at] ?? 0) ? 1 : 0;
      }
    }
    if (this.#state === 'item') {
      this.#keepItem(chunk.subarray(start));
    } else if (this.#state === 'envelope') {
      this.#keepEnvelope(chunk.subarray(start));
    }
  }

  /** @throws {InputError} if the stream ends in the middle of an object. */
  end(): void {
    if (this.#state !== 'between') {
      throw this.#error('the text ends in the middle of an object');
    }
  }

  /**
   * A byte outside objects and items: white space, a comma, or what opens or closes something.
   * False if the byte is to be read again: as the first of an item or object, or as the bracket by
   * which the envelope steps out of its items.
   */
  #separate(byte: number): boolean {
    if (byte <= maxWhitespace) {
      this.#line += byte === newline ? 1 : 0;
      return true;
    }
    if (this.#state === 'after' && byte === comma) {
      this.#state = 'next';
      return true;
    }
    if (this.#state === 'between' && byte === openBrace) {
      this.#openEnvelope();
    } else if ((this.#state === 'first' || this.#state === 'next') && byte === openBrace) {
      this.#state = 'item';
      this.#itemLine = this.#line;
    } else if ((this.#state === 'first' || this.#state === 'after') && byte === closeBracket) {
      this.#state = 'envelope';
      this.#depth = 2;
      this.#lastName = '';
    } else {
      const found = JSON.stringify(String.fromCharCode(byte));
      const expected = this.#state === 'after' ? '"," or "]"' : '"{"';
      throw this.#error(`not JSON that holds objects: expected ${expected}, found ${found}`);
    }
    return false;
  }

  #openEnvelope(): void {
    this.#state = 'envelope';
    this.#documentCount += 1;
    this.#envelopeLine = this.#line;
    this.#envelope = [];
    this.#envelopeBytes = 0;
    this.#listOpen = false;
    this.#lastName = '';
  }

  /** Moves to behind the item, or to the end of the chunk. The hot loop. */
  #skipItem(chunk: Buffer, from: number): number {
    const { length } = chunk;
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let line = this.#line;
    let at = from;
    for (; at < length; at += 1) {
      const byte = chunk[at];
      if (inString) {
        if (escaped) {
          escaped = false;
        } else if (byte === backslash) {
          escaped = true;
        } else if (byte === quote) {
          inString = false;
        }
      } else if (byte === quote) {
        inString = true;
      } else if (byte === openBrace || byte === openBracket) {
        depth += 1;
      } else if (byte === closeBrace || byte === closeBracket) {
        depth -= 1;
        if (depth === 1) {
          at += 1;
          break;
        }
      } else if (byte === newline) {
        line += 1;
      }
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    this.#line = line;
    return at;
  }

  /** Moves to behind the object, to behind the bracket that opens its items, or to the end. */
  #skipEnvelope(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (this.#inString) {
        this.#stepInString(byte);
        continue;
      }
      if (byte === quote) {
        this.#inString = true;
        this.#name = this.#depth === 1 && this.#atName ? [] : undefined;
      } else if (byte === openBrace || byte === openBracket) {
        this.#depth += 1;
        if (this.#depth === 1) {
          this.#atName = true;
        } else if (byte === openBracket && this.#depth === 2 && this.#lastName === 'items') {
          this.#reachedItems = true;
          return at + 1;
        }
      } else if (byte === closeBrace || byte === closeBracket) {
        this.#depth -= 1;
        if (this.#depth === 0) {
          return at + 1;
        }
      } else if (byte === comma && this.#depth === 1) {
        this.#atName = true;
        this.#lastName = '';
      } else if (byte === newline) {
        this.#line += 1;
      }
    }
    return chunk.length;
  }

  #stepInString(byte: number): void {
    if (this.#escaped) {
      this.#escaped = false;
    } else if (byte === backslash) {
      this.#escaped = true;
    } else if (byte === quote) {
      this.#inString = false;
      if (this.#name !== undefined) {
        this.#lastName = String.fromCharCode(...this.#name);
        this.#name = undefined;
        this.#atName = false;
      }
      return;
    }
    // Longer than "items" is not "items", however long it is.
    if (this.#name !== undefined && this.#name.length <= 'items'.length) {
      this.#name.push(byte);
    }
  }

  #leaveEnvelope(): void {
    if (this.#depth === 0) {
      this.#state = 'between';
      const value = this.#parse(this.#envelope, this.#envelopeLine);
      if (this.#listOpen) {
        this.#list.close(value);
      } else {
        this.#list.whole(value, this.#place());
      }
      return;
    }
    this.#state = 'first';
    this.#depth = 1;
    this.#reachedItems = false;
    if (!this.#listOpen) {
      const head = this.#parse([...this.#envelope, Buffer.from(']}')], this.#envelopeLine);
      this.#list.open(this.#place(), head);
      this.#listOpen = true;
    }
  }

  #takeItem(last: Buffer): void {
    this.#keepItem(last, false);
    const value = this.#parse([...this.#item, last], this.#itemLine);
    this.#item = [];
    this.#itemBytes = 0;
    this.#list.item(value);
  }

  #keepItem(bytes: Buffer, store = true): void {
    this.#itemBytes += bytes.length;
    if (this.#itemBytes > maxObjectBytes) {
      throw this.#error(`an object is larger than ${maxObjectBytes} bytes`);
    }
    if (store) {
      // A copy, because the stream may use the chunk again.
      this.#item.push(Buffer.from(bytes));
    }
  }

  #keepEnvelope(bytes: Buffer): void {
    this.#envelopeBytes += bytes.length;
    if (this.#envelopeBytes > maxObjectBytes) {
      throw this.#error(`an object is larger than ${maxObjectBytes} bytes`);
    }
    this.#envelope.push(Buffer.from(bytes));
  }

  #parse(parts: readonly Buffer[], firstLine: number): unknown {
    const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    if (!isUtf8(bytes)) {
      throw this.#error('expected UTF-8 text', firstLine);
    }
    const text = bytes.toString('utf8');
    try {
      return JSON.parse(text);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const position = Number(/position (\d+)/.exec(message)?.[1] ?? 0);
      const line = firstLine + text.slice(0, position).split('\n').length - 1;
      throw this.#error(`not JSON: ${message.replace(/ in JSON at position .*$/, '')}`, line);
    }
  }

  #place(): Place {
    return this.#documentCount === 1
      ? { file: this.#file }
      : { file: this.#file, document: this.#documentCount };
  }

  #error(message: string, line = this.#line): InputError {
    const { file, document } = this.#place();
    const location = document === undefined ? { file } : { file, document };
    return new InputError(location, `line ${line}: ${message}`);
  }
}
