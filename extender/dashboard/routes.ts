/**
 * The dashboard on an HTTP server.
 *
 * In: a fastify app that does not listen yet, where the state comes from. Out: the page at `/`, its
 * assets, `/api/v1/state`, `/api/v1/nodes/:id` and the stream `/api/v1/stream`. It only reads, and
 * the page may load nothing from elsewhere. It ends with the app.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Clock } from '../../core/ports.ts';
import { type Asset, readAssets } from './assets.ts';
import { Collector, type DashboardSources } from './collector.ts';
import { type Feed, startFeed } from './feed.ts';
import { nodeDetail } from './node-detail.ts';

export interface DashboardOptions extends DashboardSources {
  /** Real time, also where the cluster's is simulated. */
  readonly clock: Clock;
  /** Marks this run, such as a random id or the time of its start. */
  readonly run: string;
}

/** After which a refused client may come again. */
const retryAfterSeconds = 5;

const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/**
 * Adds the dashboard's routes; the view must be synced. Rejects if the page's files cannot be read.
 * The feed it returns is closed with the app.
 */
export async function registerDashboard(
  app: FastifyInstance,
  options: DashboardOptions,
): Promise<Feed> {
  const assets = await readAssets();
  const feed = startFeed({
    collector: new Collector(options),
    clock: options.clock,
    run: options.run,
  });
  app.addHook('preClose', async () => feed.close());
  for (const asset of assets) {
    app.get(asset.path, async (request, reply) =>
      sendAsset(reply, asset, request.headers['if-none-match']),
    );
  }
  app.get('/api/v1/state', async (_request, reply) => sendJson(reply, feed.state()));
  app.get<{ Params: { '*': string } }>('/api/v1/nodes/*', async (request, reply) => {
    const id = request.params['*'];
    const detail = nodeDetail(options, id);
    return detail === undefined
      ? sendJson(reply.code(404), { message: `there is no node ${id}` })
      : sendJson(reply, detail);
  });
  app.get('/api/v1/stream', { exposeHeadRoute: false }, (_request, reply) => stream(reply, feed));
  return feed;
}

async function sendAsset(reply: FastifyReply, asset: Asset, known: string | undefined) {
  reply.headers({ ...headers, etag: asset.etag, 'cache-control': 'no-cache' });
  if (known === asset.etag) return await reply.code(304).send();
  return await reply.type(asset.type).send(asset.body);
}

async function sendJson(reply: FastifyReply, value: object) {
  return await reply
    .headers({ ...headers, 'cache-control': 'no-store' })
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(value));
}

/** Written past fastify, which thinks in whole answers. */
function stream(reply: FastifyReply, feed: Feed): void {
  const { raw } = reply;
  // Its peer going away is how a stream usually ends.
  raw.on('error', () => undefined);
  reply.hijack();
  const begin = (code: number, more: Record<string, string>): void => {
    raw.writeHead(code, { ...headers, 'cache-control': 'no-store', ...more });
  };
  let hasBegun = false;
  const leave = feed.join({
    get backlogBytes() {
      return raw.writableLength;
    },
    write: (text) => {
      if (!hasBegun) begin(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
      hasBegun = true;
      raw.write(text);
    },
    // What waits for a slow reader is of no use to anybody.
    end: () => raw.destroy(),
  });
  if (leave === undefined) {
    begin(503, { 'retry-after': String(retryAfterSeconds), 'content-type': 'text/plain' });
    raw.end('too many dashboards are open\n');
    return;
  }
  raw.on('close', leave);
}
