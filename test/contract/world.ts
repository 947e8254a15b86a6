/**
 * What a contract case runs in, and the objects that cases make.
 *
 * In: a client under test, a way to wait. Out: small valid objects, and helpers that several cases
 * share. The same on the simulated cluster and on a real API server: nothing here knows which.
 */
import type { Test } from 'tap';
import type { Kind, Live } from '../../core/api/kinds.ts';
import type { Node, Pod } from '../../core/api/kubernetes.ts';
import type { NodeClaim } from '../../core/api/nodeclaim.ts';
import { type ClusterClient, ClusterError, type WatchEvent } from '../../core/ports.ts';

export interface ContractWorld {
  readonly client: ClusterClient;
  /** Lets the cluster's own time pass. */
  sleep(durationMs: number): Promise<void>;
  /** Makes the server forget what was before now. */
  forget(): Promise<void>;
}

/** One rule. `namespace` exists, and is the case's own. */
export interface ContractCase {
  readonly rule: string;
  readonly check: (t: Test, world: ContractWorld, namespace: string) => Promise<void>;
}

/** Everything that is waited for takes a second or two; a busy machine gets a minute. */
const patienceMs = 60_000;
const pollMs = 100;

/** Waits until `read` answers something. */
export async function eventually<T>(
  world: ContractWorld,
  what: string,
  read: () => Promise<T | undefined>,
): Promise<T> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += pollMs) {
    const found = await read();
    if (found !== undefined) return found;
    await world.sleep(pollMs);
  }
  throw new Error(`not within ${patienceMs} ms: ${what}`);
}

/** The code of the ClusterError that a call ends in; anything else is a failure of the case. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'no error';
  } catch (error) {
    if (error instanceof ClusterError) return error.code;
    throw error;
  }
}

const container = { name: 'main', image: 'main', resources: { requests: { cpu: '100m' } } };

/** A pod of a scheduler that does not exist: nobody touches it but the case. */
export function podOf(namespace: string, name: string, over: Partial<Pod['spec']> = {}): Pod {
  return {
    metadata: { namespace, name },
    spec: { schedulerName: 'nobody', containers: [container], ...over },
  };
}

/** Names of nodes are shared by all cases, so they carry the case's namespace. */
export function nodeOf(namespace: string, name: string, over: Partial<Node> = {}): Node {
  return {
    metadata: { name: `${namespace}-${name}` },
    status: {
      capacity: { cpu: '4', memory: '8Gi', pods: '10' },
      allocatable: { cpu: '4', memory: '8Gi', pods: '10' },
    },
    ...over,
  };
}

export function nodeClaimOf(namespace: string, name: string): NodeClaim {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: { name: `${namespace}-${name}` },
    spec: {
      requirements: [],
      nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
      expireAfter: '720h',
    },
  };
}

/** Which very pod. */
export function identityOf(pod: Live<'Pod'>) {
  return {
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    uid: pod.metadata.uid,
  };
}

/** Creates a pod, binds it, and has it run as a kubelet would report. */
export async function runningPod(
  { client }: ContractWorld,
  namespace: string,
  name: string,
  traits: { readonly labels?: Record<string, string>; readonly isReady?: boolean } = {},
): Promise<Live<'Pod'>> {
  const pod = podOf(namespace, name);
  const { labels = {}, isReady = true } = traits;
  const created = await client.create('Pod', { ...pod, metadata: { ...pod.metadata, labels } });
  const node = `${namespace}-host`;
  if ((await client.get('Node', { name: node })) === undefined) {
    await client.create('Node', nodeOf(namespace, 'host'));
  }
  await client.bind(identityOf(created), node);
  const status = isReady ? 'True' : 'False';
  return await client.patch(
    'Pod',
    { namespace, name },
    {
      type: 'merge',
      body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status }] } },
    },
    { subresource: 'status' },
  );
}

/** A watch that is running. */
export interface Watching<K extends Kind> {
  readonly events: readonly WatchEvent<K>[];
  /** `type name` of the events, bookmarks left out. */
  lines(): string[];
  /** Waits until there are that many lines. */
  untilLines(count: number): Promise<string[]>;
  /** Ends the watch. */
  stop(): Promise<void>;
}

/** Watches from a version on. */
export function watching<K extends Kind>(
  world: ContractWorld,
  kind: K,
  selection: {
    readonly resourceVersion: string;
    readonly namespace?: string;
    readonly labelSelector?: string;
    readonly fieldSelector?: string;
  },
): Watching<K> {
  const abort = new AbortController();
  const events: WatchEvent<K>[] = [];
  const ended = world.client.watch(
    kind,
    { ...selection, timeoutSeconds: 300, signal: abort.signal },
    (event) => events.push(event),
  );
  // Reported by `stop`; until then it must not end the process.
  ended.catch(() => undefined);
  const lines = () =>
    events.flatMap((event) =>
      event.type === 'bookmark' ? [] : [`${event.type} ${event.object.metadata.name}`],
    );
  return {
    events,
    lines,
    untilLines: async (count) =>
      await eventually(
        world,
        `${count} events of ${kind}, so far: ${lines().join(', ')}`,
        async () => (lines().length >= count ? lines() : undefined),
      ),
    stop: async () => {
      abort.abort();
      await ended;
    },
  };
}

/** Where a watch of a kind goes on from now. */
export async function versionNow(
  world: ContractWorld,
  kind: Kind,
  namespace?: string,
): Promise<string> {
  const options = namespace === undefined ? { limit: 1 } : { limit: 1, namespace };
  return (await world.client.list(kind, options)).resourceVersion;
}
