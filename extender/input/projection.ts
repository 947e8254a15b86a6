/**
 * Copies of validated objects that hold only what their schema names, in the schema's order.
 *
 * In: a schema and a value that it accepts. Out: a copy without images, commands, status details
 * and whatever else placement never reads, with mappings in one order, so that equal things have
 * equal text and can be shared. An object that refuses unknown fields is kept whole.
 */
import type { Static, TSchema } from 'typebox';

type Projector = (value: unknown) => unknown;

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: unknown;
  readonly items?: SchemaNode;
}

/** A function that copies what `schema` names. Absent and null members are left out. */
export function projectorOf<Schema extends TSchema>(
  schema: Schema,
): (value: Static<Schema>) => Static<Schema> {
  return projector(schema) as (value: Static<Schema>) => Static<Schema>;
}

function projector(node: SchemaNode): Projector {
  if (node.items !== undefined) {
    const entry = projector(node.items);
    return (value) => (value as unknown[]).map(entry);
  }
  if (node.properties !== undefined && node.patternProperties === undefined) {
    const members = Object.entries(node.properties).map(
      ([name, member]) => [name, projector(member)] as const,
    );
    return (value) => {
      const source = value as Record<string, unknown>;
      const copy: Record<string, unknown> = {};
      for (const [name, member] of members) {
        const found = source[name];
        if (found !== undefined && found !== null) {
          copy[name] = member(found);
        }
      }
      return copy;
    };
  }
  return node.patternProperties === undefined ? (value) => value : sortedCopy;
}

/** Mappings with free keys (labels, resources): all members, keys in order. */
function sortedCopy(value: unknown): unknown {
  const source = value as Record<string, unknown>;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(source).sort()) {
    const found = source[key];
    if (found !== null) {
      copy[key] = found;
    }
  }
  return copy;
}
