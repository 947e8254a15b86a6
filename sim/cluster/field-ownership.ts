/**
 * Server-side apply: who owns which field.
 *
 * In: an object, what a manager applies or how a plain write changed it. Out: the new object and the
 * new owners, or a ClusterError `Conflict`. A simplification of structured-merge-diff that holds for
 * the kinds we apply: maps are granular; finalizers are a set, owner references and conditions are
 * lists with keys; every other list is one value. Managers are told apart by name, by operation
 * (apply or update) and by subresource, as the API server does.
 */
import { ClusterError } from '../../core/ports.ts';
import { isEqual, isObject, type JsonObject } from './json.ts';

/** Paths of the leaves that each owner has. */
export type Ownership = ReadonlyMap<string, ReadonlySet<string>>;

const separator = '\u0000';
/** Fields that belong to the server or name the object. */
const unowned: ReadonlySet<string> = new Set(
  [
    ['apiVersion'],
    ['kind'],
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
    ].map((field) => ['metadata', field]),
  ].map((tokens) => tokens.join(separator)),
);
/** Lists whose items have owners of their own: by which field, or '' for a set of scalars. */
const keyedLists: ReadonlyMap<string, string> = new Map([
  [['metadata', 'finalizers'].join(separator), ''],
  [['metadata', 'ownerReferences'].join(separator), 'uid'],
  [['status', 'conditions'].join(separator), 'type'],
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
 * @throws ClusterError `Conflict` where another owner has a field at another value, unless forced
 */
export function applyFields(
  live: JsonObject,
  applied: JsonObject,
  owner: string,
  owners: Ownership,
  isForced: boolean,
): { readonly object: JsonObject; readonly owners: Ownership } {
  const wanted = leavesOf(applied);
  const present = leavesOf(live);
  const disputed = new Set(
    [...wanted]
      .filter(([path, value]) => present.has(path) && !isEqual(present.get(path), value))
      .map(([path]) => path),
  );
  const next = new Map<string, ReadonlySet<string>>();
  for (const [other, paths] of owners) {
    if (other === owner) continue;
    const lost = [...paths].filter((path) => disputed.has(path));
    if (lost.length > 0 && !isForced) {
      throw new ClusterError(
        'Conflict',
        `conflict with "${other.split(separator)[0]}": ${lost.map((path) => path.replaceAll(separator, '.')).join(', ')}`,
      );
    }
    next.set(other, without(paths, disputed));
  }
  const keptByOthers = (path: string): boolean =>
    [...next.values()].some((paths) => paths.has(path));
  const dropped = [...(owners.get(owner) ?? [])]
    .filter((path) => !wanted.has(path) && !keptByOthers(path))
    // An item is found by its key, so the key goes last.
    .sort((a, b) => Number(isItemKey(a)) - Number(isItemKey(b)));
  next.set(owner, new Set(wanted.keys()));
  let object = mergeApplied(live, applied, '');
  for (const path of dropped) object = removeLeaf(object, path.split(separator), '') as JsonObject;
  return { object, owners: withoutEmpty(next) };
}

/** A plain write: what it changed belongs to its manager alone, what it removed to nobody. */
export function recordWrite(
  before: JsonObject,
  after: JsonObject,
  owner: string,
  owners: Ownership,
): Ownership {
  const old = leavesOf(before);
  const now = leavesOf(after);
  const changed = new Set<string>();
  for (const [path, value] of now) {
    if (!old.has(path) || !isEqual(old.get(path), value)) changed.add(path);
  }
  const touched = new Set(changed);
  for (const path of old.keys()) if (!now.has(path)) touched.add(path);
  if (touched.size === 0) return owners;
  const next = new Map<string, ReadonlySet<string>>();
  for (const [other, paths] of owners) next.set(other, without(paths, touched));
  next.set(owner, new Set([...(next.get(owner) ?? []), ...changed]));
  return withoutEmpty(next);
}

function leavesOf(object: JsonObject): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  collect(object, '', leaves);
  return leaves;
}

function collect(value: unknown, path: string, leaves: Map<string, unknown>): void {
  const key = keyedLists.get(path);
  if (isObject(value)) {
    for (const field in value) {
      if (value[field] !== undefined) collect(value[field], join(path, field), leaves);
    }
  } else if (Array.isArray(value) && key !== undefined) {
    for (const item of value) collect(item, join(path, keyOfItem(item, key)), leaves);
  } else if (!unowned.has(path)) {
    leaves.set(path, value);
  }
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

/** Without one leaf; containers that become empty by it go too. */
function removeLeaf(value: unknown, tokens: readonly string[], path: string): unknown {
  const [token, ...rest] = tokens;
  if (token === undefined) return undefined;
  const at = join(path, token);
  if (Array.isArray(value)) {
    const key = keyedLists.get(path) ?? '';
    const items = value.flatMap((item: unknown) => {
      if (keyOfItem(item, key) !== token) return [item];
      const left = removeLeaf(item, rest, at);
      return left === undefined ? [] : [left];
    });
    return items.length === 0 ? undefined : items;
  }
  if (!isObject(value)) return undefined;
  const { [token]: field, ...others } = value;
  const left = removeLeaf(field, rest, at);
  if (left !== undefined) return { ...others, [token]: left };
  return Object.keys(others).length === 0 ? undefined : others;
}

/** True for the field by which an item of a keyed list is found. */
function isItemKey(path: string): boolean {
  const tokens = path.split(separator);
  return keyedLists.get(tokens.slice(0, -2).join(separator)) === tokens.at(-1);
}

function keyOfItem(item: unknown, key: string): string {
  return key === '' || !isObject(item) ? String(item) : String(item[key]);
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
