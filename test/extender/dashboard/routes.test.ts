/** The dashboard over HTTP, without a browser. */
import { get } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { fastify } from 'fastify';
import t, { type Test } from 'tap';
import { feedClientsMax } from '../../../extender/dashboard/feed.ts';
import { registerDashboard } from '../../../extender/dashboard/routes.ts';
import type { DashboardState } from '../../../extender/dashboard/state.ts';
import { createVirtualClock } from '../../../sim/virtual-clock.ts';
import { batchShapes, submitJob } from '../../../sim/workloads.ts';
import { http1Caller } from '../../support/http-calls.ts';
import { startStandIn } from './stand-in.ts';

const [lint] = batchShapes;
if (lint === undefined) throw new Error('no shapes');

async function start(t: Test) {
  const standIn = await startStandIn({ seed: 1 });
  // The feed's; the cluster has one of its own.
  const clock = createVirtualClock();
  const app = fastify({ forceCloseConnections: true });
  const feed = await registerDashboard(app, { ...standIn.sources, clock, run: 'a' });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const caller = http1Caller(url);
  t.teardown(async () => {
    caller.close();
    await app.close();
    standIn.stop();
  });
  return { standIn, clock, app, feed, url, caller };
}

/** The first words of a stream, and how to end it. */
async function listen(url: string): Promise<{ status: number; text: string; end: () => void }> {
  return await new Promise((resolve, reject) => {
    const request = get(`${url}/api/v1/stream`, { agent: false }, (response) => {
      response.setEncoding('utf8');
      response.on('error', () => undefined);
      response.once('data', (text: string) =>
        resolve({ status: response.statusCode ?? 0, text, end: () => request.destroy() }),
      );
    });
    request.once('error', reject);
  });
}

t.test('the page and its assets may load nothing from elsewhere', async (t) => {
  const { caller } = await start(t);
  const page = await caller.get('/');
  t.equal(page.status, 200);
  t.match(page.headers['content-type'], 'text/html');
  t.match(page.headers['content-security-policy'], /^default-src 'none'; script-src 'self'; /);
  t.notMatch(page.headers['content-security-policy'], /unsafe|http|\*/);
  const assets = [...page.body.matchAll(/(?:src|href)="(dashboard\/[^"]+)"/g)].map(
    ([, path]) => path ?? '',
  );
  t.ok(assets.length >= 4);
  const seen = new Set<string>();
  const waiting = assets.map((path) => `/${path}`);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const asset = await caller.get(path);
    t.equal(asset.status, 200, path);
    t.equal(asset.headers['x-content-type-options'], 'nosniff');
    t.notMatch(asset.body, /https?:\/\/(?!www\.w3\.org)/, 'names no other host');
    for (const [, name = ''] of asset.body.matchAll(/from '\.\/([\w-]+\.js)'/g))
      waiting.push(`/dashboard/${name}`);
  }
  t.ok(seen.size >= 13, 'every module that one imports is served');
});

t.test('an asset that is known already is not sent again', async (t) => {
  const { app } = await start(t);
  const first = await app.inject('/dashboard/main.js');
  const etag = String(first.headers['etag']);
  const again = await app.inject({ url: '/dashboard/main.js', headers: { 'if-none-match': etag } });
  t.equal(again.statusCode, 304);
  t.equal(again.body, '');
  t.equal((await app.inject('/dashboard/../routes.ts')).statusCode, 404);
});

t.test('the state is JSON, and a node is found by its id', async (t) => {
  const { caller, clock, standIn } = await start(t);
  submitJob(standIn.world.cluster, lint, { pods: 3, runMs: 600_000 });
  await standIn.world.clock.advance(120_000);
  // The feed looks at most four times a second.
  await clock.advance(250);
  const answer = await caller.get('/api/v1/state');
  t.match(answer.headers['content-type'], 'application/json');
  t.equal(answer.headers['cache-control'], 'no-store');
  const state = JSON.parse(answer.body) as DashboardState;
  t.match(state.nodes, [{ step: 'ready', blocks: [{}, [0, 3, Number, 0]] }]);
  t.match(state.workloads, ['default/lint']);
  const detail = await caller.get(`/api/v1/nodes/${state.nodes[0]?.id}`);
  t.match(JSON.parse(detail.body), { pods: [{}, {}, {}, {}, {}] });
  const missing = await caller.get('/api/v1/nodes/claim/nothing');
  t.equal(missing.status, 404);
  t.match(missing.body, 'there is no node claim/nothing');
});

t.test('streams are bounded, and a client that goes gives up its place', async (t) => {
  const { url, feed } = await start(t);
  const streams = await Promise.all(
    Array.from({ length: feedClientsMax }, async () => await listen(url)),
  );
  t.match(streams[0], { status: 200, text: /event: state\nid: a-\d+\n/ });
  t.match(await listen(url), { status: 503, text: 'too many' });
  for (const { end } of streams) end();
  while (feed.clientCount > 0) await setImmediate();
  const later = await listen(url);
  t.equal(later.status, 200);
  later.end();
});

t.test('the server ends with streams open', async (t) => {
  const { url, app } = await start(t);
  await listen(url);
  await app.close();
  await t.rejects(listen(url));
});
