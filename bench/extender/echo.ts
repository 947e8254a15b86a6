/**
 * The least that an extender can do, in a process of its own: it sends back the names as they came,
 * and no score.
 *
 * In: nothing. Out: to the parent process, the URL it serves, until that process lets go of it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

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
process.once('disconnect', () => process.exit());
process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
