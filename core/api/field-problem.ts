/**
 * A rule of the API that an object breaks: which field, and what was expected there.
 *
 * Out: values, so that a reader can add the place and a controller can write a condition. Paths are
 * spelt as in `spec.containers[0].resources.requests.cpu`; keys that would be ambiguous are quoted.
 */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** Path of a member of a mapping. */
export function memberPath(path: string, key: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) {
    return `${path}[${JSON.stringify(key)}]`;
  }
  return path === '' ? key : `${path}.${key}`;
}

/** Path of an entry of a list. */
export function entryPath(path: string, index: number): string {
  return `${path}[${index}]`;
}

/** Runs a check over the entries of a list that may be absent. */
export function checkEntries<T>(
  list: readonly T[] | undefined,
  path: string,
  check: (entry: T, path: string) => Iterable<FieldProblem>,
): FieldProblem[] {
  return (list ?? []).flatMap((entry, index) => [...check(entry, entryPath(path, index))]);
}

/** Problems of the entries whose key was seen before; `name` says what must differ. */
export function duplicateEntries<T>(
  list: readonly T[] | undefined,
  path: string,
  name: string,
  keyOf: (entry: T) => string,
): FieldProblem[] {
  const seen = new Set<string>();
  return checkEntries(list, path, (entry, field) => {
    const key = keyOf(entry);
    const repeated = seen.has(key);
    seen.add(key);
    return repeated ? [{ field, message: `expected each ${name} once, found "${key}" again` }] : [];
  });
}
