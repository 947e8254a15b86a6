/** A watch over a real socket that is cut, silent, refused or aborted. */
import * as fc from 'fast-check';
import t from 'tap';
import { type WatchEvent, type WatchOptions } from '../../../../core/ports.ts';
import { createLineSplitter } from '../../../../extender/adapters/kubernetes/lines.ts';
import { type Answer, fakeServer, pod } from './fake-server.ts';

const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

function options(signal = new AbortController().signal): WatchOptions {
  return { resourceVersion: '1', timeoutSeconds: 60, signal };
}

t.test('events arrive as they are written, cut anywhere', async (t) => {
  const text =
    line('ADDED', pod({ metadata: { name: 'größe' } })) +
    line('MODIFIED', pod()) +
    line('BOOKMARK', { metadata: { resourceVersion: '9' } }) +
    line('DELETED', pod());
  const answer: Answer = (_seen, response) => {
    const bytes = Buffer.from(text);
    const write = (from: number): void => {
      if (from >= bytes.length) response.end();
      else response.write(bytes.subarray(from, from + 7), () => write(from + 7));
    };
    write(0);
  };
  const server = await fakeServer([answer]);
  const events: WatchEvent<'Pod'>[] = [];
  await server.client.watch('Pod', options(), (event) => events.push(event));
  t.strictSame(
    events.map((event) =>
      event.type === 'bookmark'
        ? event.resourceVersion
        : `${event.type} ${event.object.metadata.name}`,
    ),
    ['added größe', 'modified a', '9', 'deleted a'],
  );
  t.match(
    server.seen[0]?.url,
    /watch=true&allowWatchBookmarks=true&resourceVersion=1&timeoutSeconds=60/,
  );
  await server.close();
});

t.test('an error in the stream, a refusal and a cut have their codes', async (t) => {
  const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
  const cases: [Answer, string][] = [
    [(_seen, response) => response.end(line('ERROR', gone)), 'Expired'],
    [(_seen, response) => response.writeHead(410).end(JSON.stringify(gone)), 'Expired'],
    [(_seen, response) => response.writeHead(403).end('{}'), 'Forbidden'],
    [
      (_seen, response) => {
        response.write(line('ADDED', pod()), () => response.socket?.destroy());
      },
      'Unavailable',
    ],
    [(_seen, response) => response.end('{"type":"SURPRISE","object":{}}\n'), 'Unavailable'],
  ];
  for (const [answer, code] of cases) {
    const { client, close } = await fakeServer([answer]);
    await t.rejects(
      client.watch('Pod', options(), () => undefined),
      { code },
    );
    await close();
  }
});

t.test('a stream that falls silent is broken', async (t) => {
  const answer: Answer = (_seen, response) => {
    response.write(line('ADDED', pod()));
  };
  const server = await fakeServer([answer], { transport: { watchIdleMs: 40 } });
  await t.rejects(
    server.client.watch('Pod', options(), () => undefined),
    {
      code: 'Unavailable',
      message: /nothing heard for 40 ms/,
    },
  );
  await server.close();
});

t.test('an aborted watch ends quietly, a failing listener with its own error', async (t) => {
  const answer: Answer = (_seen, response) => {
    response.write(line('ADDED', pod()));
  };
  const server = await fakeServer([answer]);
  const abort = new AbortController();
  await server.client.watch('Pod', options(abort.signal), () => abort.abort());
  await t.rejects(
    server.client.watch('Pod', options(), () => {
      throw new RangeError('mine');
    }),
    { name: 'RangeError' },
  );
  await server.close();
});

t.test('lines come out whole however the bytes are cut', async () => {
  const texts = fc.array(fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll('\n', ' ')));
  fc.assert(
    fc.property(texts, fc.array(fc.nat(20)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''));
      const out: string[] = [];
      const splitter = createLineSplitter((one) => out.push(one), 1_000_000);
      let from = 0;
      for (const cut of cuts) {
        splitter.push(bytes.subarray(from, from + cut));
        from += cut;
      }
      splitter.push(bytes.subarray(from));
      return JSON.stringify(out) === JSON.stringify(lines.filter((one) => one !== ''));
    }),
  );
});

t.test('a line without an end is refused before it fills the memory', async (t) => {
  const splitter = createLineSplitter(() => undefined, 1000);
  t.throws(() => {
    for (let index = 0; index < 20; index += 1) splitter.push(Buffer.alloc(100, 'x'));
  }, /more than 1000 bytes/);
});
