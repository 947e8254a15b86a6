/**
 * Copies of objects that hold only what a schema names.
 *
 * In: a TypeBox schema and objects that it accepts. Out: copies without what nobody reads (images,
 * commands, details of status), with free keys in order, so that equal things have equal text and
 * can be shared. Objects without named members are kept as they are.
 */
import type { Static, TSchema } from 'typebox';

type Copy = (value: unknown) => unknown;

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: unknown;
  readonly items?: SchemaNode;
}

/** A function that copies what `schema` names; members that are absent or null are left out. */
export function projection<Schema extends TSchema>(
  schema: Schema,
): (value: Static<Schema>) => Static<Schema> {
  return copyOf(schema) as (value: Static<Schema>) => Static<Schema>;
}

function copyOf({ items, properties, patternProperties }: SchemaNode): Copy {
  if (items !== undefined) {
    const copyItem = copyOf(items);
    return (value) => (value as readonly unknown[]).map(copyItem);
  }
  if (patternProperties !== undefined) return inOrder;
  if (properties === undefined) return (value) => value;
  const members = Object.entries(properties).map(([name, node]) => [name, copyOf(node)] as const);
  return (value) => {
    const source = value as Readonly<Record<string, unknown>>;
    const copy: Record<string, unknown> = {};
    for (const [name, copyMember] of members) {
      const member = source[name];
      if (member !== undefined && member !== null) copy[name] = copyMember(member);
    }
    return copy;
  };
}

/** Maps with free keys: labels, resources. */
function inOrder(value: unknown): unknown {
  const source = value as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(source).sort()) {
    const member = source[key];
    if (member !== null) copy[key] = member;
  }
  return copy;
}
