/**
 * An extender in a process of its own, for the bench of the scheduler's throughput.
 *
 * In: a `ServeTask` from the parent process. Out: the URL it serves. `ours` is the real server;
 * `echo` is the least that an extender can do: it sends back the names as they came, and no score.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { systemClock } from '../../extender/adapters/system.ts';
import { createMetrics } from '../../extender/metrics.ts';
import { startExtenderServer } from '../../extender/server/extender-server.ts';
import { tableOf } from './table.ts';

export interface ServeTask {
  readonly kind: 'ours' | 'echo';
  readonly names: readonly string[];
}

async function serveOurs(names: readonly string[]): Promise<string> {
  const { url } = await startExtenderServer({
    host: '127.0.0.1',
    port: 0,
    nodes: tableOf(names),
    binder: { bind: async () => ({ outcome: 'gone' }) },
    clock: systemClock,
    metrics: createMetrics('bench', { process: false }).extender,
    log: pino({ level: 'error' }),
  });
  return url;
}

async function serveEcho(): Promise<string> {
  const key = Buffer.from('"NodeNames":');
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const body = Buffer.concat(chunks);
      const names = body.subarray(body.lastIndexOf(key));
      const isFilter = request.url === '/filter';
      const answer = isFilter ? Buffer.concat([Buffer.from('{'), names]) : Buffer.from('[]');
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': answer.length,
      });
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

process.once('message', (message) => {
  const { kind, names } = message as ServeTask;
  void (kind === 'ours' ? serveOurs(names) : serveEcho()).then((url) => process.send?.(url));
});
process.once('disconnect', () => process.exit());
