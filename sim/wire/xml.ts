/**
 * XML as AWS's query protocols write it.
 *
 * In: plain values whose keys are the names of elements. Out: text. A list becomes one element with
 * an entry per item (`item` in EC2, `member` in IAM and STS). Absent values are left out; there are
 * no attributes but the namespace. It reads no XML: requests come as forms.
 */

export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | RawXml
  | EntryList
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue };

/** Text that is XML already: of what is told again and again. */
export class RawXml {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A list whose entries have another name than the protocol's. */
export class EntryList {
  readonly entryName: string;
  readonly items: readonly XmlValue[];

  constructor(entryName: string, items: readonly XmlValue[]) {
    this.entryName = entryName;
    this.items = items;
  }
}

/** What an element holds, to be kept and told again. */
export function rawXml(value: XmlValue, entryName: EntryName): RawXml {
  return new RawXml(content(value, entryName));
}

/** Name of a list's entries. */
export type EntryName = 'item' | 'member';

export function xmlOf(
  root: string,
  namespace: string,
  value: { readonly [name: string]: XmlValue },
  entryName: EntryName,
): string {
  return `<${root} xmlns="${namespace}">${content(value, entryName)}</${root}>`;
}

/** The same without a namespace: errors have none. */
export function plainXml(root: string, value: { readonly [name: string]: XmlValue }): string {
  return `<?xml version="1.0" encoding="UTF-8"?><${root}>${content(value, 'item')}</${root}>`;
}

function content(value: XmlValue, entryName: EntryName): string {
  if (typeof value === 'string') return escapeXml(value);
  if (value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  if (value instanceof RawXml) return value.text;
  if (value instanceof EntryList) {
    const { entryName: name, items } = value;
    return items.map((item) => `<${name}>${content(item, entryName)}</${name}>`).join('');
  }
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value as readonly XmlValue[]) {
      text += `<${entryName}>${content(item, entryName)}</${entryName}>`;
    }
    return text;
  }
  for (const [name, part] of Object.entries(value as { readonly [name: string]: XmlValue })) {
    if (part !== undefined) text += `<${name}>${content(part, entryName)}</${name}>`;
  }
  return text;
}

const special = /[&<>"\r]/g;
const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // A bare one would be read as a line feed.
  '\r': '&#13;',
};

function escapeXml(text: string): string {
  return special.test(text) ? text.replaceAll(special, (found) => escapes[found] ?? found) : text;
}
