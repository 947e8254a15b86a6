/**
 * The model scheduler's calls to an extender over HTTP: what it sends, and what it makes of answers.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { ExtenderFailure, httpTransport } from '../../../sim/scheduler/extender-transport.ts';

t.test('calls a verb over HTTP as kube-scheduler does', async (t) => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const length = request.headers['content-length'];
      seen.push(`${request.method} ${request.url} ${length} ${text}`);
      if (request.url === '/x/bind') response.writeHead(500).end('no');
      else if (request.url === '/x/preempt') response.socket?.destroy();
      else if (request.url === '/x/prioritize') return;
      else response.end('{"NodeNames":["n"]}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const transport = httpTransport(`http://127.0.0.1:${port}/x/`, 100);
  t.strictSame(await transport.call('filter', { a: 'ä' }), { NodeNames: ['n'] });
  t.strictSame(seen, ['POST /x/filter 10 {"a":"ä"}']);
  await t.rejects(transport.call('bind', {}), ExtenderFailure, 'another status than 200');
  await t.rejects(transport.call('preempt', {}), ExtenderFailure, 'a cut connection');
  await t.rejects(transport.call('prioritize', {}), ExtenderFailure, 'no answer in time');
  transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await t.rejects(transport.call('filter', {}), ExtenderFailure, 'nobody there');
});
