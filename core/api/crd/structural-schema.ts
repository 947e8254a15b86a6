/**
 * From the schemas of the API to the structural schemas of CustomResourceDefinitions.
 *
 * In: a TypeBox schema and notes by field path (descriptions, CEL rules, list types). Out: an
 * OpenAPI v3 schema as the API server accepts it. What a structural schema cannot say is said
 * otherwise: maps by `additionalProperties`, objects that refuse unknown fields by pruning, which
 * `kubectl` reports, quantities by `x-kubernetes-int-or-string`. It meets a schema construct that
 * it does not know with an error, so that nothing is lost in silence.
 */
import { InvariantError } from '../../errors.ts';
import { qualifiedNamePattern, Time } from '../scalars.ts';

/** JSON Schema as TypeBox writes it, and as the API server reads it. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** A rule in CEL; `self` is the field's value, `oldSelf` the one before. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

/** What a schema does not carry by itself. */
export interface FieldNote {
  /** Sentence for `kubectl explain`. */
  readonly description: string;
  readonly rules?: readonly CelRule[];
  /** Further keywords, such as list types; they win over the schema's own. */
  readonly keywords?: JsonSchema;
}

/**
 * Notes by path from the object's root: `spec.taints[].key` for members of a list, `spec.limits{}`
 * for values of a map.
 */
export type FieldNotes = Readonly<Record<string, FieldNote>>;

/**
 * The same language as {@link qualifiedNamePattern} in fewer repetitions: Go's regular expressions
 * limit how far nested counts multiply. Lengths are limited by maxLength.
 */
const qualifiedNameInGo =
  '^(?:[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$';

const timePattern = (Time as unknown as JsonSchema)['pattern'];

/** Keywords that mean the same on both sides. */
const sharedKeywords = [
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'default',
];
/** Keywords that are dealt with by name, or that only messages need. */
const knownKeywords: ReadonlySet<string> = new Set([
  ...sharedKeywords,
  'type',
  'pattern',
  'expected',
  'properties',
  'required',
  'additionalProperties',
  'patternProperties',
  'items',
  'anyOf',
  'const',
  'x-kubernetes-int-or-string',
]);

/** The structural schema of a field and of all below it. @throws InvariantError see above */
export function structuralSchema(schema: JsonSchema, path: string, notes: FieldNotes): JsonSchema {
  const unknown = Object.keys(schema).filter((keyword) => !knownKeywords.has(keyword));
  if (unknown.length > 0) {
    throw new InvariantError(`${path}: no structural form is known for ${unknown.join(', ')}`);
  }
  const note = notes[path];
  return {
    ...(note === undefined ? {} : { description: note.description }),
    ...bodyOf(schema, path, notes),
    ...(note?.rules === undefined ? {} : { 'x-kubernetes-validations': note.rules }),
    ...note?.keywords,
  };
}

function bodyOf(schema: JsonSchema, path: string, notes: FieldNotes): JsonSchema {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return quantitySchema(schema, path);
  }
  switch (schema['type']) {
    case 'object':
      return { type: 'object', ...shared(schema), ...membersOf(schema, path, notes) };
    case 'array':
      return {
        type: 'array',
        ...shared(schema),
        items: structuralSchema(child(schema, 'items', path), `${path}[]`, notes),
      };
    case 'string':
      return { type: 'string', ...shared(schema), ...patternOf(schema) };
    case 'integer':
      return { type: 'integer', format: 'int64', ...shared(schema) };
    case 'boolean':
      return { type: 'boolean', ...shared(schema) };
    default:
      throw new InvariantError(`${path}: no structural form is known for a schema without type`);
  }
}

function membersOf(schema: JsonSchema, path: string, notes: FieldNotes): JsonSchema {
  const patterns = Object.values((schema['patternProperties'] ?? {}) as Record<string, JsonSchema>);
  const properties = schema['properties'] as Record<string, JsonSchema> | undefined;
  if (properties !== undefined) {
    const members = Object.entries(properties).map(([name, member]) => [
      name,
      structuralSchema(member, path === '' ? name : `${path}.${name}`, notes),
    ]);
    const required = schema['required'] ?? [];
    return {
      properties: Object.fromEntries(members),
      ...(Array.isArray(required) && required.length > 0 ? { required } : {}),
      // Fields that are accepted by name only are handed on unread.
      ...(patterns.length === 0 ? {} : { 'x-kubernetes-preserve-unknown-fields': true }),
    };
  }
  const [values] = patterns;
  if (values === undefined || patterns.length > 1) {
    throw new InvariantError(`${path}: expected an object with fields, or a map of one kind`);
  }
  return { additionalProperties: structuralSchema(values, `${path}{}`, notes) };
}

/** Fractions are written as strings: the API server has no other number than an integer here. */
function quantitySchema(schema: JsonSchema, path: string): JsonSchema {
  const variants = (schema['anyOf'] ?? []) as readonly JsonSchema[];
  const text = variants.find((variant) => variant['type'] === 'string');
  if (text === undefined) {
    throw new InvariantError(`${path}: expected a quantity to be a string or a number`);
  }
  return {
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    pattern: text['pattern'],
    'x-kubernetes-int-or-string': true,
  };
}

function patternOf(schema: JsonSchema): JsonSchema {
  switch (schema['pattern']) {
    case undefined:
      return {};
    case timePattern:
      return { format: 'date-time' };
    case qualifiedNamePattern:
      return { pattern: qualifiedNameInGo };
    default:
      return { pattern: schema['pattern'] };
  }
}

function shared(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(
    sharedKeywords
      .filter((keyword) => schema[keyword] !== undefined)
      .map((keyword) => [keyword, schema[keyword]]),
  );
}

function child(schema: JsonSchema, keyword: string, path: string): JsonSchema {
  const found = schema[keyword];
  if (typeof found !== 'object' || found === null) {
    throw new InvariantError(`${path}: expected ${keyword}`);
  }
  return found as JsonSchema;
}
