/**
 * Filters and pages, as every Describe call of EC2 has them.
 *
 * In: a request, items, what each filter name means for an item. Out: the items that match, and one
 * page of them with the token of the next. Values may hold `*` and `?`. A filter name that is not
 * known is refused, as AWS does. Tokens say where to go on and mean nothing else.
 */
import { Ec2Error } from '../ec2-types.ts';
import type { Form } from './form.ts';
import { globOf } from './glob.ts';
import type { XmlValue } from './xml.ts';

/** Filter name -> the values that an item has under it. */
export type FilterFields<T> = Readonly<
  Record<string, (item: T) => string | readonly string[] | undefined>
>;

const filtersMax = 50;
const valuesMax = 200;

/** A test for one request, made once. @throws Ec2Error for an unknown filter */
export function filterOf<T>(
  request: Form,
  fields: FilterFields<T>,
  tagsOfItem?: (item: T) => Readonly<Record<string, string>>,
): (item: T) => boolean {
  const filters = request.forms('Filter');
  if (filters.length > filtersMax) {
    throw new Ec2Error('FilterLimitExceeded', 'The maximum number of filters was exceeded.');
  }
  const tests = filters.map((filter) => {
    const name = filter.text('Name');
    const values = filter.texts('Value');
    if (values.length > valuesMax) {
      throw new Ec2Error('FilterLimitExceeded', `The filter ${name} has too many values.`);
    }
    const matches = matcherOf(values);
    const read = readerOf(name, fields, tagsOfItem);
    return (item: T): boolean => {
      const found = read(item);
      if (found === undefined) return false;
      return typeof found === 'string' ? matches(found) : found.some(matches);
    };
  });
  return (item) => tests.every((test) => test(item));
}

function readerOf<T>(
  name: string,
  fields: FilterFields<T>,
  tagsOfItem: ((item: T) => Readonly<Record<string, string>>) | undefined,
): (item: T) => string | readonly string[] | undefined {
  if (tagsOfItem !== undefined) {
    if (name.startsWith('tag:')) return (item) => tagsOfItem(item)[name.slice('tag:'.length)];
    if (name === 'tag-key') return (item) => Object.keys(tagsOfItem(item));
  }
  const read = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (read !== undefined) return read;
  throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
}

function matcherOf(values: readonly string[]): (text: string) => boolean {
  const tests = values.map(globOf);
  return (text) => tests.some((test) => test(text));
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextToken: string | undefined;
}

export interface PageLimits {
  readonly min: number;
  readonly max: number;
  /** Without MaxResults. */
  readonly otherwise: number;
}

/** @throws Ec2Error for a token that none of ours is */
export function pageOf<T>(request: Form, all: readonly T[], limits: PageLimits): Page<T> {
  const size = request.integer('MaxResults', limits.min, limits.max) ?? limits.otherwise;
  const token = request.optional('NextToken');
  const start = token === undefined || token === '' ? 0 : readToken(token);
  const end = start + size;
  return {
    items: all.slice(start, end),
    nextToken: end < all.length ? writeToken(end) : undefined,
  };
}

export function writeToken(position: number): string {
  return Buffer.from(`page/${position}`).toString('base64url');
}

/** @throws Ec2Error */
export function readToken(token: string): number {
  const position = /^page\/(\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (position === undefined) {
    throw new Ec2Error('InvalidNextToken', 'The specified NextToken is not valid.');
  }
  return Number(position);
}

/** Tags as an answer lists them; `undefined` where there are none. */
export function tagSet(tags: Readonly<Record<string, string>>): XmlValue {
  const entries = Object.entries(tags);
  return entries.length === 0 ? undefined : entries.map(([key, value]) => ({ key, value }));
}
