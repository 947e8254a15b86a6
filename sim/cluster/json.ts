/**
 * Plain JSON values: compare, merge, patch, freeze.
 *
 * In: values that are never changed. Out: new values that share every part that stayed the same.
 * Sources: RFC 7386 (merge patch), RFC 6902 and 6901 (JSON patch, pointer) as far as the API server
 * is asked for them: add, remove, replace, test.
 */
import type { JsonPatchOperation } from '../../core/ports.ts';

export type Json = unknown;
export type JsonObject = Readonly<Record<string, unknown>>;

/** The patch does not fit the value. */
export class PatchError extends Error {
  override readonly name = 'PatchError';
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Same content; fields that are undefined count as absent. */
export function isEqual(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => isEqual(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  let count = 0;
  for (const key in a) {
    if (a[key] === undefined) continue;
    count += 1;
    if (!isEqual(a[key], b[key])) return false;
  }
  for (const key in b) if (b[key] !== undefined) count -= 1;
  return count === 0;
}

/** A merge patch applied; the same object where it changes nothing. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return isEqual(target, patch) ? target : patch;
  const base: JsonObject = isObject(target) ? target : {};
  let result: Record<string, unknown> | undefined;
  for (const [key, change] of Object.entries(patch)) {
    if (change === undefined) continue;
    const before = base[key];
    const after = change === null ? undefined : mergePatch(before, change);
    if (after === before) continue;
    result ??= { ...base };
    if (after === undefined) delete result[key];
    else result[key] = after;
  }
  return result ?? (isObject(target) ? target : base);
}

/**
 * A JSON patch applied.
 * @throws PatchError where an operation does not fit, a failed `test` included
 */
export function jsonPatch(target: Json, operations: readonly JsonPatchOperation[]): Json {
  let value = target;
  for (const operation of operations) value = applyOperation(value, operation);
  return value;
}

/** Makes a value and all its parts unchangeable; parts that are frozen are not looked into. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}

function applyOperation(target: Json, { op, path, value }: JsonPatchOperation): Json {
  const tokens = path === '' ? [] : path.split('/').slice(1).map(unescapeToken);
  if (op === 'test') {
    if (!isEqual(valueAt(target, tokens, path), value)) {
      throw new PatchError(`testing value ${path} failed`);
    }
    return target;
  }
  return changeAt(target, tokens, path, op, value);
}

function valueAt(target: Json, tokens: readonly string[], path: string): Json {
  let value = target;
  for (const token of tokens) {
    const next: unknown = Array.isArray(value)
      ? value[indexOf(token, value.length - 1, path)]
      : isObject(value)
        ? value[token]
        : undefined;
    if (next === undefined) throw new PatchError(`there is nothing at ${path}`);
    value = next;
  }
  return value;
}

function changeAt(
  target: Json,
  tokens: readonly string[],
  path: string,
  op: 'add' | 'remove' | 'replace',
  value: Json,
): Json {
  const [token, ...rest] = tokens;
  if (token === undefined) {
    if (op === 'remove') throw new PatchError('the whole object cannot be removed');
    return value;
  }
  if (Array.isArray(target)) {
    const items: unknown[] = [...target];
    if (rest.length > 0) {
      const index = indexOf(token, items.length - 1, path);
      items[index] = changeAt(items[index], rest, path, op, value);
    } else if (op === 'add') {
      items.splice(token === '-' ? items.length : indexOf(token, items.length, path), 0, value);
    } else if (op === 'remove') {
      items.splice(indexOf(token, items.length - 1, path), 1);
    } else {
      items[indexOf(token, items.length - 1, path)] = value;
    }
    return items;
  }
  if (!isObject(target)) throw new PatchError(`there is nothing at ${path}`);
  const isThere = target[token] !== undefined;
  if (!isThere && (rest.length > 0 || op !== 'add')) {
    throw new PatchError(`there is nothing at ${path}`);
  }
  const fields: Record<string, unknown> = { ...target };
  if (rest.length > 0) fields[token] = changeAt(fields[token], rest, path, op, value);
  else if (op === 'remove') delete fields[token];
  else fields[token] = value;
  return fields;
}

function indexOf(token: string, max: number, path: string): number {
  const index = /^(0|[1-9][0-9]*)$/.test(token) ? Number(token) : -1;
  if (index < 0 || index > max) throw new PatchError(`"${token}" is no index at ${path}`);
  return index;
}

function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}
