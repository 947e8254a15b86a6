/** Metrics and probes on a real socket. */
import t, { type Test } from 'tap';
import { createHealth } from '../../../extender/health.ts';
import { createMetrics } from '../../../extender/metrics.ts';
import { startOperationsServer } from '../../../extender/server/operations-server.ts';
import { http1Caller } from '../../support/http-calls.ts';

async function startServer(t: Test) {
  const health = createHealth();
  const metrics = createMetrics('test');
  const server = await startOperationsServer({
    host: '127.0.0.1',
    port: 0,
    metrics: async () => await metrics.registry.metrics(),
    contentType: metrics.registry.contentType,
    health,
  });
  const caller = http1Caller(server.url);
  t.teardown(async () => {
    caller.close();
    await server.close();
  });
  return { caller, health, metrics };
}

t.test('metrics come in the text format of Prometheus', async (t) => {
  const { caller, metrics } = await startServer(t);
  metrics.scheduler.queueDepth.set({ controller: 'provisioner' }, 3);
  const { status, headers, body } = await caller.get('/metrics');
  t.equal(status, 200);
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
  t.match(body, 'karpenter_scheduler_queue_depth{controller="provisioner"} 3');
});

t.test('probes answer briefly, or check by check when asked', async (t) => {
  const { caller } = await startServer(t);
  for (const path of ['/livez', '/healthz', '/readyz']) {
    t.match(await caller.get(path), { status: 200, body: /^ok$/ });
  }
  const verbose = await caller.get('/readyz?verbose');
  t.equal(verbose.body, '[+]ping ok\n[+]shutdown ok\nreadyz check passed\n');
});

t.test('a failing probe is told in full', async (t) => {
  const { caller, health } = await startServer(t);
  health.addReadiness({ name: 'cluster-state', problem: () => 'not synced' });
  t.match(await caller.get('/readyz'), {
    status: 503,
    body: /\[-\]cluster-state failed: not synced\nreadyz check failed/,
  });
  t.equal((await caller.get('/livez')).status, 200);
});

t.test('there is nothing else', async (t) => {
  const { caller } = await startServer(t);
  t.equal((await caller.get('/')).status, 404);
  t.equal((await caller.post('/metrics', '{}')).status, 404);
});
