/**
 * Regular files of a tar archive, in memory.
 *
 * In: the bytes of a POSIX (ustar) archive, unzipped. Out: names and contents in the archive's
 * order. Directories, links and extended headers are passed over: data sets have none that matter.
 */

export interface TarEntry {
  readonly name: string;
  readonly content: Buffer;
}

const blockBytes = 512;

/** @throws RangeError when the archive ends in the middle of a file */
export function readTar(archive: Buffer): TarEntry[] {
  const entries: TarEntry[] = [];
  for (let at = 0; at + blockBytes <= archive.length; ) {
    const header = archive.subarray(at, at + blockBytes);
    const name = field(header, 0, 100);
    if (name === '') break;
    const size = Number.parseInt(field(header, 124, 12).trim() || '0', 8);
    const start = at + blockBytes;
    if (!Number.isInteger(size) || start + size > archive.length) {
      throw new RangeError(`broken tar archive at byte ${at} (${name})`);
    }
    const prefix = field(header, 345, 155);
    const type = String.fromCharCode(header[156]!);
    if (type === '0' || type === '\0') {
      const path = prefix === '' ? name : `${prefix}/${name}`;
      entries.push({ name: path, content: archive.subarray(start, start + size) });
    }
    at = start + Math.ceil(size / blockBytes) * blockBytes;
  }
  return entries;
}

function field(header: Buffer, start: number, length: number): string {
  const bytes = header.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? length : end);
}
