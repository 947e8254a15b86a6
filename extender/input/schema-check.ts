/**
 * Checks a value against a schema and says in words what is wrong.
 *
 * In: a TypeBox schema and a parsed value. Out: the value, typed, or the broken rules with field,
 * expectation and finding. A null member of a mapping counts as absent, as it does for the API
 * server. The check itself is compiled once per schema and costs microseconds; words are made only
 * for what fails.
 */
import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { Settings } from 'typebox/system';
import { entryPath, type FieldProblem, memberPath } from '../../core/api/field-problem.ts';
import { movedField } from './moved-fields.ts';

/** The keywords of a schema that wordings are made from; `expected` is our own. */
interface SchemaNode {
  readonly expected?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: string | number | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

export type Checked<T> = { readonly value: T } | { readonly problems: readonly FieldProblem[] };

/** Broken rules of one object that are found: a union counts one for each of its branches. */
const maxErrorsPerObject = 100;
/** Depth to which nulls are looked for; no schema reaches half as deep. */
const maxNullDepth = 64;
/** Longest finding that is quoted in full. */
const maxQuotedLength = 60;
/** Most single edits by which a misspelt field may differ from the one that is suggested. */
const maxTypoDistance = 2;

// The library stops at eight otherwise, and would keep the telling ones to itself.
Settings.Set({ maxErrors: maxErrorsPerObject });

export class SchemaCheck<Schema extends TSchema> {
  readonly #schema: Schema;
  #validator: Validator | undefined;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** The value as the schema types it, or what is wrong with it. */
  check(value: unknown): Checked<Static<Schema>> {
    this.#validator ??= Compile(this.#schema);
    if (this.#validator.Check(value)) {
      return { value: value as Static<Schema> };
    }
    const withoutNulls = withoutNullMembers(value);
    if (this.#validator.Check(withoutNulls)) {
      return { value: withoutNulls as Static<Schema> };
    }
    const errors = this.#validator.Errors(withoutNulls);
    return { problems: problemsOf(this.#schema, withoutNulls, errors) };
  }
}

interface ValidationError {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: object;
}

function problemsOf(
  schema: SchemaNode,
  value: unknown,
  errors: readonly ValidationError[],
): FieldProblem[] {
  const problems = new Map<string, FieldProblem>();
  for (const error of errors) {
    // Branches of a union speak through the union; "schema is false" through additionalProperties.
    if (error.keyword === 'boolean' || error.schemaPath.includes('/anyOf/')) {
      continue;
    }
    for (const problem of describe(schema, value, error)) {
      if (!problems.has(problem.field)) {
        problems.set(problem.field, problem);
      }
    }
  }
  return [...problems.values()];
}

function describe(schema: SchemaNode, value: unknown, error: ValidationError): FieldProblem[] {
  const place = locate(schema, value, error.instancePath);
  const { path, node } = place;
  if (error.keyword === 'required') {
    const { requiredProperties } = error.params as { requiredProperties: readonly string[] };
    return requiredProperties.map((name) => ({
      field: memberPath(path, name),
      message: `expected ${expectationOf(node.properties?.[name])}, found nothing`,
    }));
  }
  if (error.keyword === 'additionalProperties') {
    const { additionalProperties } = error.params as { additionalProperties: readonly string[] };
    return additionalProperties.map((name) => unknownMember(node, path, name));
  }
  return [
    { field: path, message: `expected ${expectationOf(node)}, found ${findingOf(place.value)}` },
  ];
}

/** A member that a strict object, or a map with rules for its keys, does not allow. */
function unknownMember(node: SchemaNode, path: string, name: string): FieldProblem {
  const field = memberPath(path, name);
  if (node.properties === undefined) {
    return { field, message: `expected ${node.expected ?? 'another key'}, found "${name}"` };
  }
  const hint = movedField(path, name);
  if (hint !== undefined) {
    return { field, message: `unknown field: ${hint}` };
  }
  const names = Object.keys(node.properties);
  const near = names.find((one) => editDistance(one, name) <= maxTypoDistance);
  return {
    field,
    message:
      near === undefined
        ? `unknown field; known are ${names.toSorted().join(', ')}`
        : `unknown field; did you mean ${near}?`,
  };
}

/** Walks from the root to what a JSON pointer names, in schema and value at once. */
function locate(
  root: SchemaNode,
  rootValue: unknown,
  pointer: string,
): { path: string; node: SchemaNode; value: unknown } {
  let path = '';
  let node: SchemaNode = root;
  let value = rootValue;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) {
      path = entryPath(path, Number(name));
      node = node.items ?? {};
    } else {
      path = memberPath(path, name);
      const pattern = Object.keys(node.patternProperties ?? {}).find((one) =>
        new RegExp(one).test(name),
      );
      node = node.properties?.[name] ?? node.patternProperties?.[pattern ?? ''] ?? {};
    }
    value = (value as Record<string, unknown> | undefined)?.[name];
  }
  return { path, node, value };
}

/** What belongs in a place, in words. */
function expectationOf(node: SchemaNode | undefined): string {
  if (node?.expected !== undefined && node.properties === undefined) {
    return node.patternProperties === undefined ? node.expected : `a mapping of ${node.expected}`;
  }
  if (node?.enum !== undefined) {
    const values = node.enum.filter((one) => one !== '').map(String);
    return values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`;
  }
  if (node?.const !== undefined) {
    return String(node.const);
  }
  switch (node?.type) {
    case 'integer':
      return `an integer${rangeOf(node.minimum, node.maximum)}`;
    case 'number':
      return `a number${rangeOf(node.minimum, node.maximum)}`;
    case 'string':
      return (node.minLength ?? 0) > 0 ? 'a string that is not empty' : 'a string';
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list${sizeOf(node.minItems, node.maxItems)}`;
    case 'object':
      return `a mapping${sizeOf(node.minProperties, node.maxProperties)}`;
    case undefined:
    default:
      return 'another value';
  }
}

function rangeOf(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum !== undefined && maximum !== undefined) {
    return ` from ${minimum} to ${maximum}`;
  }
  return minimum === undefined ? '' : ` of at least ${minimum}`;
}

function sizeOf(minimum: number | undefined, maximum: number | undefined): string {
  if (maximum !== undefined) {
    return ` of ${minimum ?? 0} to ${maximum} entries`;
  }
  return minimum === undefined
    ? ''
    : ` of at least ${minimum} ${minimum === 1 ? 'entry' : 'entries'}`;
}

/** What stands in a place, in words. */
export function findingOf(value: unknown): string {
  if (value === undefined) {
    return 'nothing';
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  }
  if (typeof value === 'object' && value !== null) {
    return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping';
  }
  if (typeof value === 'string') {
    const text = value.length > maxQuotedLength ? `${value.slice(0, maxQuotedLength)}...` : value;
    return JSON.stringify(text);
  }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return `${typeof value} ${value}`;
  }
  return value === null ? 'null' : `a ${typeof value}`;
}

/** A copy in which no mapping has a null member. Entries of lists are kept: a null there is wrong. */
function withoutNullMembers(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > maxNullDepth) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((entry) => withoutNullMembers(entry, depth + 1));
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([key, member]) => [key, withoutNullMembers(member, depth + 1)]),
  );
}

/** Levenshtein distance; O(length of a x length of b), both are field names. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(
        Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1),
      );
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
