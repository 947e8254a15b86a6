/**
 * The server that kube-scheduler asks: HTTP/1.1 and, with TLS, HTTP/2.
 *
 * In: where to listen, files for TLS, what the verbs need. Out: a running server. On loopback it
 * may do without TLS, since the scheduler in the same pod is the only one who can reach it;
 * anywhere else it demands TLS with client certificates. It decides nothing.
 */
import { createServer, type Server as HttpServer } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import { type AddressInfo, BlockList, isIP } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { InputError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { ExtenderMetrics } from '../verb-metrics.ts';
import { bodyBytesMax, closeTimeoutMs, http1Options, withLimits } from './limits.ts';
import { listenOn } from './listening.ts';
import { createSecure, type ExtenderTls } from './secure-server.ts';
import { addVerbRoutes, type VerbDependencies } from './verb-routes.ts';

export interface ExtenderServerOptions extends VerbDependencies {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** As in the scheduler's `urlPrefix`; default `/scheduler`. */
  readonly pathPrefix?: string;
  /** May be left out on loopback only. */
  readonly tls?: ExtenderTls;
}

/** A server that listens. */
export interface ExtenderServer {
  /** What the scheduler's `urlPrefix` is to be. */
  readonly url: string;
  readonly port: number;
  /** Lets requests under way end, for at most {@link closeTimeoutMs}. */
  close(): Promise<void>;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * Starts listening.
 * @throws InputError if TLS is missing where it is needed, or its files are not usable.
 */
export async function startExtenderServer(options: ExtenderServerOptions): Promise<ExtenderServer> {
  const { host, tls, pathPrefix = '/scheduler' } = options;
  if (tls === undefined && !isLoopback(host)) {
    throw new InputError(
      { field: 'host' },
      `${host} is not a loopback address: expected TLS files and the names of allowed clients`,
    );
  }
  if (tls?.allowedClients.length === 0) {
    throw new InputError({ field: 'allowedClients' }, 'expected at least one name of a client');
  }
  const secure = tls === undefined ? undefined : await createSecure(tls, options);
  const app = createApp(secure?.server ?? createPlain(options.metrics));
  if (secure !== undefined) {
    secure.guard(app);
  }
  addVerbRoutes(app, pathPrefix, options);
  options.metrics.certificateExpiry.set((secure?.expiresAtMs ?? 0) / 1000);
  try {
    await listenOn(app, options, 'extender address');
  } catch (error) {
    secure?.stop();
    throw error;
  }
  const { port } = app.server.address() as AddressInfo;
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return {
    url: `${secure === undefined ? 'http' : 'https'}://${authority}${pathPrefix}`,
    port,
    close: async () => {
      secure?.stop();
      await closeWithin(app, closeTimeoutMs, options.clock);
    },
  };
}

/** fastify around a server made here: its own options do not reach all limits of either kind. */
function createApp(server: HttpServer | Http2SecureServer): FastifyInstance {
  const app = fastify({
    // Both kinds call the handler with what node:http would, and fastify relies on no more.
    serverFactory: (handler) => (server as HttpServer).on('request', handler),
    bodyLimit: bodyBytesMax,
    forceCloseConnections: 'idle',
  });
  // The verbs read bytes: parsing 5,000 names into strings is most of the work there is.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  return app;
}

function createPlain(metrics: ExtenderMetrics): HttpServer {
  const server = createServer(http1Options);
  server.on('connection', () => metrics.connections.inc({ protocol: 'http/1.1' }));
  return withLimits(server);
}

/** Closing waits for requests under way; what is left after the deadline dies with the process. */
async function closeWithin(app: FastifyInstance, timeoutMs: number, clock: Clock): Promise<void> {
  const abort = new AbortController();
  const deadline = clock.sleep(timeoutMs, abort.signal).catch(() => undefined);
  await Promise.race([app.close(), deadline]);
  abort.abort();
}

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return (
    host === 'localhost' || (family !== 0 && loopback.check(host, `ipv${family === 6 ? 6 : 4}`))
  );
}
