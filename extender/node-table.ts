/**
 * Nodes by name, found from the bytes of a request as well as from a string.
 *
 * In: nodes, as the live state tells of them; lists of names, as they stand in requests. Out: the
 * nodes. A request names up to 5,000 nodes; to make a string of each, hash it and throw it away
 * would cost more than all else that a verb does. So this is a hash table (chained) over the
 * characters, four at a time, that finds the end of a name, hashes and compares it in one go and
 * allocates nothing per name. It knows of JSON how a list of plain strings is written, and refuses
 * any other list. It decides nothing.
 */
import type {
  ExtenderNode,
  ExtenderNodes,
  ExtenderView,
} from '../core/scheduling/extender-view.ts';

/** Names as they stand in `bytes`; valid until the same table reads the next list. */
export interface NamedNodes {
  /** JSON; between two names there is exactly `","`. */
  readonly bytes: Buffer;
  readonly count: number;
  /** Index of the first byte of each name, after its quote. Longer than `count`. */
  readonly starts: Int32Array;
  /** Index of the quote that ends each name. Longer than `count`. */
  readonly ends: Int32Array;
  /** The node of each name, undefined where it is not known. Longer than `count`. */
  readonly nodes: readonly (ExtenderNode | undefined)[];
}

/** Names of nodes are DNS names, at most 253 characters: 64 words of four. */
const wordsPerName = 64;
/** Names in one request; twenty times the nodes that Kubernetes supports. */
export const namesMax = 131_072;
/** Nodes that there is room for at first; doubled as often as needed. A power of two. */
const nodesAtFirst = 1_024;

const quote = 0x22;
const comma = 0x2c;
const closingBracket = 0x5d;
const backslash = 0x5c;
const space = 0x20;
const firstNonAscii = 0x80;
// A byte of a word in each of the four places; signed, as all bitwise results are.
const fourQuotes = 0x22222222;
const fourOnes = 0x01010101;
const fourHighBits = 0x80808080 | 0;

/** Owned by whoever follows the watches; read by the verbs of the same process. */
export class NodeTable implements ExtenderView, ExtenderNodes {
  // A slot per node: its name in words, its hash, its length, the next slot of its bucket plus 1.
  #words = new Int32Array(nodesAtFirst * wordsPerName);
  #hashes = new Int32Array(nodesAtFirst);
  #lengths = new Int32Array(nodesAtFirst);
  #nextSlots = new Int32Array(nodesAtFirst);
  #nodes: (ExtenderNode | undefined)[] = [];
  #freeSlots: number[] = [];
  /** First slot of each bucket plus 1, 0 if it is empty; as many buckets as slots. */
  #buckets = new Int32Array(nodesAtFirst);
  #count = 0;

  // What the last list was read into.
  #starts = new Int32Array(nodesAtFirst);
  #ends = new Int32Array(nodesAtFirst);
  #found: (ExtenderNode | undefined)[] = [];

  /** Nodes known. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds a node, or replaces the one of that name. Names that no node can have (longer than 255
   * characters, or not plain ASCII) are ignored: nobody could ask for them.
   */
  put(node: ExtenderNode): void {
    const bytes = paddedBytes(node.name);
    if (bytes === undefined) {
      return;
    }
    const hash = hashOf(bytes, node.name.length);
    const known = this.#find(bytes, node.name.length, hash);
    if (known >= 0) {
      this.#nodes[known] = node;
      return;
    }
    if (this.#count === this.#hashes.length) {
      this.#grow();
    }
    const slot = this.#freeSlots.pop() ?? this.#count;
    for (let word = 0; word < wordsPerName; word += 1) {
      this.#words[slot * wordsPerName + word] = bytes.getInt32(word * 4, true);
    }
    this.#hashes[slot] = hash;
    this.#lengths[slot] = node.name.length;
    this.#nodes[slot] = node;
    this.#link(slot, hash);
    this.#count += 1;
  }

  delete(name: string): void {
    const bytes = paddedBytes(name);
    if (bytes === undefined) {
      return;
    }
    const hash = hashOf(bytes, name.length);
    const slot = this.#find(bytes, name.length, hash);
    if (slot < 0) {
      return;
    }
    this.#unlink(slot, hash);
    this.#nodes[slot] = undefined;
    this.#freeSlots.push(slot);
    this.#count -= 1;
  }

  node(name: string): ExtenderNode | undefined {
    const bytes = paddedBytes(name);
    if (bytes === undefined) {
      return undefined;
    }
    const slot = this.#find(bytes, name.length, hashOf(bytes, name.length));
    return slot < 0 ? undefined : this.#nodes[slot];
  }

  /**
   * Reads a list from its `[` at `from`, compact and plain: no white space, no escapes, ASCII,
   * names as short as nodes' are, at most {@link namesMax}. That is how kube-scheduler writes
   * names. Answers the names and the index after `]`, or undefined if the list is written
   * differently or is none.
   *
   * One long loop over local variables on purpose: split into methods it takes three times as long.
   */
  readList(
    bytes: Buffer,
    from: number,
  ): { readonly names: NamedNodes; readonly next: number } | undefined {
    if (bytes[from + 1] === closingBracket) {
      return { names: this.#named(bytes, 0), next: from + 2 };
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const lastWord = bytes.length - 4;
    const [words, hashes, lengths, nextSlots] = [
      this.#words,
      this.#hashes,
      this.#lengths,
      this.#nextSlots,
    ];
    const [buckets, nodes, found] = [this.#buckets, this.#nodes, this.#found];
    let [starts, ends] = [this.#starts, this.#ends];
    const mask = buckets.length - 1;
    let at = from;
    for (let count = 0; ; count += 1) {
      if (bytes[at + 1] !== quote) {
        return undefined;
      }
      at += 2;
      const start = at;
      let hash = 0;
      let word = 0;
      let rest = 0;
      for (;;) {
        word = at <= lastWord ? view.getInt32(at, true) : lastBytes(bytes, at);
        const differs = word ^ fourQuotes;
        const marks = ((differs - fourOnes) | 0) & ~differs & fourHighBits;
        if (marks !== 0) {
          // The lowest mark is at the first quote; those above it may be false.
          rest = (31 - Math.clz32(marks & -marks)) >> 3;
          break;
        }
        hash = mixed(hash, word);
        at += 4;
        if (at >= bytes.length) {
          return undefined;
        }
      }
      word &= (1 << (rest * 8)) - 1;
      hash = mixed(hash, word);
      const wholeWords = at;
      at += rest;
      let slot = (buckets[hash & mask] ?? 0) - 1;
      for (; slot >= 0; slot = (nextSlots[slot] ?? 0) - 1) {
        if (hashes[slot] !== hash || lengths[slot] !== at - start) {
          continue;
        }
        let wordIndex = slot * wordsPerName;
        let compared = start;
        while (compared < wholeWords && view.getInt32(compared, true) === words[wordIndex]) {
          compared += 4;
          wordIndex += 1;
        }
        if (compared === wholeWords && words[wordIndex] === word) {
          break;
        }
      }
      if ((slot < 0 && !isPlain(bytes, start, at)) || count === namesMax) {
        return undefined;
      }
      if (count === starts.length) {
        this.#makeRoom(count);
        [starts, ends] = [this.#starts, this.#ends];
      }
      starts[count] = start;
      ends[count] = at;
      found[count] = slot < 0 ? undefined : nodes[slot];
      at += 1;
      if (bytes[at] !== comma) {
        return bytes[at] === closingBracket
          ? { names: this.#named(bytes, count + 1), next: at + 1 }
          : undefined;
      }
    }
  }

  /** The same from strings, at most {@link namesMax}: for requests that are written otherwise. */
  readStrings(names: readonly string[]): NamedNodes {
    const bytes = Buffer.from(JSON.stringify(names));
    this.#makeRoom(names.length);
    let at = 1;
    names.forEach((name, index) => {
      const length = Buffer.byteLength(JSON.stringify(name));
      this.#starts[index] = at + 1;
      this.#ends[index] = at + length - 1;
      this.#found[index] = this.node(name);
      at += length + 1;
    });
    return this.#named(bytes, names.length);
  }

  /** Slot of a name in padded bytes, -1 if it is not known. */
  #find(name: DataView, length: number, hash: number): number {
    let slot = (this.#buckets[hash & (this.#buckets.length - 1)] ?? 0) - 1;
    while (slot >= 0 && !(this.#lengths[slot] === length && this.#isNamed(slot, name, length))) {
      slot = (this.#nextSlots[slot] ?? 0) - 1;
    }
    return slot;
  }

  #isNamed(slot: number, name: DataView, length: number): boolean {
    for (let at = 0; at < length; at += 4) {
      if (this.#words[slot * wordsPerName + at / 4] !== name.getInt32(at, true)) {
        return false;
      }
    }
    return true;
  }

  #link(slot: number, hash: number): void {
    const bucket = hash & (this.#buckets.length - 1);
    this.#nextSlots[slot] = this.#buckets[bucket] ?? 0;
    this.#buckets[bucket] = slot + 1;
  }

  #unlink(slot: number, hash: number): void {
    const bucket = hash & (this.#buckets.length - 1);
    const next = this.#nextSlots[slot] ?? 0;
    let before = (this.#buckets[bucket] ?? 0) - 1;
    if (before === slot) {
      this.#buckets[bucket] = next;
      return;
    }
    while ((this.#nextSlots[before] ?? 0) !== slot + 1) {
      before = (this.#nextSlots[before] ?? 0) - 1;
    }
    this.#nextSlots[before] = next;
  }

  /** Only when every slot is taken, so that slots are those from 0 to count. */
  #grow(): void {
    this.#words = widened(this.#words);
    this.#hashes = widened(this.#hashes);
    this.#lengths = widened(this.#lengths);
    this.#nextSlots = widened(this.#nextSlots);
    this.#buckets = new Int32Array(this.#buckets.length * 2);
    for (let slot = 0; slot < this.#count; slot += 1) {
      this.#link(slot, this.#hashes[slot] ?? 0);
    }
  }

  /** For more than so many names. */
  #makeRoom(count: number): void {
    while (this.#starts.length <= count) {
      this.#starts = widened(this.#starts);
      this.#ends = widened(this.#ends);
    }
  }

  #named(bytes: Buffer, count: number): NamedNodes {
    return { bytes, count, starts: this.#starts, ends: this.#ends, nodes: this.#found };
  }
}

/** The last bytes as a little-endian word, zeros behind them. */
function lastBytes(bytes: Buffer, from: number): number {
  let word = 0;
  for (let at = from; at < bytes.length; at += 1) {
    word |= (bytes[at] ?? 0) << ((at - from) * 8);
  }
  return word;
}

/** One step of a multiplicative hash; the shift brings high bits down, where buckets are told apart. */
function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

/** As `readList` hashes: whole words, then the rest, which may be empty. */
function hashOf(bytes: DataView, length: number): number {
  let hash = 0;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    hash = mixed(hash, bytes.getInt32(at, true));
  }
  const rest = length - at;
  return mixed(hash, rest === 0 ? 0 : bytes.getInt32(at, true) & ((1 << (rest * 8)) - 1));
}

/** The name's bytes and zeros up to a whole word; undefined for what is no name of a node. */
function paddedBytes(name: string): DataView | undefined {
  if (name.length >= wordsPerName * 4) {
    return undefined;
  }
  const view = new DataView(new ArrayBuffer(wordsPerName * 4));
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    if (code === quote || !isPlainByte(code)) {
      return undefined;
    }
    view.setUint8(at, code);
  }
  return view;
}

/** ASCII without control characters and backslashes: what stands in JSON as it is. */
function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (!isPlainByte(bytes[at] ?? 0)) {
      return false;
    }
  }
  return true;
}

function isPlainByte(byte: number): boolean {
  return byte >= space && byte < firstNonAscii && byte !== backslash;
}

function widened(old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(old.length * 2);
  wider.set(old);
  return wider;
}
