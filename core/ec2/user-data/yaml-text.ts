/**
 * Plain values as YAML.
 *
 * In: JSON values. Out: block YAML with keys sorted, every string quoted as in JSON, which YAML reads
 * alike, so that no value changes its type on the way (`"yes"`, `"1.10"`). Undefined fields are left
 * out. It reads nothing.
 */
import { sorted } from './bootstrap.ts';

type Json = unknown;

/** Lines that end in a newline. `value` is an object with at least one field. */
export function yamlText(value: Readonly<Record<string, Json>>): string {
  return `${mapLines(value, '').join('\n')}\n`;
}

function mapLines(map: Readonly<Record<string, Json>>, indent: string): string[] {
  return sorted(map)
    .filter(([, value]) => value !== undefined)
    .flatMap(([key, value]) => entryLines(`${indent}${keyText(key)}:`, value, `${indent}  `));
}

function entryLines(head: string, value: Json, indent: string): string[] {
  if (Array.isArray(value) && value.length > 0) {
    return [head, ...value.flatMap((item) => itemLines(item, indent))];
  }
  return isFilledMap(value) ? [head, ...mapLines(value, indent)] : [`${head} ${scalar(value)}`];
}

function itemLines(item: Json, indent: string): string[] {
  if (!isFilledMap(item)) return [`${indent}- ${scalar(item)}`];
  const [first = '', ...rest] = mapLines(item, `${indent}  `);
  return [`${indent}- ${first.trimStart()}`, ...rest];
}

function isFilledMap(value: Json): value is Readonly<Record<string, Json>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length > 0
  );
}

/** Empty lists and maps, and lists within lists, in flow style. */
function scalar(value: Json): string {
  return JSON.stringify(value ?? null);
}

function keyText(key: string): string {
  return /^[A-Za-z_][\w./-]*$/.test(key) ? key : JSON.stringify(key);
}
