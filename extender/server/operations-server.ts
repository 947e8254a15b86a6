/**
 * The server for operators and probes: metrics and health, on a port of its own.
 *
 * In: where to listen, the metrics, the health checks. Out: a running server with /metrics, /livez,
 * /readyz and /healthz. It is plain HTTP, as Prometheus and the kubelet expect, and tells nothing
 * that is secret. It shares no limit with the extender's port: probes are answered while that is
 * busy.
 */
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import type { Health, HealthReport } from '../health.ts';
import { headersTimeoutMs, operationsBodyBytesMax, requestTimeoutMs } from './limits.ts';
import { listenOn } from './listening.ts';

export interface OperationsServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** In Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  readonly contentType: string;
  readonly health: Health;
  /** Adds what else is served here. */
  readonly routes?: (app: FastifyInstance) => Promise<void>;
}

export interface OperationsServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Starts listening. `/healthz` is the older name of `/livez`. */
export async function startOperationsServer(
  options: OperationsServerOptions,
): Promise<OperationsServer> {
  const { host, health } = options;
  const app = fastify({
    bodyLimit: operationsBodyBytesMax,
    requestTimeout: requestTimeoutMs,
    http: { headersTimeout: headersTimeoutMs },
    forceCloseConnections: true,
  });
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', options.contentType).send(await options.metrics()),
  );
  const probe = (path: string, report: () => HealthReport): void => {
    app.get<{ Querystring: { verbose?: string } }>(path, async (request, reply) =>
      answer(reply, report(), request.query.verbose !== undefined),
    );
  };
  probe('/livez', () => health.liveness());
  probe('/healthz', () => health.liveness());
  probe('/readyz', () => health.readiness());
  await options.routes?.(app);
  try {
    await listenOn(app, options, 'operations address');
  } catch (error) {
    // What the routes have started ends with the app.
    await app.close();
    throw error;
  }
  const { port } = app.server.address() as AddressInfo;
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return { url: `http://${authority}`, port, close: async () => await app.close() };
}

/** A failure is always told in full: that is when somebody looks. */
function answer(reply: FastifyReply, { isHealthy, verbose }: HealthReport, isVerbose: boolean) {
  return reply
    .code(isHealthy ? 200 : 503)
    .header('content-type', 'text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store')
    .send(isHealthy && !isVerbose ? 'ok' : verbose);
}
