/**
 * Where the API server is and how we prove who we are.
 *
 * In: a kubeconfig (read by client-node: exec plugins, OIDC, proxies, contexts), or the files that
 * Kubernetes mounts into a pod. Out: an address, and what goes into each call. In a pod the library
 * is not loaded at all: its import alone costs 90 MB and half a second of CPU.
 */
import { readFile } from 'node:fs/promises';
import type { Agent as HttpAgent } from 'node:http';
import { join } from 'node:path';
import { InputError } from '../../../core/errors.ts';

/** What authenticates a call. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  /** Set where the kubeconfig names a proxy: it then replaces our own agent. */
  readonly agent?: HttpAgent;
}

export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** A cluster and a user of it. */
export interface Connection {
  /** `https://host:port`, perhaps with a path. */
  readonly server: string;
  /** Namespace of the context or of our own pod. */
  readonly namespace: string;
  /** Credentials as of now; the caller keeps them for a while and asks again after a 401. */
  credentials(): Promise<Credentials>;
}

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The connection of a pod to its own cluster.
 * @throws InputError when this is not a pod
 */
export async function inClusterConnection(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  directory = serviceAccountDirectory,
): Promise<Connection> {
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'];
  if (host === undefined || port === undefined) {
    throw new InputError(
      {},
      'not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
    );
  }
  const namespace = await readFile(join(directory, 'namespace'), 'utf8').catch(() => 'default');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: namespace.trim(),
    // Read anew each time: the kubelet replaces the token long before it expires.
    credentials: async () => {
      const [token, ca] = await Promise.all([
        readFile(join(directory, 'token'), 'utf8'),
        readFile(join(directory, 'ca.crt'), 'utf8'),
      ]);
      return { headers: { Authorization: `Bearer ${token.trim()}` }, tls: { ca } };
    },
  };
}

export interface KubeconfigOptions {
  /** Path of the file; by default what kubectl would use ($KUBECONFIG, ~/.kube/config). */
  readonly file?: string;
  readonly context?: string;
}

/**
 * The connection that a kubeconfig describes.
 * @throws InputError when there is no such file, context or cluster
 */
export async function kubeconfigConnection(options: KubeconfigOptions = {}): Promise<Connection> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const kubeconfig = new KubeConfig();
  const location = { file: options.file ?? 'kubeconfig' };
  try {
    if (options.file === undefined) kubeconfig.loadFromDefault();
    else kubeconfig.loadFromFile(options.file);
    if (options.context !== undefined) kubeconfig.setCurrentContext(options.context);
  } catch (error) {
    throw new InputError(location, error instanceof Error ? error.message : String(error));
  }
  const cluster = kubeconfig.getCurrentCluster();
  if (cluster === null) {
    const known = kubeconfig.getContexts().map(({ name }) => name);
    throw new InputError(
      location,
      `no cluster in context "${kubeconfig.getCurrentContext()}"; contexts: ${known.join(', ') || 'none'}`,
    );
  }
  const context = kubeconfig.getContextObject(kubeconfig.getCurrentContext());
  return {
    server: cluster.server,
    namespace: context?.namespace ?? 'default',
    credentials: async () => {
      const applied: Applied = { headers: {} };
      await kubeconfig.applyToHTTPSOptions(applied);
      return {
        headers: {
          ...applied.headers,
          ...(applied.auth === undefined
            ? {}
            : { Authorization: `Basic ${Buffer.from(applied.auth).toString('base64')}` }),
        },
        tls: tlsOf(applied),
        ...(cluster.proxyUrl === undefined || applied.agent === undefined
          ? {}
          : { agent: applied.agent }),
      };
    },
  };
}

/** What client-node writes into the options of a call. */
interface Applied {
  headers: Record<string, string>;
  auth?: string;
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
  agent?: HttpAgent;
}

function tlsOf(applied: Applied): TlsOptions {
  const { ca, cert, key, servername, rejectUnauthorized } = applied;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}
