/**
 * The same verbs on bare `node:http`: what the framework around ours costs.
 *
 * In: the table. Out: a server on loopback that answers filter and prioritize as ours does. It has
 * no limits and no error handling; it is a yardstick, not a server.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NodeTable } from '../../extender/node-table.ts';
import { filterNodes } from '../../extender/verbs/filter.ts';
import { prioritizeNodes } from '../../extender/verbs/prioritize.ts';
import { decodeExtenderArgs } from '../../extender/wire.ts';
import { encodeFilterResult, encodeHostPriorities } from '../../extender/wire-replies.ts';

export interface PlainServer {
  readonly url: string;
  close(): void;
}

/** `onDone` is told of every answer: the verb, and milliseconds from header to finish. */
export async function startPlainServer(
  nodes: NodeTable,
  onDone: (verb: string, ms: number) => void,
): Promise<PlainServer> {
  const server = createServer((request, response) => {
    const startMs = performance.now();
    const verb = request.url?.slice(1) ?? '';
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const args = decodeExtenderArgs(Buffer.concat(chunks), nodes);
      const body =
        verb === 'filter'
          ? encodeFilterResult(args, filterNodes(args, Date.now()))
          : encodeHostPriorities(args.names, prioritizeNodes(args, Date.now()));
      response.once('finish', () => onDone(verb, performance.now() - startMs));
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': body.length,
      });
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
