/**
 * Server-side apply: who owns which field.
 *
 * In: an object, what a manager applies or how a plain write changed it. Out: the new object and the
 * new owners, or a ClusterError `Conflict`. Source: `sigs.k8s.io/structured-merge-diff` (typed/compare,
 * typed/tofieldset, merge/update): a manager owns what it applied, or what its plain writes added and
 * modified; who adds or modifies what another owns is in conflict, or takes it. Managers are told
 * apart by name, by operation and by subresource. Maps are granular; finalizers are a set, owner
 * references and conditions are lists with keys; every other list is one value.
 */
import { ClusterError } from '../../core/ports.ts';
import { isEqual, isObject, type JsonObject } from './json.ts';

/** Paths that each owner has. */
export type Ownership = ReadonlyMap<string, ReadonlySet<string>>;

const separator = '\u0000';
/** Fields that belong to the server or name the object. */
const unowned: ReadonlySet<string> = new Set([
  '',
  'apiVersion',
  'kind',
  'metadata',
  ...[
    'name',
    'namespace',
    'generateName',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ].map((field) => `metadata${separator}${field}`),
]);
/** Lists whose items have owners of their own: by which field, or '' for a set of scalars. */
const keyedLists: ReadonlyMap<string, string> = new Map([
  [`metadata${separator}finalizers`, ''],
  [`metadata${separator}ownerReferences`, 'uid'],
  [`status${separator}conditions`, 'type'],
]);

/** Names an owner. */
export function ownerOf(
  manager: string,
  operation: 'apply' | 'update',
  subresource: string | undefined,
): string {
  return [manager, operation, subresource ?? ''].join(separator);
}

/**
 * What `owner` applies, merged into the live object.
 * @throws ClusterError `Conflict` where that changes what another owner has, unless forced
 */
export function applyFields(
  live: JsonObject,
  applied: JsonObject,
  owner: string,
  owners: Ownership,
  isForced: boolean,
): { readonly object: JsonObject; readonly owners: Ownership } {
  const wanted = fieldsOf(applied);
  const others = [...owners].filter(([other]) => other !== owner);
  const isKept = (path: string): boolean =>
    wanted.has(path) || others.some(([, paths]) => paths.has(path));
  let object = mergeApplied(live, applied, '');
  const dropped = [...(owners.get(owner) ?? [])].filter((path) => !isKept(path));
  // An item is found by its key, so the key goes last.
  for (const path of dropped.sort((a, b) => Number(isItemKey(a)) - Number(isItemKey(b)))) {
    object = (removeField(object, path.split(separator), '', isKept) ?? {}) as JsonObject;
  }
  const { changed, removed } = compare(live, object);
  const next = new Map<string, ReadonlySet<string>>();
  for (const [other, paths] of others) {
    const disputed = [...paths].filter((path) => changed.has(path));
    if (disputed.length > 0 && !isForced) {
      const fields = disputed.map((path) => path.replaceAll(separator, '.')).join(', ');
      throw new ClusterError('Conflict', `conflict with "${nameOf(other)}": ${fields}`);
    }
    next.set(other, without(without(paths, changed), removed));
  }
  next.set(owner, wanted);
  return { object, owners: withoutEmpty(next) };
}

/** A plain write: what it added and modified belongs to its manager alone. */
export function recordWrite(
  before: JsonObject,
  after: JsonObject,
  owner: string,
  owners: Ownership,
): Ownership {
  const { changed, removed } = compare(before, after);
  if (changed.size === 0 && removed.size === 0) return owners;
  const next = new Map<string, ReadonlySet<string>>();
  for (const [other, paths] of owners) {
    const left = without(paths, removed);
    next.set(other, other === owner ? left : without(left, changed));
  }
  next.set(owner, new Set([...(next.get(owner) ?? []), ...changed]));
  return withoutEmpty(next);
}

/** True if two ownerships say the same. */
export function isSameOwnership(a: Ownership, b: Ownership): boolean {
  if (a.size !== b.size) return false;
  for (const [owner, paths] of a) {
    const others = b.get(owner);
    if (others?.size !== paths.size) return false;
    for (const path of paths) if (!others.has(path)) return false;
  }
  return true;
}

/** What an applied configuration names: its leaves, its list items, its empty maps. */
function fieldsOf(applied: JsonObject): Set<string> {
  const fields = new Set<string>();
  const visit = (value: unknown, path: string): void => {
    const key = keyedLists.get(path);
    if (Array.isArray(value) && key !== undefined) {
      for (const item of value) {
        const at = join(path, keyOfItem(item, key));
        fields.add(at);
        if (isObject(item)) visit(item, at);
      }
    } else if (isObject(value) && Object.keys(value).length > 0) {
      for (const field in value)
        if (value[field] !== undefined) visit(value[field], join(path, field));
    } else if (!unowned.has(path)) {
      fields.add(path);
    }
  };
  visit(applied, '');
  return fields;
}

interface Comparison {
  /** Added, with all their containers that are new; and leaves with another value. */
  readonly changed: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
}

function compare(before: unknown, after: unknown): Comparison {
  const changed = new Set<string>();
  const removed = new Set<string>();
  const visit = (old: unknown, now: unknown, path: string): void => {
    if (old === now) return;
    const parts = partsOf(old, now, path);
    if (parts === undefined) {
      if (now === undefined) removed.add(path);
      else if (old === undefined || !isEqual(old, now)) changed.add(path);
      return;
    }
    for (const [name, [left, right]] of parts) visit(left, right, join(path, name));
    if (old === undefined) changed.add(path);
    if (now === undefined) removed.add(path);
  };
  visit(before, after, '');
  for (const path of unowned) {
    changed.delete(path);
    removed.delete(path);
  }
  return { changed, removed };
}

/** The parts of two values of one path side by side; `undefined` where the value is a leaf. */
function partsOf(
  old: unknown,
  now: unknown,
  path: string,
): Map<string, [unknown, unknown]> | undefined {
  const key = keyedLists.get(path);
  const isList = key !== undefined && (Array.isArray(old) || Array.isArray(now));
  if (!isList && !isObject(old) && !isObject(now)) return undefined;
  const named = (value: unknown): [string, unknown][] =>
    isList
      ? ((value ?? []) as unknown[]).map((item) => [keyOfItem(item, key), item])
      : isObject(value)
        ? Object.entries(value).filter(([, part]) => part !== undefined)
        : [];
  const parts = new Map<string, [unknown, unknown]>();
  for (const [name, part] of named(old)) parts.set(name, [part, undefined]);
  for (const [name, part] of named(now)) parts.set(name, [parts.get(name)?.[0], part]);
  return parts;
}

function mergeApplied(live: unknown, applied: JsonObject, path: string): JsonObject {
  const result: Record<string, unknown> = isObject(live) ? { ...live } : {};
  for (const [field, value] of Object.entries(applied)) {
    if (value === undefined) continue;
    const at = join(path, field);
    const key = keyedLists.get(at);
    if (isObject(value)) result[field] = mergeApplied(result[field], value, at);
    else if (Array.isArray(value) && key !== undefined) {
      result[field] = mergeItems(result[field], value, key, at);
    } else result[field] = value;
  }
  return result;
}

function mergeItems(
  live: unknown,
  applied: readonly unknown[],
  key: string,
  path: string,
): unknown[] {
  const items: unknown[] = Array.isArray(live) ? [...live] : [];
  for (const item of applied) {
    const name = keyOfItem(item, key);
    const index = items.findIndex((known) => keyOfItem(known, key) === name);
    const merged = isObject(item) ? mergeApplied(items[index], item, join(path, name)) : item;
    if (index < 0) items.push(merged);
    else items[index] = merged;
  }
  return items;
}

/** Without one field; what it was in goes too where that leaves it empty and nobody owns it. */
function removeField(
  value: unknown,
  tokens: readonly string[],
  path: string,
  isKept: (path: string) => boolean,
): unknown {
  const [token, ...rest] = tokens;
  if (token === undefined)
    return isObject(value) && Object.keys(value).length > 0 ? value : undefined;
  const at = join(path, token);
  if (Array.isArray(value)) {
    const key = keyedLists.get(path) ?? '';
    const items = value.flatMap((item: unknown) => {
      if (keyOfItem(item, key) !== token) return [item];
      const left =
        rest.length === 0 && key === '' ? undefined : removeField(item, rest, at, isKept);
      return left === undefined ? [] : [left];
    });
    return items.length === 0 ? undefined : items;
  }
  if (!isObject(value)) return undefined;
  const { [token]: field, ...others } = value;
  const left = removeField(field, rest, at, isKept);
  if (left !== undefined) return { ...others, [token]: left };
  return Object.keys(others).length === 0 && !isKept(path) ? undefined : others;
}

/** True for the field by which an item of a keyed list is found. */
function isItemKey(path: string): boolean {
  const tokens = path.split(separator);
  return keyedLists.get(tokens.slice(0, -2).join(separator)) === tokens.at(-1);
}

function keyOfItem(item: unknown, key: string): string {
  return key === '' || !isObject(item) ? String(item) : String(item[key]);
}

function nameOf(owner: string): string {
  return owner.split(separator, 1)[0] ?? '';
}

function join(path: string, token: string): string {
  return path === '' ? token : `${path}${separator}${token}`;
}

function without(paths: ReadonlySet<string>, removed: ReadonlySet<string>): ReadonlySet<string> {
  const left = [...paths].filter((path) => !removed.has(path));
  return left.length === paths.size ? paths : new Set(left);
}

function withoutEmpty(owners: Ownership): Ownership {
  return new Map([...owners].filter(([, paths]) => paths.size > 0));
}
