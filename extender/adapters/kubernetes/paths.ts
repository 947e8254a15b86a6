/**
 * URLs of the API server.
 *
 * In: a kind, names, selections. Out: paths with queries. It sends nothing.
 */
import { type Kind, kinds } from '../../../core/api/kinds.ts';
import type { ObjectName, Selection } from '../../../core/ports.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Root of the group that serves a kind, such as `/apis/apps/v1`. */
export function groupPath(kind: Kind): string {
  const { apiVersion } = kinds[kind];
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** All objects of a kind, or those of one namespace. */
export function collectionPath(kind: Kind, namespace: string | undefined): string {
  const { plural, isNamespaced } = kinds[kind];
  const scope =
    isNamespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${groupPath(kind)}${scope}/${plural}`;
}

/**
 * One object, or a subresource of it.
 * @throws TypeError where the namespace of a namespaced kind is missing: a mistake of the caller
 */
export function objectPath(
  kind: Kind,
  { namespace, name }: ObjectName,
  subresource?: string,
): string {
  if (kinds[kind].isNamespaced && namespace === undefined) {
    throw new TypeError(`${kind} ${name}: a namespace is needed`);
  }
  const path = `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Adds a query; `undefined` parameters are left out. */
export function withQuery(path: string, query: Query): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}

/** The query of a selection. */
export function selectionQuery({ labelSelector, fieldSelector }: Selection): Query {
  return { labelSelector, fieldSelector };
}
