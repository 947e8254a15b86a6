/**
 * TLS with client certificates, for HTTP/1.1 and HTTP/2 on one port.
 *
 * In: files, names of allowed clients. Out: a server that does not listen yet, and a guard for its
 * requests. Whoever may call the verbs steers every pod, so that a certificate from a trusted
 * authority is not enough: one of its names must be on the allow-list. Files that change are taken
 * up without a restart, and whoever the old ones had let in must come again.
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type ServerHttp2Session,
} from 'node:http2';
import type { PeerCertificate, SecureContextOptions, TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../../core/ports.ts';
import type { ExtenderMetrics } from '../verb-metrics.ts';
import { clientNames } from './client-names.ts';
import {
  connectionWindowBytes,
  handshakeTimeoutMs,
  http1Options,
  requestTimeoutMs,
  socketTimeoutMs,
  streamsMax,
  streamWindowBytes,
  withLimits,
} from './limits.ts';
import { followTlsFiles, readTlsMaterial, type TlsFiles, type TlsMaterial } from './tls-files.ts';

export interface ExtenderTls extends TlsFiles {
  /** Common names, DNS names or URIs of the clients that may ask; at least one. */
  readonly allowedClients: readonly string[];
}

/** A server that is ready to listen. */
export interface SecureServer {
  readonly server: Http2SecureServer;
  readonly expiresAtMs: number;
  /** Refuses requests of clients that are not allowed. */
  guard(app: FastifyInstance): void;
  /** Stops looking at the files. */
  stop(): void;
}

export interface SecureServerDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ExtenderMetrics;
}

/**
 * Makes the server.
 * @throws InputError if the files are not usable.
 */
export async function createSecure(
  tls: ExtenderTls,
  { clock, log, metrics }: SecureServerDependencies,
): Promise<SecureServer> {
  const material = await readTlsMaterial(tls);
  const server = createBounded(material);
  const clients = new Clients(server, tls.allowedClients, metrics);
  const follower = followTlsFiles(
    tls,
    material,
    clock,
    (changed) => {
      server.setSecureContext(contextOf(changed));
      clients.renew();
      metrics.certificateExpiry.set(changed.expiresAtMs / 1000);
      metrics.certificateReloads.inc({ result: 'loaded' });
      log.info({ expires: new Date(changed.expiresAtMs) }, 'serving with a new certificate');
    },
    (error) => {
      metrics.certificateReloads.inc({ result: 'failed' });
      log.error({ err: error }, 'the certificate files are not usable; the old ones stay in use');
    },
  );

  function guard(app: FastifyInstance): void {
    app.addHook('onRequest', async (request, reply) => {
      const { isAllowed, isOld } = clients.standing(request.raw);
      if (isOld && request.raw.httpVersionMajor === 1) {
        reply.header('connection', 'close');
      }
      if (!isAllowed) {
        metrics.clientsRefused.inc();
        await reply.code(403).send({ Error: 'your certificate carries no name on the allow-list' });
      }
    });
  }

  return {
    server,
    expiresAtMs: material.expiresAtMs,
    guard,
    stop: () => follower.stop(),
  };
}

/** Which connections belong to allowed clients. */
class Clients {
  readonly #server: Http2SecureServer;
  readonly #allowed: ReadonlySet<string>;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Connections of allowed clients, with the number of the authorities that vouched for them. */
  readonly #trusted = new WeakMap<object, number>();
  #generation = 0;

  constructor(
    server: Http2SecureServer,
    allowedClients: readonly string[],
    metrics: ExtenderMetrics,
  ) {
    this.#server = server;
    this.#allowed = new Set(allowedClients);
    server.on('secureConnection', (socket: TLSSocket) => {
      metrics.connections.inc({ protocol: socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1' });
      this.#trust(socket, socket.getPeerCertificate());
    });
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
      this.#trust(session, (session.socket as TLSSocket).getPeerCertificate());
    });
  }

  standing(request: IncomingMessage | Http2ServerRequest): { isAllowed: boolean; isOld: boolean } {
    const since = this.#trusted.get(connectionOf(request));
    return { isAllowed: since !== undefined, isOld: since !== this.#generation };
  }

  /** Whoever is connected was let in by old authorities: requests under way end, then they go. */
  renew(): void {
    this.#generation += 1;
    // It has the method of the HTTP/1.1 that it speaks too; the type leaves it out.
    (this.#server as unknown as Pick<HttpServer, 'closeIdleConnections'>).closeIdleConnections();
    for (const session of this.#sessions) {
      session.close();
    }
  }

  #trust(connection: object, certificate: PeerCertificate): void {
    if (clientNames(certificate).some((name) => this.#allowed.has(name))) {
      this.#trusted.set(connection, this.#generation);
    }
  }
}

function createBounded(material: TlsMaterial): Http2SecureServer {
  const server = createSecureServer({
    ...contextOf(material),
    allowHTTP1: true,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeTimeoutMs,
    http1Options,
    settings: {
      maxConcurrentStreams: streamsMax,
      maxHeaderListSize: http1Options.maxHeaderSize,
      initialWindowSize: streamWindowBytes,
    },
  });
  server.on('session', (session) => {
    session.setLocalWindowSize(connectionWindowBytes);
    session.setTimeout(socketTimeoutMs, () => session.destroy());
    session.on('stream', (stream) => {
      stream.setTimeout(requestTimeoutMs, () => stream.close(constants.NGHTTP2_CANCEL));
    });
  });
  return withLimits(server);
}

/** HTTP/2 hands out stand-ins for its socket, a new one each time: there the session counts. */
function connectionOf(request: IncomingMessage | Http2ServerRequest): object {
  const session = 'stream' in request ? request.stream.session : undefined;
  return session ?? request.socket;
}

function contextOf({ certificate, key, clientAuthority }: TlsMaterial): SecureContextOptions {
  return { cert: certificate, key, ca: clientAuthority, minVersion: 'TLSv1.2' };
}
