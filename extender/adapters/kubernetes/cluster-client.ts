/**
 * The ClusterClient port on a real API server.
 *
 * In: a connection. Out: the port. Objects come without `managedFields` (half of their bytes, read
 * by nobody here). Whether a 409 or a lost answer means success is found out by reading the object,
 * never by reading messages. It decides nothing about the cluster.
 */
import { type Kind, kinds, type Live } from '../../../core/api/kinds.ts';
import {
  type CallOptions,
  type Clock,
  type ClusterClient,
  ClusterError,
  isClusterError,
  type ListPage,
  type PatchOptions,
  type Random,
  type WatchEvent,
  type WriteOptions,
} from '../../../core/ports.ts';
import { systemClock, systemRandom } from '../system.ts';
import type { Connection } from './connection.ts';
import { collectionPath, groupPath, objectPath, selectionQuery, withQuery } from './paths.ts';
import { bindPod, evictPod } from './pod-calls.ts';
import { withRetry } from './retry.ts';
import { errorOfAnswer, type StatusBody } from './status-error.ts';
import { createTransport, type HttpAnswer, type HttpCall, type Transport } from './transport.ts';

/** Owner of the fields we write, unless a caller names another. */
const defaultFieldManager = 'stowage';

export interface KubernetesClient extends ClusterClient {
  /** Closes all connections; calls under way fail. */
  close(): void;
}

export interface KubernetesClientOptions {
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A client for one API server. Opens no connection until it is used. */
export function createKubernetesClient(
  connection: Connection,
  options: KubernetesClientOptions = {},
): KubernetesClient {
  const transport = options.transport ?? createTransport(connection);
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;

  async function call(
    request: HttpCall,
    callOptions: CallOptions | undefined,
  ): Promise<HttpAnswer> {
    const { signal } = callOptions ?? {};
    const full = signal === undefined ? request : { ...request, signal };
    return await withRetry(clock, random, signal, async () => await transport.call(full));
  }

  async function write<K extends Kind>(
    kind: K,
    request: HttpCall,
    writeOptions: WriteOptions | undefined,
    query: Readonly<Record<string, boolean>> = {},
  ): Promise<Live<K>> {
    const fieldManager = writeOptions?.fieldManager ?? defaultFieldManager;
    const path = withQuery(request.path, { fieldManager, ...query });
    return liveOf<K>((await call({ ...request, path }, writeOptions)).body);
  }

  const client: KubernetesClient = {
    list: async <K extends Kind>(
      kind: K,
      listOptions: Parameters<ClusterClient['list']>[1] = {},
    ) => {
      const path = withQuery(collectionPath(kind, listOptions.namespace), {
        ...selectionQuery(listOptions),
        limit: listOptions.limit,
        continue: listOptions.continue,
      });
      return pageOf<K>((await call({ method: 'GET', path }, listOptions)).body);
    },

    watch: async <K extends Kind>(
      kind: K,
      watchOptions: Parameters<ClusterClient['watch']>[1],
      onEvent: (event: WatchEvent<K>) => void,
    ) => {
      const path = withQuery(collectionPath(kind, watchOptions.namespace), {
        ...selectionQuery(watchOptions),
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: watchOptions.resourceVersion,
        timeoutSeconds: watchOptions.timeoutSeconds,
      });
      await transport.stream(path, watchOptions.signal, (line) =>
        onEvent(watchEventOf<K>(path, JSON.parse(line) as WireEvent)),
      );
    },

    get: async <K extends Kind>(
      kind: K,
      object: Parameters<ClusterClient['get']>[1],
      callOptions?: CallOptions,
    ) => {
      try {
        const path = objectPath(kind, object);
        return liveOf<K>((await call({ method: 'GET', path }, callOptions)).body);
      } catch (error) {
        if (isClusterError(error, 'NotFound')) return undefined;
        throw error;
      }
    },

    create: async (kind, object, writeOptions) => {
      const path = collectionPath(kind, object.metadata.namespace);
      const body = withType(kind, object);
      return await write(kind, { method: 'POST', path, body }, writeOptions);
    },

    replace: async (kind, object, writeOptions) => {
      const path = objectPath(kind, object.metadata, writeOptions?.subresource);
      const body = withType(kind, object);
      return await write(kind, { method: 'PUT', path, body }, writeOptions);
    },

    patch: async (kind, object, patch, patchOptions) => {
      const path = objectPath(kind, object, patchOptions?.subresource);
      const [contentType, body] =
        patch.type === 'merge'
          ? ['application/merge-patch+json', withPreconditions(patch.body, patchOptions)]
          : [
              'application/json-patch+json',
              [...preconditionOperations(patchOptions), ...patch.operations],
            ];
      return await write(kind, { method: 'PATCH', path, body, contentType }, patchOptions);
    },

    apply: async (kind, object, applyOptions) => {
      const path = objectPath(kind, object.metadata, applyOptions.subresource);
      const contentType = 'application/apply-patch+yaml';
      const body = withType(kind, object);
      const request: HttpCall = { method: 'PATCH', path, body, contentType };
      return await write(kind, request, applyOptions, { force: applyOptions.force ?? false });
    },

    delete: async (kind, object, deleteOptions = {}) => {
      const { uid, resourceVersion, gracePeriodSeconds, propagation } = deleteOptions;
      const path = objectPath(kind, object);
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        gracePeriodSeconds,
        propagationPolicy: propagation,
        preconditions: { uid, resourceVersion },
      };
      try {
        const answer = await call({ method: 'DELETE', path, body }, deleteOptions);
        return isStillThere(answer.body) ? 'terminating' : 'deleted';
      } catch (error) {
        if (isClusterError(error, 'NotFound')) return 'gone';
        if (!isClusterError(error, 'Conflict') || uid === undefined) throw error;
        const found = await client.get(kind, object, deleteOptions);
        if (found === undefined) return 'gone';
        if (found.metadata.uid !== uid) return 'replaced';
        throw error;
      }
    },

    bind: async (pod, nodeName, callOptions) =>
      await bindPod({ client, call }, pod, nodeName, callOptions),

    evict: async (pod, evictOptions) => await evictPod({ client, call }, pod, evictOptions),

    serves: async (kind, callOptions) => {
      try {
        const { body } = await call({ method: 'GET', path: groupPath(kind) }, callOptions);
        const { resources = [] } = body as { readonly resources?: readonly { name: string }[] };
        return resources.some(({ name }) => name === kinds[kind].plural);
      } catch (error) {
        if (isClusterError(error, 'NotFound')) return false;
        throw error;
      }
    },

    probe: async (callOptions) => {
      await call({ method: 'GET', path: '/readyz' }, callOptions);
    },

    close: () => transport.close(),
  };
  return client;
}

interface WireEvent {
  readonly type: string;
  readonly object: { readonly metadata?: { readonly resourceVersion?: string } };
}

interface WireList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly unknown[] | null;
}

function pageOf<K extends Kind>(body: unknown): ListPage<K> {
  const { metadata, items } = body as WireList;
  return {
    items: (items ?? []).map((item) => liveOf<K>(item)),
    resourceVersion: metadata.resourceVersion,
    ...(metadata.continue === undefined || metadata.continue === ''
      ? {}
      : { continue: metadata.continue }),
  };
}

function watchEventOf<K extends Kind>(path: string, { type, object }: WireEvent): WatchEvent<K> {
  switch (type) {
    case 'ADDED':
      return { type: 'added', object: liveOf<K>(object) };
    case 'MODIFIED':
      return { type: 'modified', object: liveOf<K>(object) };
    case 'DELETED':
      return { type: 'deleted', object: liveOf<K>(object) };
    case 'BOOKMARK':
      return { type: 'bookmark', resourceVersion: object.metadata?.resourceVersion ?? '' };
    case 'ERROR': {
      const status = object as StatusBody;
      throw errorOfAnswer(
        `WATCH ${path.split('?', 1)[0]}`,
        status.code ?? 500,
        status,
        undefined,
        false,
      );
    }
    default:
      throw new ClusterError('Unavailable', `WATCH ${path}: unknown event type "${type}"`);
  }
}

function liveOf<K extends Kind>(body: unknown): Live<K> {
  const object = body as { readonly metadata: { managedFields?: unknown } };
  // Not `delete`: that would turn every metadata object into a slow dictionary.
  object.metadata.managedFields = undefined;
  return object as unknown as Live<K>;
}

function withType(kind: Kind, object: object): object {
  return { ...object, apiVersion: kinds[kind].apiVersion, kind: kinds[kind].kind };
}

function withPreconditions(body: object, options: PatchOptions | undefined): object {
  const { resourceVersion, uid } = options ?? {};
  if (resourceVersion === undefined && uid === undefined) return body;
  const { metadata } = body as { readonly metadata?: object };
  return { ...body, metadata: { ...metadata, resourceVersion, uid } };
}

/** `replace`, not `test`: the server answers a stale version with a conflict, a failed test with 422. */
function preconditionOperations(options: PatchOptions | undefined): object[] {
  const { resourceVersion, uid } = options ?? {};
  return Object.entries({ resourceVersion, uid }).flatMap(([field, value]) =>
    value === undefined ? [] : [{ op: 'replace', path: `/metadata/${field}`, value }],
  );
}

/** The answer to a DELETE is a Status where the object is gone, otherwise the object. */
function isStillThere(body: unknown): boolean {
  const { kind, metadata } = body as {
    readonly kind?: string;
    readonly metadata?: {
      readonly finalizers?: readonly string[];
      readonly deletionGracePeriodSeconds?: number;
    };
  };
  if (kind === 'Status') return false;
  return (metadata?.finalizers ?? []).length > 0 || (metadata?.deletionGracePeriodSeconds ?? 0) > 0;
}
