/**
 * User data of several parts: MIME multipart, as cloud-init and nodeadm read it.
 *
 * In: parts, or a user's text. Out: one archive, or the text's parts. A part keeps its headers and its
 * body as they are. Source: RFC 2046 as far as EC2's images use it. It runs nothing.
 */

export interface MimePart {
  /** Header lines; `Content-Type` among them. */
  readonly headers: readonly string[];
  readonly body: string;
}

const boundary = '//';

export function mimePart(contentType: string, body: string): MimePart {
  return { headers: [`Content-Type: ${contentType}`], body };
}

/** One archive of all parts, in order. */
export function mimeArchive(parts: readonly MimePart[]): string {
  const separator = boundaryFor(parts);
  return [
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${separator}"`,
    '',
    ...parts.flatMap(({ headers, body }) => [
      `--${separator}`,
      ...headers,
      '',
      body.replace(/\n$/, ''),
      '',
    ]),
    `--${separator}--`,
    '',
  ].join('\n');
}

/** A separator that no part's line begins with. */
function boundaryFor(parts: readonly MimePart[]): string {
  let found = boundary;
  while (parts.some(({ body }) => body.split('\n').some((line) => line.startsWith(`--${found}`)))) {
    found += '/';
  }
  return found;
}

/**
 * The parts of a user's archive; undefined if the text is none.
 *
 * @returns a sentence where the text is an archive that cannot be read
 */
export function mimeParts(text: string): readonly MimePart[] | string | undefined {
  const normal = text.replaceAll('\r\n', '\n').replace(/^\n+/, '');
  if (!/^(MIME-Version|Content-Type):/i.test(normal)) return undefined;
  const end = normal.indexOf('\n\n');
  const head = end < 0 ? normal : normal.slice(0, end);
  const separator = /boundary="?([^";\n]+)"?/i.exec(head)?.[1];
  if (separator === undefined) {
    return 'expected a boundary in the Content-Type of the MIME archive';
  }
  const sections = `\n${normal.slice(end + 1)}`.split(`\n--${separator}`);
  if (sections.length < 2 || !(sections.at(-1) ?? '').startsWith('--')) {
    return `expected parts between lines --${separator} and a last line --${separator}--`;
  }
  return sections.slice(1, -1).map(partOf);
}

function partOf(section: string): MimePart {
  const content = section.replace(/^[ \t]*\n/, '');
  const end = content.startsWith('\n') ? 0 : content.indexOf('\n\n');
  if (end < 0) return { headers: ['Content-Type: text/plain'], body: content };
  const headers = content.slice(0, end).split('\n');
  return { headers: headers.filter((line) => line !== ''), body: content.slice(end).trimStart() };
}
