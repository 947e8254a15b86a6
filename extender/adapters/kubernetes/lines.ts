/**
 * Cuts a byte stream into lines.
 *
 * In: chunks as they arrive. Out: each complete line as text. An object of several hundred kB comes
 * in many chunks: they are kept and joined once, so that the work stays linear. It parses nothing.
 */

const newline = 0x0a;

export interface LineSplitter {
  /** Takes a chunk; calls `onLine` for every line that it completes. Empty lines are left out. */
  push(chunk: Buffer): void;
}

/**
 * @param lineBytesMax refuses longer lines, so that a broken server cannot fill the memory
 * @throws Error from `push` when a line is longer
 */
export function createLineSplitter(
  onLine: (line: string) => void,
  lineBytesMax: number,
): LineSplitter {
  let parts: Buffer[] = [];
  let partsBytes = 0;
  return {
    push: (chunk) => {
      let start = 0;
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
        const piece = chunk.subarray(start, end);
        start = end + 1;
        const line = parts.length === 0 ? piece : Buffer.concat([...parts, piece]);
        parts = [];
        partsBytes = 0;
        if (line.length > 0) onLine(line.toString('utf8'));
      }
      if (start < chunk.length) {
        parts.push(chunk.subarray(start));
        partsBytes += chunk.length - start;
        if (partsBytes > lineBytesMax) throw new Error(`a line of more than ${lineBytesMax} bytes`);
      }
    },
  };
}
