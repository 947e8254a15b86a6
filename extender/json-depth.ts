/**
 * How deep JSON is nested, found before anything is built from it.
 *
 * In: bytes. Out: whether objects and lists stand inside each other deeper than a limit. It does
 * not check that the bytes are JSON: `JSON.parse` does, and says more.
 */

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** True if something in `bytes` before `end` is nested deeper than `limit`. One pass. */
export function isDeeperThan(bytes: Uint8Array, end: number, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === quote) {
      at = endOfString(bytes, at + 1, end);
    } else if (byte === openBrace || byte === openBracket) {
      depth += 1;
      if (depth > limit) {
        return true;
      }
    } else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
    }
  }
  return false;
}

function endOfString(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== quote) {
    at += bytes[at] === backslash ? 2 : 1;
  }
  return at;
}
